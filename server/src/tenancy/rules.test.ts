import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asId } from '../kernel/ids.ts'
import { instant } from '../kernel/time.ts'
import {
  type Action,
  type KeyAction,
  type KeyBounds,
  keyActions,
  may,
  mayChangeSshKeys,
  mayMint,
  mayMintLoginLink,
  type Principal,
  type Resource,
  seesKey,
} from './rules.ts'

const ours = asId('organization', 'org_ours')
const theirs = asId('organization', 'org_theirs')
const demo = asId('project', 'prj_demo')
const other = asId('project', 'prj_other')
const me = asId('person', 'per_me')

function person(role: Principal['memberships'][number]['role'] | 'operator' | 'stranger'): Principal {
  return {
    person: me,
    name: 'Me',
    email: 'me@example.com',
    isOperator: role === 'operator',
    memberships: role === 'operator' || role === 'stranger' ? [] : [{ organization: ours, role }],
    method: 'browser_session',
    key: null,
  }
}

function withKey(
  of: Principal,
  actions: readonly KeyAction[],
  project: typeof demo | null = null,
  expiresAt: KeyBounds['expiresAt'] = null,
): Principal {
  const key = {
    id: asId('apiKey', 'key_1'),
    name: 'ci',
    organization: ours,
    project,
    actions,
    expiresAt,
  }
  return { ...of, method: 'api_key', key }
}

const project: Resource = { kind: 'project', organization: ours, project: demo }
const actions: readonly Action[] = [
  'read',
  'compute',
  'storage',
  'connect',
  'read_money',
  'manage_money',
  'manage',
  'operate',
]

function row(principal: Principal, on: Resource): string {
  return actions
    .map((action) => may(principal, action, on).padEnd(4))
    .join(' ')
    .trim()
}

test('who may do what in a project', () => {
  //           read compute storage connect read_money manage_money manage operate
  const table = `
    owner    yes  yes  yes  yes  yes  yes  yes  no
    admin    yes  yes  yes  yes  yes  yes  yes  no
    member   yes  yes  yes  yes  yes  no   no   no
    billing  yes  no   no   no   yes  yes  no   no
    viewer   yes  no   no   no   no   no   no   no
    operator yes  no   no   no   yes  no   no   yes
    stranger hide hide hide hide hide hide hide hide`
  for (const line of table.trim().split('\n')) {
    const [who = '', ...expected] = line.trim().split(/\s+/)
    // The words of the table above are exactly these roles.
    const principal = person(who as Parameters<typeof person>[0])
    assert.equal(row(principal, project).replace(/\s+/g, ' '), expected.join(' '), who)
  }
})

test('other things than projects', () => {
  const cases: readonly (readonly [string, Principal, Action, Resource, string])[] = [
    ['oneself', person('viewer'), 'manage', { kind: 'person', person: me }, 'yes'],
    ['somebody else', person('owner'), 'read', { kind: 'person', person: asId('person', 'per_you') }, 'hide'],
    ['addresses', person('stranger'), 'read', { kind: 'platform' }, 'yes'],
    ['machines', person('owner'), 'operate', { kind: 'platform' }, 'no'],
    ['machines', person('operator'), 'operate', { kind: 'platform' }, 'yes'],
    ['another organization', person('owner'), 'read', { kind: 'organization', organization: theirs }, 'hide'],
    ['a grant', person('owner'), 'operate', { kind: 'organization', organization: ours }, 'no'],
  ]
  for (const [what, principal, action, on, expected] of cases)
    assert.equal(may(principal, action, on), expected, `${what}: ${action}`)
})

test('a key can less than its person, never more', () => {
  const elsewhere: Resource = { kind: 'project', organization: ours, project: other }
  const organization: Resource = { kind: 'organization', organization: ours }
  const owner = person('owner')
  const cases: readonly (readonly [string, Principal, Action, Resource, string])[] = [
    ['all actions', withKey(owner, keyActions), 'compute', project, 'yes'],
    ['an owner gives no operator', withKey(owner, keyActions), 'operate', organization, 'no'],
    ['read only', withKey(owner, ['read']), 'compute', project, 'no'],
    ['a viewer gives no more', withKey(person('viewer'), keyActions), 'compute', project, 'no'],
    ['one project', withKey(owner, keyActions, demo), 'compute', project, 'yes'],
    ['another project', withKey(owner, keyActions, demo), 'read', elsewhere, 'hide'],
    ['its organization’s name', withKey(owner, keyActions, demo), 'read', organization, 'yes'],
    ['its organization’s money', withKey(owner, keyActions, demo), 'read_money', organization, 'no'],
    [
      'operator without the action',
      withKey(person('operator'), ['read']),
      'operate',
      { kind: 'platform' },
      'no',
    ],
  ]
  for (const [what, principal, action, on, expected] of cases)
    assert.equal(may(principal, action, on), expected, what)
})

const soon = instant(1_000)
const later = instant(2_000)

/** A key of everything that it might be confined to, but for what is said. */
function bounds(
  allowed: readonly KeyAction[],
  { organization = ours, project: of = null, expiresAt = null }: Partial<KeyBounds> = {},
): KeyBounds {
  return { organization, project: of, actions: allowed, expiresAt }
}

test('a key mints no key that reaches further, can more or lives longer than itself', () => {
  const owner = person('owner')
  const managing = withKey(owner, ['read', 'manage'])
  const confined = withKey(owner, ['read', 'manage'], demo)
  const lapsing = withKey(owner, ['read', 'manage'], null, soon)
  const cases: readonly (readonly [string, Principal, KeyBounds, boolean])[] = [
    ['a session, anything', owner, bounds(['read', 'compute'], { organization: theirs }), true],
    ['no operator, to operate', owner, bounds(['operate']), false],
    ['an operator, to operate', person('operator'), bounds(['operate']), true],
    ['the same', managing, bounds(['read', 'manage']), true],
    ['another action', managing, bounds(['compute']), false],
    ['another organization', managing, bounds(['read'], { organization: theirs }), false],
    ['for a while', managing, bounds(['read'], { expiresAt: later }), true],
    ['its own project', confined, bounds(['read'], { project: demo }), true],
    ['every project', confined, bounds(['read']), false],
    ['another project', confined, bounds(['read'], { project: other }), false],
    ['as long as itself', lapsing, bounds(['read'], { expiresAt: soon }), true],
    ['longer than itself', lapsing, bounds(['read'], { expiresAt: later }), false],
    ['for ever', lapsing, bounds(['read']), false],
  ]
  for (const [what, principal, asked, expected] of cases)
    assert.equal(mayMint(principal, asked), expected, what)
})

test('a key sees the keys of its own organization and project, a session all', () => {
  const owner = person('owner')
  const whole = withKey(owner, keyActions)
  const confined = withKey(owner, keyActions, demo)
  const cases: readonly (readonly [string, Principal, Partial<KeyBounds>, boolean])[] = [
    ['a session, elsewhere', owner, { organization: theirs }, true],
    ['of its organization', whole, {}, true],
    ['of a project there', whole, { project: demo }, true],
    ['of another organization', whole, { organization: theirs }, false],
    ['of its project', confined, { project: demo }, true],
    ['of another project', confined, { project: other }, false],
    ['of the whole organization', confined, {}, false],
  ]
  for (const [what, principal, of, expected] of cases)
    assert.equal(seesKey(principal, bounds(['read'], of)), expected, what)
})

test('who may change the SSH keys of a person', () => {
  const owner = person('owner')
  const cases: readonly (readonly [string, Principal, boolean])[] = [
    ['a session', owner, true],
    ['the key of platform.json', withKey(owner, keyActions), true],
    [
      'a key of gpuhour login',
      withKey(
        owner,
        keyActions.filter((one) => one !== 'operate'),
      ),
      true,
    ],
    ['the least key', withKey(owner, ['manage', 'connect']), true],
    ['no connect', withKey(owner, ['read', 'manage']), false],
    ['no manage', withKey(owner, ['read', 'connect']), false],
    ['one project', withKey(owner, keyActions, demo), false],
  ]
  for (const [what, principal, expected] of cases) assert.equal(mayChangeSshKeys(principal), expected, what)
})

test('a link for a browser: a session can do all, so a key must be able to', () => {
  const owner = person('owner')
  const operator = { ...owner, isOperator: true }
  const cases: readonly (readonly [string, Principal, boolean])[] = [
    ['a session', owner, true],
    ["the key of the operator's machine", withKey(operator, keyActions), true],
    [
      'a key of gpuhour login',
      withKey(
        owner,
        keyActions.filter((one) => one !== 'operate'),
      ),
      false,
    ],
    ['one project', withKey(operator, keyActions, demo), false],
  ]
  for (const [what, principal, expected] of cases) assert.equal(mayMintLoginLink(principal), expected, what)
  const short = withKey(operator, keyActions)
  assert.ok(short.key)
  assert.equal(mayMintLoginLink({ ...short, key: { ...short.key, expiresAt: instant(1) } }), false)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asId } from '../kernel/ids.ts'
import {
  type Action,
  type KeyAction,
  keyActions,
  may,
  mayMint,
  type Principal,
  type Resource,
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
): Principal {
  const key = {
    id: asId('apiKey', 'key_1'),
    name: 'ci',
    organization: ours,
    project,
    actions,
    expiresAt: null,
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
  //                     read compute storage connect money manage operate
  const table = `
    owner    yes  yes  yes  yes  yes  yes  no
    admin    yes  yes  yes  yes  yes  yes  no
    member   yes  yes  yes  yes  yes  no   no
    billing  yes  no   no   no   yes  no   no
    viewer   yes  no   no   no   no   no   no
    operator yes  no   no   no   yes  no   yes
    stranger hide hide hide hide hide hide hide`
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

test('a key mints no key that can more than itself', () => {
  const owner = person('owner')
  assert.equal(mayMint(owner, ['read', 'compute'], null), true)
  assert.equal(mayMint(owner, ['operate'], null), false)
  assert.equal(mayMint(person('operator'), ['operate'], null), true)
  assert.equal(mayMint(withKey(owner, ['read', 'manage']), ['compute'], null), false)
  assert.equal(mayMint(withKey(owner, ['read', 'manage'], demo), ['read'], null), false)
  assert.equal(mayMint(withKey(owner, ['read', 'manage'], demo), ['read'], demo), true)
})

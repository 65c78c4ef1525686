import type { Id, OrganizationId, PersonId, ProjectId } from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'

/** What a member is in an organization. */
export type Role = 'owner' | 'admin' | 'member' | 'billing' | 'viewer'

/** What an API key can be allowed. */
export const keyActions = ['read', 'compute', 'storage', 'connect', 'billing', 'manage', 'operate'] as const
/** One of them. */
export type KeyAction = (typeof keyActions)[number]

/** What a key is confined to. */
export interface KeyBounds {
  readonly organization: OrganizationId
  /** Null: every project of the organization. */
  readonly project: ProjectId | null
  readonly actions: readonly KeyAction[]
  /** Null: until it is revoked. */
  readonly expiresAt: Instant | null
}

/** The key that speaks for a person. */
export interface PresentedKey extends KeyBounds {
  readonly id: Id<'apiKey'>
  readonly name: string
}

/** Who is acting, once identified. */
export interface Principal {
  readonly person: PersonId
  readonly name: string
  readonly email: string
  readonly isOperator: boolean
  readonly memberships: readonly { readonly organization: OrganizationId; readonly role: Role }[]
  readonly method: 'browser_session' | 'api_key' | 'ssh_key'
  readonly key: PresentedKey | null
}

/** What can be asked for; finer than a key's actions where roles differ. */
export type Action =
  /** See that it is there, and its state. */
  | 'read'
  /** Launch, start, stop, restart, delete, run, cancel. */
  | 'compute'
  /** Make, resize and delete volumes. */
  | 'storage'
  /** Go in: apps, terminal, SSH. */
  | 'connect'
  /** Balance, usage, charges, statements, bills. */
  | 'read_money'
  /** What the payer decides: top-ups, budgets, who is on the invoice. */
  | 'manage_money'
  /** Projects, members, one's own keys. */
  | 'manage'
  /** Give money, see the machines. */
  | 'operate'

/** What is acted on. */
export type Resource =
  | { readonly kind: 'project'; readonly organization: OrganizationId; readonly project: ProjectId }
  | { readonly kind: 'organization'; readonly organization: OrganizationId }
  | { readonly kind: 'person'; readonly person: PersonId }
  | { readonly kind: 'platform' }

/** `hide`: not theirs to know that it exists. */
export type Verdict = 'yes' | 'no' | 'hide'

type MemberAction = Exclude<Action, 'operate'>

/** What each role may do in its organization and in every project of it. */
export const roleMay: Readonly<Record<Role, readonly MemberAction[]>> = {
  owner: ['read', 'compute', 'storage', 'connect', 'read_money', 'manage_money', 'manage'],
  admin: ['read', 'compute', 'storage', 'connect', 'read_money', 'manage_money', 'manage'],
  member: ['read', 'compute', 'storage', 'connect', 'read_money'],
  billing: ['read', 'read_money', 'manage_money'],
  viewer: ['read'],
}

/** What an operator may do in an organization that they are no member of. */
const operatorMay: readonly Action[] = ['read', 'read_money', 'operate']

/** What a key must be allowed for an action. */
export const keyActionFor: Readonly<Record<Action, KeyAction>> = {
  read: 'read',
  compute: 'compute',
  storage: 'storage',
  connect: 'connect',
  read_money: 'billing',
  // A key that reads bills must not spend: more than `billing` is asked for.
  manage_money: 'manage',
  manage: 'manage',
  operate: 'operate',
}

/** May this principal do this to that? The whole of authorization, without clock or database. */
export function may(principal: Principal, action: Action, on: Resource): Verdict {
  const byPerson = personMay(principal, action, on)
  if (byPerson === 'hide' || principal.key === null) return byPerson
  const byKey = keyMay(principal.key, action, on)
  if (byKey === 'hide') return 'hide'
  return byPerson === 'yes' ? byKey : byPerson
}

function personMay(principal: Principal, action: Action, on: Resource): Verdict {
  if (on.kind === 'platform') return action === 'read' || principal.isOperator ? 'yes' : 'no'
  if (on.kind === 'person') return on.person === principal.person ? 'yes' : 'hide'
  const role = principal.memberships.find(({ organization }) => organization === on.organization)?.role
  if (principal.isOperator && operatorMay.includes(action)) return 'yes'
  if (role === undefined) return principal.isOperator ? 'no' : 'hide'
  return action !== 'operate' && roleMay[role].includes(action) ? 'yes' : 'no'
}

function keyMay(key: PresentedKey, action: Action, on: Resource): Verdict {
  const isOperators = key.actions.includes('operate')
  const isElsewhere = 'organization' in on && on.organization !== key.organization
  if (isElsewhere && !isOperators) return 'hide'
  if (on.kind === 'project' && key.project !== null && on.project !== key.project) return 'hide'
  if (!key.actions.includes(keyActionFor[action])) return 'no'
  // A key of one project sees its organization's name, and not what the other projects cost.
  if (on.kind === 'organization' && key.project !== null && action !== 'read') return 'no'
  return 'yes'
}

/** May a principal mint this key? Never one that reaches further, can more or lives longer than itself. */
export function mayMint({ isOperator, key }: Principal, asked: KeyBounds): boolean {
  if (asked.actions.includes('operate') && !isOperator) return false
  if (key === null) return true
  return (
    (key.organization === asked.organization || key.actions.includes('operate')) &&
    (key.project === null || key.project === asked.project) &&
    asked.actions.every((action) => key.actions.includes(action)) &&
    (key.expiresAt === null || (asked.expiresAt !== null && asked.expiresAt <= key.expiresAt))
  )
}

/**
 * May a principal have a link that signs a browser in? A session can do all that its person can, and lives
 * on: a key may have one where it can do all of that itself, in every organization.
 */
export function mayMintLoginLink({ key }: Principal): boolean {
  if (key === null) return true
  const isConfined = key.project !== null || key.expiresAt !== null
  return !isConfined && keyActions.every((action) => key.actions.includes(action))
}

/** Does a principal see and revoke this key of its person? A key: those of its organization and project. */
export function seesKey({ key }: Principal, of: Pick<KeyBounds, 'organization' | 'project'>): boolean {
  if (key === null) return true
  return key.organization === of.organization && (key.project === null || key.project === of.project)
}

/**
 * May a principal add and remove the SSH keys of its person? They open every machine of the person: a key of
 * one project may not, nor one that could not connect itself.
 */
export function mayChangeSshKeys({ key }: Principal): boolean {
  if (key === null) return true
  return key.project === null && key.actions.includes('manage') && key.actions.includes('connect')
}

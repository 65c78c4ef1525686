import { AppError, notFound } from '../kernel/errors.ts'
import {
  derivedId,
  type Id,
  newSecret,
  type OrganizationId,
  type PersonId,
  type ProjectId,
  sha256Hex,
} from '../kernel/ids.ts'
import { type Instant, instant, minuteMs } from '../kernel/time.ts'
import type { Tx } from '../store/store.ts'
import * as rows from './rows.ts'
import {
  type KeyBounds,
  keyActions,
  may,
  mayChangeSshKeys,
  mayMint,
  type Principal,
  type Role,
  seesKey,
} from './rules.ts'
import { type ParsedSshKey, parseSshKey } from './sshkeys.rules.ts'

export { mayMintLoginLink } from './rules.ts'
export type { ApiKeyRow, OrganizationRow, PersonRow, ProjectRow, SshKeyRow } from './rows.ts'
export {
  auditOf,
  organization,
  person,
  personByEmail,
  personByIdentityUser,
  project,
  projectsOf,
  setIdentityUser,
  setOrganizationLanguage,
  setPersonLanguage,
  sshKeysOf,
} from './rows.ts'

/** What every API key of the platform begins with, so that scanners know a leaked one. */
export const apiKeyPrefix = 'gph_'

/** As much of a secret as is shown again: the prefix and six characters, 30 of 280 bits. */
const hintLength = 10

/** What became of a request to make something under an id that the caller brought. */
export type Made<T> = { readonly is: 'new' | 'same'; readonly row: T }

/** The same id for something else: refuses, naming the first field that differs. */
function sameOr<T extends object>(found: T, asked: Partial<T>, what: string): void {
  for (const [field, value] of Object.entries(asked)) {
    const there = Object.entries(found).find(([name]) => name === field)?.[1]
    if (JSON.stringify(there) === JSON.stringify(value)) continue
    const message = `is not what the ${what} of this id was made with`
    throw new AppError(
      'conflict',
      `There is a ${what} of this id already, with another ${field}. Use a new id.`,
      {},
      [{ pointer: `/${field}`, message }],
    )
  }
}

/** Who a person is, acting by a session or an SSH key. */
export async function principalOf(
  tx: Tx,
  row: rows.PersonRow,
  method: Principal['method'],
): Promise<Principal> {
  const { id, name, email, isOperator } = row
  return {
    person: id,
    name,
    email,
    isOperator,
    memberships: await rows.memberships(tx, id),
    method,
    key: null,
  }
}

/** Who a secret speaks for; null where it is none, lapsed or revoked: from outside they look the same. */
export async function principalOfApiKey(tx: Tx, secret: string): Promise<Principal | null> {
  const key = await rows.apiKeyByHash(tx, sha256Hex(secret))
  if (!key || key.revokedAt !== null) return null
  const now = await tx.now()
  if (key.expiresAt !== null && key.expiresAt <= now) return null
  const owner = await rows.person(tx, key.person)
  if (!owner) return null
  await rows.touchApiKey(tx, key.id, now, instant(now - minuteMs))
  const { id, name, organization, project, actions, expiresAt } = key
  const principal = await principalOf(tx, owner, 'api_key')
  return { ...principal, key: { id, name, organization, project, actions, expiresAt } }
}

/** The organizations that a principal sees: all for an operator, no other than its own for a key. */
export async function organizationsSeen(
  tx: Tx,
  principal: Principal,
): Promise<readonly rows.OrganizationRow[]> {
  const all = await rows.allOrganizations(tx)
  return all.filter(({ id }) => may(principal, 'read', { kind: 'organization', organization: id }) === 'yes')
}

/** Makes an organization with its first owner; harmless to repeat. */
export async function createOrganization(
  tx: Tx,
  row: Omit<rows.OrganizationRow, 'createdAt' | 'language'>,
  owner: PersonId,
): Promise<void> {
  const createdAt = await tx.now()
  await rows.insertOrganization(tx, { ...row, createdAt })
  await rows.insertMember(tx, { organization: row.id, person: owner, role: 'owner', createdAt })
}

/** What a budget of an organization can be about, as a person names it. */
export interface Named {
  readonly id: string
  readonly name: string
}

/** The project of an organization by its id or name; null: none. */
export async function projectNamed(tx: Tx, of: OrganizationId, wanted: string): Promise<Named | null> {
  const byId = await rows.project(tx, wanted)
  if (byId?.organization === of) return byId
  return (await rows.projectsOf(tx, [of])).find(({ name }) => name === wanted) ?? null
}

/** The member of an organization by id or e-mail; null: none. */
export async function memberNamed(tx: Tx, of: OrganizationId, wanted: string): Promise<Named | null> {
  const found = (await rows.person(tx, wanted)) ?? (await rows.personByEmail(tx, wanted))
  if (!found) return null
  const isMember = (await rows.memberships(tx, found.id)).some(({ organization }) => organization === of)
  return isMember ? found : null
}

/** The API key of an organization by its id; null: none. */
export async function keyNamed(tx: Tx, of: OrganizationId, wanted: string): Promise<Named | null> {
  const found = await rows.apiKey(tx, wanted)
  return found?.organization === of ? found : null
}

/** Makes a project. */
export async function createProject(
  tx: Tx,
  asked: Pick<rows.ProjectRow, 'id' | 'organization' | 'name'>,
): Promise<Made<rows.ProjectRow>> {
  const found = await rows.project(tx, asked.id)
  if (found) {
    sameOr(found, { organization: asked.organization, name: asked.name }, 'project')
    return { is: 'same', row: found }
  }
  const row = { ...asked, createdAt: await tx.now() }
  if (!(await rows.insertProject(tx, row)))
    throw new AppError('conflict', 'The same request is under way. Try again.')
  return { is: 'new', row }
}

/** A public key as it is asked for; refuses what is none, naming the field. */
export function checkedSshKey(publicKey: string): ParsedSshKey {
  const parsed = parseSshKey(publicKey)
  if (!('refused' in parsed)) return parsed
  throw new AppError('invalid_request', `The public key ${parsed.refused}.`, undefined, [
    { pointer: '/publicKey', message: parsed.refused },
  ])
}

function requireSshKeys(principal: Principal): void {
  if (mayChangeSshKeys(principal)) return
  throw new AppError(
    'forbidden',
    'SSH keys open every machine of their person, and this API key may less. ' +
      'Sign in, or use a key of the whole organization that is allowed "manage" and "connect".',
  )
}

/** Adds a public key to whom asks. One key belongs to one person: by it the gateway knows who knocks. */
export async function addSshKey(
  tx: Tx,
  principal: Principal,
  asked: { id: Id<'sshKey'>; name: string; publicKey: string },
): Promise<Made<rows.SshKeyRow>> {
  requireSshKeys(principal)
  const { person } = principal
  const parsed = checkedSshKey(asked.publicKey)
  const publicKey = parsed.comment ? `${parsed.text} ${parsed.comment}` : parsed.text
  const found = await rows.sshKey(tx, asked.id)
  if (found) {
    sameOr(found, { person, name: asked.name, publicKey }, 'SSH key')
    return { is: 'same', row: found }
  }
  const { fingerprint } = parsed
  const createdAt = await tx.now()
  const row = { id: asked.id, person, name: asked.name, publicKey, fingerprint, createdAt, lastUsedAt: null }
  if (await rows.insertSshKey(tx, row)) return { is: 'new', row }
  const message = 'is registered already: with you under another name, or with somebody else'
  throw new AppError('conflict', `The key ${fingerprint} ${message}. Use it, or make another.`, undefined, [
    { pointer: '/publicKey', message },
  ])
}

/** Removes a key of whom asks; refuses one that is not theirs as if it were not there. */
export async function removeSshKey(tx: Tx, principal: Principal, id: string): Promise<rows.SshKeyRow> {
  requireSshKeys(principal)
  const found = await rows.sshKey(tx, id)
  if (!found || found.person !== principal.person) throw notFound('SSH key', id)
  await rows.deleteSshKey(tx, found.id)
  // The SSH door ends what the key had opened.
  await tx.notify('routes')
  return found
}

/** A key to be made. */
export interface NewApiKey extends KeyBounds {
  readonly id: Id<'apiKey'>
  readonly name: string
}

/** The keys of whom asks, as far as they see them; oldest first. */
export async function apiKeysSeen(tx: Tx, principal: Principal): Promise<readonly rows.ApiKeyRow[]> {
  const all = await rows.apiKeysOf(tx, principal.person)
  return all.filter((one) => seesKey(principal, one))
}

/** Makes an API key for whom asks; the secret is in the answer of the first time only. */
export async function createApiKey(
  tx: Tx,
  principal: Principal,
  asked: NewApiKey,
): Promise<Made<rows.ApiKeyRow> & { readonly secret: string | null }> {
  if (!mayMint(principal, asked))
    throw new AppError(
      'forbidden',
      'A key cannot be allowed more than who makes it, nor live longer. Ask for less, or sign in.',
    )
  const { person } = principal
  const actions = keyActions.filter((action) => asked.actions.includes(action))
  const { organization, project, name } = asked
  const found = await rows.apiKey(tx, asked.id)
  if (found) {
    sameOr(found, { person, organization, project, name, actions }, 'API key')
    return { is: 'same', row: found, secret: null }
  }
  const secret = newSecret(apiKeyPrefix)
  const row = keyRow({ ...asked, actions, person }, secret, await tx.now())
  if (!(await rows.insertApiKey(tx, row, sha256Hex(secret))))
    throw new AppError('conflict', 'The same request is under way. Try again.')
  return { is: 'new', row, secret }
}

function keyRow(
  asked: NewApiKey & { readonly person: PersonId },
  secret: string,
  createdAt: Instant,
): rows.ApiKeyRow {
  return { ...asked, hint: secret.slice(0, hintLength), createdAt, lastUsedAt: null, revokedAt: null }
}

/** Ends a key of whom asks; refuses one that they do not see as if it were not there. */
export async function revokeApiKey(tx: Tx, principal: Principal, id: string): Promise<rows.ApiKeyRow> {
  const found = await rows.apiKey(tx, id)
  const isSeen = found?.person === principal.person && seesKey(principal, found)
  if (!found || !isSeen || found.revokedAt !== null) throw notFound('API key', id)
  await rows.revokeApiKey(tx, found.id, await tx.now())
  return found
}

/** One change to be written down; digests are of what the thing was before and is after. */
export interface Change {
  readonly organization: OrganizationId | null
  readonly principal: Principal
  readonly action: string
  readonly target: string
  readonly requestId: string
  readonly before?: unknown
  readonly after?: unknown
}

/** Writes down who changed what, in the transaction of the change. */
export async function audit(tx: Tx, change: Change): Promise<void> {
  const digest = (value: unknown) => (value === undefined ? null : sha256Hex(JSON.stringify(value)))
  const { principal, organization, action, target, requestId } = change
  await rows.insertAudit(tx, {
    id: tx.newId('audit'),
    at: await tx.now(),
    organization,
    actor: principal.key ? `${principal.person}/${principal.key.id}` : principal.person,
    action,
    target,
    beforeDigest: digest(change.before),
    afterDigest: digest(change.after),
    requestId,
  })
}

/** Notes that a key let somebody in. */
export async function touchSshKey(tx: Tx, id: Id<'sshKey'>): Promise<void> {
  await rows.touchSshKey(tx, id, await tx.now())
}

/** Whom a sign-up makes: a person without any membership but the one that is given. */
export async function addPerson(
  tx: Tx,
  asked: { email: string; name: string; isOperator: boolean; identityUser: string | null },
): Promise<rows.PersonRow> {
  const email = asked.email.toLowerCase()
  await rows.insertPerson(tx, { ...asked, email, id: tx.newId('person'), createdAt: await tx.now() })
  const found = await rows.personByEmail(tx, email)
  if (!found) throw new AppError('conflict', 'This sign-in belongs to another person already.')
  return found
}

/** Makes a person a member of an organization. */
export async function addMember(
  tx: Tx,
  organization: OrganizationId,
  person: PersonId,
  role: Role,
): Promise<void> {
  await rows.insertMember(tx, { organization, person, role, createdAt: await tx.now() })
}

/** The operator of a platform that nobody has signed in to yet; a name of ours, never a mailbox. */
export const operatorEmail = 'operator@gpuhour.internal'

/** What `seedDemo` makes or finds. */
export interface Demo {
  readonly organization: OrganizationId
  readonly project: ProjectId
  readonly operator: PersonId
}

/** The organization "Demo" with its project "demo", owned by the operator. The same at every start. */
export async function seedDemo(tx: Tx, installation: string): Promise<Demo> {
  const owner = await addPerson(tx, {
    email: operatorEmail,
    name: 'Operator',
    isOperator: true,
    identityUser: null,
  })
  const organization = derivedId('organization', installation, 'demo')
  const project = derivedId('project', installation, 'demo')
  await createOrganization(tx, { id: organization, name: 'Demo', currency: 'USD', timeZone: 'UTC' }, owner.id)
  const createdAt = await tx.now()
  await rows.insertProject(tx, { id: project, organization, name: 'demo', createdAt })
  return { organization, project, operator: owner.id }
}

/** Makes the secret of `<data>/platform.json` a key of the operator, for everything; harmless to repeat. */
export async function ensureOperator(tx: Tx, demo: Demo, secret: string): Promise<void> {
  const id = derivedId('apiKey', sha256Hex(secret))
  const asked = {
    id,
    name: 'this machine (platform.json)',
    organization: demo.organization,
    project: null,
    actions: keyActions,
    expiresAt: null,
    person: demo.operator,
  }
  await rows.insertApiKey(tx, keyRow(asked, secret, await tx.now()), sha256Hex(secret))
}

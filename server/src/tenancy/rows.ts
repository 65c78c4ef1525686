import { sql } from 'kysely'
import type { Id, OrganizationId, PersonId, ProjectId } from '../kernel/ids.ts'
import type { Currency } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'
import type { KeyAction, Role } from './rules.ts'

/** A language that people are written to in. */
export type Language = 'en' | 'zh'

/** The party that pays. */
export interface OrganizationRow {
  readonly id: OrganizationId
  readonly name: string
  readonly currency: Currency
  readonly timeZone: string
  /** What its members are written to in, unless they chose another. */
  readonly language: Language
  readonly createdAt: Instant
}

/** A space inside an organization. */
export interface ProjectRow {
  readonly id: ProjectId
  readonly organization: OrganizationId
  readonly name: string
  readonly createdAt: Instant
}

/** Somebody. */
export interface PersonRow {
  readonly id: PersonId
  readonly identityUser: string | null
  readonly email: string
  readonly name: string
  readonly isOperator: boolean
  /** Null: that of each organization. */
  readonly language: Language | null
  readonly createdAt: Instant
}

/** An API key; the secret is not in it. */
export interface ApiKeyRow {
  readonly id: Id<'apiKey'>
  readonly organization: OrganizationId
  readonly project: ProjectId | null
  readonly person: PersonId
  readonly name: string
  readonly hint: string
  readonly actions: readonly KeyAction[]
  readonly createdAt: Instant
  readonly expiresAt: Instant | null
  readonly lastUsedAt: Instant | null
  readonly revokedAt: Instant | null
}

/** A public key of a person. */
export interface SshKeyRow {
  readonly id: Id<'sshKey'>
  readonly person: PersonId
  readonly name: string
  readonly publicKey: string
  readonly fingerprint: string
  readonly createdAt: Instant
  readonly lastUsedAt: Instant | null
}

/** One change, for ever. */
export interface AuditRow {
  readonly id: Id<'audit'>
  readonly at: Instant
  readonly organization: OrganizationId | null
  readonly actor: string
  readonly action: string
  readonly target: string
  readonly beforeDigest: string | null
  readonly afterDigest: string | null
  readonly requestId: string
}

const organizationColumns = sql`id, name, currency, time_zone as "timeZone", language,
  created_at as "createdAt"`
const projectColumns = sql`id, organization, name, created_at as "createdAt"`
const personColumns = sql`id, identity_user as "identityUser", email, name, is_operator as "isOperator",
  language, created_at as "createdAt"`
const apiKeyColumns = sql`id, organization, project, person, name, hint, actions, created_at as "createdAt",
  expires_at as "expiresAt", last_used_at as "lastUsedAt", revoked_at as "revokedAt"`
const sshKeyColumns = sql`id, person, name, public_key as "publicKey", fingerprint, created_at as "createdAt",
  last_used_at as "lastUsedAt"`

/** Makes an organization; false where its id is taken already. */
export async function insertOrganization(tx: Tx, row: Omit<OrganizationRow, 'language'>): Promise<boolean> {
  const { numAffectedRows } = await sql`insert into organization (id, name, currency, time_zone, created_at)
    values (${row.id}, ${row.name}, ${row.currency}, ${row.timeZone}, ${at(row.createdAt)})
    on conflict on constraint organization_pkey do nothing`.execute(tx.db)
  return (numAffectedRows ?? 0n) > 0n
}

/** One organization. */
export async function organization(tx: Tx, id: string): Promise<OrganizationRow | null> {
  const { rows } = await sql<OrganizationRow>`
    select ${organizationColumns} from organization where id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}

/** Every organization, by id. */
export async function allOrganizations(tx: Tx): Promise<readonly OrganizationRow[]> {
  const { rows } = await sql<OrganizationRow>`
    select ${organizationColumns} from organization order by id`.execute(tx.db)
  return rows
}

/** Makes a project; false where its id is taken already. A name in use violates `project_name_unique`. */
export async function insertProject(tx: Tx, row: ProjectRow): Promise<boolean> {
  const { numAffectedRows } = await sql`insert into project (id, organization, name, created_at)
    values (${row.id}, ${row.organization}, ${row.name}, ${at(row.createdAt)})
    on conflict on constraint project_pkey do nothing`.execute(tx.db)
  return (numAffectedRows ?? 0n) > 0n
}

/** One project. */
export async function project(tx: Tx, id: string): Promise<ProjectRow | null> {
  const { rows } = await sql<ProjectRow>`select ${projectColumns} from project where id = ${id}`.execute(
    tx.db,
  )
  return rows[0] ?? null
}

/** Projects of the organizations, by name. */
export async function projectsOf(
  tx: Tx,
  organizations: readonly OrganizationId[],
): Promise<readonly ProjectRow[]> {
  const { rows } = await sql<ProjectRow>`select ${projectColumns} from project
    where organization = any(${organizations}) order by organization, name, id`.execute(tx.db)
  return rows
}

/** Makes a person; an email that is known already stays as it is. */
export async function insertPerson(tx: Tx, row: Omit<PersonRow, 'language'>): Promise<void> {
  await sql`insert into person (id, identity_user, email, name, is_operator, created_at)
    values (${row.id}, ${row.identityUser}, ${row.email}, ${row.name}, ${row.isOperator},
      ${at(row.createdAt)})
    on conflict do nothing`.execute(tx.db)
}

/** One person. */
export async function person(tx: Tx, id: string): Promise<PersonRow | null> {
  const { rows } = await sql<PersonRow>`select ${personColumns} from person where id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}

/** The person of a user of schema identity. */
export async function personByIdentityUser(tx: Tx, user: string): Promise<PersonRow | null> {
  const { rows } = await sql<PersonRow>`
    select ${personColumns} from person where identity_user = ${user}`.execute(tx.db)
  return rows[0] ?? null
}

/** The person of an email, in lower case. */
export async function personByEmail(tx: Tx, email: string): Promise<PersonRow | null> {
  const { rows } = await sql<PersonRow>`select ${personColumns} from person where email = ${email}`.execute(
    tx.db,
  )
  return rows[0] ?? null
}

/** In which language a person is written to. */
export async function setPersonLanguage(tx: Tx, id: PersonId, language: Language | null): Promise<void> {
  await sql`update person set language = ${language} where id = ${id}`.execute(tx.db)
}

/** In which language an organization's members are written to, unless they chose another. */
export async function setOrganizationLanguage(tx: Tx, id: OrganizationId, language: Language): Promise<void> {
  await sql`update organization set language = ${language} where id = ${id}`.execute(tx.db)
}

/** Joins a person to the user that identity made for them. */
export async function setIdentityUser(tx: Tx, id: PersonId, user: string): Promise<void> {
  await sql`update person set identity_user = ${user} where id = ${id}`.execute(tx.db)
}

/** Makes a person a member; who is one already stays what they are. */
export async function insertMember(
  tx: Tx,
  row: { organization: OrganizationId; person: PersonId; role: Role; createdAt: Instant },
): Promise<void> {
  await sql`insert into member (organization, person, role, created_at)
    values (${row.organization}, ${row.person}, ${row.role}, ${at(row.createdAt)})
    on conflict on constraint member_pkey do nothing`.execute(tx.db)
}

/** Where a person belongs. */
export async function memberships(
  tx: Tx,
  of: PersonId,
): Promise<readonly { readonly organization: OrganizationId; readonly role: Role }[]> {
  const { rows } = await sql<{ organization: OrganizationId; role: Role }>`
    select organization, role from member where person = ${of} order by organization`.execute(tx.db)
  return rows
}

/** Keeps an API key's hash; false where its id is taken already. */
export async function insertApiKey(tx: Tx, row: ApiKeyRow, hash: string): Promise<boolean> {
  const { numAffectedRows } = await sql`insert into api_key
      (id, organization, project, person, name, hash, hint, actions, created_at, expires_at)
    values (${row.id}, ${row.organization}, ${row.project}, ${row.person}, ${row.name}, ${hash}, ${row.hint},
      ${row.actions}, ${at(row.createdAt)}, ${at(row.expiresAt)})
    on conflict do nothing`.execute(tx.db)
  return (numAffectedRows ?? 0n) > 0n
}

/** The key of a secret's hash, revoked or lapsed ones too. */
export async function apiKeyByHash(tx: Tx, hash: string): Promise<ApiKeyRow | null> {
  const { rows } = await sql<ApiKeyRow>`select ${apiKeyColumns} from api_key where hash = ${hash}`.execute(
    tx.db,
  )
  return rows[0] ?? null
}

/** One API key. */
export async function apiKey(tx: Tx, id: string): Promise<ApiKeyRow | null> {
  const { rows } = await sql<ApiKeyRow>`select ${apiKeyColumns} from api_key where id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}

/** The keys of a person that are not revoked, oldest first. */
export async function apiKeysOf(tx: Tx, of: PersonId): Promise<readonly ApiKeyRow[]> {
  const { rows } = await sql<ApiKeyRow>`select ${apiKeyColumns} from api_key
    where person = ${of} and revoked_at is null order by id`.execute(tx.db)
  return rows
}

/** Ends a key. */
export async function revokeApiKey(tx: Tx, id: Id<'apiKey'>, now: Instant): Promise<void> {
  await sql`update api_key set revoked_at = ${at(now)} where id = ${id} and revoked_at is null`.execute(tx.db)
}

/** Notes the use of a key, unless one was noted since the instant. */
export async function touchApiKey(
  tx: Tx,
  id: Id<'apiKey'>,
  now: Instant,
  unlessSince: Instant,
): Promise<void> {
  await sql`update api_key set last_used_at = ${at(now)}
    where id = ${id} and (last_used_at is null or last_used_at < ${at(unlessSince)})`.execute(tx.db)
}

/** Keeps a public key; false where its id or the key itself is taken already. */
export async function insertSshKey(tx: Tx, row: SshKeyRow): Promise<boolean> {
  const { numAffectedRows } =
    await sql`insert into ssh_key (id, person, name, public_key, fingerprint, created_at)
    values (${row.id}, ${row.person}, ${row.name}, ${row.publicKey}, ${row.fingerprint}, ${at(row.createdAt)})
    on conflict do nothing`.execute(tx.db)
  return (numAffectedRows ?? 0n) > 0n
}

/** One SSH key. */
export async function sshKey(tx: Tx, id: string): Promise<SshKeyRow | null> {
  const { rows } = await sql<SshKeyRow>`select ${sshKeyColumns} from ssh_key where id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}

/** The keys of a person, oldest first. */
export async function sshKeysOf(tx: Tx, of: PersonId): Promise<readonly SshKeyRow[]> {
  const { rows } = await sql<SshKeyRow>`
    select ${sshKeyColumns} from ssh_key where person = ${of} order by id`.execute(tx.db)
  return rows
}

/** Forgets a key. */
export async function deleteSshKey(tx: Tx, id: Id<'sshKey'>): Promise<void> {
  await sql`delete from ssh_key where id = ${id}`.execute(tx.db)
}

/** Notes the use of a key. */
export async function touchSshKey(tx: Tx, id: Id<'sshKey'>, now: Instant): Promise<void> {
  await sql`update ssh_key set last_used_at = ${at(now)} where id = ${id}`.execute(tx.db)
}

/** Writes down a change. */
export async function insertAudit(tx: Tx, row: AuditRow): Promise<void> {
  await sql`insert into audit
      (id, at, organization, actor, action, target, before_digest, after_digest, request_id)
    values (${row.id}, ${at(row.at)}, ${row.organization}, ${row.actor}, ${row.action}, ${row.target},
      ${row.beforeDigest}, ${row.afterDigest}, ${row.requestId})`.execute(tx.db)
}

/** The changes made to a target, oldest first. */
export async function auditOf(tx: Tx, target: string): Promise<readonly AuditRow[]> {
  const { rows } = await sql<AuditRow>`select id, at, organization, actor, action, target,
      before_digest as "beforeDigest", after_digest as "afterDigest", request_id as "requestId"
    from audit where target = ${target} order by at, id`.execute(tx.db)
  return rows
}

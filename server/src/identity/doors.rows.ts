import { sql } from 'kysely'
import type { SshKeyPair } from '../kernel/sshkeys.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'
import type { Role } from '../tenancy/rules.ts'

/** One code or session at rest: what it opens, for whom, until when. */
export interface PassRow {
  readonly hash: string
  readonly person: string
  readonly instance: string
  readonly port: number
  readonly expires_at: Instant
}

/** Keeps a new code. */
export async function insertCode(tx: Tx, row: PassRow): Promise<void> {
  await sql`
    insert into door_code (hash, person, instance, port, expires_at)
    values (${row.hash}, ${row.person}, ${row.instance}, ${row.port}, ${at(row.expires_at)})`.execute(tx.db)
}

/** Takes a code out, so that of two who present it one finds it. */
export async function takeCode(tx: Tx, hash: string): Promise<PassRow | null> {
  const { rows } = await sql<PassRow>`
    delete from door_code where hash = ${hash}
    returning hash, person, instance, port, expires_at`.execute(tx.db)
  return rows[0] ?? null
}

/** Forgets codes that expired before the instant. */
export async function deleteCodesBefore(tx: Tx, before: Instant): Promise<void> {
  await sql`delete from door_code where expires_at < ${at(before)}`.execute(tx.db)
}

/** Keeps a new session. */
export async function insertSession(tx: Tx, row: PassRow, createdAt: Instant): Promise<void> {
  await sql`
    insert into door_session (hash, person, instance, port, created_at, expires_at)
    values (${row.hash}, ${row.person}, ${row.instance}, ${row.port}, ${at(createdAt)}, ${at(row.expires_at)})
  `.execute(tx.db)
}

/** Forgets sessions that expired before the instant. */
export async function deleteSessionsBefore(tx: Tx, before: Instant): Promise<void> {
  await sql`delete from door_session where expires_at < ${at(before)}`.execute(tx.db)
}

/** Sessions that may still be used at the instant. */
export async function liveSessions(tx: Tx, now: Instant): Promise<readonly PassRow[]> {
  const { rows } = await sql<PassRow>`
    select hash, person, instance, port, expires_at from door_session
    where revoked_at is null and expires_at > ${at(now)}`.execute(tx.db)
  return rows
}

/** Ends a person's sessions, all or those of one instance. */
export async function revokeSessions(
  tx: Tx,
  person: string,
  instance: string | null,
  now: Instant,
): Promise<void> {
  await sql`
    update door_session set revoked_at = ${at(now)}
    where person = ${person} and revoked_at is null
      and (${instance}::text is null or instance = ${instance})`.execute(tx.db)
}

/** The gateway's key pair; null before its first start. */
export async function gatewayKey(tx: Tx): Promise<{ private_key: string; public_key: string } | null> {
  const { rows } = await sql<{ private_key: string; public_key: string }>`
    select private_key, public_key from gateway_key where name = 'ssh_host'`.execute(tx.db)
  return rows[0] ?? null
}

/** Keeps the key pair unless another gateway was faster. */
export async function insertGatewayKey(tx: Tx, pair: SshKeyPair, now: Instant): Promise<void> {
  await sql`
    insert into gateway_key (name, private_key, public_key, created_at)
    values ('ssh_host', ${pair.privateKey}, ${pair.publicKey}, ${at(now)})
    on conflict (name) do nothing`.execute(tx.db)
}

/** An instance as its doors need it. */
export interface InstanceRow {
  readonly id: string
  readonly name: string
  readonly organization: string
  readonly state: string
  readonly reason: string | null
  readonly allocation: string | null
  readonly ssh_host_public_key: string
  readonly jupyter_token: string | null
  readonly gateway_key: string | null
}

/** Instances that are not deleted; only the named one where a name is given. */
export async function instances(tx: Tx, only: string | null): Promise<readonly InstanceRow[]> {
  const { rows } = await sql<InstanceRow>`
    select instance.id, instance.name, instance.organization, instance.state, instance.reason,
      instance.allocation, instance.ssh_host_public_key, door.jupyter_token, door.gateway_key
    from instance left join door on door.allocation = instance.allocation
    where instance.state <> 'deleted' and (${only}::text is null or instance.id = ${only})`.execute(tx.db)
  return rows
}

/** Where a port of a live allocation is dialled. */
export interface RouteRow {
  readonly subject: string
  readonly port: number
  readonly allocation: string
  readonly host: string
  readonly target_port: number
}

/** Routes of all subjects, or of the named one. */
export async function routes(tx: Tx, only: string | null): Promise<readonly RouteRow[]> {
  const { rows } = await sql<RouteRow>`
    select subject, port, allocation, host, target_port from route
    where ${only}::text is null or subject = ${only}`.execute(tx.db)
  return rows
}

/** Whose key a fingerprint is. */
export async function sshKeys(
  tx: Tx,
): Promise<readonly { id: string; fingerprint: string; person: string }[]> {
  const { rows } = await sql<{ id: string; fingerprint: string; person: string }>`
    select id, fingerprint, person from ssh_key`.execute(tx.db)
  return rows
}

/** Who is what in which organization. */
export async function members(
  tx: Tx,
): Promise<readonly { organization: string; person: string; role: Role }[]> {
  const { rows } = await sql<{ organization: string; person: string; role: Role }>`
    select organization, person, role from member`.execute(tx.db)
  return rows
}

import { sql } from 'kysely'
import type { Tx } from '../store/store.ts'

/** For tests: rows stand alone here, without the rows that they refer to in a whole platform. */
export async function withoutReferences(tx: Tx): Promise<void> {
  await sql`set local session_replication_role = replica`.execute(tx.db)
}

/** A person who is something in an organization. */
export async function insertMember(
  tx: Tx,
  person: string,
  organization: string,
  role: string,
): Promise<void> {
  await sql`insert into person (id, email, name, created_at)
    values (${person}, ${`${person}@example.test`}, ${person}, now()) on conflict do nothing`.execute(tx.db)
  await sql`insert into member (organization, person, role, created_at)
    values (${organization}, ${person}, ${role}, now())`.execute(tx.db)
}

/** The person is nothing in the organization any more. */
export async function deleteMember(tx: Tx, person: string, organization: string): Promise<void> {
  await sql`delete from member where person = ${person} and organization = ${organization}`.execute(tx.db)
}

/** An SSH key of a person. */
export async function insertSshKey(tx: Tx, id: string, person: string, fingerprint: string): Promise<void> {
  await sql`insert into ssh_key (id, person, name, public_key, fingerprint, created_at)
    values (${id}, ${person}, 'test', '', ${fingerprint}, now())`.execute(tx.db)
}

/** An instance as the doors see it. */
export interface TestInstance {
  readonly id: string
  readonly name: string
  readonly organization: string
  readonly state: string
  readonly allocation: string | null
  readonly hostPublicKey: string
}

/** Makes the instance, or makes it what is said. */
export async function putInstance(tx: Tx, row: TestInstance): Promise<void> {
  await sql`insert into instance (id, organization, project, name, image, version, flavor, home, created_by,
      asked_by, request_hash, intent, state, allocation, ssh_host_key, ssh_host_public_key, created_at,
      changed_at)
    values (${row.id}, ${row.organization}, ${`prj_${row.id}`}, ${row.name}, 'base', '1', 'cpu.1x2', 'vol_1',
      'per_1', 'per_1', '', 'running', ${row.state}, ${row.allocation}, '', ${row.hostPublicKey}, now(),
      now())
    on conflict (id) do update set state = excluded.state, allocation = excluded.allocation`.execute(tx.db)
}

/** The secrets of an allocation. */
export async function insertDoor(
  tx: Tx,
  allocation: string,
  token: string,
  gatewayKey: string,
): Promise<void> {
  await sql`insert into door (allocation, jupyter_token, gateway_key, gateway_public_key)
    values (${allocation}, ${token}, ${gatewayKey}, '')`.execute(tx.db)
}

/** Where a port is dialled. */
export async function putRoute(
  tx: Tx,
  route: {
    readonly subject: string
    readonly port: number
    readonly allocation: string
    readonly host: string
    readonly targetPort: number
  },
): Promise<void> {
  await sql`insert into route (subject, port, allocation, host, target_port)
    values (${route.subject}, ${route.port}, ${route.allocation}, ${route.host}, ${route.targetPort})
    on conflict (subject, port) do update
      set allocation = excluded.allocation, host = excluded.host, target_port = excluded.target_port
  `.execute(tx.db)
}

/** Lets every session and code be as old as that. */
export async function age(tx: Tx, seconds: number): Promise<void> {
  await sql`update door_session set expires_at = expires_at - make_interval(secs => ${seconds})`.execute(
    tx.db,
  )
  await sql`update door_code set expires_at = expires_at - make_interval(secs => ${seconds})`.execute(tx.db)
}

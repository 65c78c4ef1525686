import { sql } from 'kysely'
import type {
  AllocationId,
  InstanceId,
  OrganizationId,
  ProjectId,
  SubjectId,
  VolumeId,
} from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'
import type { InstanceState, Intent } from './rules.ts'

/** The customer's durable machine. */
export interface InstanceRow {
  readonly id: InstanceId
  readonly organization: OrganizationId
  readonly project: ProjectId
  readonly name: string
  readonly image: string
  readonly version: string
  readonly flavor: string
  readonly home: VolumeId
  readonly createdBy: string
  /** The person who last asked for a start. */
  readonly askedBy: string
  /** The API key with which they did; null: none. */
  readonly askedKey: string | null
  readonly requestHash: string
  readonly intent: Intent
  readonly state: InstanceState
  readonly outcome: string | null
  readonly exitCode: number | null
  readonly exitSignal: string | null
  readonly outOfMemory: boolean
  /** Why it failed or was stopped, for the person. */
  readonly reason: string | null
  readonly elsewhereCount: number
  readonly exitedCleanly: boolean
  readonly allocation: AllocationId | null
  readonly sshHostKey: string
  readonly sshHostPublicKey: string
  readonly createdAt: Instant
  readonly changedAt: Instant
}

const columns = sql`id, organization, project, name, image, version, flavor, home, created_by as "createdBy",
  asked_by as "askedBy", asked_key as "askedKey",
  request_hash as "requestHash", intent, state, outcome, exit_code as "exitCode", exit_signal as "exitSignal",
  out_of_memory as "outOfMemory", reason, elsewhere_count as "elsewhereCount", exited_cleanly as
  "exitedCleanly",
  allocation, ssh_host_key as "sshHostKey", ssh_host_public_key as "sshHostPublicKey", created_at as
  "createdAt",
  changed_at as "changedAt"`

/** Inserts a fresh instance, queued. */
export async function insertInstance(
  tx: Tx,
  row: Pick<
    InstanceRow,
    | 'id'
    | 'organization'
    | 'project'
    | 'name'
    | 'image'
    | 'version'
    | 'flavor'
    | 'home'
    | 'createdBy'
    | 'askedBy'
    | 'askedKey'
    | 'requestHash'
    | 'sshHostKey'
    | 'sshHostPublicKey'
    | 'createdAt'
  >,
): Promise<void> {
  await sql`insert into instance (id, organization, project, name, image, version, flavor, home, created_by,
      asked_by, asked_key, request_hash, intent, state, ssh_host_key, ssh_host_public_key,
      created_at, changed_at)
    values (${row.id}, ${row.organization}, ${row.project}, ${row.name}, ${row.image}, ${row.version},
    ${row.flavor},
      ${row.home}, ${row.createdBy}, ${row.askedBy}, ${row.askedKey}, ${row.requestHash},
      'running', 'queued', ${row.sshHostKey},
      ${row.sshHostPublicKey}, ${at(row.createdAt)}, ${at(row.createdAt)})`.execute(tx.db)
}

/** One instance. */
export async function instance(tx: Tx, id: InstanceId): Promise<InstanceRow | null> {
  const { rows } = await sql<InstanceRow>`select ${columns} from instance where id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}

/** The same, locked. */
export async function lockInstance(tx: Tx, id: InstanceId): Promise<InstanceRow | null> {
  const { rows } =
    await sql<InstanceRow>`select ${columns} from instance where id = ${id} for update`.execute(tx.db)
  return rows[0] ?? null
}

/** Instances of a project, newest first; `before` is the id of the last one already shown. */
export async function instancesOf(
  tx: Tx,
  project: ProjectId,
  options: { readonly includeDeleted: boolean; readonly before: string | null; readonly limit: number },
): Promise<readonly InstanceRow[]> {
  const { rows } = await sql<InstanceRow>`select ${columns} from instance
    where project = ${project} and (${options.includeDeleted} or state <> 'deleted')
      and (${options.before}::text is null or id < ${options.before})
    order by id desc limit ${options.limit}`.execute(tx.db)
  return rows
}

/** The instance of that name or id in a project, unless it is deleted. */
export async function instanceByName(tx: Tx, project: ProjectId, name: string): Promise<InstanceRow | null> {
  const { rows } = await sql<InstanceRow>`select ${columns} from instance
    where project = ${project} and ((name = ${name} and state <> 'deleted') or id = ${name})
    order by state = 'deleted' limit 1`.execute(tx.db)
  return rows[0] ?? null
}

/** Instances that are being deleted. */
export async function deletingInstances(tx: Tx): Promise<readonly InstanceRow[]> {
  const { rows } = await sql<InstanceRow>`
    select ${columns} from instance where state = 'deleting' order by id`.execute(tx.db)
  return rows
}

/** Somebody asks for a start: what it costs from now on is theirs. */
export async function writeAsker(
  tx: Tx,
  id: InstanceId,
  askedBy: string,
  askedKey: string | null,
): Promise<void> {
  await sql`update instance set asked_by = ${askedBy}, asked_key = ${askedKey} where id = ${id}`.execute(
    tx.db,
  )
}

/** Writes a life; called by `transition` alone. */
export async function writeLife(tx: Tx, row: InstanceRow): Promise<void> {
  await sql`update instance set intent = ${row.intent}, state = ${row.state}, outcome = ${row.outcome},
      exit_code = ${row.exitCode}, exit_signal = ${row.exitSignal}, out_of_memory = ${row.outOfMemory},
      reason = ${row.reason}, elsewhere_count = ${row.elsewhereCount}, exited_cleanly = ${row.exitedCleanly},
      allocation = ${row.allocation}, changed_at = ${at(row.changedAt)}
    where id = ${row.id}`.execute(tx.db)
}

/** One change of an instance's or a run's intent or state, for people to read. */
export interface InstanceEventRow {
  readonly seq: bigint
  readonly subject: SubjectId
  readonly at: Instant
  readonly event: string
  readonly fromState: string | null
  readonly toState: string
  readonly intent: string
  readonly allocation: AllocationId | null
  readonly actor: string
  readonly detail: string | null
}

/** Appends an instance event. */
export async function insertInstanceEvent(tx: Tx, row: Omit<InstanceEventRow, 'seq'>): Promise<void> {
  await sql`insert into instance_event (subject, at, event, from_state, to_state, intent, allocation, actor,
    detail)
    values (${row.subject}, ${at(row.at)}, ${row.event}, ${row.fromState}, ${row.toState}, ${row.intent},
      ${row.allocation}, ${row.actor}, ${row.detail})`.execute(tx.db)
}

/** Events of a subject after a sequence number, oldest first. */
export async function eventsOf(
  tx: Tx,
  subject: SubjectId,
  after: bigint,
  limit: number,
): Promise<readonly InstanceEventRow[]> {
  const { rows } = await sql<InstanceEventRow>`select seq, subject, at, event, from_state as "fromState",
      to_state as "toState", intent, allocation, actor, detail
    from instance_event where subject = ${subject} and seq > ${after} order by seq limit ${limit}`.execute(
    tx.db,
  )
  return rows
}

/** When each of the subjects last began to wait for devices. */
export async function askedAtOf(
  tx: Tx,
  subjects: readonly SubjectId[],
): Promise<ReadonlyMap<SubjectId, Instant>> {
  if (subjects.length === 0) return new Map()
  const { rows } = await sql<{ subject: SubjectId; at: Instant }>`
    select asked.subject, asked.at from unnest(${subjects}::text[]) as wanted (subject)
      cross join lateral (select subject, at from instance_event
        where subject = wanted.subject and to_state = 'queued' and from_state is distinct from 'queued'
        order by seq desc limit 1) asked`.execute(tx.db)
  return new Map(rows.map(({ subject, at: instant }) => [subject, instant]))
}

/** Something happened that cannot: for the operator. */
export async function insertAnomaly(
  tx: Tx,
  row: { subject: string; event: string; state: string; detail: string; at: Instant },
): Promise<void> {
  await sql`insert into anomaly (at, subject, event, state, detail)
    values (${at(row.at)}, ${row.subject}, ${row.event}, ${row.state}, ${row.detail})`.execute(tx.db)
}

/** The newest anomalies. */
export async function anomalies(
  tx: Tx,
  limit: number,
): Promise<readonly { at: Instant; subject: string; event: string; state: string; detail: string }[]> {
  const { rows } = await sql<{ at: Instant; subject: string; event: string; state: string; detail: string }>`
    select at, subject, event, state, detail from anomaly order by seq desc limit ${limit}`.execute(tx.db)
  return rows
}

/** How many preparations of the project failed since an instant. */
export async function failedPreparations(tx: Tx, project: ProjectId, since: Instant): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*)::integer as count
    from instance_event event join allocation on allocation.id = event.allocation
    where allocation.project = ${project} and event.event = 'prepare_failed'
      and event.at > ${at(since)}`.execute(tx.db)
  return rows[0]?.count ?? 0
}

/** What the gateway dials for one port of a subject. */
export interface RouteRow {
  readonly subject: SubjectId
  readonly port: number
  readonly allocation: AllocationId
  readonly host: string
  readonly targetPort: number
}

/** Opens a route, or moves it. */
export async function upsertRoute(tx: Tx, row: RouteRow): Promise<boolean> {
  const { numAffectedRows } = await sql`insert into route (subject, port, allocation, host, target_port)
    values (${row.subject}, ${row.port}, ${row.allocation}, ${row.host}, ${row.targetPort})
    on conflict on constraint route_pkey do update set allocation = excluded.allocation, host = excluded.host,
      target_port = excluded.target_port
      where (route.allocation, route.host, route.target_port)
        is distinct from (excluded.allocation, excluded.host, excluded.target_port)`.execute(tx.db)
  return (numAffectedRows ?? 0n) > 0n
}

/** Closes all routes of a subject. */
export async function deleteRoutes(tx: Tx, subject: SubjectId): Promise<void> {
  await sql`delete from route where subject = ${subject}`.execute(tx.db)
}

/** The secrets of an allocation's doors. */
export interface DoorRow {
  readonly allocation: AllocationId
  readonly jupyterToken: string
  readonly gatewayKey: string
  readonly gatewayPublicKey: string
}

/** Keeps the secrets of an allocation's doors. */
export async function insertDoor(tx: Tx, row: DoorRow): Promise<void> {
  await sql`insert into door (allocation, jupyter_token, gateway_key, gateway_public_key)
    values (${row.allocation}, ${row.jupyterToken}, ${row.gatewayKey}, ${row.gatewayPublicKey})`.execute(
    tx.db,
  )
}

/** The secrets of an allocation's doors. */
export async function door(tx: Tx, allocation: AllocationId): Promise<DoorRow | null> {
  const { rows } =
    await sql<DoorRow>`select allocation, jupyter_token as "jupyterToken", gateway_key as "gatewayKey",
      gateway_public_key as "gatewayPublicKey" from door where allocation = ${allocation}`.execute(tx.db)
  return rows[0] ?? null
}

/** Forgets them. */
export async function deleteDoor(tx: Tx, allocation: AllocationId): Promise<void> {
  await sql`delete from door where allocation = ${allocation}`.execute(tx.db)
}

/** Instances with a live allocation. */
export async function liveInstances(tx: Tx): Promise<readonly InstanceRow[]> {
  const { rows } = await sql<InstanceRow>`
    select ${columns} from instance where allocation is not null order by id`.execute(tx.db)
  return rows
}

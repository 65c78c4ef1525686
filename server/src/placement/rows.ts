import { sql } from 'kysely'
import type { Line } from '../journal/rules.ts'
import type {
  AllocationId,
  LeaseId,
  NodeId,
  OrganizationId,
  PriceBookId,
  ProjectId,
  SubjectId,
} from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'
import type { NodeStatus } from './nodes.rules.ts'
import type { WaitReason } from './rules.ts'

/** A registered machine. */
export interface NodeRow {
  readonly id: NodeId
  readonly driver: string
  readonly name: string
  readonly engineId: string
  readonly bootId: string
  readonly cpus: number
  readonly memoryGib: number
  readonly diskGib: number
  readonly gpuDriver: string | null
  readonly cudaDriver: string | null
  readonly missing: readonly string[]
  readonly status: NodeStatus
  readonly seenAt: Instant
}

const nodeColumns = sql`id, driver, name, engine_id as "engineId", boot_id as "bootId", cpus,
  memory_gib as "memoryGib", disk_gib as "diskGib", gpu_driver as "gpuDriver", cuda_driver as "cudaDriver",
  missing,
  status, seen_at as "seenAt"`

/** All nodes of a driver, by name. */
export async function nodesOf(tx: Tx, driver: string): Promise<readonly NodeRow[]> {
  const { rows } =
    await sql<NodeRow>`select ${nodeColumns} from node where driver = ${driver} order by name`.execute(tx.db)
  return rows
}

/** All nodes, whoever drives them. */
export async function allNodes(tx: Tx): Promise<readonly NodeRow[]> {
  const { rows } = await sql<NodeRow>`select ${nodeColumns} from node order by name`.execute(tx.db)
  return rows
}

/** Locks the nodes that allocations may go to: whoever gives devices away holds these rows. */
export async function lockReadyNodes(tx: Tx): Promise<readonly NodeRow[]> {
  const { rows } = await sql<NodeRow>`
    select ${nodeColumns} from node where status = 'ready' order by id for update`.execute(tx.db)
  return rows
}

/** One node, locked. */
export async function lockNode(tx: Tx, id: NodeId): Promise<NodeRow | null> {
  const { rows } = await sql<NodeRow>`select ${nodeColumns} from node where id = ${id} for update`.execute(
    tx.db,
  )
  return rows[0] ?? null
}

/** Adds or updates a node; its engine stays the registered one unless `adopt`. */
export async function upsertNode(tx: Tx, row: Omit<NodeRow, 'status'>, adopt: boolean): Promise<void> {
  await sql`insert into node (id, driver, name, engine_id, boot_id, cpus, memory_gib, disk_gib, gpu_driver,
    cuda_driver,
      missing, seen_at, registered_at)
    values (${row.id}, ${row.driver}, ${row.name}, ${row.engineId}, ${row.bootId}, ${row.cpus},
    ${row.memoryGib},
      ${row.diskGib}, ${row.gpuDriver}, ${row.cudaDriver}, ${JSON.stringify(row.missing)}, ${at(row.seenAt)},
      ${at(row.seenAt)})
    on conflict on constraint node_name_unique do update set boot_id = excluded.boot_id, cpus = excluded.cpus,
      memory_gib = excluded.memory_gib, disk_gib = excluded.disk_gib, gpu_driver = excluded.gpu_driver,
      cuda_driver = excluded.cuda_driver, missing = excluded.missing,
      engine_id = case when ${adopt} then excluded.engine_id else node.engine_id end`.execute(tx.db)
}

/** A node answered at this instant; null where it was fenced meanwhile: then nobody asks it anything. */
export async function sawNode(
  tx: Tx,
  node: NodeId,
  bootId: string,
  seenAt: Instant,
): Promise<NodeStatus | null> {
  const { rows } = await sql<{ status: NodeStatus }>`
    update node set seen_at = greatest(seen_at, ${at(seenAt)}), boot_id = ${bootId}
    where id = ${node} and status <> 'fenced' returning status`.execute(tx.db)
  return rows[0]?.status ?? null
}

/** Adds or updates a device of a node. */
export async function upsertDevice(
  tx: Tx,
  row: { id: string; node: NodeId; model: string; memoryMib: number; healthy: boolean },
): Promise<void> {
  await sql`insert into device (id, node, model, memory_mib, healthy)
    values (${row.id}, ${row.node}, ${row.model}, ${row.memoryMib}, ${row.healthy})
    on conflict on constraint device_pkey do update set node = excluded.node, model = excluded.model,
      memory_mib = excluded.memory_mib, healthy = excluded.healthy`.execute(tx.db)
}

/** Devices of a node that its last inventory did not name are no longer healthy. */
export async function missDevices(tx: Tx, node: NodeId, present: readonly string[]): Promise<void> {
  await sql`update device set healthy = false where node = ${node} and not (id = any(${present}))`.execute(
    tx.db,
  )
}

/** What is given away on each node. */
export async function usedByNode(
  tx: Tx,
): Promise<readonly { readonly node: NodeId; readonly cpus: number; readonly memoryGib: number }[]> {
  const { rows } = await sql<{ node: NodeId; cpus: number; memoryGib: number }>`
    select node, sum(cpus)::integer as cpus, sum(memory_gib)::integer as "memoryGib"
    from allocation where released_at is null group by node`.execute(tx.db)
  return rows
}

/** Devices that are well, and that nobody has. */
export async function freeDevices(
  tx: Tx,
): Promise<readonly { readonly id: string; readonly node: NodeId; readonly model: string }[]> {
  const { rows } = await sql<{ id: string; node: NodeId; model: string }>`
    select id, node, model from device where healthy and drained_at is null and not exists
      (select from allocation_device given where given.device = device.id and not given.released)
    order by id`.execute(tx.db)
  return rows
}

/** Devices that are well, whoever has them. */
export async function soundDevices(
  tx: Tx,
): Promise<readonly { readonly id: string; readonly node: NodeId; readonly model: string }[]> {
  const { rows } = await sql<{ id: string; node: NodeId; model: string }>`
    select id, node, model from device where healthy and drained_at is null order by id`.execute(tx.db)
  return rows
}

/** A request in the queue. */
export interface RequestRow {
  readonly subject: SubjectId
  readonly organization: OrganizationId
  readonly project: ProjectId
  readonly flavor: string
  readonly image: string
  readonly version: string
  readonly requestedAt: Instant
  readonly notBefore: Instant | null
  readonly reason: WaitReason | null
  readonly position: number | null
}

const requestColumns = sql`subject, organization, project, flavor, image, version, requested_at as
  "requestedAt",
  not_before as "notBefore", reason, position`

/** Joins the queue at its end; a subject stands in it once. */
export async function insertRequest(tx: Tx, row: Omit<RequestRow, 'reason' | 'position'>): Promise<void> {
  await sql`insert into placement_request
      (subject, organization, project, flavor, image, version, requested_at, not_before)
    values (${row.subject}, ${row.organization}, ${row.project}, ${row.flavor}, ${row.image}, ${row.version},
      ${at(row.requestedAt)}, ${at(row.notBefore)})
    on conflict on constraint placement_request_pkey do nothing`.execute(tx.db)
}

/** Leaves the queue. */
export async function deleteRequest(tx: Tx, subject: SubjectId): Promise<void> {
  await sql`delete from placement_request where subject = ${subject}`.execute(tx.db)
}

/** The queue, first come first. */
export async function requests(tx: Tx): Promise<readonly RequestRow[]> {
  const { rows } = await sql<RequestRow>`
    select ${requestColumns} from placement_request order by requested_at, subject`.execute(tx.db)
  return rows
}

/** The request of a subject. */
export async function requestsOf(tx: Tx, subjects: readonly SubjectId[]): Promise<readonly RequestRow[]> {
  if (subjects.length === 0) return []
  const { rows } = await sql<RequestRow>`
    select ${requestColumns} from placement_request where subject = any(${subjects})`.execute(tx.db)
  return rows
}

/** Says why a request waits, where that changed; true if it did. */
export async function explainRequest(
  tx: Tx,
  subject: SubjectId,
  reason: WaitReason,
  position: number | null,
): Promise<boolean> {
  const { numAffectedRows } =
    await sql`update placement_request set reason = ${reason}, position = ${position}
    where subject = ${subject}
      and (reason is distinct from ${reason} or position is distinct from ${position})`.execute(tx.db)
  return (numAffectedRows ?? 0n) > 0n
}

/** One incarnation of an instance or attempt on one node. */
export interface AllocationRow {
  readonly id: AllocationId
  readonly subject: SubjectId
  readonly organization: OrganizationId
  readonly project: ProjectId
  readonly node: NodeId
  readonly lease: LeaseId
  readonly flavor: string
  readonly cpus: number
  readonly memoryGib: number
  readonly diskGib: number
  readonly imageVersion: string
  readonly priceBook: PriceBookId
  readonly lines: readonly Line[]
  /** The person who asked for the start, and the API key with which; a run's name. */
  readonly askedBy: string
  readonly askedKey: string | null
  readonly job: string | null
  readonly allocatedAt: Instant
  readonly nodeStartedAt: Instant | null
  readonly startedSeenAt: Instant | null
  readonly readyAt: Instant | null
  readonly lastSeenAt: Instant | null
  readonly silentSince: Instant | null
  readonly endedAt: Instant | null
  readonly stage: string | null
  readonly bytesDone: bigint | null
  readonly bytesTotal: bigint | null
  readonly closedAt: Instant | null
  readonly releasedAt: Instant | null
}

const allocationColumns = sql`id, subject, organization, project, node, lease, flavor, cpus,
  memory_gib as "memoryGib", disk_gib as "diskGib", image_version as "imageVersion", price_book as
  "priceBook", lines,
  asked_by as "askedBy", asked_key as "askedKey", job, allocated_at as "allocatedAt",
  node_started_at as "nodeStartedAt", started_seen_at as "startedSeenAt",
  ready_at as "readyAt", last_seen_at as "lastSeenAt", silent_since as "silentSince", ended_at as "endedAt",
  stage,
  bytes_done as "bytesDone", bytes_total as "bytesTotal", closed_at as "closedAt",
  released_at as "releasedAt"`

/** Inserts a fresh allocation. */
export async function insertAllocation(
  tx: Tx,
  row: Pick<
    AllocationRow,
    | 'id'
    | 'subject'
    | 'organization'
    | 'project'
    | 'node'
    | 'lease'
    | 'flavor'
    | 'cpus'
    | 'memoryGib'
    | 'diskGib'
    | 'imageVersion'
    | 'priceBook'
    | 'lines'
    | 'askedBy'
    | 'askedKey'
    | 'job'
    | 'allocatedAt'
  >,
): Promise<void> {
  await sql`insert into allocation (id, subject, organization, project, node, lease, flavor, cpus,
    memory_gib, disk_gib,
      image_version, price_book, lines, asked_by, asked_key, job, allocated_at)
    values (${row.id}, ${row.subject}, ${row.organization}, ${row.project}, ${row.node}, ${row.lease},
    ${row.flavor},
      ${row.cpus}, ${row.memoryGib}, ${row.diskGib}, ${row.imageVersion}, ${row.priceBook},
      ${JSON.stringify(row.lines)}, ${row.askedBy}, ${row.askedKey}, ${row.job},
      ${at(row.allocatedAt)})`.execute(tx.db)
}

/** Gives devices to an allocation; a device that is given already violates `allocation_device_given_once`. */
export async function insertAllocationDevices(
  tx: Tx,
  allocation: AllocationId,
  devices: readonly string[],
): Promise<void> {
  await sql`insert into allocation_device (allocation, device)
    select ${allocation}, unnest(${devices}::text[])`.execute(tx.db)
}

/** The devices of an allocation, in byte order. */
export async function devicesOf(tx: Tx, allocation: AllocationId): Promise<readonly string[]> {
  const { rows } = await sql<{ device: string }>`
    select device from allocation_device where allocation = ${allocation} order by device`.execute(tx.db)
  return rows.map(({ device }) => device)
}

/** One allocation. */
export async function allocation(tx: Tx, id: AllocationId): Promise<AllocationRow | null> {
  const { rows } =
    await sql<AllocationRow>`select ${allocationColumns} from allocation where id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}

/** The same, locked. */
export async function lockAllocation(tx: Tx, id: AllocationId): Promise<AllocationRow | null> {
  const { rows } = await sql<AllocationRow>`
    select ${allocationColumns} from allocation where id = ${id} for update`.execute(tx.db)
  return rows[0] ?? null
}

/** Every allocation of which something may be left on this node. */
export async function liveAllocationsOn(tx: Tx, node: NodeId): Promise<readonly AllocationRow[]> {
  const { rows } = await sql<AllocationRow>`
    select ${allocationColumns} from allocation where released_at is null and node = ${node}
    order by id`.execute(tx.db)
  return rows
}

/** Every allocation of which something may be left on a node. */
export async function liveAllocations(tx: Tx): Promise<readonly AllocationRow[]> {
  const { rows } = await sql<AllocationRow>`
    select ${allocationColumns} from allocation where released_at is null order by id`.execute(tx.db)
  return rows
}

/** All allocations of a subject, oldest first. */
export async function allocationsOf(
  tx: Tx,
  subjects: readonly SubjectId[],
): Promise<readonly AllocationRow[]> {
  if (subjects.length === 0) return []
  const { rows } = await sql<AllocationRow>`select ${allocationColumns} from allocation
    where subject = any(${subjects}) order by allocated_at, id`.execute(tx.db)
  return rows
}

/** Sightings of one look, for all allocations that nothing else is to be said of. */
export async function saw(tx: Tx, ids: readonly AllocationId[], seenAt: Instant): Promise<void> {
  await sql`update allocation set last_seen_at = greatest(last_seen_at, ${at(seenAt)}), silent_since = null
    where id = any(${ids}) and released_at is null`.execute(tx.db)
}

/** First seen started. */
export async function sawStarted(
  tx: Tx,
  id: AllocationId,
  nodeStartedAt: Instant,
  seenAt: Instant,
): Promise<void> {
  await sql`update allocation set node_started_at = ${at(nodeStartedAt)}, started_seen_at = ${at(seenAt)}
    where id = ${id} and node_started_at is null`.execute(tx.db)
}

/** The journal now tells of a silence that began after this sighting. */
export async function sawSilence(tx: Tx, id: AllocationId, since: Instant): Promise<void> {
  await sql`update allocation set silent_since = ${at(since)} where id = ${id}`.execute(tx.db)
}

/** Stage and bytes of a preparation, where they changed; true if they did. */
export async function sawStage(
  tx: Tx,
  id: AllocationId,
  stage: string,
  bytesDone: bigint | null,
  bytesTotal: bigint | null,
): Promise<boolean> {
  const { numAffectedRows } = await sql`update allocation
    set stage = ${stage}, bytes_done = ${bytesDone}, bytes_total = ${bytesTotal}
    where id = ${id} and released_at is null and (stage is distinct from ${stage}
      or bytes_done is distinct from ${bytesDone} or bytes_total is distinct from ${bytesTotal})`.execute(
    tx.db,
  )
  return (numAffectedRows ?? 0n) > 0n
}

/** Marks what the journal now says of an allocation. */
export async function markAllocation(
  tx: Tx,
  id: AllocationId,
  mark: 'ready_at' | 'ended_at' | 'closed_at' | 'released_at',
  markedAt: Instant,
): Promise<void> {
  await sql`update allocation set ${sql.ref(mark)} = ${at(markedAt)}
    where id = ${id} and ${sql.ref(mark)} is null`.execute(tx.db)
}

/** Its devices are free again. */
export async function releaseDevices(tx: Tx, id: AllocationId): Promise<void> {
  await sql`update allocation_device set released = true where allocation = ${id}`.execute(tx.db)
}

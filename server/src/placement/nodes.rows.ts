import { sql } from 'kysely'
import type { AllocationId, NodeId, OrganizationId, ProjectId, SubjectId } from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'
import type { NodeStatus } from './nodes.rules.ts'

export async function updateStatus(tx: Tx, node: NodeId, status: NodeStatus): Promise<void> {
  await sql`update node set status = ${status} where id = ${node}`.execute(tx.db)
}

/** A device as an operator sees it. */
export interface DeviceRow {
  readonly id: string
  readonly node: NodeId
  readonly model: string
  readonly memoryMib: number
  /** By its driver's last word. */
  readonly healthy: boolean
  readonly drainedAt: Instant | null
  /** Why it is drained; null where it is not. */
  readonly drainedWhy: string | null
  /** The unreleased allocation that has it. */
  readonly allocation: AllocationId | null
}

const deviceColumns = sql`device.id, device.node, device.model, device.memory_mib as "memoryMib",
  device.healthy, device.drained_at as "drainedAt", device.drained_why as "drainedWhy",
  (select given.allocation from allocation_device given
    where given.device = device.id and not given.released) as allocation`

export async function selectDevices(tx: Tx): Promise<readonly DeviceRow[]> {
  const { rows } = await sql<DeviceRow>`
    select ${deviceColumns} from device order by device.node, device.id`.execute(tx.db)
  return rows
}

export async function selectDevice(tx: Tx, id: string): Promise<DeviceRow | null> {
  const { rows } = await sql<DeviceRow>`
    select ${deviceColumns} from device where device.id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}

export async function updateDrained(
  tx: Tx,
  device: string,
  drained: { readonly at: Instant; readonly why: string } | null,
): Promise<void> {
  await sql`update device set drained_at = ${at(drained?.at ?? null)}, drained_why = ${drained?.why ?? null}
    where id = ${device}`.execute(tx.db)
}

/** An allocation with the devices that it has or had. */
export interface NodeAllocationRow {
  readonly id: AllocationId
  readonly subject: SubjectId
  readonly organization: OrganizationId
  readonly project: ProjectId
  readonly flavor: string
  readonly devices: readonly string[]
  readonly allocatedAt: Instant
  readonly readyAt: Instant | null
  readonly lastSeenAt: Instant | null
  readonly closedAt: Instant | null
  readonly releasedAt: Instant | null
}

/** A page of what was on a machine, newest first. */
export async function selectNodeAllocations(
  tx: Tx,
  node: NodeId,
  after: { readonly allocatedAt: Instant; readonly id: string } | null,
  limit: number,
): Promise<readonly NodeAllocationRow[]> {
  const { rows } = await sql<NodeAllocationRow>`
    select id, subject, organization, project, flavor,
      array(select device from allocation_device given where given.allocation = allocation.id
        order by device) as devices,
      allocated_at as "allocatedAt", ready_at as "readyAt", last_seen_at as "lastSeenAt",
      closed_at as "closedAt", released_at as "releasedAt"
    from allocation
    where node = ${node} and (${after?.id ?? null}::text is null
      or (allocated_at, id) < (${at(after?.allocatedAt ?? null)}::timestamptz, ${after?.id ?? ''}))
    order by allocated_at desc, id desc limit ${limit}`.execute(tx.db)
  return rows
}

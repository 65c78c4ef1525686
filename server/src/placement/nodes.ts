import { AppError, notFound } from '../kernel/errors.ts'
import type { NodeId } from '../kernel/ids.ts'
import type { Tx } from '../store/store.ts'
import * as rows from './nodes.rows.ts'
import { type NodeEvent, nodeTable } from './nodes.rules.ts'
import { lockNode, type NodeRow } from './rows.ts'

export type { DeviceRow, NodeAllocationRow } from './nodes.rows.ts'
export { selectDevices as devices, selectNodeAllocations as allocationsOn } from './nodes.rows.ts'

/**
 * Tells a machine's status of what was asked or seen; answers it as it then is. Locks the node, which comes
 * after subjects and volumes and before allocations. Refuses a fence of what is not draining (`conflict`).
 */
export async function tellNode(tx: Tx, id: NodeId, event: NodeEvent): Promise<NodeRow> {
  const node = await lockNode(tx, id)
  if (!node) throw notFound('node', id)
  const next = nodeTable[event][node.status]
  if (next === 'same') return node
  if (next === 'refused')
    throw new AppError(
      'conflict',
      `Somebody made the node ${node.name} ${node.status} meanwhile. Look again, then decide again.`,
    )
  await rows.updateStatus(tx, id, next)
  await tx.notify('placement')
  await tx.notify('nodes')
  return { ...node, status: next }
}

/** A device as it is now, and whether that is new. */
export interface ChangedDevice {
  readonly isNew: boolean
  readonly device: rows.DeviceRow
}

/**
 * From now on the device is given to nobody; whoever has it keeps it. Again says nothing new. Locks its node,
 * as whoever gives devices away does.
 */
export async function drainDevice(tx: Tx, id: string, why: string): Promise<ChangedDevice> {
  const device = await lockDevice(tx, id)
  if (device.drainedAt !== null) return { isNew: false, device }
  const drained = { at: await tx.now(), why }
  await rows.updateDrained(tx, id, drained)
  return { isNew: true, device: { ...device, drainedAt: drained.at, drainedWhy: why } }
}

/** An operator says that the device is well: it may be given again, where its driver says so as well. */
export async function makeDeviceReady(tx: Tx, id: string): Promise<ChangedDevice> {
  const device = await lockDevice(tx, id)
  if (device.drainedAt === null) return { isNew: false, device }
  await rows.updateDrained(tx, id, null)
  await tx.notify('placement')
  return { isNew: true, device: { ...device, drainedAt: null, drainedWhy: null } }
}

async function lockDevice(tx: Tx, id: string): Promise<rows.DeviceRow> {
  const found = await rows.selectDevice(tx, id)
  if (!found) throw notFound('device', id)
  await lockNode(tx, found.node)
  // Under the lock: it may have been drained meanwhile.
  return (await rows.selectDevice(tx, id)) ?? found
}

import { type FlavorShape, flavorsOf, memoryGibReserved } from '../catalog/flavors.rules.ts'
import { flavors, offerFlavors } from '../catalog/catalog.ts'
import type {
  AllocationId,
  LeaseId,
  NodeId,
  OrganizationId,
  PriceBookId,
  ProjectId,
  SubjectId,
} from '../kernel/ids.ts'
import { derivedId } from '../kernel/ids.ts'
import type { Line } from '../journal/rules.ts'
import type { Instant } from '../kernel/time.ts'
import type { NodeFact, RegisteredNode } from '../runtime/driver.ts'
import type { Tx } from '../store/store.ts'
import { selectDevices } from './nodes.rows.ts'
import * as rows from './rows.ts'
import { type Choice, choose, type Room } from './rules.ts'

export type { AllocationRow, NodeRow, RequestRow } from './rows.ts'
export {
  allNodes,
  allocation,
  allocationsOf,
  deleteRequest,
  devicesOf,
  explainRequest,
  insertRequest as queue,
  liveAllocations,
  liveAllocationsOn,
  lockAllocation,
  lockNode,
  markAllocation,
  nodesOf,
  requests,
  requestsOf,
  saw,
  sawNode,
  sawSilence,
  sawStage,
  sawStarted,
} from './rows.ts'

/** The nodes that a driver is to be asked about: one that is fenced is asked nothing. */
export async function registeredNodes(tx: Tx, driver: string): Promise<readonly RegisteredNode[]> {
  const nodes = (await rows.nodesOf(tx, driver)).filter(({ status }) => status !== 'fenced')
  return nodes.map(({ id, name, engineId }) => ({ id, name, engineId }))
}

/**
 * Writes down what an inventory said and offers the flavors that follow. A node's engine stays the one that
 * was registered while anything of ours may live on it; an empty node takes the engine it answers with. What
 * a fenced node says is not heard.
 */
export async function registerNodes(tx: Tx, driver: string, seen: readonly NodeFact[]): Promise<void> {
  const now = await tx.now()
  const live = await rows.liveAllocations(tx)
  const known = await rows.nodesOf(tx, driver)
  const fenced = known.filter(({ status }) => status === 'fenced').map(({ name }) => name)
  const facts = seen.filter(({ name }) => !fenced.includes(name))
  for (const fact of facts) {
    const id =
      known.find(({ name }) => name === fact.name)?.id ?? derivedId('node', driver, fact.name, fact.engineId)
    const adopt = !live.some(({ node }) => node === id)
    const { name, engineId, bootId, cpus, gpuDriver, cudaDriver, missing } = fact
    // A GiB that is not whole is not given away.
    const [memoryGib, diskGib] = [Math.floor(fact.memoryGib), Math.floor(fact.diskGib)]
    await rows.upsertNode(
      tx,
      {
        id,
        driver,
        name,
        engineId,
        bootId,
        cpus,
        memoryGib,
        diskGib,
        gpuDriver,
        cudaDriver,
        missing,
        seenAt: now,
      },
      adopt,
    )
    for (const { id: device, model, memoryMib, healthy } of fact.devices)
      await rows.upsertDevice(tx, { id: device, node: id, model, memoryMib, healthy })
    await rows.missDevices(
      tx,
      id,
      fact.devices.map((device) => device.id),
    )
  }
  const shapes = new Map<string, FlavorShape>()
  for (const fact of facts)
    for (const shape of flavorsOf({ ...fact, memoryGib: Math.floor(fact.memoryGib) }))
      shapes.set(shape.id, shape)
  const away = await carriedByOthers(
    tx,
    driver,
    facts.map(({ name }) => name),
  )
  for (const shape of await flavors(tx))
    if (away.has(shape.id) && !shapes.has(shape.id)) shapes.set(shape.id, shape)
  await offerFlavors(tx, [...shapes.values()])
  await tx.notify('placement')
}

/**
 * The flavors of registered nodes other than these. A node that does not answer just now is still ours:
 * what waits for it goes on waiting, and what it carries stays on offer as it is.
 */
async function carriedByOthers(
  tx: Tx,
  driver: string,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const nodes = (await rows.nodesOf(tx, driver)).filter(({ status }) => status !== 'fenced')
  const devices = (await selectDevices(tx)).filter(({ healthy }) => healthy)
  const others = nodes.filter(({ name }) => !names.includes(name))
  const shapes = others.flatMap((node) =>
    flavorsOf({ ...node, devices: devices.filter((device) => device.node === node.id) }),
  )
  return new Set(shapes.map(({ id }) => id))
}

/**
 * What is free on every node that takes allocations; `locked` holds the nodes so that nobody else gives it
 * away.
 */
export async function roomsFree(tx: Tx, locked: boolean): Promise<readonly Room[]> {
  const nodes = locked ? await rows.lockReadyNodes(tx) : await rows.allNodes(tx)
  const used = await rows.usedByNode(tx)
  const devices = await rows.freeDevices(tx)
  return nodes
    .filter(({ status }) => status === 'ready')
    .map(({ id, cpus, memoryGib }) => {
      const taken = used.find(({ node }) => node === id)
      return {
        node: id,
        cpusFree: cpus - (taken?.cpus ?? 0),
        memoryGibFree: memoryGib - memoryGibReserved - (taken?.memoryGib ?? 0),
        devices: devices.filter(({ node }) => node === id),
      }
    })
}

/** The same as if nothing ran there: what could ever be free while things are as they are. */
export async function roomsEmpty(tx: Tx): Promise<readonly Room[]> {
  const nodes = (await rows.allNodes(tx)).filter(({ status }) => status === 'ready')
  const devices = await rows.soundDevices(tx)
  return nodes.map(({ id, cpus, memoryGib }) => ({
    node: id,
    cpusFree: cpus,
    memoryGibFree: memoryGib - memoryGibReserved,
    devices: devices.filter(({ node }) => node === id),
  }))
}

/** Room for a flavor now, with the nodes held until the transaction ends; null where there is none. */
export async function findRoom(tx: Tx, flavor: FlavorShape, pinned: NodeId | null): Promise<Choice | null> {
  return choose(await roomsFree(tx, true), flavor, pinned)
}

/**
 * Whether a flavor would find room if nothing ran. Where it would not (its volume's machine is drained or
 * fenced, too few devices are well), it waits without keeping anybody behind it.
 */
export async function couldFit(tx: Tx, flavor: FlavorShape, pinned: NodeId | null): Promise<boolean> {
  return choose(await roomsEmpty(tx), flavor, pinned) !== null
}

/** How often a flavor fits into what is free now. */
export function timesItFits(rooms: readonly Room[], flavor: FlavorShape): number {
  const fits = rooms.map(({ cpusFree, memoryGibFree, devices }) => {
    const byShape = Math.min(Math.floor(cpusFree / flavor.cpus), Math.floor(memoryGibFree / flavor.memoryGib))
    if (flavor.gpuCount === 0) return byShape
    const ofModel = devices.filter(({ model }) => model === flavor.gpuModel).length
    return Math.min(byShape, Math.floor(ofModel / flavor.gpuCount))
  })
  return fits.reduce((sum, count) => sum + Math.max(0, count), 0)
}

/** An allocation to be written down. */
export interface NewAllocation {
  readonly id: AllocationId
  readonly subject: SubjectId
  readonly organization: OrganizationId
  readonly project: ProjectId
  readonly lease: LeaseId
  readonly flavor: FlavorShape
  readonly imageVersion: string
  readonly priceBook: PriceBookId
  readonly lines: readonly Line[]
  readonly askedBy: string
  readonly askedKey: string | null
  readonly job: string | null
  readonly allocatedAt: Instant
}

/** Gives the chosen devices away; the subject leaves the queue. */
export async function give(tx: Tx, choice: Choice, fresh: NewAllocation): Promise<void> {
  const { flavor, ...row } = fresh
  const { cpus, memoryGib, diskGib } = flavor
  await rows.insertAllocation(tx, { ...row, node: choice.node, flavor: flavor.id, cpus, memoryGib, diskGib })
  await rows.insertAllocationDevices(tx, fresh.id, choice.devices)
  await rows.deleteRequest(tx, fresh.subject)
}

/** Nothing of the allocation is left on its node: its devices are free. */
export async function release(tx: Tx, id: AllocationId, releasedAt: Instant): Promise<void> {
  await rows.markAllocation(tx, id, 'released_at', releasedAt)
  await rows.releaseDevices(tx, id)
  await tx.notify('placement')
}

import { recordReleased } from '../compute/allocations.ts'
import { instanceLifecycle } from '../compute/compute.ts'
import { recordFault, type ReportedFault } from '../compute/faults.ts'
import type { RecordedFault } from '../compute/faults.rules.ts'
import { lock as lockJournal } from '../journal/journal.ts'
import { AppError, notFound } from '../kernel/errors.ts'
import type { AllocationId, NodeId, SubjectId } from '../kernel/ids.ts'
import { formatInstant, type Instant } from '../kernel/time.ts'
import { tellNode } from '../placement/nodes.ts'
import { isSilent } from '../placement/nodes.rules.ts'
import * as placement from '../placement/placement.ts'
import * as storage from '../storage/storage.ts'
import type { Tx } from '../store/store.ts'
import { runLifecycle } from './jobs.ts'

/*
 * What an operator does to what lives on a machine, instances and runs alike. It stands in this room because
 * it is the leftmost that knows both.
 */

function isInstance(subject: SubjectId): boolean {
  return subject.startsWith('ins_')
}

/** An operator reports a fault of an allocation; see `recordFault`. Refuses one that is not there. */
export async function reportFault(
  tx: Tx,
  id: AllocationId,
  reported: ReportedFault,
): Promise<{ readonly isNew: boolean; readonly fault: RecordedFault }> {
  const found = await placement.allocation(tx, id)
  if (!found) throw notFound('allocation', id)
  return isInstance(found.subject)
    ? recordFault(tx, instanceLifecycle, id, reported)
    : recordFault(tx, runLifecycle, id, reported)
}

/** What became of a fence. */
export interface Fenced {
  readonly node: placement.NodeRow
  /** Allocations that were released by it. */
  readonly released: readonly AllocationId[]
}

/** The first half of a fence: drains the node, in a transaction of its own. Refuses what answers. */
export async function beginFence(tx: Tx, id: NodeId): Promise<void> {
  const node = await placement.lockNode(tx, id)
  if (!node) throw notFound('node', id)
  if (node.status === 'fenced') return
  requireSilent(node, await tx.now())
  await tellNode(tx, id, 'drain_asked')
}

/**
 * An operator vouches that a machine is off: everything on it is released, each at its last sighting, and
 * nobody asks the machine anything until it is made ready again. `beginFence` has drained it, so nothing new
 * arrives; where somebody made it ready in between it is refused (`conflict`), and where it answers as well
 * (`invalid_state`): what answers is not off, and two copies of one machine would write one volume. Again is
 * harmless.
 */
export async function fence(tx: Tx, id: NodeId): Promise<Fenced> {
  const live = await placement.liveAllocationsOn(tx, id)
  // Every lock that what follows takes, in the order of the house: two fences, or a fence and a stop, never
  // wait for each other in a circle.
  for (const subject of live.map((one) => one.subject).toSorted()) await lockSubject(tx, subject)
  for (const { subject } of live) await storage.lockAttached(tx, subject)
  const node = await tellNode(tx, id, 'fence_asked')
  for (const { id: allocation } of live) await placement.lockAllocation(tx, allocation)
  requireSilent(node, await tx.now())
  for (const organization of [...new Set(live.map((one) => one.organization))].toSorted())
    await lockJournal(tx, organization)
  const info = { actor: 'operator', detail: `its machine ${node.name} is off` }
  for (const { id: allocation, subject } of live)
    await (isInstance(subject)
      ? recordReleased(tx, instanceLifecycle, subject, allocation, info)
      : recordReleased(tx, runLifecycle, subject, allocation, info))
  return { node, released: live.map((one) => one.id) }
}

async function lockSubject(tx: Tx, subject: SubjectId): Promise<void> {
  await (isInstance(subject) ? instanceLifecycle.lock(tx, subject) : runLifecycle.lock(tx, subject))
}

function requireSilent({ name, seenAt }: placement.NodeRow, now: Instant): void {
  if (isSilent({ seenAt }, now)) return
  throw new AppError(
    'invalid_state',
    `The node ${name} answered at ${formatInstant(seenAt)}: what answers is not off. Drain it and stop ` +
      'what runs on it, or turn the machine off and ask again after a minute.',
  )
}

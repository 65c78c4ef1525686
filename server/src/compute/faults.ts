import { eventsOf } from '../journal/journal.ts'
import { AppError, invariant, notFound } from '../kernel/errors.ts'
import type { AllocationId } from '../kernel/ids.ts'
import { formatInstant, type Instant } from '../kernel/time.ts'
import { stateOf } from '../metering/metering.ts'
import { drainDevice } from '../placement/nodes.ts'
import * as placement from '../placement/placement.ts'
import type { Tx } from '../store/store.ts'
import { type EventInfo, type Lifecycle, recordUsage, type Subject } from './allocations.ts'
import { tell } from './compute.ts'
import { faultText, type RecordedFault, toldBefore } from './faults.rules.ts'

/** A fault that somebody reports. */
export interface ReportedFault {
  /** When it began, from `allocated` until now; null: now. */
  readonly at: Instant | null
  readonly evidence: string
  /** The device of the allocation that is at fault, to be drained; null: it is not one of them. */
  readonly device: string | null
}

/**
 * A fault was found on an allocation that lives, or lived: its paid time ends for good where the fault began,
 * the next settlement gives back what was charged beyond, and whoever lives by it now is stopped. Of one that
 * was released already the subject's history tells, and nothing else of it changes. The same again answers
 * what is on record. Refuses an instant that is not the allocation's, and a device that it was not given
 * (`invalid_request`).
 */
export async function recordFault<S extends Subject>(
  tx: Tx,
  life: Lifecycle<S>,
  id: AllocationId,
  reported: ReportedFault,
): Promise<{ readonly isNew: boolean; readonly fault: RecordedFault }> {
  const found = await placement.allocation(tx, id)
  if (!found) throw notFound('allocation', id)
  const subject = await life.lock(tx, found.subject)
  invariant(subject, 'an allocation has a subject', { allocation: id })
  const { device, evidence } = reported
  if (device !== null) {
    await requireGiven(tx, id, device)
    await drainDevice(tx, device, evidence)
  }
  const allocation = await placement.lockAllocation(tx, id)
  invariant(allocation, 'an allocation stays', { allocation: id })
  const now = await tx.now()
  const at = reported.at ?? now
  requireWithin(at, allocation.allocatedAt, now)
  const told = toldBefore(await eventsOf(tx, id), { at, evidence })
  if (told) return { isNew: false, fault: told }
  const before = await stateOf(tx, id)
  const { recordedAt } = await recordUsage(tx, allocation, [{ type: 'fault', at, data: { evidence } }])
  const info: EventInfo = {
    actor: 'operator',
    detail: faultText({ at, evidence }),
    closedForGood: before.closedForGood,
  }
  if (subject.allocation === id) await life.advance(tx, subject, 'fault_found', info)
  else await tellOfPast(tx, subject, id, info)
  return { isNew: true, fault: { at, evidence, recordedAt } }
}

/** It is over: people read of it, and nothing is what it was not. */
async function tellOfPast(tx: Tx, subject: Subject, id: AllocationId, info: EventInfo): Promise<void> {
  const { state, intent } = subject
  await tell(tx, subject.id, { event: 'fault_found', from: state, to: state, intent }, id, info)
}

async function requireGiven(tx: Tx, id: AllocationId, device: string): Promise<void> {
  const given = await placement.devicesOf(tx, id)
  if (given.includes(device)) return
  const what = given.length === 0 ? 'It was given none.' : `It was given ${given.join(', ')}.`
  throw refused('/device', `${device} is no device of ${id}. ${what}`, 'is no device of the allocation')
}

function requireWithin(at: Instant, allocatedAt: Instant, now: Instant): void {
  if (at > now)
    throw refused(
      '/at',
      `${formatInstant(at)} is still to come. Say when the fault began.`,
      'must not be in the future',
    )
  if (at < allocatedAt)
    throw refused(
      '/at',
      `The allocation began at ${formatInstant(allocatedAt)}. A fault that began before has that instant.`,
      `must not be before ${formatInstant(allocatedAt)}`,
    )
}

function refused(pointer: string, what: string, message: string): AppError {
  return new AppError('invalid_request', what, undefined, [{ pointer, message }])
}

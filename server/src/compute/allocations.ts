import type { FlavorShape } from '../catalog/flavors.rules.ts'
import type { AllocationId, OrganizationId, PriceBookId, ProjectId, SubjectId } from '../kernel/ids.ts'
import { formatInstant, type Instant, later } from '../kernel/time.ts'
import { type Metered, record, stateOf } from '../metering/metering.ts'
import type { Line, NewEvent } from '../journal/rules.ts'
import { emit } from '../notices/notices.ts'
import * as placement from '../placement/placement.ts'
import type { Choice } from '../placement/rules.ts'
import * as storage from '../storage/storage.ts'
import type { Tx } from '../store/store.ts'
import {
  type Finding,
  findingsOf,
  isCleanExit,
  type Look,
  type LookTimes,
  type UsageToWrite,
  type Watched,
} from './allocations.rules.ts'
import { openLease, refreshLease } from './leases.ts'
import type { Asked, Purse } from './purses.rules.ts'
import type { EventContext, LifecycleEvent } from './rules.ts'

/** Who or what an event comes from, and what it says; shown to people. */
export interface EventInfo extends EventContext {
  readonly actor: string
  readonly detail?: string
  readonly exit?: {
    readonly exitCode: number | null
    readonly signal: string | null
    readonly outOfMemory: boolean
  }
}

/** What instances and runs have in common: they live by allocations. */
export interface Subject {
  readonly id: SubjectId
  readonly organization: OrganizationId
  readonly project: ProjectId
  readonly state: string
  readonly intent: string
  readonly allocation: AllocationId | null
}

/** How one kind of subject is locked and moved on; instances and runs each have one. */
export interface Lifecycle<S extends Subject> {
  readonly purpose: 'instance' | 'attempt'
  lock(tx: Tx, id: SubjectId): Promise<S | null>
  /** Moves the subject by one event; answers it as it then is. */
  advance(tx: Tx, subject: S, event: LifecycleEvent, info: EventInfo): Promise<S>
  /** Whose wish it is that the subject runs: what the scope of a budget is judged by. */
  asked(subject: S): Asked
}

/** Gives the chosen devices to a subject: money is held, the journal begins. */
export async function allocate<S extends Subject>(
  tx: Tx,
  life: Lifecycle<S>,
  subject: S,
  given: {
    choice: Choice
    flavor: FlavorShape
    lines: readonly Line[]
    imageVersion: string
    book: PriceBookId
    purses: readonly Purse[]
  },
): Promise<{ ok: true; allocation: AllocationId } | { ok: false; shortfall: bigint; purse: Purse['name'] }> {
  const { choice, flavor, lines, imageVersion, book, purses } = given
  const id = tx.newId('allocation')
  const { organization, project } = subject
  const by = life.asked(subject)
  const lease = await openLease(tx, { organization, allocation: id, lines, book, by, purses })
  if (!lease.ok) return { ok: false, shortfall: lease.shortfall, purse: lease.purse }
  const metered = await record(tx, id, organization, [
    {
      type: 'allocated',
      at: 'now',
      data: { for: subject.id, rank: 0, project, flavor: flavor.id, priceBook: book, lines },
    },
  ])
  await placement.give(tx, choice, {
    id,
    subject: subject.id,
    organization,
    project,
    lease: lease.lease,
    flavor,
    imageVersion,
    priceBook: book,
    lines,
    askedBy: by.askedBy,
    askedKey: by.askedKey,
    job: by.job,
    allocatedAt: metered.recordedAt,
  })
  await life.advance(tx, { ...subject, allocation: id }, 'allocated', {
    actor: 'placer',
    detail: `on ${choice.node}`,
  })
  await tx.notify('compute')
  return { ok: true, allocation: id }
}

/** What the events of an allocation have come to, with those that were just appended. */
interface Recorded extends Metered {
  /** The money of its lease turned out not to reach as far as the events do: `lease_ended` was recorded. */
  readonly isUsedUp: boolean
}

/** Appends usage events of an allocation, and brings its marks and its lease up to date. */
export async function recordUsage(
  tx: Tx,
  allocation: placement.AllocationRow,
  events: readonly NewEvent[],
): Promise<Recorded> {
  const metered = await record(tx, allocation.id, allocation.organization, events)
  const { recordedAt } = metered
  const { usedUpAt } = await refreshLease(tx, allocation.lease)
  if (metered.everReady) await placement.markAllocation(tx, allocation.id, 'ready_at', recordedAt)
  if (metered.closedForGood || usedUpAt !== null)
    await placement.markAllocation(tx, allocation.id, 'closed_at', recordedAt)
  const endedAt = usedUpAt ?? leaseEndedAt(events)
  if (endedAt !== null) await tellUsedUp(tx, allocation, endedAt)
  await tx.notify('billing')
  return { ...metered, isUsedUp: usedUpAt !== null }
}

function leaseEndedAt(events: readonly NewEvent[]): Instant | null {
  const ended = events.find(({ type }) => type === 'lease_ended')
  return ended === undefined || ended.at === 'now' ? null : ended.at
}

async function tellUsedUp(tx: Tx, row: placement.AllocationRow, endedAt: Instant): Promise<void> {
  const { id: allocation, organization, project, subject } = row
  const data = { allocation, endedAt: formatInstant(endedAt) }
  await emit(tx, { organization, project, type: 'lease.ended', subject, data, once: [allocation] })
}

/** The end of what the money of a lease paid for. */
const usedUp: EventInfo = { actor: 'lease_keeper', detail: 'the money for it was used up' }

/** What a stop that anyone but the lease keeper asked for means for the bill: free from now on. */
export async function recordStop(
  tx: Tx,
  allocationId: AllocationId,
  reason: 'customer' | 'idle' | 'schedule' | 'time_limit' | 'operator',
  stopAt: Instant | 'now' = 'now',
): Promise<void> {
  const allocation = await placement.lockAllocation(tx, allocationId)
  if (!allocation || allocation.closedAt !== null) return
  await recordUsage(tx, allocation, [{ type: 'stop_accepted', at: stopAt, data: { reason } }])
}

/**
 * The money of the lease was used up at this second: the journal says so, and the subject is stopped. `why`
 * is for the person: which budget or limit it was, where it was not the wallet.
 */
export async function endLease<S extends Subject>(
  tx: Tx,
  life: Lifecycle<S>,
  id: SubjectId,
  allocationId: AllocationId,
  usedUpAt: Instant,
  why: string | null = null,
): Promise<void> {
  const subject = await life.lock(tx, id)
  if (subject?.allocation !== allocationId || subject.state !== 'running') return
  const allocation = await placement.lockAllocation(tx, allocationId)
  if (!allocation || allocation.closedAt !== null) return
  await recordUsage(tx, allocation, [{ type: 'lease_ended', at: usedUpAt, data: {} }])
  await life.advance(tx, subject, 'stop_requested', why === null ? usedUp : { ...usedUp, detail: why })
}

/**
 * Writes what one look at a live allocation means; applies the observer's law under the locks, so a look that
 * came too late writes nothing. Answers the state it left the subject in; null where the allocation is no
 * longer its.
 */
export async function learn<S extends Subject>(
  tx: Tx,
  life: Lifecycle<S>,
  id: SubjectId,
  allocationId: AllocationId,
  look: Look,
  times: Omit<LookTimes, 'now'>,
): Promise<string | null> {
  let subject = await life.lock(tx, id)
  if (!subject || subject.allocation !== allocationId) return null
  const allocation = await placement.lockAllocation(tx, allocationId)
  if (!allocation || allocation.releasedAt !== null) return null
  const metered = await stateOf(tx, allocationId)
  const devices = await placement.devicesOf(tx, allocationId)
  const watched = watchedOf(life.purpose, subject.state, allocation, metered, devices.length > 0)
  const now = await tx.now()
  for (const finding of findingsOf(watched, look, { ...times, now })) {
    if (finding.write === 'event') {
      const exit = finding.exit ? { exit: finding.exit } : {}
      subject = await life.advance(tx, subject, finding.event, {
        actor: 'observer',
        ...exit,
        ...(finding.why ? { detail: finding.why } : {}),
        elsewhere: finding.elsewhere ?? false,
        // An end sets no outcome where an earlier event had closed the allocation already.
        closedForGood: metered.closedForGood,
        exitedCleanly: finding.exit ? isCleanExit(finding.exit, subject.state === 'stopping') : false,
      })
    } else if ((await applyFinding(tx, allocation, finding)) && subject.state === 'running') {
      // A gap has shown that the money did not reach to the last sighting, before the lease keeper could.
      subject = await life.advance(tx, subject, 'stop_requested', usedUp)
    }
  }
  return subject.state
}

/** The platform is told to stop: until its next start nobody looks, so it is free from the last sighting. */
export async function recordLeave<S extends Subject>(
  tx: Tx,
  life: Lifecycle<S>,
  id: SubjectId,
  allocationId: AllocationId,
): Promise<void> {
  const subject = await life.lock(tx, id)
  if (subject?.allocation !== allocationId || subject.state !== 'running') return
  const allocation = await placement.lockAllocation(tx, allocationId)
  const last = allocation?.lastSeenAt ?? null
  if (!allocation || last === null || allocation.silentSince !== null || allocation.endedAt !== null) return
  const { openSince } = await stateOf(tx, allocationId)
  const at = later(last, openSince ?? last)
  const { isUsedUp } = await recordUsage(tx, allocation, [{ type: 'contact_lost', at, data: {} }])
  await placement.sawSilence(tx, allocationId, last)
  if (isUsedUp) await life.advance(tx, subject, 'stop_requested', usedUp)
  else
    await life.advance(tx, subject, 'contact_lost', { actor: 'observer', detail: 'the platform was stopped' })
}

function usageOf(event: UsageToWrite): NewEvent {
  switch (event.type) {
    case 'exited': {
      const { exitCode, signal, outOfMemory } = event.exit
      return { type: event.type, at: event.at, data: { exitCode, signal, outOfMemory } }
    }
    case 'seen_again':
      return { type: event.type, at: 'now', data: {} }
    case 'ready':
    case 'contact_lost':
      return { type: event.type, at: event.at, data: {} }
  }
}

/**
 * Writes one finding that is not an event of the lifecycle; true where it goes on and its bill may not. What
 * has ended by itself has its outcome from that.
 */
async function applyFinding(
  tx: Tx,
  allocation: placement.AllocationRow,
  finding: Exclude<Finding, { write: 'event' }>,
): Promise<boolean> {
  const { id } = allocation
  switch (finding.write) {
    case 'usage': {
      const { isUsedUp } = await recordUsage(tx, allocation, [usageOf(finding.event)])
      return isUsedUp && finding.event.type !== 'exited'
    }
    case 'sighting':
      await placement.saw(tx, [id], finding.at)
      return false
    case 'silence':
      await placement.sawSilence(tx, id, finding.since)
      return false
    case 'started':
      await placement.sawStarted(tx, id, finding.nodeStartedAt, finding.at)
      return false
    case 'ended':
      await placement.markAllocation(tx, id, 'ended_at', await tx.now())
      return false
  }
}

function watchedOf(
  purpose: 'instance' | 'attempt',
  state: string,
  allocation: placement.AllocationRow,
  metered: Metered,
  hasDevices: boolean,
): Watched {
  return {
    purpose,
    // Only live states have an allocation: a constraint of the table.
    state: state as Watched['state'],
    closedForGood: metered.closedForGood,
    everReady: metered.everReady,
    openSince: metered.openSince,
    allocatedAt: allocation.allocatedAt,
    lastSeenAt: allocation.lastSeenAt,
    nodeStartedAt: allocation.nodeStartedAt,
    silentSince: allocation.silentSince,
    hasEnded: allocation.endedAt !== null,
    hasDevices,
  }
}

/** Nothing of the allocation is left on its node, or the node was fenced. */
export async function recordReleased<S extends Subject>(
  tx: Tx,
  life: Lifecycle<S>,
  id: SubjectId,
  allocationId: AllocationId,
  info: Pick<EventInfo, 'actor' | 'detail'>,
): Promise<void> {
  const subject = await life.lock(tx, id)
  if (!subject || subject.allocation !== allocationId) return
  // What it has mounted is free again below: volumes are locked before money is.
  await storage.lockAttached(tx, id)
  const allocation = await placement.lockAllocation(tx, allocationId)
  if (!allocation || allocation.releasedAt !== null) return
  const before = await stateOf(tx, allocationId)
  const lastSeenAt = allocation.lastSeenAt ?? allocation.allocatedAt
  const lost: NewEvent[] = before.open
    ? [{ type: 'exited', at: lastSeenAt, data: { exitCode: null, signal: null, outOfMemory: false } }]
    : []
  const { recordedAt } = await recordUsage(tx, allocation, [
    ...lost,
    { type: 'released', at: 'now', data: {} },
  ])
  await placement.release(tx, allocationId, recordedAt)
  await life.advance(tx, subject, 'released', { ...info, closedForGood: before.closedForGood })
}

import { costOf } from '../billing/billing.ts'
import type { Clock } from '../kernel/clock.ts'
import { messageOf } from '../kernel/errors.ts'
import { type AllocationId, asId } from '../kernel/ids.ts'
import { minuteMs, type Seconds, secondMs, seconds } from '../kernel/time.ts'
import * as jobs from '../jobs/jobs.ts'
import * as placement from '../placement/placement.ts'
import { DriverError, type RuntimeDriver } from '../runtime/driver.ts'
import type { VolumePool } from '../runtime/volumes.ts'
import { reportCreated } from '../storage/storage.ts'
import type { Store } from '../store/store.ts'
import type { Loop, PassReport } from './loop.ts'
import { homeMount, preparationOf } from './specs.ts'
import { currencyOf, isInstance, type Living, living, prepareFailed } from './subjects.ts'
import type { World } from './world.ts'

/**
 * An image that is on the node starts in seconds; two minutes without an open door is a failure (house.md §6
 * ²).
 */
export const readinessMsMax = 2 * minuteMs
/** Half an hour without a container: nothing that we wait for takes longer. */
export const preparationMsMax = 30 * minuteMs
/** A log that cannot be kept (a full disk) keeps devices and scratch no longer than this after the end. */
export const logPatienceMs = 15 * minuteMs
/** The most that a guest gets to end by itself. */
const graceSecondsMax = 10
/** First and longest pause before a command that failed is asked again. */
const retryMsFirst = secondMs
const retryMsMax = 30 * secondMs

/** What the reconciler works with. */
export interface ReconcilerParts {
  readonly store: Store
  readonly driver: RuntimeDriver
  readonly pool: VolumePool
  readonly world: World
  readonly clock: Clock
  /** Told when something was asked of a node that the observer should look at. */
  readonly nudgeObserver: () => void
  /** Told of commands that failed and will be asked again. */
  readonly onTrouble: (subject: string, what: string, error: unknown) => void
  /**
   * True: a pass does not wait for commands that take long (the grace of a stop). False in the simulation.
   */
  readonly inBackground: boolean
}

/** Makes the world be what the record says: asks for preparations, stops and removals until they are so. */
export function makeReconciler(parts: ReconcilerParts): Loop {
  // One command at a time for each allocation: an end waits for the preparation that is under way.
  const inFlight = new Map<AllocationId, Promise<void>>()
  const retries = new Map<string, { failures: number; notBefore: number }>()

  const run = (verb: string, id: AllocationId, subject: string, work: () => Promise<void>): void => {
    const { clock, onTrouble, nudgeObserver } = parts
    const key = `${verb} ${id}`
    const retry = retries.get(key)
    if (inFlight.has(id) || (retry && retry.notBefore > clock.monotonic())) return
    const done = work()
      .then(() => {
        retries.delete(key)
        nudgeObserver()
      })
      .catch((error: unknown) => {
        const failures = (retries.get(key)?.failures ?? 0) + 1
        const pause = Math.min(retryMsMax, retryMsFirst * 2 ** (failures - 1))
        retries.set(key, { failures, notBefore: clock.monotonic() + pause })
        onTrouble(subject, key, error)
      })
      .finally(() => inFlight.delete(id))
    inFlight.set(id, done)
  }

  return {
    name: 'reconciler',
    everyMs: 1000,
    async pass(signal): Promise<PassReport> {
      const { subjects, live } = await parts.store.read(async (tx) => ({
        subjects: await living(tx),
        live: await placement.liveAllocations(tx),
      }))
      const counts = { preparing: 0, stopping: 0, strangers: parts.world.strangers.size }
      for (const allocation of live) {
        const subject = subjects.get(allocation.id)
        if (subject?.state === 'preparing') {
          counts.preparing += 1
          run('prepare', allocation.id, subject.subject, () => prepare(parts, allocation, subject, signal))
        }
        if (subject?.state === 'stopping') {
          counts.stopping += 1
          run('end', allocation.id, subject.subject, () => end(parts, subject, signal))
        }
      }
      for (const id of parts.world.strangers.keys()) run('expel', id, id, () => expel(parts, id, signal))
      for (const key of retries.keys()) if (!isDue(key, live, parts.world)) retries.delete(key)
      forget(parts.world, live)
      if (!parts.inBackground) await Promise.all(inFlight.values())
      return counts
    },
  }
}

function isDue(key: string, live: readonly placement.AllocationRow[], world: World): boolean {
  const id = key.split(' ')[1] ?? ''
  // The key was made from an allocation's id.
  return live.some((one) => one.id === id) || world.strangers.has(id as AllocationId)
}

/** What an operator released is remembered no longer. */
function forget({ cleaned, ended, halted }: World, live: readonly placement.AllocationRow[]): void {
  for (const known of [cleaned, ended, halted])
    for (const id of known.keys()) if (!live.some((one) => one.id === id)) known.delete(id)
}

/** Home, then container; gives up where the driver says never or elsewhere, or where time is up. */
async function prepare(
  parts: ReconcilerParts,
  allocation: placement.AllocationRow,
  subject: Living,
  signal: AbortSignal,
): Promise<void> {
  const { store, driver, pool } = parts
  const giveUp = (why: string, elsewhere: boolean): Promise<void> =>
    store.transact((tx) => prepareFailed(tx, subject, why, elsewhere))
  const now = await store.read((tx) => tx.now())
  const { startedSeenAt, allocatedAt, nodeStartedAt } = allocation
  if (startedSeenAt !== null && now - startedSeenAt > readinessMsMax)
    return giveUp('its doors did not open within two minutes of its start', false)
  if (startedSeenAt === null && now - allocatedAt > preparationMsMax)
    return giveUp('it could not be started within half an hour', false)
  // It runs: from here on there is only waiting for its doors.
  if (nodeStartedAt !== null) return
  const preparation = await store.read((tx) => preparationOf(tx, allocation))
  if (!preparation) return
  try {
    const { home, spec } = preparation
    const path = home ? (home.path ?? (await pool.create(home.id, home.sizeGib, signal))) : null
    if (home && home.path === null && path !== null)
      await store.transact(async (tx) => {
        const currency = await currencyOf(tx, allocation.organization)
        await reportCreated(tx, home.id, home.node, path, currency)
      })
    await driver.ensure({ ...spec, mounts: path === null ? [] : [homeMount(path)] }, signal)
  } catch (error) {
    if (!(error instanceof DriverError) || error.retry === 'later') throw error
    await giveUp(messageOf(error), error.retry === 'elsewhere')
  }
}

/** Asks it to end, waits for the last line of a run's log, and leaves nothing. */
async function end(parts: ReconcilerParts, subject: Living, signal: AbortSignal): Promise<void> {
  const { store, driver, world } = parts
  const { allocation } = subject
  if (world.cleaned.has(allocation)) return
  const hasEnded = world.ended.has(allocation)
  if (!hasEnded) {
    await driver.halt(allocation, await graceFor(store, allocation), signal)
    if (!world.halted.has(allocation)) world.halted.set(allocation, await store.read((tx) => tx.now()))
  }
  const allocated = await store.read((tx) => placement.allocation(tx, allocation))
  if (!isInstance(subject.subject)) {
    const run = await store.read((tx) => jobs.run(tx, asId('run', subject.subject)))
    const now = await store.read((tx) => tx.now())
    const endedAt = allocated?.endedAt ?? null
    const isHopeless = endedAt !== null && now - endedAt > logPatienceMs
    // The log keeper reads to the end first, and says so; the observer sees the exit in the meantime.
    if (run && !run.logComplete && !isHopeless) return
  }
  // What ended must be seen ended before it is gone: its exit status is part of the record.
  if (allocated?.nodeStartedAt && allocated.endedAt === null) return
  await driver.remove(allocation, signal)
  world.cleaned.set(allocation, await store.read((tx) => tx.now()))
}

/** The seconds that it has paid for, at most ten: a trapped TERM is not free training. */
async function graceFor(store: Store, allocation: AllocationId): Promise<Seconds> {
  const { paidMillis } = await store.read((tx) => costOf(tx, [allocation]))
  return seconds(Math.min(graceSecondsMax, Math.floor(Number(paidMillis) / secondMs)))
}

/** Ends and removes what the record does not know as live; nothing where its node was fenced meanwhile. */
async function expel(parts: ReconcilerParts, id: AllocationId, signal: AbortSignal): Promise<void> {
  const { store, driver, world } = parts
  const node = world.strangers.get(id)
  const { isLive, isAsked } = await store.read(async (tx) => ({
    isLive: (await placement.liveAllocations(tx)).some((one) => one.id === id),
    isAsked: (await placement.registeredNodes(tx, driver.name)).some((one) => one.id === node),
  }))
  if (!isLive && isAsked) {
    await driver.halt(id, seconds(0), signal)
    await driver.remove(id, signal)
  }
  world.strangers.delete(id)
}

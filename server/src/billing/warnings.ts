import { type LeasePayer, runningOf } from '../compute/leases.ts'
import { type Purse, reachOf } from '../compute/purses.rules.ts'
import type { AllocationId, OrganizationId } from '../kernel/ids.ts'
import { earlier, formatInstant, type Instant, instant, minuteMs, secondMs } from '../kernel/time.ts'
import { emit } from '../notices/notices.ts'
import type { Tx } from '../store/store.ts'
import { type Balance, balance } from './billing.ts'
import { purses, whyNotPaid } from './budgets.ts'
import {
  type Ending,
  endingAt,
  endingMsMax,
  lookAgainAt,
  type Threshold,
  verdictOn,
} from './warnings.rules.ts'
import * as rows from './warnings.rows.ts'

export { selectPaying as organizationsPaying } from './warnings.rows.ts'

/**
 * What was recorded while we looked may be committed after: it is dated a little earlier than we looked, and
 * looked at again.
 */
const overlapMs = 5 * secondMs

/** Organizations whose runway is to be looked at now. */
export async function organizationsToWatch(tx: Tx): Promise<readonly OrganizationId[]> {
  return rows.selectToWatch(tx, await tx.now())
}

/** What a look at an organization's money came to. */
export interface Watched {
  /** A warning that was told just now; null: none. */
  readonly told: Threshold | null
  /** Every allocation that is paid for now, and its end where that is near. */
  readonly endings: ReadonlyMap<AllocationId, Ending | null>
}

/**
 * Looks at how long an organization's money lasts, and tells people what they have to know: at 60, 10 and 2
 * minutes and at the end, once for each falling below, and when it lasts again. Storage alone counts too.
 */
export async function watchBalance(tx: Tx, organization: OrganizationId): Promise<Watched> {
  const found = await balance(tx, organization)
  const { asOf, runwayUntil, perHour } = found
  const payers = await runningOf(tx, organization)
  const all = await purses(tx, organization)
  const before = await rows.lockWatch(tx, organization, asOf)
  const until = runwayUntil === null ? null : inWholeSeconds(runwayUntil, asOf)
  const minutes = until === null ? null : (until - asOf) / minuteMs
  const { told, tell, hasRecovered } = verdictOn(before.told, minutes, perHour > 0n)
  if (tell !== null) await warn(tx, organization, found, tell, payers)
  if (hasRecovered) await tellRecovery(tx, organization, found)
  const isWatchedClosely = told !== null || all.length > 0
  await rows.updateWatch(tx, {
    organization,
    lookedAt: instant(asOf - overlapMs),
    lookAt: lookAgainAt(asOf, until, isWatchedClosely),
    told,
    runwayUntil,
  })
  if (tell !== null || hasRecovered) await tx.notify('billing', organization)
  return { told: tell, endings: await endingsOf(tx, payers, all, found) }
}

/** As leases end: a second that is begun is given away, and is not counted on. */
function inWholeSeconds(until: Instant, asOf: Instant): Instant {
  return instant(asOf + Math.floor((until - asOf) / secondMs) * secondMs)
}

/** The balance is used up, as the lease keeper has just found: told once, as a warning is. */
export async function tellUsedUp(tx: Tx, organization: OrganizationId): Promise<void> {
  const found = await balance(tx, organization)
  const before = await rows.lockWatch(tx, organization, found.asOf)
  if (before.told === 0) return
  await warn(tx, organization, found, 0, [])
  await rows.updateWatch(tx, { ...before, told: 0, runwayUntil: found.asOf })
}

async function warn(
  tx: Tx,
  organization: OrganizationId,
  found: Balance,
  threshold: Threshold,
  payers: readonly LeasePayer[],
): Promise<void> {
  const { currency, live: liveNanos, perHour: nanosPerHour, storagePerHour: storageNanosPerHour } = found
  const about = { organization, subject: organization }
  if (threshold === 0) {
    const data = { currency, liveNanos, nanosPerHour }
    await emit(tx, { ...about, type: 'balance.used_up', data })
    return
  }
  const subjects = payers.flatMap(({ ranks }) => ranks.map(({ subject }) => subject))
  const stops = await rows.selectNames(tx, subjects)
  const runwayUntil = formatInstant(found.runwayUntil ?? found.asOf)
  const money = { currency, liveNanos, nanosPerHour, storageNanosPerHour }
  await emit(tx, {
    ...about,
    type: 'balance.low',
    data: { ...money, minutes: threshold, runwayUntil, stops },
  })
}

async function tellRecovery(tx: Tx, organization: OrganizationId, found: Balance): Promise<void> {
  const { currency, live: liveNanos } = found
  const runwayUntil = found.runwayUntil === null ? null : formatInstant(found.runwayUntil)
  const data = { currency, liveNanos, runwayUntil }
  await emit(tx, { organization, subject: organization, type: 'balance.recovered', data })
}

/** When what pays for each allocation ends: the balance, or a budget or limit before it. */
async function endingsOf(
  tx: Tx,
  payers: readonly LeasePayer[],
  all: readonly Purse[],
  { asOf, runwayUntil }: Balance,
): Promise<ReadonlyMap<AllocationId, Ending | null>> {
  const horizon = instant(asOf + endingMsMax)
  const reach = reachOf(payers, all, asOf, horizon)
  const endings = new Map<AllocationId, Ending | null>()
  for (const payer of payers) {
    const { end, limitedBy } = reach.get(payer) ?? { end: horizon, limitedBy: null }
    const byPurse: Instant | null = limitedBy === null ? null : end
    const at = earlier(byPurse ?? horizon, runwayUntil ?? horizon)
    const isBalance = runwayUntil !== null && at === runwayUntil
    const why = isBalance || limitedBy === null ? null : await whyNotPaid(tx, limitedBy)
    const isNear = byPurse !== null || isBalance
    for (const { allocation } of payer.ranks) endings.set(allocation, isNear ? endingAt(at, asOf, why) : null)
  }
  return endings
}

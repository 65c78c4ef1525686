import { lock } from '../journal/journal.ts'
import type { Line } from '../journal/rules.ts'
import { invariant } from '../kernel/errors.ts'
import {
  type AllocationId,
  derivedId,
  type LeaseId,
  type OrganizationId,
  type PriceBookId,
  type SubjectId,
  type TransferId,
} from '../kernel/ids.ts'
import { type Nanos, nanos } from '../kernel/money.ts'
import { type Instant, instant, later } from '../kernel/time.ts'
import { type Accounts, applyOrThrow, coveredBy, lockWallet, walletOf } from '../ledger/ledger.ts'
import type { Transfer } from '../ledger/rules.ts'
import { record, spellsOfAll, stateOf } from '../metering/metering.ts'
import { ratesOf, ratesOfAll } from '../pricing/pricing.ts'
import { ratePerHour } from '../pricing/rules.ts'
import type { Tx } from '../store/store.ts'
import * as rows from './leases.rows.ts'
import {
  isOvershot,
  isRunning,
  leaseMsLow,
  leaseMsMax,
  needUntil,
  type Rank,
  silenceMs,
  usedUpAt,
} from './leases.rules.ts'
import { type Asked, type AskedPayer, firstHoldFrom, type Purse, reachOf } from './purses.rules.ts'

/** A lease with its first hold, or why there is none. */
export type OpenedLease =
  | { readonly ok: true; readonly lease: LeaseId }
  /** `shortfall` is what is missing for a minute of the rate, what is owed for storage included. */
  | {
      readonly ok: false
      readonly reason: 'insufficient_funds'
      readonly shortfall: Nanos
      /** What does not cover it: the wallet, a budget, or the run's own limit. */
      readonly purse: Purse['name']
    }

/** The wallet as the one purse that everything of an organization draws on. */
function walletPurse(available: bigint): Purse {
  return { name: 'wallet', available, onlyStarts: false, pays: () => true }
}

/**
 * Opens a lease for an allocation that is about to be made, with its first hold. The caller has locked its
 * subject and let billing settle what has ended; it inserts the allocation right after, naming the lease.
 * `purses` are what budgets and limits still allow, looked at after that settlement.
 */
export async function openLease(
  tx: Tx,
  asked: {
    readonly organization: OrganizationId
    readonly allocation: AllocationId
    readonly lines: readonly Line[]
    readonly book: PriceBookId
    readonly by: Asked
    readonly purses: readonly Purse[]
  },
): Promise<OpenedLease> {
  const { organization, allocation, lines, purses, by } = asked
  await lock(tx, organization)
  const rates = await ratesOf(tx, asked.book)
  const { accounts, available, owed, asOf } = await lockWallet(tx, organization)
  const first = firstHoldFrom(lines, rates, [walletPurse(available), ...purses], by)
  const purse = 'shortfall' in first ? first.purse : 'wallet'
  const shortfall = nanos((purse === 'wallet' ? owed : 0n) + ('shortfall' in first ? first.shortfall : 0n))
  if ('shortfall' in first || owed > 0n) return { ok: false, reason: 'insufficient_funds', shortfall, purse }
  const lease = tx.newId('lease')
  await rows.insertLease(tx, lease, organization)
  if (first.hold > 0n && ratePerHour(lines, rates) > 0n) {
    const id = derivedId('transfer', lease, 'first hold')
    await applyOrThrow(tx, [holdOf(id, accounts, allocation, first.hold, asOf)], asOf)
  }
  return { ok: true, lease }
}

function holdOf(
  id: TransferId,
  accounts: Accounts,
  allocation: AllocationId,
  amount: Nanos,
  bookedAt: Instant,
): Transfer {
  return {
    kind: 'hold',
    id,
    debit: accounts.customer,
    credit: accounts.revenue,
    amount,
    code: 'lease',
    bookedAt,
    about: allocation,
  }
}

/** When the lease is used up; null: it does not run now, or never ends. */
export async function endsOf(tx: Tx, leases: readonly LeaseId[]): Promise<ReadonlyMap<LeaseId, Instant>> {
  return rows.selectEnds(tx, leases)
}

/** What an event has made of a lease. */
export interface Refreshed {
  readonly until: Instant | null
  /**
   * The lease had been used up before the event that closed the spell: `lease_ended` was recorded at this
   * instant.
   */
  readonly usedUpAt: Instant | null
}

/**
 * Recomputes `until` after any event of an allocation of the lease, in the event's transaction. Whatever
 * changes a lease holds its organization's journal lock, which recording took, so leases need no lock of
 * their own. Where a spell was closed later than the money reached, it records `lease_ended` at the second at
 * which it was used up: the overshoot is ours.
 */
export async function refreshLease(tx: Tx, lease: LeaseId): Promise<Refreshed> {
  const row = await rows.selectLease(tx, lease)
  invariant(row, 'a lease that is refreshed is there', { lease })
  await lock(tx, row.organization)
  // An ended lease holds nothing any more: what it covers says no longer how far it reached.
  if (await rows.hasEnded(tx, lease)) return { until: null, usedUpAt: null }
  const [payer] = await payersOf(tx, [row])
  invariant(payer, 'a lease that is refreshed pays for something', { lease })
  const end = usedUpAt(payer)
  if (end === null || !isOvershot(payer, end)) {
    const until = isRunning(payer) ? end : null
    await rows.updateLease(tx, lease, until, await endOf(tx, payer))
    return { until, usedUpAt: null }
  }
  for (const { allocation, spells } of payer.ranks) {
    const last = spells.at(-1)
    if (last && (last.to === null || last.to > end))
      await record(tx, allocation, payer.organization, [{ type: 'lease_ended', at: end, data: {} }])
  }
  await rows.updateLease(tx, lease, null, end)
  return { until: null, usedUpAt: end }
}

/** One allocation of a lease, with when it was last seen. */
export interface LeasedRank extends Rank {
  readonly asked: Asked
  readonly allocation: AllocationId
  readonly subject: SubjectId
  readonly lastSeenAt: Instant | null
}

/** A lease with all that says how far its money reaches. */
export interface LeasePayer extends AskedPayer {
  readonly lease: LeaseId
  readonly organization: OrganizationId
  readonly until: Instant | null
  readonly ranks: readonly LeasedRank[]
}

async function payersOf(tx: Tx, leases: readonly rows.LeaseRow[]): Promise<readonly LeasePayer[]> {
  const leased = await rows.selectLeased(
    tx,
    leases.map(({ lease }) => lease),
  )
  const spells = await spellsOfAll(
    tx,
    leased.map(({ allocation }) => allocation),
  )
  const rates = await ratesOfAll(tx, [...new Set(leased.map(({ priceBook }) => priceBook))])
  const payers: LeasePayer[] = []
  for (const row of leases) {
    const own = leased.filter(({ lease }) => lease === row.lease)
    const covered = await coveredBy(
      tx,
      own.map(({ allocation }) => allocation),
    )
    const ranks = own.map(({ allocation, subject, lines, priceBook, lastSeenAt, ...asked }) => ({
      allocation,
      subject,
      asked: { ...asked, subject },
      lines,
      lastSeenAt,
      rates: rates.get(priceBook) ?? new Map(),
      spells: spells.get(allocation) ?? [],
    }))
    const [first] = ranks
    if (first) payers.push({ ...row, ranks, covered, asked: first.asked })
  }
  return payers
}

/** When everything that the lease pays for had closed for good; null: not yet. */
async function endOf(tx: Tx, { ranks }: LeasePayer): Promise<Instant | null> {
  let end: Instant | null = null
  for (const { allocation } of ranks) {
    const { closedForGood, recordedAt } = await stateOf(tx, allocation)
    if (!closedForGood) return null
    end = later(end ?? recordedAt, recordedAt)
  }
  return end
}

/** Organizations of which a lease has less than five minutes left: what the keeper looks at. */
export async function organizationsToExtend(tx: Tx, now: Instant): Promise<readonly OrganizationId[]> {
  return rows.selectOrganizationsDue(tx, instant(now + leaseMsLow))
}

/** A lease that is used up, with an allocation whose spell is still open. */
export interface UsedUp {
  readonly lease: LeaseId
  readonly subject: SubjectId
  readonly allocation: AllocationId
  readonly at: Instant
  /** What could not pay for more. */
  readonly purse: Purse['name']
}

/**
 * Would a call of `extend` change anything now: is there money for another second, or a lease that is used
 * up?
 */
export async function isExtendable(
  tx: Tx,
  organization: OrganizationId,
  now: Instant,
  purses: readonly Purse[],
): Promise<boolean> {
  const payers = await sighted(tx, await rows.selectRunning(tx, organization), now)
  const from = earliest(payers)
  if (from === null) return false
  if (from <= now) return true
  const { available } = await walletOf(tx, organization)
  const reach = reachOf(payers, [walletPurse(available), ...purses], from, instant(now + leaseMsMax))
  return payers.some((payer) => needUntil(payer, reach.get(payer)?.end ?? from) > 0n)
}

/**
 * Extends all running leases of an organization to one common second, at most ten minutes ahead, the one
 * furthest behind first; those whose budget or limit allows less end there, and the others go on. The caller
 * has let billing settle storage and what has ended, in the same transaction, and looked at the purses after
 * that. Answers those that are used up and stay so.
 */
export async function extend(
  tx: Tx,
  organization: OrganizationId,
  purses: readonly Purse[],
): Promise<{ readonly extended: number; readonly usedUp: readonly UsedUp[] }> {
  await lock(tx, organization)
  const { accounts, available, asOf: now } = await lockWallet(tx, organization)
  const payers = await sighted(tx, await rows.selectRunning(tx, organization), now)
  const from = earliest(payers)
  if (from === null) return { extended: 0, usedUp: [] }
  const reach = reachOf(payers, [walletPurse(available), ...purses], from, instant(now + leaseMsMax))
  const usedUp: UsedUp[] = []
  let extended = 0
  for (const payer of payers) {
    const { end, limitedBy } = reach.get(payer) ?? { end: from, limitedBy: null }
    const need = needUntil(payer, end)
    const [first] = payer.ranks
    if (need > 0n && first) {
      await applyOrThrow(tx, [holdOf(tx.newId('transfer'), accounts, first.allocation, need, now)], now)
      extended += 1
    }
    const until = usedUpAt({ ranks: payer.ranks, covered: nanos(payer.covered + need) })
    if (need > 0n) await rows.updateLease(tx, payer.lease, until, null)
    if (until === null || until > now) continue
    for (const { allocation, subject, spells } of payer.ranks)
      if (spells.at(-1)?.to === null)
        usedUp.push({ lease: payer.lease, subject, allocation, at: until, purse: limitedBy ?? 'wallet' })
  }
  return { extended, usedUp }
}

/** The running leases of an organization with all that says how far their money reaches, for a balance. */
export async function runningOf(tx: Tx, organization: OrganizationId): Promise<readonly LeasePayer[]> {
  return payersOf(tx, await rows.selectRunning(tx, organization))
}

function earliest(payers: readonly LeasePayer[]): Instant | null {
  const ends = payers.flatMap(({ until }) => (until === null ? [] : [until]))
  return ends.length === 0 ? null : instant(Math.min(...ends))
}

/** Leases of which every open spell was sighted in the last minute: of the others nothing is known now. */
async function sighted(
  tx: Tx,
  leases: readonly rows.LeaseRow[],
  now: Instant,
): Promise<readonly LeasePayer[]> {
  const payers = await payersOf(tx, leases)
  return payers.filter(({ ranks }) => ranks.every((rank) => isSighted(rank, now)))
}

/** Was the allocation seen within the last minute, or is nothing of it paid now? */
function isSighted(
  rank: { readonly lastSeenAt: Instant | null; readonly spells: Rank['spells'] },
  now: Instant,
): boolean {
  const last = rank.spells.at(-1)
  if (last?.to !== null) return true
  return now - later(rank.lastSeenAt ?? last.from, last.from) <= silenceMs
}

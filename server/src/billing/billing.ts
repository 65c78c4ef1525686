import type { Line } from '../journal/rules.ts'
import { runningOf } from '../compute/leases.ts'
import { endOfTime, firstHold, lastInstant, needUntil, silenceMs } from '../compute/leases.rules.ts'
import type { AllocationId, OrganizationId, PriceBookId, TransferId } from '../kernel/ids.ts'
import { type Currency, type Nanos, nanos } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import { currencyOf, walletOf } from '../ledger/ledger.ts'
import type { ApplyResult } from '../ledger/rules.ts'
import { eventsOfAll } from '../journal/journal.ts'
import { spellsOfAll } from '../metering/metering.ts'
import { booksNamed, paidMillis, storageNow, sumsOf } from '../metering/rules.ts'
import { ratesOf, ratesOfAll } from '../pricing/pricing.ts'
import { amountOf, ratePerHour, type Rates, rateOf } from '../pricing/rules.ts'
import type { Tx } from '../store/store.ts'
import { credit } from './credits.ts'
import * as rows from './rows.ts'
import { keyOf, provableUntil } from './rules.ts'

export {
  type Credit,
  credit,
  reverse,
  type Reversal,
  type ReversalResult,
  takeBack,
  type TakeBack,
  type TakeBackResult,
} from './credits.ts'
export { makeBoundary, organizationsDue, settle, type Settled, settleForHold } from './settlement.ts'
export { bill, charges, type OpenBill, statement, type Statement, usage, type Usage } from './statements.ts'

/** Money that an operator gives; a debt for storage is paid from it first. */
export interface Grant {
  readonly organization: OrganizationId
  readonly amount: Nanos
  /** The operator who gives it. */
  readonly by: string
  /** Made by the caller, so that a repeat is harmless. */
  readonly id: TransferId
}

/** Credits an organization with money that is given, not bought; refuses what `credit` refuses. */
export async function grant(tx: Tx, { organization, amount, by, id }: Grant): Promise<ApplyResult> {
  return credit(tx, { organization, amount, id, about: by, code: 'grant', kind: 'promo' })
}

/** Whether a start can be paid. */
export type Affordable =
  | { readonly ok: true }
  /** What is missing for a minute of the rate, what is owed for storage included. */
  | { readonly ok: false; readonly shortfall: Nanos }

/** Has the wallet a minute of the rate, and no debt? Asked by the api before a start; nothing is held. */
export async function canAfford(
  tx: Tx,
  organization: OrganizationId,
  lines: readonly Line[],
  book: PriceBookId,
): Promise<Affordable> {
  const { available, owed } = await walletOf(tx, organization)
  const first = firstHold(lines, await ratesOf(tx, book), available)
  const shortfall = nanos(owed + ('shortfall' in first ? first.shortfall : 0n))
  return shortfall > 0n ? { ok: false, shortfall } : { ok: true }
}

/** What allocations have cost so far, exactly, open spells included. */
export interface Cost {
  readonly paidMillis: bigint
  readonly amount: Nanos
  readonly currency: Currency
  readonly lines: readonly {
    readonly allocation: AllocationId
    readonly sku: string
    readonly unit: string
    readonly quantity: number
    readonly unitMillis: bigint
    readonly amount: Nanos
  }[]
}

/**
 * The exact cost so far of allocations of one organization. An open spell counts as far as it is proved and
 * covered.
 */
export async function costOf(tx: Tx, allocations: readonly AllocationId[]): Promise<Cost> {
  const now = await tx.now()
  const beginnings = await rows.selectBeginnings(tx, allocations)
  const spells = await spellsOfAll(tx, allocations)
  const sightings = new Map((await rows.selectSightings(tx, allocations)).map((one) => [one.allocation, one]))
  const rates = await ratesOfAll(tx, [...new Set(beginnings.map(({ priceBook }) => priceBook))])
  const [first] = beginnings
  const owner = first ? await rows.selectOwner(tx, first.resource) : null
  const currency = owner ? await currencyOf(tx, owner) : 'USD'
  const lines: Cost['lines'][number][] = []
  let paid = 0n
  for (const allocation of allocations) {
    const beginning = beginnings.find(({ resource }) => resource === allocation)
    if (!beginning?.lines) continue
    const own = spells.get(allocation) ?? []
    const last = own.at(-1)
    const sighting = sightings.get(allocation) ?? { lastSeenAt: null, until: null }
    const upTo =
      last?.to === null ? provableUntil({ openSince: last.from, ...sighting }, now, silenceMs) : now
    const millis = paidMillis(own, upTo)
    paid += millis
    for (const { sku, quantity } of beginning.lines) {
      const { nanos: rate, unit } = rateOf(rates.get(beginning.priceBook) ?? new Map(), sku)
      const unitMillis = BigInt(quantity) * millis
      lines.push({ allocation, sku, unit, quantity, unitMillis, amount: amountOf(rate, unitMillis) })
    }
  }
  const amount = nanos(lines.reduce((sum, line) => sum + line.amount, 0n))
  return { paidMillis: paid, amount, currency, lines }
}

/** What an organization has, holds and burns, at `asOf`; nano-units. */
export interface Balance {
  readonly currency: Currency
  readonly asOf: Instant
  /** Credits less everything booked. */
  readonly posted: Nanos
  readonly held: Nanos
  /** Posted less what is not yet booked of what runs and is stored: the figure to show. */
  readonly live: Nanos
  /** Posted less held: what a new start can use. */
  readonly available: Nanos
  /** Storage that could not be paid. */
  readonly receivable: Nanos
  /** What runs and is stored now costs an hour. */
  readonly perHour: Nanos
  readonly storagePerHour: Nanos
  /** When the money is used up if nothing changes; null: never. */
  readonly runwayUntil: Instant | null
}

/** The balance of an organization, computed on read. */
export async function balance(tx: Tx, organization: OrganizationId): Promise<Balance> {
  const { accounts, posted, held, available, owed } = await walletOf(tx, organization)
  const asOf = await tx.now()
  const running = await runningOf(tx, organization)
  const storage = await storedOf(tx, organization)
  const compute = await unbookedCompute(tx, organization, asOf)
  const storageAt = (when: Instant): bigint =>
    storage.reduce((sum, volume) => sum + volume.unbookedAt(when), 0n)
  const storagePerHour = nanos(storage.reduce((sum, { perHour }) => sum + perHour, 0n))
  const needs = (when: Instant): bigint =>
    running.reduce((sum, payer) => sum + needUntil(payer, when), storageAt(when))
  const isBurning = compute.perHour + storagePerHour > 0n
  const isEnough = !isBurning || needs(endOfTime) <= available
  const isShort = needs(asOf) > available
  return {
    currency: accounts.currency,
    asOf,
    posted,
    held,
    live: nanos(posted - compute.unbooked - storageAt(asOf)),
    available,
    receivable: owed,
    perHour: nanos(compute.perHour + storagePerHour),
    storagePerHour,
    runwayUntil: isEnough
      ? null
      : isShort
        ? asOf
        : lastInstant(asOf, endOfTime, (when) => needs(when) <= available),
  }
}

/** Compute that is paid but not yet booked, and what the open spells cost an hour. */
async function unbookedCompute(
  tx: Tx,
  organization: OrganizationId,
  now: Instant,
): Promise<{ readonly unbooked: bigint; readonly perHour: bigint }> {
  const standings = await rows.selectStandings(tx, organization, now)
  const booked = await bookedOf(
    tx,
    standings.map(({ resource }) => resource),
  )
  const rates = await ratesOfAll(tx, [...new Set(standings.map(({ priceBook }) => priceBook))])
  let unbooked = 0n
  let perHour = 0n
  for (const row of standings) {
    const { resource, openSince, lines, priceBook } = row
    const own: Rates = rates.get(priceBook) ?? new Map()
    const upTo = openSince === null ? now : provableUntil({ ...row, openSince }, now, silenceMs)
    const millis = row.paidMillis - BigInt(now - upTo)
    for (const { sku, quantity } of lines) {
      const rate = rateOf(own, sku).nanos
      const before = booked.get(keyOf(resource, sku, priceBook)) ?? 0n
      unbooked += amountOf(rate, BigInt(quantity) * millis) - amountOf(rate, before)
    }
    if (openSince !== null) perHour += ratePerHour(lines, own)
  }
  return { unbooked, perHour }
}

interface Stored {
  readonly perHour: bigint
  /** What is not booked of it by an instant. */
  unbookedAt(when: Instant): bigint
}

async function storedOf(tx: Tx, organization: OrganizationId): Promise<readonly Stored[]> {
  const heads = (await rows.selectStorageHeads(tx, organization)).map(({ resource }) => resource)
  const all = await eventsOfAll(tx, heads)
  const booked = await bookedOf(tx, heads)
  const rates = await ratesOfAll(tx, booksNamed(all))
  return heads.map((resource) => {
    const events = all.filter((event) => event.resource === resource)
    const volume = storageNow(events)
    const rateIn = (book: PriceBookId, sku: string): Nanos => rateOf(rates.get(book) ?? new Map(), sku).nanos
    return {
      perHour: volume ? rateIn(volume.priceBook, volume.sku) * BigInt(volume.sizeGib) : 0n,
      unbookedAt: (when) =>
        sumsOf(events, when).reduce((sum, { sku, priceBook, unitMillis }) => {
          const before = booked.get(keyOf(resource, sku, priceBook)) ?? 0n
          const rate = rateIn(priceBook, sku)
          return sum + amountOf(rate, unitMillis) - amountOf(rate, before)
        }, 0n),
    }
  })
}

async function bookedOf(
  tx: Tx,
  resources: Parameters<typeof rows.selectBooked>[1],
): Promise<ReadonlyMap<string, bigint>> {
  const booked = await rows.selectBooked(tx, resources)
  return new Map(booked.map((row) => [keyOf(row.resource, row.sku, row.priceBook), row.unitMillis]))
}

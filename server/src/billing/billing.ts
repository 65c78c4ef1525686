import type { Line } from '../journal/rules.ts'
import { runningOf } from '../compute/leases.ts'
import { firstHold, needUntil, silenceMs } from '../compute/leases.rules.ts'
import { type Asked, firstHoldFrom, type Purse } from '../compute/purses.rules.ts'
import type { AllocationId, OrganizationId, PriceBookId } from '../kernel/ids.ts'
import { type Currency, type Nanos, nanos } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import { graceOf } from '../ledger/debts.ts'
import { currencyOf, walletOf } from '../ledger/ledger.ts'
import { type LotKind, usable } from '../ledger/lots.rules.ts'
import type { ApplyResult } from '../ledger/rules.ts'
import { spellsOfAll } from '../metering/metering.ts'
import { paidMillis } from '../metering/rules.ts'
import { ratesOf, ratesOfAll } from '../pricing/pricing.ts'
import { amountOf, rateOf } from '../pricing/rules.ts'
import type { Tx } from '../store/store.ts'
import { purses } from './budgets.ts'
import { burningCompute, stored } from './burning.ts'
import { type Credit, credit } from './credits.ts'
import * as rows from './rows.ts'
import { provableUntil } from './rules.ts'
import { nextExpiry, runwayOf } from './runway.rules.ts'

export {
  type Credit,
  credit,
  repay,
  reverse,
  type Reversal,
  type ReversalResult,
  takeBack,
  type TakeBack,
  type TakeBackResult,
} from './credits.ts'
export {
  type Budget,
  type BudgetReached,
  type BudgetState,
  budget,
  budgetStates,
  changeBudget,
  createBudget,
  endBudget,
  organizationsWithBudgets,
  purses,
  tellBudgets,
  whyNotPaid,
} from './budgets.ts'
export { endDebt } from './debts.ts'
export { makeBoundary, organizationsDue, settle, type Settled, settleForHold } from './settlement.ts'
export { bill, charges, type OpenBill, statement, type Statement, usage, type Usage } from './statements.ts'

/** Money that an operator gives, on its terms; what is owed is paid from it first. */
export interface Grant extends Omit<Credit, 'code' | 'kind' | 'about'> {
  /** The operator who gives it. */
  readonly by: string
  /** Bought or given. Default: given. */
  readonly kind?: LotKind
}

/** Credits an organization by hand; refuses what `credit` refuses. */
export async function grant(tx: Tx, { by, kind = 'promo', ...asked }: Grant): Promise<ApplyResult> {
  return credit(tx, { ...asked, about: by, code: 'grant', kind })
}

/** Whether a start can be paid. */
export type Affordable =
  | { readonly ok: true }
  /** What is missing for a minute of the rate, what is owed for storage included. */
  | { readonly ok: false; readonly shortfall: Nanos; readonly purse: Purse['name'] }

/**
 * Has the wallet a minute of the rate and no debt, and does every budget and limit allow as much? Asked by
 * the api before a start; nothing is held.
 */
export async function canAfford(
  tx: Tx,
  organization: OrganizationId,
  lines: readonly Line[],
  book: PriceBookId,
  asked: Asked,
): Promise<Affordable> {
  const { available, owed } = await walletOf(tx, organization)
  const rates = await ratesOf(tx, book)
  const first = firstHold(lines, rates, available)
  const shortfall = nanos(owed + ('shortfall' in first ? first.shortfall : 0n))
  if (shortfall > 0n) return { ok: false, shortfall, purse: 'wallet' }
  const allowed = firstHoldFrom(lines, rates, await purses(tx, organization), asked)
  return 'shortfall' in allowed ? { ok: false, ...allowed } : { ok: true }
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
  /** What is in force, less everything booked. */
  readonly posted: Nanos
  readonly held: Nanos
  /** Posted less what is not yet booked of what runs and is stored: the figure to show. */
  readonly live: Nanos
  /** Posted less held: what a new start can use. */
  readonly available: Nanos
  /** What of that was given, not bought. */
  readonly promo: Nanos
  /** Credits that are not in force yet. */
  readonly upcoming: Nanos
  /** When something available lapses next, and how much, if it is not used before; null: nothing does. */
  readonly expiry: { readonly at: Instant; readonly amount: bigint } | null
  /** What could not be paid. */
  readonly receivable: Nanos
  /** Until when what is stored is kept although something is owed; null: nothing is owed. */
  readonly graceUntil: Instant | null
  /** What runs and is stored now costs an hour. */
  readonly perHour: Nanos
  readonly storagePerHour: Nanos
  /** When the money is used up if nothing changes; null: never. */
  readonly runwayUntil: Instant | null
}

/** The balance of an organization, computed on read. */
export async function balance(tx: Tx, organization: OrganizationId): Promise<Balance> {
  const { accounts, asOf, posted, held, available, owed, lots } = await walletOf(tx, organization)
  const grace = owed > 0n ? await graceOf(tx, organization) : null
  const running = await runningOf(tx, organization)
  const storage = await stored(tx, organization)
  const burning = await burningCompute(tx, organization, asOf)
  const compute = {
    unbooked: burning.reduce((sum, row) => sum + row.unbooked, 0n),
    perHour: burning.reduce((sum, row) => sum + row.perHour, 0n),
  }
  const storageAt = (when: Instant): bigint =>
    storage.reduce((sum, volume) => sum + volume.unbookedAt(when), 0n)
  const storagePerHour = nanos(storage.reduce((sum, { perHour }) => sum + perHour, 0n))
  const needs = (when: Instant): bigint =>
    running.reduce((sum, payer) => sum + needUntil(payer, when), storageAt(when))
  return {
    currency: accounts.currency,
    asOf,
    posted,
    held,
    live: nanos(posted - compute.unbooked - storageAt(asOf)),
    available,
    promo: usable(
      lots.filter(({ kind }) => kind === 'promo'),
      asOf,
    ),
    upcoming: nanos(lots.reduce((sum, lot) => (lot.effectiveAt > asOf ? sum + lot.remaining : sum), 0n)),
    expiry: nextExpiry(lots, asOf),
    receivable: owed,
    graceUntil: grace?.until ?? null,
    perHour: nanos(compute.perHour + storagePerHour),
    storagePerHour,
    runwayUntil: compute.perHour + storagePerHour > 0n ? runwayOf(lots, asOf, needs) : null,
  }
}

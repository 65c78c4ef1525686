import type { Line } from '../journal/rules.ts'
import { canonicalHash } from '../kernel/canonical.ts'
import { AppError } from '../kernel/errors.ts'
import type { PriceBookId } from '../kernel/ids.ts'
import { type Currency, type Nanos, nanos } from '../kernel/money.ts'
import { formatInstant, hourMs, type Instant } from '../kernel/time.ts'

/** What a rate is per: one GPU, vCPU or GiB for an hour. */
export type Unit = 'gpu-hour' | 'vcpu-hour' | 'gib-hour'

/** The price of one unit-hour of a SKU. */
export interface Rate {
  readonly sku: string
  readonly unit: Unit
  readonly nanos: Nanos
}

/** A dated, immutable set of rates. */
export interface PriceBook {
  readonly id: PriceBookId
  readonly currency: Currency
  readonly effectiveFrom: Instant
  readonly rates: readonly Rate[]
  readonly hash: string
}

/** The rates of one book by SKU. */
export type Rates = ReadonlyMap<string, Rate>

/** What an operator publishes. */
export interface NewPriceBook {
  readonly currency: Currency
  readonly effectiveFrom: Instant
  readonly rates: readonly Rate[]
}

/**
 * The one formula from paid time to money (`bill.md` §3), over the cumulative unit-milliseconds of one
 * (resource, SKU, price book): nano-units, floored once on the seconds and once on the nanos.
 */
export function amountOf(rateNanos: bigint, unitMillis: bigint): Nanos {
  return nanos((rateNanos * (unitMillis / 1000n)) / 3600n)
}

/** The rate of a SKU in a book; throws where the book lacks it: nothing without a rate is offered. */
export function rateOf(rates: Rates, sku: string): Rate {
  const rate = rates.get(sku)
  if (!rate) throw new AppError('internal', `The price book has no rate for ${sku}.`, { sku })
  return rate
}

/** Does the book price every line? What it does not is not offered. */
export function isPriced(lines: readonly Line[], rates: Rates): boolean {
  return lines.every(({ sku }) => rates.has(sku))
}

/** What the lines cost once they have been paid for `millis`, each line on its own running sum. */
export function costOfLines(lines: readonly Line[], rates: Rates, millis: bigint): Nanos {
  let cost = 0n
  for (const { sku, quantity } of lines) cost += amountOf(rateOf(rates, sku).nanos, BigInt(quantity) * millis)
  return nanos(cost)
}

/** What an hour of the lines costs. */
export function ratePerHour(lines: readonly Line[], rates: Rates): Nanos {
  return costOfLines(lines, rates, BigInt(hourMs))
}

/** GPU-hours or vCPU-hours of a plan, as exact thousandths of a unit-second (unit-milliseconds). */
export interface Estimate {
  readonly amount: Nanos
  readonly gpuMillis: bigint
  readonly cpuMillis: bigint
}

/** What a plan of so many milliseconds will cost, and how many unit-milliseconds it is. */
export function estimate(lines: readonly Line[], rates: Rates, millis: bigint): Estimate {
  const unitMillisOf = (unit: Unit): bigint =>
    lines
      .filter(({ sku }) => rateOf(rates, sku).unit === unit)
      .reduce((sum, { quantity }) => sum + BigInt(quantity) * millis, 0n)
  return {
    amount: costOfLines(lines, rates, millis),
    gpuMillis: unitMillisOf('gpu-hour'),
    cpuMillis: unitMillisOf('vcpu-hour'),
  }
}

/** A book as the open bill shows it, but for its hash. */
export function hashOfBook(book: Omit<PriceBook, 'hash'>): string {
  return canonicalHash({
    id: book.id,
    currency: book.currency,
    effectiveFrom: formatInstant(book.effectiveFrom),
    rates: book.rates.map((rate) => ({
      sku: rate.sku,
      unit: rate.unit,
      nanos: rate.nanos.toString(),
    })),
  })
}

/** The largest rate that fits the column: about nine thousand million units an hour. */
const rateNanosMax = 2n ** 63n - 1n

/** What is wrong with a book that someone wants to publish; null: nothing. */
export function whyNotPublished(book: NewPriceBook, now: Instant, isFirst: boolean): string | null {
  if (book.rates.length === 0) return 'A price book needs at least one rate.'
  if (!isFirst && book.effectiveFrom <= now)
    return 'A price book can only take effect in the future: a rate never changes under what already ran.'
  const seen = new Set<string>()
  for (const { sku, nanos: rate } of book.rates) {
    if (!/^[a-z0-9][A-Za-z0-9_.-]{0,79}$/.test(sku)) return `"${sku.slice(0, 80)}" cannot be a SKU's name.`
    if (seen.has(sku)) return `The SKU ${sku} stands twice in the price book.`
    if (rate < 0n || rate > rateNanosMax) return `The rate of ${sku} is negative or too large.`
    seen.add(sku)
  }
  return null
}

/** Rates in the order in which a book keeps them: by SKU. */
export function inOrder(rates: readonly Rate[]): readonly Rate[] {
  return rates.toSorted((a, b) => (a.sku < b.sku ? -1 : 1))
}

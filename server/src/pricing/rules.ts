import type { Line } from '../journal/rules.ts'
import { canonicalHash } from '../kernel/canonical.ts'
import { AppError } from '../kernel/errors.ts'
import type { OrganizationId, PriceBookId } from '../kernel/ids.ts'
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
  /** Of the four above: whose prices they are, and how long, is no part of it (`bill.md` §1). */
  readonly hash: string
  /** Whose own prices these are; null: everybody's who has none. */
  readonly organization: OrganizationId | null
  /** When own prices end; null: with the next own book. */
  readonly endsAt: Instant | null
  readonly publishedAt: Instant
}

/** The rates of one book by SKU. */
export type Rates = ReadonlyMap<string, Rate>

/** Rates by SKU. */
export function bySku(rates: readonly Rate[]): Rates {
  return new Map(rates.map((rate) => [rate.sku, rate]))
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

/** The hash of a book as the open bill shows it. */
export function hashOfBook(book: Pick<PriceBook, 'id' | 'currency' | 'effectiveFrom' | 'rates'>): string {
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

/** Rates in the order in which a book keeps them: by SKU. */
export function inOrder(rates: readonly Rate[]): readonly Rate[] {
  return rates.toSorted((a, b) => (a.sku < b.sku ? -1 : 1))
}

import type { OrganizationId, PriceBookId } from '../kernel/ids.ts'
import type { Currency, Nanos } from '../kernel/money.ts'
import { type Instant, instant } from '../kernel/time.ts'
import { memorySku, unitsOf } from './flavors.rules.ts'
import type { PriceBook, Rate, Unit } from './rules.ts'

/** Who is to be charged: an organization in its currency, or whoever has no prices of their own. */
export interface Buyer {
  readonly organization: OrganizationId | null
  readonly currency: Currency
}

/** What an operator publishes. */
export interface NewPriceBook {
  /** Made by the caller, so that a repeat is harmless; default: a new one. */
  readonly id?: PriceBookId
  readonly currency: Currency
  readonly effectiveFrom: Instant
  readonly rates: readonly Rate[]
  /** Whose own prices these are; default: everybody's. */
  readonly organization?: OrganizationId | null
  /** When own prices end; default: never. */
  readonly endsAt?: Instant | null
  /** The operator's table `rates.json`, or a request (the default). */
  readonly origin?: 'table' | 'request'
}

type Dated = Pick<PriceBook, 'id' | 'organization' | 'effectiveFrom' | 'endsAt'>

/**
 * The book that a buyer is charged by at an instant; null: none has taken effect. Their own newest one goes
 * before every general one, however new that is, until it ends; then the newest general one holds. An older
 * own book does not come back.
 */
export function inForceAt<T extends Dated>(
  books: readonly T[],
  organization: OrganizationId | null,
  at: Instant,
): T | null {
  const newest = (of: OrganizationId | null): T | null =>
    books.reduce<T | null>((best, book) => {
      if (book.organization !== of || book.effectiveFrom > at) return best
      return best === null || book.effectiveFrom > best.effectiveFrom ? book : best
    }, null)
  const own = organization === null ? null : newest(organization)
  return own !== null && (own.endsAt === null || own.endsAt > at) ? own : newest(null)
}

/** A book that holds for a buyer, and since when: its own instant, or the end of the prices before it. */
export interface BookHolding<T> {
  readonly at: Instant
  readonly book: T
}

/** The instants after one at which another book comes into force for a buyer, with that book, in order. */
export function changesAfter<T extends Dated>(
  books: readonly T[],
  organization: OrganizationId | null,
  after: Instant,
): readonly BookHolding<T>[] {
  const relevant = books.filter((book) => book.organization === null || book.organization === organization)
  const instants = relevant.flatMap(({ effectiveFrom, endsAt }) =>
    endsAt === null ? [effectiveFrom] : [effectiveFrom, endsAt],
  )
  const due = [...new Set(instants)].filter((at) => at > after).toSorted((a, b) => a - b)
  let before = inForceAt(relevant, organization, after)
  return due.flatMap((at) => {
    const book = inForceAt(relevant, organization, at)
    if (book === null || book.id === before?.id) return []
    before = book
    return [{ at, book }]
  })
}

/** The book in force for a buyer, since when, and what is to come, in order. */
export function holdingsOf<T extends Dated>(
  books: readonly T[],
  organization: OrganizationId | null,
  now: Instant,
): { readonly present: BookHolding<T> | null; readonly coming: readonly BookHolding<T>[] } {
  const all = changesAfter(books, organization, beforeAll)
  return {
    present: all.findLast(({ at }) => at <= now) ?? null,
    coming: all.filter(({ at }) => at > now),
  }
}

/** Before any book. */
const beforeAll = instant(-1)

/** The largest rate that fits the column: about nine thousand million units an hour. */
const rateNanosMax = 2n ** 63n - 1n

function whyNotRate({ sku, unit, nanos }: Rate): string | null {
  if (!/^[a-z0-9][A-Za-z0-9_.-]{0,79}$/.test(sku)) return `"${sku.slice(0, 80)}" cannot be a SKU's name.`
  if (nanos < 0n || nanos > rateNanosMax) return `The rate of ${sku} is negative or too large.`
  const units = unitsOf(sku)
  return units === null || units.includes(unit)
    ? null
    : `${sku} is priced per ${units.join(' or ')}, not per ${unit}.`
}

/** What is wrong with a book that someone wants to publish; null: nothing. */
export function whyNotPublished(book: NewPriceBook, now: Instant, isFirst: boolean): string | null {
  const { rates, effectiveFrom, endsAt = null, organization = null } = book
  if (rates.length === 0) return 'A price book needs at least one rate.'
  if (!isFirst && effectiveFrom <= now)
    return 'A price book can only take effect in the future: a rate never changes under what already ran.'
  if (endsAt !== null && organization === null)
    return 'Only the own prices of an organization end; the general ones hold until newer ones do.'
  if (endsAt !== null && endsAt <= effectiveFrom) return 'The price book ends before it takes effect.'
  const seen = new Set<string>()
  for (const rate of rates) {
    const why = whyNotRate(rate)
    if (why !== null) return why
    if (seen.has(rate.sku)) return `The SKU ${rate.sku} stands twice in the price book.`
    seen.add(rate.sku)
  }
  return null
}

/** One SKU in which two books differ. */
export interface RateDifference {
  readonly sku: string
  readonly unit: Unit
  /** Null: the earlier book lacks it. */
  readonly before: Nanos | null
  /** Null: the later book lacks it. */
  readonly after: Nanos | null
}

/**
 * In what two sets of rates differ, by SKU. A SKU whose unit changed is another price: it goes, and comes.
 */
export function differencesOf(before: readonly Rate[], after: readonly Rate[]): readonly RateDifference[] {
  const found: RateDifference[] = []
  const skus = [...new Set([...before, ...after].map(({ sku }) => sku))].toSorted()
  for (const sku of skus) {
    const [old, fresh] = [before, after].map((rates) => rates.find((rate) => rate.sku === sku))
    if (old && fresh && old.unit === fresh.unit) {
      if (old.nanos !== fresh.nanos)
        found.push({ sku, unit: fresh.unit, before: old.nanos, after: fresh.nanos })
      continue
    }
    if (old) found.push({ sku, unit: old.unit, before: old.nanos, after: null })
    if (fresh) found.push({ sku, unit: fresh.unit, before: null, after: fresh.nanos })
  }
  return found
}

/** What an operator should look at again before publishing. */
export interface BookWarning {
  readonly sku: string
  readonly kind:
    /** The book before has it: what is made of it is no longer offered, storage keeps its old rate. */
    | 'missing'
    /** Nothing that is offered here is made of it. */
    | 'unknown'
    /** It costs nothing. */
    | 'free'
    /** More than threefold, or less than a third: a slip of the finger? */
    | 'leap'
    /** From then on flavors without GPUs cost their memory as well. */
    | 'memory_priced'
}

/** A rate that changes more than this many times over is asked about. */
const leapFactor = 3n

/** What is odd about rates that are to follow others; by SKU. */
export function warningsOf(before: readonly Rate[], after: readonly Rate[]): readonly BookWarning[] {
  const known = new Map(before.map((rate) => [rate.sku, rate]))
  const fresh = new Map(after.map((rate) => [rate.sku, rate]))
  const warnings: BookWarning[] = before
    .filter(({ sku }) => !fresh.has(sku))
    .map(({ sku }) => ({ sku, kind: 'missing' }))
  for (const { sku, nanos } of after) {
    const old = known.get(sku)?.nanos
    if (unitsOf(sku) === null) warnings.push({ sku, kind: 'unknown' })
    if (nanos === 0n && old !== 0n) warnings.push({ sku, kind: 'free' })
    else if (old !== undefined && (nanos > old * leapFactor || nanos * leapFactor < old))
      warnings.push({ sku, kind: 'leap' })
    if (sku === memorySku && before.length > 0 && old === undefined)
      warnings.push({ sku, kind: 'memory_priced' })
  }
  return warnings.toSorted((a, b) => (a.sku < b.sku ? -1 : a.sku > b.sku ? 1 : 0))
}

import { isAllocation, type Line, closersForGood, type UsageEvent } from '../journal/rules.ts'
import { invariant } from '../kernel/errors.ts'
import type { PriceBookId } from '../kernel/ids.ts'
import { earlier, type Instant, later } from '../kernel/time.ts'

/** A stretch of paid time `[from, to)`; `to` is null while it is open. */
export interface Spell {
  readonly from: Instant
  readonly to: Instant | null
}

/** What an allocation's events say, in `seq` order. */
export interface Fold {
  /** Without empty ones, oldest first; at most the last is open. */
  readonly spells: readonly Spell[]
  readonly everReady: boolean
  readonly closedForGood: boolean
  readonly released: boolean
}

/** `bill.md` §2, Spells, to the letter: what a history makes of paid time. */
export function fold(events: readonly UsageEvent[]): Fold {
  let spells: { from: Instant; to: Instant | null }[] = []
  let everReady = false
  let closedForGood = false
  let released = false
  const open = (from: Instant): void => {
    if (!closedForGood && spells.at(-1)?.to !== null) spells.push({ from, to: null })
  }
  const endOpen = (to: Instant): void => {
    const last = spells.at(-1)
    if (last?.to === null) last.to = later(to, last.from)
  }
  for (const { type, at } of events) {
    if (type === 'ready') {
      everReady = true
      open(at)
    } else if (type === 'seen_again') {
      if (everReady) open(at)
    } else if (type === 'contact_lost') {
      endOpen(at)
      for (const spell of spells) if (spell.from <= at && spell.to !== null && at < spell.to) spell.to = at
    } else if (closersForGood.has(type)) {
      closedForGood = true
      spells = spells.flatMap(({ from, to }) => (from >= at ? [] : [{ from, to: earlier(to ?? at, at) }]))
    } else if (type === 'released') {
      released = true
    }
  }
  return {
    spells: spells.filter(({ from, to }) => from !== to),
    everReady,
    closedForGood,
    released,
  }
}

/** The milliseconds of the spells before the instant. */
export function paidMillis(spells: readonly Spell[], before: Instant): bigint {
  let millis = 0
  for (const { from, to } of spells) millis += Math.max(0, earlier(to ?? before, before) - from)
  return BigInt(millis)
}

/** One running sum of a resource: the paid unit-milliseconds of a SKU under a price book. */
export interface Sum {
  readonly sku: string
  readonly priceBook: PriceBookId
  readonly unitMillis: bigint
}

/** The sums of an allocation's lines. */
export function sumsOfLines(lines: readonly Line[], priceBook: PriceBookId, millis: bigint): readonly Sum[] {
  return lines.map(({ sku, quantity }) => ({
    sku,
    priceBook,
    unitMillis: BigInt(quantity) * millis,
  }))
}

/** The running sums of a resource before the instant, by these of its events; every line, zeros included. */
export function sumsOf(events: readonly UsageEvent[], before: Instant): readonly Sum[] {
  const [first] = events
  if (!first) return []
  if (!isAllocation(first.resource)) return storageSums(events, before)
  invariant(first.type === 'allocated', 'an allocation begins with allocated', {
    resource: first.resource,
  })
  return sumsOfLines(first.data.lines, first.data.priceBook, paidMillis(fold(events).spells, before))
}

/** What a volume or snapshot is at the end of its events: its size and book, or null once it is deleted. */
export function storageNow(
  events: readonly UsageEvent[],
): { readonly sku: string; readonly sizeGib: number; readonly priceBook: PriceBookId } | null {
  const [first] = events
  invariant(first?.type === 'created', 'storage begins with created', {
    resource: first?.resource,
  })
  let { sizeGib, priceBook } = first.data
  for (const event of events) {
    if (event.type === 'resized') sizeGib = event.data.sizeGib
    else if (event.type === 'repriced') priceBook = event.data.priceBook
    else if (event.type === 'deleted') return null
  }
  return { sku: first.data.sku, sizeGib, priceBook }
}

/** The price books that the events name, each once. */
export function booksNamed(events: readonly UsageEvent[]): readonly PriceBookId[] {
  const named = new Set<PriceBookId>()
  for (const event of events)
    if (event.type === 'allocated' || event.type === 'created' || event.type === 'repriced')
      named.add(event.data.priceBook)
  return [...named]
}

/** A stretch of paid time `[from, to)` of so many units of one SKU under one price book. */
export interface Stretch {
  readonly sku: string
  readonly priceBook: PriceBookId
  readonly quantity: number
  readonly from: Instant
  readonly to: Instant
}

/**
 * All paid time of a resource before the instant, by these of its events, in the order of time; those of one
 * (SKU, price book) never overlap, and their unit-milliseconds are its running sum.
 */
export function stretchesOf(events: readonly UsageEvent[], before: Instant): readonly Stretch[] {
  const [first] = events
  if (!first) return []
  if (!isAllocation(first.resource))
    return storageStretches(events, before).filter(({ from, to }) => from < to)
  invariant(first.type === 'allocated', 'an allocation begins with allocated', {
    resource: first.resource,
  })
  const { lines, priceBook } = first.data
  return fold(events).spells.flatMap(({ from, to }) => {
    const end = earlier(to ?? before, before)
    return from < end ? lines.map((line) => ({ ...line, priceBook, from, to: end })) : []
  })
}

/** What storage was paid by, one stretch for each size and book, those of no length included. */
function storageStretches(events: readonly UsageEvent[], before: Instant): readonly Stretch[] {
  const [first] = events
  invariant(first?.type === 'created', 'storage begins with created', {
    resource: first?.resource,
  })
  const { sku } = first.data
  let { sizeGib: quantity, priceBook } = first.data
  let from = first.at
  let deleted = false
  const stretches: Stretch[] = []
  const payUntil = (at: Instant): void => {
    stretches.push({ sku, priceBook, quantity, from, to: later(from, earlier(at, before)) })
    from = at
  }
  for (const event of events) {
    if (event.type === 'resized' || event.type === 'repriced' || event.type === 'deleted') payUntil(event.at)
    if (event.type === 'resized') quantity = event.data.sizeGib
    if (event.type === 'repriced') priceBook = event.data.priceBook
    if (event.type === 'deleted') deleted = true
  }
  if (!deleted) payUntil(before)
  return stretches
}

function storageSums(events: readonly UsageEvent[], before: Instant): readonly Sum[] {
  const perBook = new Map<PriceBookId, Sum>()
  for (const { sku, priceBook, quantity, from, to } of storageStretches(events, before)) {
    const unitMillis = BigInt(quantity) * BigInt(to - from)
    perBook.set(priceBook, {
      sku,
      priceBook,
      unitMillis: unitMillis + (perBook.get(priceBook)?.unitMillis ?? 0n),
    })
  }
  return [...perBook.values()]
}

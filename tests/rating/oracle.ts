/*
 * The rating a second time, by brute force. Time goes by in ticks; a life is an array of them. Nothing here
 * is clever, so that whoever reads it beside `bill.md` sees that it says the same.
 */

/** One event of an allocation: what, when it became so, and when it was written; in ms. */
export interface Told {
  readonly type: string
  readonly at: number
  readonly recordedAt: number
}

const forGood = ['stop_accepted', 'exited', 'lease_ended', 'fault']

/** A life cut into ticks: for each, the number of the stretch that it was paid in; 0: free. */
export type Ticks = Uint16Array

/** Which ticks of a life are paid, by these events in the order in which they were written. */
export function paidTicks(events: readonly Told[], tickMs: number, ticks: number): Ticks {
  const paid = new Uint16Array(ticks)
  let stretch = 0
  let openSince = -1
  let isReady = false
  let isClosed = false
  for (const { type, at } of events) {
    const now = at / tickMs
    const closes = forGood.includes(type)
    if (type === 'ready') isReady = true
    if ((type === 'ready' || (type === 'seen_again' && isReady)) && openSince < 0 && !isClosed) {
      openSince = now
      stretch += 1
    }
    if (!closes && type !== 'contact_lost') continue
    if (openSince >= 0) for (let tick = openSince; tick < now; tick += 1) paid[tick] = stretch
    openSince = -1
    const cut = paid[now] ?? 0
    for (let tick = now; tick < ticks; tick += 1)
      if (closes || (cut !== 0 && paid[tick] === cut)) paid[tick] = 0
    isClosed ||= closes
  }
  if (openSince >= 0) for (let tick = openSince; tick < ticks; tick += 1) paid[tick] = stretch
  return paid
}

/** Paid milliseconds before an instant. */
export function paidBefore(paid: Ticks, tickMs: number, before: number): bigint {
  let millis = 0
  for (let tick = 0; tick < paid.length && tick * tickMs < before; tick += 1)
    if (paid[tick] !== 0) millis += tickMs
  return BigInt(millis)
}

/**
 * What so many unit-milliseconds cost: each whole unit-second adds a 3600th of the rate, and parts are
 * dropped.
 */
export function priceOf(nanosPerHour: bigint, unitMillis: bigint): bigint {
  let rest = unitMillis
  let parts = 0n
  // Hours and minutes at a time, so that long lives end: so many times the same addition.
  for (const seconds of [3600n, 60n, 1n])
    while (rest >= seconds * 1000n) {
      parts += nanosPerHour * seconds
      rest -= seconds * 1000n
    }
  return parts / 3600n
}

/** A priced line: so many units at a rate per unit-hour. */
export interface PricedLine {
  readonly quantity: number
  readonly nanos: bigint
}

/** What the lines cost after so many paid milliseconds, each on its own. */
export function costOf(lines: readonly PricedLine[], paidMillis: bigint): bigint {
  let cost = 0n
  for (const { quantity, nanos } of lines) cost += priceOf(nanos, BigInt(quantity) * paidMillis)
  return cost
}

/** The greatest whole second whose price is covered, by trying one after the other; null: all of them. */
export function secondsCovered(lines: readonly PricedLine[], covered: bigint, most: number): number | null {
  const parts = lines.map(() => 0n)
  for (let second = 0; second <= most; second += 1) {
    if (parts.reduce((sum, part) => sum + part / 3600n, 0n) > covered) return Math.max(0, second - 1)
    for (const [index, { quantity, nanos }] of lines.entries())
      parts[index] = (parts[index] ?? 0n) + nanos * BigInt(quantity)
  }
  return null
}

/** When the paid time of a life reaches so many milliseconds; null: it does not, as things stand. */
export function reaches(paid: Ticks, tickMs: number, millis: number): number | null {
  let sum = 0
  for (let tick = 0; tick < paid.length; tick += 1) {
    if (paid[tick] === 0) continue
    if (sum === millis) return tick * tickMs
    sum += tickMs
  }
  return null
}

/** One event of a volume: a size or a book from an instant on, or its end. */
export interface StorageTold {
  readonly at: number
  readonly recordedAt: number
  /** Says nothing about what is paid. */
  readonly isNote?: boolean
  readonly sizeGib?: number
  readonly book?: string
  readonly isEnd?: boolean
}

/** GiB-milliseconds of a volume before an instant, by book, tick by tick. */
export function storedBefore(
  events: readonly StorageTold[],
  tickMs: number,
  before: number,
): ReadonlyMap<string, bigint> {
  const sums = new Map<string, bigint>()
  let [size, book, isOver] = [0, '', false]
  let next = 0
  const told = events.filter(({ isNote }) => !isNote)
  for (let now = told[0]?.at ?? 0; now < before; now += tickMs) {
    for (let event = told[next]; event && event.at <= now; event = told[(next += 1)]) {
      size = event.sizeGib ?? size
      book = event.book ?? book
      isOver ||= event.isEnd ?? false
    }
    if (!isOver) sums.set(book, (sums.get(book) ?? 0n) + BigInt(size * tickMs))
  }
  return sums
}

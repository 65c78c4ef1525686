import type { Line } from '../journal/rules.ts'
import { type Nanos, nanos } from '../kernel/money.ts'
import { type Instant, instant, minuteMs, secondMs } from '../kernel/time.ts'
import { paidMillis, type Spell } from '../metering/rules.ts'
import { amountOf, costOfLines, type Rates, rateOf } from '../pricing/rules.ts'

/** Ten minutes: long enough that a restart of ours never stops a paying machine. */
export const leaseMsMax = 10 * minuteMs

/** Half of it: what the keeper may miss before anybody's machine is in danger. */
export const leaseMsLow = 5 * minuteMs

/** What a start must at least be good for (`money.md` §3.1). */
const leaseMsMin = minuteMs

/** A longer gap than this after a sighting is silence: nothing is known of the time in it. */
export const silenceMs = minuteMs

/** One allocation of a lease: what it costs and when it was paid for. A distributed run has several. */
export interface Rank {
  readonly lines: readonly Line[]
  readonly rates: Rates
  readonly spells: readonly Spell[]
}

/** A lease that is asked how far its money reaches. */
export interface Payer {
  readonly ranks: readonly Rank[]
  /** Settled, less given back, plus held, over all ranks. */
  readonly covered: Nanos
}

/** What the ranks have cost by the instant, each line on its own running sum. */
export function costAt(ranks: readonly Rank[], when: Instant): Nanos {
  let cost = 0n
  for (const { lines, rates, spells } of ranks) cost += costOfLines(lines, rates, paidMillis(spells, when))
  return nanos(cost)
}

/** Nano-units an hour of every rank together, not yet divided: 0 is free. */
function weightOf(ranks: readonly Rank[]): bigint {
  let weight = 0n
  for (const { lines, rates } of ranks)
    for (const { sku, quantity } of lines) weight += rateOf(rates, sku).nanos * BigInt(quantity)
  return weight
}

/**
 * N: the greatest whole second whose price is covered (`money.md` §3.3), on the running sum; null: free, no
 * end. Each line's floor gives away less than one nano, so N lies in a range that a few steps search.
 */
export function secondsCovered(lines: readonly Line[], rates: Rates, covered: bigint): bigint | null {
  const weight = weightOf([{ lines, rates, spells: [] }])
  if (weight === 0n) return null
  if (covered < 0n) return 0n
  let low = (covered * 3600n) / weight
  let high = ((covered + BigInt(lines.length)) * 3600n) / weight + 1n
  while (low < high) {
    const middle = (low + high + 1n) / 2n
    if (costOfLines(lines, rates, middle * 1000n) <= covered) low = middle
    else high = middle - 1n
  }
  return low
}

/**
 * The instant at which the lease is, or was, used up; null: never, as things stand. Of one allocation that is
 * where its paid time reaches N; of several, the last instant at which all ranks together cost no more than
 * is covered.
 */
export function usedUpAt({ ranks, covered }: Payer): Instant | null {
  const [only, ...others] = ranks
  if (!only) return null
  if (others.length > 0) return lastCovered(ranks, covered)
  const seconds = secondsCovered(only.lines, only.rates, covered)
  if (seconds === null) return null
  let rest = seconds * 1000n
  for (const { from, to } of only.spells) {
    if (to === null || rest < BigInt(to - from)) return plus(from, rest)
    rest -= BigInt(to - from)
  }
  return null
}

/** The last instant there is in the calendar of `bill.md`. */
export const endOfTime = instant(253_402_300_799_999)

function plus(from: Instant, millis: bigint): Instant {
  return millis > BigInt(endOfTime - from) ? endOfTime : instant(from + Number(millis))
}

function lastCovered(ranks: readonly Rank[], covered: Nanos): Instant | null {
  const starts = ranks.flatMap(({ spells }) => spells.map(({ from }) => from))
  if (costAt(ranks, endOfTime) <= covered) return null
  return lastInstant(instant(Math.min(...starts)), endOfTime, (when) => costAt(ranks, when) <= covered)
}

/**
 * The last instant of `[from, to]` at which a claim holds that holds at `from` and, once false, stays false.
 */
export function lastInstant(from: Instant, to: Instant, holds: (when: Instant) => boolean): Instant {
  let low: number = from
  let high: number = to
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (holds(instant(middle))) low = middle
    else high = middle - 1
  }
  return instant(low)
}

/** Is a spell of the lease open: does it run? */
export function isRunning({ ranks }: Payer): boolean {
  return ranks.some(({ spells }) => spells.at(-1)?.to === null)
}

/** Was time paid after the lease had been used up? Then whoever closed the spell came later than that. */
export function isOvershot({ ranks }: Payer, end: Instant): boolean {
  return ranks.some(({ spells }) => spells.some(({ to }) => to !== null && to > end))
}

/** What must be held in addition so that the lease reaches the instant, its last started second left out. */
export function needUntil({ ranks, covered }: Payer, when: Instant): Nanos {
  const [only, ...others] = ranks
  if (!only) return nanos(0n)
  const wholeMillis = (paidMillis(only.spells, when) / BigInt(secondMs)) * BigInt(secondMs)
  const cost = others.length === 0 ? costOfLines(only.lines, only.rates, wholeMillis) : costAt(ranks, when)
  return nanos(cost > covered ? cost - covered : 0n)
}

/**
 * What a first hold takes: ten minutes of the rate, or all there is if that is good for one; null: too
 * little.
 */
export function firstHold(
  lines: readonly Line[],
  rates: Rates,
  available: Nanos,
): { readonly hold: Nanos } | { readonly shortfall: Nanos } {
  const wanted = costOfLines(lines, rates, BigInt(leaseMsMax))
  if (wanted <= available) return { hold: wanted }
  const least = costOfLines(lines, rates, BigInt(leaseMsMin))
  return least <= available ? { hold: available } : { shortfall: nanos(least - available) }
}

/** What one spell added to the running sums of its allocation. */
export function amountOfSpell({ lines, rates, spells }: Rank, index: number, now: Instant): Nanos {
  const before = paidMillis(spells.slice(0, index), now)
  const after = paidMillis(spells.slice(0, index + 1), now)
  let amount = 0n
  for (const { sku, quantity } of lines) {
    const rate = rateOf(rates, sku).nanos
    amount += amountOf(rate, BigInt(quantity) * after) - amountOf(rate, BigInt(quantity) * before)
  }
  return nanos(amount)
}

import { type Nanos, nanos } from '../kernel/money.ts'

/** Nano-units in a minor unit (a cent): both currencies have hundredths. */
export const nanosPerMinor = 10_000_000n

/** Division that rounds down, also below zero. */
function floorDivide(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor
  return dividend % divisor < 0n ? quotient - 1n : quotient
}

/**
 * A share (nanos / divisor) in whole minor units, as nanos: half a minor unit is rounded away from zero. The
 * only place in which an amount is rounded.
 */
export function roundedToMinor(value: bigint, divisor = 1n): Nanos {
  const unit = nanosPerMinor * divisor
  const magnitude = value < 0n ? -value : value
  const minor = (magnitude * 2n + unit) / (unit * 2n)
  return nanos((value < 0n ? -minor : minor) * nanosPerMinor)
}

/**
 * Whole minor units for each part, so that they add up to the total, which is their sum rounded: each part is
 * rounded down, and what is then missing goes, one minor unit each, to those that lost most (of equals, to
 * the first). None is further from its exact value than one minor unit.
 */
export function apportioned(parts: readonly bigint[], total: bigint): readonly Nanos[] {
  const floors = parts.map((part) => floorDivide(part, nanosPerMinor) * nanosPerMinor)
  const lost = parts.map((part, index) => ({ index, rest: part - (floors[index] ?? 0n) }))
  const missing = (total - floors.reduce((sum, floor) => sum + floor, 0n)) / nanosPerMinor
  const raised = new Set(
    lost
      .toSorted((a, b) => (a.rest === b.rest ? a.index - b.index : a.rest > b.rest ? -1 : 1))
      .slice(0, Number(missing))
      .map(({ index }) => index),
  )
  return floors.map((floor, index) => nanos(raised.has(index) ? floor + nanosPerMinor : floor))
}

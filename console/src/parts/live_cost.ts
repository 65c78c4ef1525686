import type { Balance, Cost } from '@gpuhour/sdk/contract'

/** What a rate per hour comes to in whole seconds, cut at the nano: the platform's one formula. */
export function amountIn(elapsedMs: number, nanosPerHour: bigint): bigint {
  return (nanosPerHour * BigInt(Math.max(0, Math.floor(elapsedMs / 1000)))) / 3600n
}

/** The part of a cost that grows. */
export type Growing = Pick<
  Cost,
  'asOf' | 'isPaying' | 'nanosPerHour' | 'leaseUntil' | 'amountNanos' | 'paidMillis'
>

/** Until when it has been paying, as far as we can say: never past the second that money is held for. */
function paidSinceAsOf(cost: Growing, nowMs: number): number {
  if (!cost.isPaying) return 0
  const until = cost.leaseUntil === null ? nowMs : Math.min(nowMs, Date.parse(cost.leaseUntil))
  return Math.max(0, until - Date.parse(cost.asOf))
}

/**
 * What it has cost by now. Two floors instead of one, so it is never ahead of the bill, and behind it by less
 * than a second's price; the next reply brings it level.
 */
export function costNow(cost: Growing, nowMs: number): bigint {
  return BigInt(cost.amountNanos) + amountIn(paidSinceAsOf(cost, nowMs), BigInt(cost.nanosPerHour))
}

/** Paid milliseconds by now. */
export function paidMsNow(cost: Growing, nowMs: number): number {
  // Paid time of one instance stays far below 2^53 ms, which is 285 000 years.
  return Number(cost.paidMillis) + paidSinceAsOf(cost, nowMs)
}

/**
 * Unit-hours by now, to the millionth, cut: as many units as were paid for so far, times the paid time since.
 * An instance keeps its flavor, so the whole number of units is what its hours and its time come to.
 */
export function unitHoursNow(cost: Growing, hours: string, nowMs: number): string {
  const paidMs = Number(cost.paidMillis)
  const units = paidMs > 0 ? Math.round((Number(hours) * 3_600_000) / paidMs) : 0
  const [whole = '0', fraction = ''] = hours.split('.')
  const millionths = BigInt(whole + fraction.slice(0, 6).padEnd(6, '0'))
  const grownMs = BigInt(units) * BigInt(Math.floor(paidSinceAsOf(cost, nowMs)))
  return hoursText(millionths + (grownMs * 1_000_000n) / 3_600_000n)
}

function hoursText(millionths: bigint): string {
  return `${millionths / 1_000_000n}.${(millionths % 1_000_000n).toString().padStart(6, '0')}`
}

/** The part of a balance that shrinks. */
export type Shrinking = Pick<Balance, 'asOf' | 'liveNanos' | 'nanosPerHour'>

/** The balance by now; not shown below nothing while a stop is on its way. */
export function balanceNow(balance: Shrinking, nowMs: number): bigint {
  const live = BigInt(balance.liveNanos)
  const elapsedMs = nowMs - Date.parse(balance.asOf)
  const left = live - amountIn(elapsedMs, BigInt(balance.nanosPerHour))
  return left < 0n && live > 0n ? 0n : left
}

/** How long money lasts at a rate, in ms; null: for ever. */
export function lastsMs(availableNanos: bigint, nanosPerHour: bigint): number | null {
  if (nanosPerHour <= 0n) return null
  const seconds = ((availableNanos > 0n ? availableNanos : 0n) * 3600n) / nanosPerHour
  return Number(seconds) * 1000
}

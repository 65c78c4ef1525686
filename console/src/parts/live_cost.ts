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

import type { Lot } from '@gpuhour/sdk/contract'

/** What can be used, in the order in which it is; then what will be, then what is over, newest first. */
export function burnOrder(lots: readonly Lot[]): readonly Lot[] {
  const groupOf = ({ turn, state }: Lot): number => {
    if (turn !== null) return turn
    return state === 'used_up' || state === 'lapsed' ? Number.MAX_SAFE_INTEGER : Number.MAX_SAFE_INTEGER - 1
  }
  return lots.toSorted(
    (a, b) => groupOf(a) - groupOf(b) || Date.parse(b.creditedAt) - Date.parse(a.creditedAt),
  )
}

/** How much of a credit is left, in whole percent; something left is never shown as nothing. */
export function leftPercent({ remainingNanos, amountNanos }: Lot): number {
  const [left, whole] = [BigInt(remainingNanos), BigInt(amountNanos)]
  return left === 0n ? 0 : Math.max(1, Number((left * 100n) / whole))
}

/** The end of a day that was picked, in the zone of whoever picks it; null: none was. */
export function endOfDay(date: string): string | null {
  const [year, month, day] = date.split('-').map(Number)
  if (!year || !month || !day) return null
  return new Date(year, month - 1, day + 1).toISOString()
}

import { endOfTime, lastInstant } from '../compute/leases.rules.ts'
import type { Instant } from '../kernel/time.ts'
import { burnOrder, freeOf, isInForce, type Lot } from '../ledger/lots.rules.ts'

/**
 * Until when lots pay for what is needed; null: for ever. `needs` is what must be paid by an instant beyond
 * what is held already, and never falls. Lots come into force and lapse meanwhile; what is needed in between
 * is taken from those in force, in burn order. A hold reaches a few minutes ahead and saves as much of a lot
 * from lapsing, so with lots that lapse this is the least.
 */
export function runwayOf(
  lots: readonly Lot[],
  asOf: Instant,
  needs: (when: Instant) => bigint,
): Instant | null {
  const left = new Map<Lot, bigint>(lots.toSorted(burnOrder).map((lot) => [lot, freeOf(lot)]))
  const changes = lots.flatMap(({ effectiveAt, expiresAt }) => [effectiveAt, expiresAt ?? endOfTime])
  const dates = [...new Set(changes)].filter((at) => at > asOf && at < endOfTime).toSorted((a, b) => a - b)
  let [from, paid] = [asOf, 0n]
  for (const to of [...dates, endOfTime]) {
    const inForce = [...left].filter(([lot]) => isInForce(lot, from))
    const usable = inForce.reduce((sum, [, free]) => sum + free, 0n)
    const isPaid = (when: Instant): boolean => needs(when) - paid <= usable
    if (!isPaid(to)) return isPaid(from) ? lastInstant(from, to, isPaid) : from
    let rest = needs(to) - paid
    for (const [lot, free] of inForce) {
      const part = free < rest ? free : rest
      left.set(lot, free - part)
      rest -= part
    }
    paid = needs(to)
    from = to
  }
  return null
}

/** The next date at which usable money lapses, and how much that is as things stand; null: none. */
export function nextExpiry(
  lots: readonly Lot[],
  asOf: Instant,
): { readonly at: Instant; readonly amount: bigint } | null {
  const lapsing = lots.filter((lot) => lot.expiresAt !== null && isInForce(lot, asOf) && freeOf(lot) > 0n)
  const dates = lapsing.flatMap(({ expiresAt }) => expiresAt ?? [])
  if (dates.length === 0) return null
  const at = dates.reduce((least, one) => (one < least ? one : least))
  const amount = lapsing.reduce((sum, lot) => (lot.expiresAt === at ? sum + freeOf(lot) : sum), 0n)
  return { at, amount }
}

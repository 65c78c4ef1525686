import { hourMs, type Instant, instant } from '../kernel/time.ts'

/** Fifteen days: what is stored is kept so long after an organization began to owe (`money.md` §3.7). */
export const debtGraceMs = 15 * 24 * hourMs

/** The last instant of grace of a debt that began then. */
export function graceUntil(begunAt: Instant): Instant {
  return instant(begunAt + debtGraceMs)
}

/** May what is stored go, and the debt be written off? */
export function isGraceOver(begunAt: Instant, now: Instant): boolean {
  return now >= graceUntil(begunAt)
}

/**
 * How many days before a grace ends people are told again, the fewest last: in time to act, and once more.
 */
const warningDays = [7, 3, 1] as const

/** Which warning is due of a debt that began then; null: none yet. */
export function warningOf(begunAt: Instant, now: Instant): (typeof warningDays)[number] | null {
  const left = graceUntil(begunAt) - now
  return warningDays.findLast((days) => left <= days * 24 * hourMs) ?? null
}

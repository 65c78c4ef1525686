import type { Currency } from '../kernel/money.ts'
import { hourMs, type Instant, instant } from '../kernel/time.ts'

/** What decides whether a code can be redeemed. */
export interface Offered {
  readonly currency: Currency
  /** Null: as long as it is not withdrawn. */
  readonly expiresAt: Instant | null
  readonly withdrawnAt: Instant | null
  readonly redemptions: number
  readonly redemptionsMax: number
}

/** Does the code still give something to an organization of that currency? */
export function isRedeemable(code: Offered, currency: Currency, now: Instant): boolean {
  if (code.withdrawnAt !== null || code.currency !== currency) return false
  if (code.expiresAt !== null && code.expiresAt <= now) return false
  return code.redemptions < code.redemptionsMax
}

/** How a code looks to the operator. */
export type PromoCodeState = 'active' | 'expired' | 'used_up' | 'withdrawn'

/** In a word. */
export function promoCodeStateOf(code: Omit<Offered, 'currency'>, now: Instant): PromoCodeState {
  if (code.withdrawnAt !== null) return 'withdrawn'
  if (code.expiresAt !== null && code.expiresAt <= now) return 'expired'
  return code.redemptions < code.redemptionsMax ? 'active' : 'used_up'
}

/** When the credit of a code lapses that is redeemed now; null: never. */
export function creditExpiresAt(creditDays: number | null, now: Instant): Instant | null {
  return creditDays === null ? null : instant(now + creditDays * 24 * hourMs)
}

/** A code as it is kept, however it was typed. */
export function codeOf(typed: string): string {
  return typed.trim().toUpperCase()
}

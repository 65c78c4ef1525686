import { derivedId, type TransferId } from '../kernel/ids.ts'
import { type Currency, formatAmount, type Nanos, nanos } from '../kernel/money.ts'
import { hourMs, type Instant, instant, minuteMs, secondMs } from '../kernel/time.ts'

/**
 * How a payment stands. `asked`: the vendor has no page for it yet; `open`: it can be paid; `processing`: by
 * a method that takes days; `mismatched`: paid, but not what was asked, so an operator has to look.
 */
export type PaymentState = 'asked' | 'open' | 'processing' | 'failed' | 'expired' | 'mismatched' | 'paid'

/** Later states win whatever comes first: money that arrived outweighs everything said before or after. */
const order: readonly PaymentState[] = [
  'asked',
  'open',
  'processing',
  'expired',
  'failed',
  'mismatched',
  'paid',
]

/** The later of two states, whichever was learned first. */
export function laterState(one: PaymentState, other: PaymentState): PaymentState {
  return order.indexOf(one) >= order.indexOf(other) ? one : other
}

/** Nothing more is expected of it by itself. */
export function isOver(state: PaymentState): boolean {
  return state !== 'asked' && state !== 'open' && state !== 'processing'
}

/** What was asked for. */
export interface Asked {
  readonly amount: Nanos
  readonly currency: Currency
}

/** What the vendor says of it. */
export interface Seen {
  readonly state: 'open' | 'processing' | 'failed' | 'expired' | 'paid'
  readonly amount: Nanos | null
  readonly currency: string | null
  /** The vendor's id of the payment. */
  readonly intent: string | null
}

/** What is wrong with what was paid; null where it is what was asked. */
export function mismatchOf(asked: Asked, seen: Seen): string | null {
  if (seen.state !== 'paid') return null
  if (seen.intent === null) return 'paid, and the vendor does not say by what: not credited'
  if (seen.amount === asked.amount && seen.currency === asked.currency) return null
  const paid = seen.amount === null ? 'an unknown amount' : formatAmount(seen.amount)
  const wanted = `${formatAmount(asked.amount)} ${asked.currency}`
  return `asked were ${wanted}, paid ${paid} ${seen.currency ?? 'of no currency'}: not credited`
}

/** A refund or a dispute, as far as it is known. */
export interface Returning {
  /** Null until the vendor has made the refund that an operator asked for. */
  readonly vendorId: string | null
  readonly amount: Nanos
  readonly isBegun: boolean
  readonly isUndone: boolean
  readonly refused: string | null
}

/** How much of it the wallet has to give by all that is known. */
export function dueOf({ vendorId, amount, isBegun, isUndone, refused }: Returning): Nanos {
  // Until the vendor knows of it, it is as asked; from then on what the vendor says counts.
  const isGone = vendorId === null ? refused === null : isBegun && !isUndone
  return isGone ? amount : nanos(0n)
}

/**
 * What became of it: `asked` of the vendor, `refused` by it, `contested` with nothing taken yet (a dispute),
 * `gone`, or `undone` (a refund failed, a dispute was won).
 */
export type ReturnState = 'asked' | 'refused' | 'contested' | 'gone' | 'undone'

/** In a word. */
export function returnStateOf({ vendorId, isBegun, isUndone, refused }: Returning): ReturnState {
  if (vendorId === null) return refused === null ? 'asked' : 'refused'
  if (isUndone) return 'undone'
  return isBegun ? 'gone' : 'contested'
}

/** A step of the money of a return: out of the wallet, or back into it. */
export type ReturnStep =
  | { readonly kind: 'take'; readonly id: TransferId; readonly amount: Nanos }
  | { readonly kind: 'give'; readonly of: TransferId }

/**
 * The steps from what a return has taken to what it has to take: none, one, or both where its amount grew.
 * Ids follow from its place, so a repeat does nothing, and each step is undone by its own reversal.
 */
export function stepsOf(
  { id, taken, steps }: { readonly id: string; readonly taken: Nanos; readonly steps: number },
  due: Nanos,
): readonly ReturnStep[] {
  if (due === taken) return []
  const back: ReturnStep = { kind: 'give', of: derivedId('transfer', id, steps - 1) }
  const take: ReturnStep = { kind: 'take', id: derivedId('transfer', id, steps), amount: due }
  return [...(taken > 0n ? [back] : []), ...(due > 0n ? [take] : [])]
}

/** What can still be refunded of a payment, whatever is in the wallet. */
export function leftOf(amount: Nanos, returns: readonly Returning[]): Nanos {
  const gone = returns.reduce((sum, one) => sum + dueOf(one), 0n)
  return nanos(gone < amount ? amount - gone : 0n)
}

/** A page stays open for an hour: long enough to find a card, soon enough that nobody pays it next week. */
export const pageMs = hourMs

/** The vendor takes no page that closes within half an hour: a retry after this cannot succeed any more. */
export const askableMs = 25 * minuteMs

/** Pages of one organization that wait to be paid, at most: nobody has so many browsers open. */
export const openPaymentsMax = 20

/** Whoever has just paid is looking at a page that waits. */
const lookMsMin = 5 * secondMs
/** What takes days is not missed by hours. */
const lookMsMax = 6 * hourMs
/** The older a payment is, the less likely it is to change now. */
const lookShare = 8

/** When the vendor is asked again about a payment that was asked for then. */
export function nextLookAt(askedAt: Instant, now: Instant): Instant {
  const wait = Math.min(lookMsMax, Math.max(lookMsMin, (now - askedAt) / lookShare))
  return instant(now + wait)
}

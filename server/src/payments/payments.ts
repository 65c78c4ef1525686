import { AppError } from '../kernel/errors.ts'
import type { Currency, Nanos } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'

/** What is to be paid, and where the payer's browser goes afterwards. */
export interface CheckoutOrder {
  /** Ours: the same order again is answered with the same page. */
  readonly id: string
  /** Goes along: another platform may share the vendor's account. */
  readonly installation: string
  readonly amount: Nanos
  readonly currency: Currency
  /** What stands on the page and on the receipt. */
  readonly title: string
  readonly successUrl: string
  readonly cancelUrl: string
  /** Until then it can be paid; the vendor wants half an hour at least and a day at most. */
  readonly expiresAt: Instant
}

/** The vendor's page for an order. */
export interface Checkout {
  /** The vendor's id of it. */
  readonly id: string
  readonly url: string
}

/** What is to go back to whoever paid. */
export interface RefundOrder {
  /** Ours: however often it is asked, it is made once. */
  readonly id: string
  /** The vendor's id of the payment. */
  readonly intent: string
  readonly amount: Nanos
}

/** How a checkout stands: `processing` is paid by a method that takes days. */
export type CheckoutState = 'open' | 'processing' | 'failed' | 'expired' | 'paid'

/** What the vendor told of a checkout. */
export interface CheckoutFact {
  readonly kind: 'checkout'
  readonly checkout: string
  /** Our id, as we gave it along; null: not made by us. */
  readonly payment: string | null
  readonly installation: string | null
  readonly state: CheckoutState
  /** The vendor's id of the payment; null before there is one. */
  readonly intent: string | null
  readonly amount: Nanos | null
  /** As the vendor writes it, in capitals; it may be none of ours. */
  readonly currency: string | null
}

/** What the vendor told of money that goes back: a refund, or a dispute that the payer's bank began. */
export interface ReturnFact {
  readonly kind: 'return'
  readonly what: 'refund' | 'dispute'
  /** The vendor's id of it. */
  readonly id: string
  /** The vendor's id of the payment that it is of. */
  readonly intent: string | null
  /** Our id, where it was us who asked for it. */
  readonly ours: string | null
  readonly amount: Nanos
  readonly currency: string
  /** The money has left us. */
  readonly isBegun: boolean
  /** It has come back, or will: a refund that failed, a dispute that was won. */
  readonly isUndone: boolean
  /** The vendor's word, for people to read. */
  readonly status: string
}

/** Something went back of a payment, and only a look tells what. */
export interface LookFact {
  readonly kind: 'look'
  readonly intent: string
}

/** One thing that the vendor told. */
export type PaymentFact = CheckoutFact | ReturnFact | LookFact

/** What the vendor sent us by itself; genuine. */
export interface PaymentEvent {
  /** The vendor's: the same again is the same event. */
  readonly id: string
  /** The vendor's word for what happened. */
  readonly type: string
  /** What it is about, by the vendor's id. */
  readonly about: string
  /** Another account of the vendor's, for which we only happen to hear; null: ours. */
  readonly account: string | null
  /** Empty: it tells nothing that concerns us. Null: it should, and cannot be read. */
  readonly facts: readonly PaymentFact[] | null
}

/**
 * How organizations add money. Facts come in any order and more than once; a command may be repeated.
 * What cannot be done is thrown as `PaymentsError`, which never holds a key.
 */
export interface Payments {
  /** `card`: on a page of the vendor's. `grant`: an operator gives it, and every command is refused. */
  readonly way: 'card' | 'grant'
  /** The page on which an order is paid. */
  checkout(order: CheckoutOrder, signal: AbortSignal): Promise<Checkout>
  /** What the vendor knows by now of a checkout, and of everything that went back of it. */
  lookUp(checkout: string, signal: AbortSignal): Promise<readonly PaymentFact[]>
  /** Sends money back, unless this very refund was made before: then it tells of that one. */
  refund(order: RefundOrder, signal: AbortSignal): Promise<ReturnFact>
  /** What the vendor had to tell since then, oldest first: for what never arrived. */
  eventsSince(since: Instant, signal: AbortSignal): Promise<readonly PaymentEvent[]>
  /** Reads what came in as an event; null where it is not genuine, or too old to be. */
  readEvent(body: string, signature: string, now: Instant): PaymentEvent | null
}

/** Why the vendor did not do what it was asked; closed. */
export type PaymentsErrorCode = 'not_set_up' | 'vendor_unavailable' | 'vendor_refused'

/** Thrown by drivers of payments. Only `vendor_refused` is an answer: the others leave open what happened. */
export class PaymentsError extends AppError<PaymentsErrorCode> {
  override name = 'PaymentsError'
}

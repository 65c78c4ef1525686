import { z } from 'zod'
import { type Nanos, nanos } from '../kernel/money.ts'
import type { CheckoutState, PaymentFact } from './payments.ts'

// What Stripe's objects say, in the port's words. Only what is read is checked: an endpoint may be set to
// another version of Stripe's API than ours, and tells the same in these fields.

/** Stripe counts in cents; both of our currencies have a hundred of them. */
const nanosPerCent = 10_000_000n

/** The names under which our ids go along with Stripe's objects. */
export const metadataKeys = {
  payment: 'gpuhour_payment',
  refund: 'gpuhour_refund',
  installation: 'gpuhour_installation',
} as const

/** An amount in cents. */
export function centsOf(amount: Nanos): number {
  return Number(amount / nanosPerCent)
}

function nanosOf(cents: number): Nanos {
  return nanos(BigInt(cents) * nanosPerCent)
}

const metadata = z.record(z.string(), z.string()).nullish()

/** Another object, by its id or as a whole. */
const reference = z
  .union([z.string(), z.object({ id: z.string() }).transform(({ id }) => id)])
  .nullish()
  .transform((id) => id ?? null)

const sessionSchema = z.object({
  object: z.literal('checkout.session'),
  id: z.string(),
  mode: z.string(),
  client_reference_id: z.string().nullish(),
  metadata,
  status: z.string().nullish(),
  payment_status: z.string(),
  payment_intent: z
    .union([z.string(), z.object({ id: z.string(), status: z.string() })])
    .nullish()
    .transform((intent) => (typeof intent === 'string' ? { id: intent, status: null } : (intent ?? null))),
  amount_total: z.int().nullish(),
  currency: z.string().nullish(),
})

const refundSchema = z.object({
  object: z.literal('refund'),
  id: z.string(),
  amount: z.int(),
  currency: z.string(),
  status: z.string().nullish(),
  payment_intent: reference,
  metadata,
})

const disputeSchema = z.object({
  object: z.literal('dispute'),
  id: z.string(),
  amount: z.int(),
  currency: z.string(),
  status: z.string(),
  payment_intent: reference,
  balance_transactions: z.array(z.object({ amount: z.int() })).nullish(),
})

const chargeSchema = z.object({
  object: z.literal('charge'),
  id: z.string(),
  payment_intent: reference,
})

/** Payment intents that will never be paid. */
const deadIntents: readonly string[] = ['requires_payment_method', 'canceled']

function stateOf(session: z.infer<typeof sessionSchema>, type: string): CheckoutState {
  if (session.payment_status === 'paid') return 'paid'
  if (session.status === 'expired') return 'expired'
  if (type === 'checkout.session.async_payment_failed') return 'failed'
  if (session.status !== 'complete') return 'open'
  // Complete and unpaid: a method that takes days, or one that has failed since.
  return deadIntents.includes(session.payment_intent?.status ?? '') ? 'failed' : 'processing'
}

function sessionFact(session: z.infer<typeof sessionSchema>, type: string): PaymentFact {
  const { id, client_reference_id: named, metadata: given, amount_total: cents, currency } = session
  return {
    kind: 'checkout',
    checkout: id,
    payment: given?.[metadataKeys.payment] ?? named ?? null,
    installation: given?.[metadataKeys.installation] ?? null,
    state: stateOf(session, type),
    intent: session.payment_intent?.id ?? null,
    amount: typeof cents === 'number' ? nanosOf(cents) : null,
    currency: currency?.toUpperCase() ?? null,
  }
}

function refundFact(refund: z.infer<typeof refundSchema>): PaymentFact {
  const { id, amount, currency, status, payment_intent: intent, metadata: given } = refund
  return {
    kind: 'return',
    what: 'refund',
    id,
    intent,
    ours: given?.[metadataKeys.refund] ?? null,
    amount: nanosOf(amount),
    currency: currency.toUpperCase(),
    isBegun: true,
    isUndone: status === 'failed' || status === 'canceled',
    status: status ?? 'pending',
  }
}

// The funds leave us when the bank takes them, which an inquiry (`warning_…`) does not; a dispute that is
// lost has taken them, one that is won gives them back.
function disputeFact(dispute: z.infer<typeof disputeSchema>, type: string): PaymentFact {
  const { id, amount, currency, status, payment_intent: intent } = dispute
  const moves = dispute.balance_transactions ?? []
  return {
    kind: 'return',
    what: 'dispute',
    id,
    intent,
    ours: null,
    amount: nanosOf(amount),
    currency: currency.toUpperCase(),
    isBegun:
      type === 'charge.dispute.funds_withdrawn' || status === 'lost' || moves.some((move) => move.amount < 0),
    isUndone:
      type === 'charge.dispute.funds_reinstated' || status === 'won' || moves.some((move) => move.amount > 0),
    status,
  }
}

/** The kinds of event that we hear; the guide for operators lists the same. */
export const eventTypes = [
  'checkout.session.completed',
  'checkout.session.async_payment_succeeded',
  'checkout.session.async_payment_failed',
  'checkout.session.expired',
  'refund.created',
  'refund.updated',
  'refund.failed',
  'charge.refunded',
  'charge.refund.updated',
  'charge.dispute.created',
  'charge.dispute.updated',
  'charge.dispute.funds_withdrawn',
  'charge.dispute.funds_reinstated',
  'charge.dispute.closed',
] as const

const objectSchema = z.discriminatedUnion('object', [
  sessionSchema,
  refundSchema,
  disputeSchema,
  chargeSchema,
])

/** What one of Stripe's objects tells, with the event that brought it; null where it cannot be read. */
export function factsOf(object: unknown, type = ''): readonly PaymentFact[] | null {
  const parsed = objectSchema.safeParse(object)
  if (!parsed.success) return null
  const found = parsed.data
  switch (found.object) {
    case 'checkout.session':
      return found.mode === 'payment' ? [sessionFact(found, type)] : []
    case 'refund':
      return [refundFact(found)]
    case 'dispute':
      return [disputeFact(found, type)]
    case 'charge':
      return found.payment_intent === null ? [] : [{ kind: 'look', intent: found.payment_intent }]
  }
}

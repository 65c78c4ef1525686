import { Stripe } from 'stripe'
import { z } from 'zod'
import { messageOf } from '../kernel/errors.ts'
import type { Instant } from '../kernel/time.ts'
import {
  type Checkout,
  type CheckoutOrder,
  type PaymentFact,
  type PaymentEvent,
  type Payments,
  PaymentsError,
  type RefundOrder,
  type ReturnFact,
} from './payments.ts'
import { centsOf, eventTypes, factsOf, metadataKeys } from './stripe.facts.ts'

/** Stripe's documented limit is 80 s; whoever waits for a page has gone by then. */
const timeoutMs = 20_000

/** A lost answer is asked for again so often; Stripe knows the request by its idempotency key. */
const retriesMax = 2

/** The age up to which a signature is believed, in seconds: Stripe's own default. */
const toleranceSeconds = 300

/** Rows a page of Stripe's lists, its maximum. */
const pageMax = 100

/** How Stripe is reached. */
export interface StripeOptions {
  readonly secretKey: string
  readonly webhookSecret: string
  /** Null: Stripe itself. */
  readonly apiBase: string | null
}

/** Whatever looks like a key of Stripe's, also where it is masked in part. */
const keyPattern = /\b(?:sk|rk|pk|whsec)_[\w*.…-]+|\bBearer\s+\S+/g

/** Stripe's error objects carry headers and bodies of requests: of them only the sentence goes on. */
function translated(error: unknown): PaymentsError {
  const message = messageOf(error).replaceAll(keyPattern, '…').slice(0, 300)
  const isAnswer = error instanceof Stripe.errors.StripeInvalidRequestError
  const isCard = error instanceof Stripe.errors.StripeCardError
  return new PaymentsError(isAnswer || isCard ? 'vendor_refused' : 'vendor_unavailable', message)
}

/** Asks Stripe; gives up with the signal, and throws nothing of Stripe's own. */
async function ask<T>(signal: AbortSignal, request: () => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  try {
    return await request()
  } catch (error) {
    throw translated(error)
  }
}

function clientOf({ secretKey, apiBase }: StripeOptions): Stripe {
  const base = apiBase === null ? null : new URL(apiBase)
  return new Stripe(secretKey, {
    timeout: timeoutMs,
    maxNetworkRetries: retriesMax,
    telemetry: false,
    ...(base === null
      ? {}
      : {
          host: base.hostname,
          port: base.port || (base.protocol === 'https:' ? 443 : 80),
          protocol: base.protocol === 'https:' ? 'https' : 'http',
        }),
  })
}

function sessionOf(order: CheckoutOrder): Stripe.Checkout.SessionCreateParams {
  const metadata = {
    [metadataKeys.payment]: order.id,
    [metadataKeys.installation]: order.installation,
  }
  return {
    mode: 'payment',
    submit_type: 'pay',
    client_reference_id: order.id,
    metadata,
    // Whoever looks at the payment in Stripe's dashboard finds ours by it.
    payment_intent_data: { metadata, description: order.title },
    line_items: [
      {
        quantity: 1,
        price_data: {
          currency: order.currency.toLowerCase(),
          unit_amount: centsOf(order.amount),
          product_data: { name: order.title },
        },
      },
    ],
    // What is paid is what was asked, in the organization's currency: the ledger has no other.
    adaptive_pricing: { enabled: false },
    success_url: order.successUrl,
    cancel_url: order.cancelUrl,
    expires_at: Math.floor(order.expiresAt / 1000),
  }
}

async function openCheckout(stripe: Stripe, order: CheckoutOrder): Promise<Checkout> {
  const session = await stripe.checkout.sessions.create(sessionOf(order), { idempotencyKey: order.id })
  if (session.url === null)
    throw new PaymentsError('vendor_unavailable', 'Stripe made a checkout session without a page.')
  return { id: session.id, url: session.url }
}

async function lookUp(stripe: Stripe, checkout: string): Promise<readonly PaymentFact[]> {
  const session = await stripe.checkout.sessions.retrieve(checkout, { expand: ['payment_intent'] })
  const facts = [...(factsOf(session) ?? [])]
  const [fact] = facts
  const intent = fact?.kind === 'checkout' && fact.state === 'paid' ? fact.intent : null
  if (intent === null) return facts
  for await (const refund of stripe.refunds.list({ payment_intent: intent, limit: pageMax }))
    facts.push(...(factsOf(refund) ?? []))
  for await (const dispute of stripe.disputes.list({ payment_intent: intent, limit: pageMax }))
    facts.push(...(factsOf(dispute) ?? []))
  return facts
}

/** The fact of a refund; Stripe has just answered with one. */
function refundFact(refund: Stripe.Refund): ReturnFact {
  const [fact] = factsOf(refund) ?? []
  if (fact?.kind !== 'return')
    throw new PaymentsError('vendor_unavailable', 'Stripe answered with something that is no refund.')
  return fact
}

// An idempotency key is forgotten after a day, and we may have been down for two: so what was made is looked
// for first, by our id.
async function makeRefund(stripe: Stripe, { id, intent, amount }: RefundOrder): Promise<ReturnFact> {
  for await (const made of stripe.refunds.list({ payment_intent: intent, limit: pageMax }))
    if (made.metadata?.[metadataKeys.refund] === id) return refundFact(made)
  const asked = {
    payment_intent: intent,
    amount: centsOf(amount),
    metadata: { [metadataKeys.refund]: id },
  }
  return refundFact(await stripe.refunds.create(asked, { idempotencyKey: id }))
}

const eventSchema = z.object({
  id: z.string().max(200),
  type: z.string().max(200),
  account: z.string().max(200).nullish(),
  data: z.object({ object: z.looseObject({ id: z.string().max(200).nullish() }) }),
})

/** An event of Stripe's in the port's words; null where it is no event at all. */
function paymentEventOf(event: unknown): PaymentEvent | null {
  const parsed = eventSchema.safeParse(event)
  if (!parsed.success) return null
  const { id, type, account, data } = parsed.data
  const isHeard = eventTypes.some((one) => one === type)
  return {
    id,
    type,
    about: data.object.id ?? '',
    account: account ?? null,
    facts: isHeard ? factsOf(data.object, type) : [],
  }
}

async function eventsSince(stripe: Stripe, since: Instant): Promise<readonly PaymentEvent[]> {
  const events: PaymentEvent[] = []
  const query = { types: [...eventTypes], created: { gte: Math.floor(since / 1000) }, limit: pageMax }
  for await (const event of stripe.events.list(query)) {
    const read = paymentEventOf(event)
    if (read) events.push(read)
  }
  // Stripe lists the newest first.
  return events.reverse()
}

/** Payments by Stripe Checkout: card data is typed on Stripe's page, and never comes here. */
export function stripePayments(options: StripeOptions): Payments {
  const stripe = clientOf(options)
  return {
    way: 'card',
    checkout: (order, signal) => ask(signal, () => openCheckout(stripe, order)),
    lookUp: (checkout, signal) => ask(signal, () => lookUp(stripe, checkout)),
    refund: (order, signal) => ask(signal, () => makeRefund(stripe, order)),
    eventsSince: (since, signal) => ask(signal, () => eventsSince(stripe, since)),
    readEvent(body, signature, now) {
      try {
        const { webhookSecret } = options
        return paymentEventOf(
          stripe.webhooks.constructEvent(body, signature, webhookSecret, toleranceSeconds, undefined, now),
        )
      } catch {
        // Whatever is wrong with it, it is nobody's business who sent it.
        return null
      }
    },
  }
}

import { z } from 'zod'
import { currency, id, instant, label, nanos, newId } from './values.ts'

/** Nanos in a cent: nobody pays less by card. */
export const centNanos = 10_000_000n

/** The smallest payment: below five units the vendor's fee is most of it. */
export const paymentNanosMin = 5_000_000_000n

/** The largest payment in one step: a slip of the finger is not a fortune, and more comes by bank. */
export const paymentNanosMax = 10_000_000_000_000n

/** The largest sum of a promo code: it is redeemed by many. */
export const promoCodeNanosMax = 1_000_000_000_000n

/** An amount in whole cents, with a least and a most. */
function cents(min: bigint, max: bigint) {
  const units = (amount: bigint): string => String(amount / 1_000_000_000n)
  return z
    .string()
    .regex(/^[1-9][0-9]{0,15}$/, { error: 'must be a positive whole number of nano-units' })
    .refine((text) => !/^[0-9]{1,16}$/.test(text) || BigInt(text) % centNanos === 0n, {
      error: 'must be whole cents',
    })
    .refine((text) => !/^[0-9]{1,16}$/.test(text) || BigInt(text) >= min, {
      error: `must be at least ${min < 1_000_000_000n ? 'a cent' : `${units(min)} units of the currency`}`,
    })
    .refine((text) => !/^[0-9]{1,16}$/.test(text) || BigInt(text) <= max, {
      error: `must be at most ${units(max)} units of the currency`,
    })
}

export const newPayment = z.strictObject({
  id: newId('payment'),
  amountNanos: cents(paymentNanosMin, paymentNanosMax),
  currency,
})

/** How a payment stands. Money is in the balance when it is `paid`. */
export const paymentStates = [
  'asked',
  'open',
  'processing',
  'failed',
  'expired',
  'mismatched',
  'paid',
] as const

/** Money that went back of a payment, or will. */
export const paymentReturn = z.strictObject({
  id,
  kind: z.enum(['refund', 'dispute']),
  state: z
    .enum(['asked', 'refused', 'contested', 'gone', 'undone'])
    .describe(
      'asked: of the payment vendor; refused: by it; contested: a dispute that took nothing yet; gone; ' +
        'undone: a refund failed, or a dispute was won.',
    ),
  amountNanos: nanos,
  at: instant,
  reason: z.string().nullable().describe('Why it was refused.'),
})

/** A payment by card. */
export const payment = z.strictObject({
  id,
  organization: id,
  amountNanos: nanos,
  currency,
  state: z.enum(paymentStates),
  checkoutUrl: z.string().nullable().describe('Where it is paid; null when it cannot be (any more).'),
  askedAt: instant,
  expiresAt: instant.describe('Until then it can be paid.'),
  creditedAt: instant.nullable().describe('When it came into the balance.'),
  vendorId: z.string().nullable().describe('By which the payment vendor knows it.'),
  refundableNanos: nanos.describe('What has not gone back of it.'),
  returns: z.array(paymentReturn),
})
export type Payment = z.infer<typeof payment>

export const newRefund = z.strictObject({
  id: newId('refund'),
  amountNanos: cents(centNanos, paymentNanosMax)
    .nullable()
    .default(null)
    .describe('Default: all that is left.'),
})

/** Something about payments that an operator should look at. */
export const paymentTrouble = z.strictObject({
  at: instant,
  payment: id.nullable(),
  organization: id.nullable(),
  about: z.string().describe('The id by which the payment vendor knows it.'),
  detail: z.string(),
})
export type PaymentTrouble = z.infer<typeof paymentTrouble>

const codeText = z
  .string()
  .trim()
  .min(6, { error: 'must be at least 6 characters' })
  .max(40, { error: 'must be at most 40 characters' })
  .regex(/^[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*$/, { error: 'must be letters, digits and single "-" between them' })

export const newPromoCode = z.strictObject({
  id: newId('promoCode'),
  code: codeText.nullable().default(null).describe('Default: one that nobody guesses.'),
  amountNanos: cents(centNanos, promoCodeNanosMax),
  currency,
  expiresAt: instant.nullable().default(null).describe('Default: it can be redeemed until it is withdrawn.'),
  creditDays: z
    .int({ error: 'must be a whole number of days' })
    .min(1, { error: 'must be at least 1 day' })
    .max(3650, { error: 'must be at most 3650 days' })
    .nullable()
    .default(null)
    .describe('After so many days what is left of the credit lapses. Default: never.'),
  redemptionsMax: z
    .int({ error: 'must be a whole number' })
    .min(1, { error: 'must be at least 1' })
    .max(1_000_000, { error: 'must be at most 1000000' })
    .describe('So many organizations can redeem it, each once.'),
})

/** A code that gives money to whoever redeems it. */
export const promoCode = z.strictObject({
  id,
  code: z.string(),
  state: z.enum(['active', 'expired', 'used_up', 'withdrawn']),
  amountNanos: nanos,
  currency,
  expiresAt: instant.nullable(),
  creditDays: z.int().nullable(),
  redemptions: z.int(),
  redemptionsMax: z.int(),
  madeAt: instant,
})
export type PromoCode = z.infer<typeof promoCode>

export const newRedemption = z.strictObject({
  id: newId('redemption'),
  code: label,
})

/** Money that a promo code gave. */
export const redemption = z.strictObject({
  id,
  organization: id,
  code: z.string(),
  amountNanos: nanos,
  currency,
  at: instant,
  expiresAt: instant.nullable().describe('When what is left of it lapses; null: never.'),
})
export type Redemption = z.infer<typeof redemption>

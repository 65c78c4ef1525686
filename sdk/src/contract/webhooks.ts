import { z } from 'zod'
import { noticeTypes } from './notices.ts'
import { askedInstant, id, instant, label, newId, pageQuery } from './values.ts'

const types = z
  .array(z.enum(noticeTypes))
  .max(noticeTypes.length)
  .describe('What it wants to be told; none: everything, also types that come later.')

const url = z
  .string()
  .min(1, { error: 'must not be empty' })
  .max(2000, { error: 'must be at most 2000 characters' })
  .describe('https, port 443 or 8443, on the public internet; redirects are not followed.')

/** An address of an organization's own program, to which notices are sent. */
export const webhook = z.strictObject({
  id,
  organization: id,
  name: z.string(),
  url: z.string(),
  types,
  enabled: z.boolean(),
  disabledWhy: z
    .enum(['asked', 'failing', 'gone'])
    .nullable()
    .describe('`failing`: for five days without one success; `gone`: it answered 410.'),
  disabledAt: instant.nullable(),
  failingSince: instant.nullable().describe('The first failure since the last success.'),
  createdAt: instant,
})
export type Webhook = z.infer<typeof webhook>

export const newWebhook = z.strictObject({
  id: newId('webhook'),
  name: label,
  url,
  types: types.default([]),
})

export const webhookChange = z
  .strictObject({
    name: label.optional(),
    url: url.optional(),
    types: types.optional(),
    enabled: z.boolean().optional(),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), {
    error: 'must change something',
  })

const secret = z
  .string()
  .describe('whsec_ and base64: what its messages are signed with (Standard Webhooks).')

/** The answer to making a webhook: the only time that its secret is shown. */
export const madeWebhook = z.strictObject({
  ...webhook.shape,
  secret: secret.nullable().describe('Null when the same request is sent again: it cannot be shown twice.'),
})
export type MadeWebhook = z.infer<typeof madeWebhook>

/** A new secret; until the old one expires, messages are signed with both. */
export const rotatedSecret = z.strictObject({ secret, oldExpiresAt: instant })
export type RotatedSecret = z.infer<typeof rotatedSecret>

export const deliveryStates = ['waiting', 'delivered', 'failed'] as const

/** One notice on its way to one webhook. */
export const delivery = z.strictObject({
  id,
  webhook: id,
  notice: id.describe('The id of the message: the same in every attempt and replay.'),
  type: z.enum(noticeTypes),
  subject: z.string(),
  at: instant.describe('When it happened.'),
  state: z.enum(deliveryStates),
  attempts: z.int(),
  lastAt: instant.nullable(),
  lastStatus: z.int().nullable().describe('Of the last answer; null: none came.'),
  lastError: z.string().nullable(),
  nextAt: instant.nullable().describe('When it is tried again.'),
  createdAt: instant,
  endedAt: instant.nullable(),
})
export type Delivery = z.infer<typeof delivery>

/** A delivery with everything that was sent and answered. */
export const deliveryDetail = z.strictObject({
  ...delivery.shape,
  body: z.string().describe('The message: CloudEvents 1.0, structured, as every attempt sends it.'),
  tries: z.array(
    z.strictObject({
      number: z.int(),
      at: instant,
      durationMs: z.int(),
      status: z.int().nullable(),
      error: z.string().nullable(),
      excerpt: z.string().nullable().describe('The beginning of the answer’s body.'),
    }),
  ),
})
export type DeliveryDetail = z.infer<typeof deliveryDetail>

export const listDeliveriesQuery = z.strictObject({
  ...pageQuery,
  state: z.enum(deliveryStates).optional(),
})

export const replaySince = z.strictObject({
  since: askedInstant.describe('Everything of its types that happened since; at most ninety days back.'),
})

/** How many notices are sent again. */
export const replayed = z.strictObject({ notices: z.int() })

import { z } from 'zod'
import { askedInstant, currency, id, instant, nanos, newId, pageQuery } from './values.ts'

/** What a rate is per. */
export const unit = z.enum(['gpu-hour', 'vcpu-hour', 'gib-hour'])

/** What one unit-hour of a SKU costs. */
export const rate = z.strictObject({ sku: z.string(), unit, nanos })

/** An immutable set of rates, in the words of the open bill. */
export const priceBook = z.strictObject({
  id,
  currency,
  effectiveFrom: instant,
  rates: z.array(rate),
  hash: z.string(),
})
export type PriceBook = z.infer<typeof priceBook>

/** A price book with whose prices it holds, and since when. */
export const listedPriceBook = priceBook.extend({
  organization: id.nullable().describe('Whose own prices these are; null: everybody’s who has none.'),
  endsAt: instant.nullable().describe('When own prices end; null: with the next own book.'),
  publishedAt: instant,
  state: z
    .enum(['to_come', 'in_force', 'past'])
    .describe('Whether whoever it is for is charged by it now. What runs keeps the book it began with.'),
})
export type ListedPriceBook = z.infer<typeof listedPriceBook>

export const priceBooksQuery = z.strictObject({ ...pageQuery, currency: currency.optional() })

/** The largest rate: about nine thousand million units an hour. */
const rateNanosMax = 2n ** 63n - 1n

/** More SKUs than any catalog has. */
const ratesMax = 1000

const newRate = z.strictObject({
  sku: z.string().regex(/^[a-z0-9][A-Za-z0-9_.-]{0,79}$/, { error: 'must be a SKU such as "gpu.h100"' }),
  unit,
  nanos: z
    .string()
    .regex(/^(?:0|[1-9][0-9]{0,18})$/, { error: 'must be a whole number of nano-units, not negative' })
    .refine((text) => !/^[0-9]{1,19}$/.test(text) || BigInt(text) <= rateNanosMax, {
      error: `must be at most ${rateNanosMax}`,
    }),
})

/** What is to be published, before it has an id. */
export const priceBookDraft = z.strictObject({
  currency,
  organization: id
    .nullable()
    .default(null)
    .describe('Whose own prices these are; null: everybody’s who has none.'),
  effectiveFrom: askedInstant.describe('In the future: a rate never changes under what already ran.'),
  endsAt: askedInstant
    .nullable()
    .default(null)
    .describe('When own prices end, and the general ones hold again.'),
  rates: z
    .array(newRate)
    .min(1, { error: 'must hold at least one rate' })
    .max(ratesMax, { error: `must hold at most ${ratesMax} rates` }),
})

export const newPriceBook = priceBookDraft.extend({ id: newId('priceBook') })

/** One SKU in which two books differ; null where a book lacks it. */
export const rateDifference = z.strictObject({
  sku: z.string(),
  unit,
  beforeNanos: nanos.nullable(),
  afterNanos: nanos.nullable(),
})
export type RateDifference = z.infer<typeof rateDifference>

/** What would happen if a draft were published now: nothing of it is kept. */
export const priceBookCheck = z.strictObject({
  replaces: id.nullable().describe('The book that is in force for the same customers when it begins.'),
  differences: z.array(rateDifference),
  warnings: z
    .array(
      z.strictObject({
        sku: z.string(),
        kind: z.enum(['missing', 'unknown', 'free', 'leap', 'memory_priced']),
      }),
    )
    .describe('What an operator should look at again; nothing of it is refused.'),
})
export type PriceBookCheck = z.infer<typeof priceBookCheck>

/** In what two books differ. */
export const priceBookDiff = z.strictObject({ before: id, after: id, differences: z.array(rateDifference) })
export type PriceBookDiff = z.infer<typeof priceBookDiff>

export const priceBookEnd = z.strictObject({ endsAt: askedInstant })

import { z } from 'zod'
import { priceBook } from './prices.ts'
import { askedInstant, count, currency, id, instant, nanos, newId, pageQuery, wanted } from './values.ts'

/** What an organization has, holds and burns, at `asOf`. */
export const balance = z.strictObject({
  organization: id,
  currency,
  asOf: instant,
  postedNanos: nanos.describe('What is in force, less everything that was booked.'),
  heldNanos: nanos.describe('Set aside for what runs now.'),
  liveNanos: nanos.describe(
    'Posted less what runs now has cost since it was last booked: the figure to show.',
  ),
  availableNanos: nanos.describe('Posted less held: what a new start can use.'),
  promoNanos: nanos.describe('What of the available was given, not bought.'),
  upcomingNanos: nanos.describe('Credits that are not in force yet.'),
  expiry: z
    .strictObject({ at: instant, nanos })
    .nullable()
    .describe('When available money lapses next, and how much if it is not used before; null: none does.'),
  receivableNanos: nanos.describe('What could not be paid; a top-up pays it first.'),
  graceUntil: instant
    .nullable()
    .describe('Until when what is stored is kept although something is owed; null: nothing is owed.'),
  nanosPerHour: nanos.describe('What runs now burns an hour, storage included.'),
  storageNanosPerHour: nanos,
  runwayUntil: instant.nullable().describe('When it is used up if nothing changes; null: never.'),
})
export type Balance = z.infer<typeof balance>

/** Money that came in or went out, by what it was. */
export const moneyCode = z.enum([
  'grant',
  'payment',
  'promo_code',
  'allowance',
  'rebate',
  'credit_note',
  'reversal',
  'refund',
  'chargeback',
  'expiry',
  'write_off',
  'tax',
])

/** Bought, or given: given money never becomes bought money. */
export const lotKind = z.enum(['paid', 'promo'])

/** A credit with its terms and what is left of it. */
export const lot = z.strictObject({
  id,
  kind: lotKind,
  code: z.enum([...moneyCode.options, 'give_back']).describe('What it was credited for.'),
  about: z.string().describe('Who gave it, or what it came from.'),
  priority: z.int().describe('Lower is used first.'),
  effectiveAt: instant,
  expiresAt: instant.nullable().describe('When what is left of it lapses; null: never.'),
  renews: id.nullable().describe('The lapsed lot whose money came back and goes on here.'),
  creditedAt: instant,
  amountNanos: nanos,
  remainingNanos: nanos.describe('Not used yet, what is reserved included.'),
  reservedNanos: nanos.describe('Set aside for what runs now.'),
  state: z.enum(['in_force', 'upcoming', 'lapsed', 'used_up']),
  turn: z.int().nullable().describe('Its place in the order of use, from 1; null: it cannot be used now.'),
})
export type Lot = z.infer<typeof lot>

/** A stretch of paid time of an allocation, half-open; `to` is null while it is open. */
export const usage = z.strictObject({
  allocation: id,
  subject: id.describe('The instance or run that it was for.'),
  name: z.string(),
  project: id,
  flavor: z.string(),
  from: instant,
  to: instant.nullable(),
  paidMillis: count,
  lines: z.array(z.strictObject({ sku: z.string(), quantity: z.int() })),
  amountNanos: nanos.describe('What this stretch added to the running sum of its allocation.'),
})
export type Usage = z.infer<typeof usage>

/** One step of a running sum, in the words of the open bill (`bill.md` §3). */
export const charge = z.strictObject({
  id,
  resource: id,
  sku: z.string(),
  priceBook: id,
  upTo: instant,
  unitMillisBefore: count,
  unitMillis: count,
  nanos,
  amount: nanos,
  reason: z.string().nullable(),
})
export type Charge = z.infer<typeof charge>

/** One thing that was learned about a resource that costs money; hash-chained (`bill.md` §2). */
export const usageEvent = z.strictObject({
  resource: id,
  seq: z.int(),
  type: z.string(),
  at: instant,
  recordedAt: instant,
  data: z.record(z.string(), z.unknown()),
  prevHash: z.string(),
  hash: z.string(),
})
export type UsageEvent = z.infer<typeof usageEvent>

/** One line of a statement: everything charged in the period for one (resource, SKU, price book). */
export const statementLine = z.strictObject({
  resource: id,
  subject: id,
  name: z.string(),
  project: id,
  sku: z.string(),
  priceBook: id,
  unit: z.string(),
  unitMillis: count,
  nanosPerUnitHour: nanos,
  amountNanos: nanos,
})

/** What happened on an account in a period, computed at any time. */
export const statement = z.strictObject({
  organization: id,
  currency,
  from: instant,
  to: instant,
  lines: z.array(statementLine),
  totalNanos: nanos.describe('Sum of the lines.'),
  givenBack: z
    .array(
      z.strictObject({
        charge: id,
        resource: id,
        subject: id,
        name: z.string(),
        sku: z.string(),
        at: instant,
        reason: z.string(),
        amountNanos: nanos.describe('Negative.'),
      }),
    )
    .describe('What a late truth took back in the period, and why; it is in the lines already.'),
  credits: z.array(
    z.strictObject({
      id,
      at: instant,
      code: moneyCode,
      about: z.string(),
      amountNanos: nanos.describe('Negative: it went out.'),
    }),
  ),
  creditsNanos: nanos.describe('Sum of the credits.'),
  balanceNanos: nanos.describe('Posted, at the time of asking.'),
  invoices: z
    .array(z.strictObject({ id, number: z.string(), from: instant, to: instant }))
    .describe('The invoices whose periods this one touches.'),
})
export type Statement = z.infer<typeof statement>

export const periodQuery = z.strictObject({
  from: askedInstant.optional().describe('Default: the start of the organization’s month.'),
  to: askedInstant.optional().describe('Default: now.'),
})

export const moneyListQuery = z.strictObject({
  ...pageQuery,
  resource: wanted.optional().describe('Only of this allocation or volume.'),
})

/** The open bill, `gpuhour-bill/1`: served as it is, checked by `verify-bill`. */
export const bill = z.strictObject({
  format: z.literal('gpuhour-bill/1'),
  organization: id,
  currency,
  from: instant,
  to: instant,
  priceBooks: z.array(priceBook),
  events: z.array(usageEvent),
  charges: z.array(charge),
  total: nanos,
})
export type Bill = z.infer<typeof bill>

/** The priority of credits where nobody says otherwise, and the last there is. */
const lotPriority = 100
const lotPriorityMax = 1000

/** The largest grant in one step: a million units, so that a slip of the finger is not a fortune. */
export const grantNanosMax = 1_000_000_000_000_000n

export const newGrant = z.strictObject({
  id: newId('transfer'),
  amountNanos: z
    .string()
    .regex(/^[1-9][0-9]{0,15}$/, { error: 'must be a positive whole number of nano-units' })
    .refine((text) => /^[0-9]{1,16}$/.test(text) && BigInt(text) <= grantNanosMax, {
      error: 'must be at most 1000000 units of the currency',
    }),
  currency,
  kind: lotKind.default('promo').describe('Bought (paid to the operator by other means), or given.'),
  priority: z
    .int({ error: 'must be a whole number' })
    .min(0, { error: 'must be at least 0' })
    .max(lotPriorityMax, { error: `must be at most ${lotPriorityMax}` })
    .default(lotPriority)
    .describe('Lower is used first.'),
  effectiveAt: askedInstant.optional().describe('From when it can be used. Default: at once.'),
  expiresAt: askedInstant.optional().describe('When what is left of it lapses. Default: never.'),
})

/** Money that an operator gave. */
export const grant = z.strictObject({
  id,
  organization: id,
  amountNanos: nanos,
  currency,
  kind: lotKind,
  priority: z.int(),
  effectiveAt: instant.nullable().describe('Null: at once.'),
  expiresAt: instant.nullable(),
  at: instant,
})
export type Grant = z.infer<typeof grant>

import { z } from 'zod'
import { currency, id, instant, label, name, nanos, newId, wanted } from './values.ts'

export const budgetScopes = ['organization', 'project', 'person', 'key', 'job'] as const
export const budgetPeriods = ['day', 'week', 'month', 'total'] as const
export const budgetActions = ['warn', 'refuse', 'stop'] as const

/** The largest limit: a billion units. */
const limitNanosMax = 1_000_000_000_000_000_000n

/** What may be spent or cost at most, as a positive amount. */
export const limitNanos = z
  .string()
  .regex(/^[1-9][0-9]{0,18}$/, { error: 'must be a positive whole number of nano-units' })
  .refine((text) => /^[0-9]{1,19}$/.test(text) && BigInt(text) <= limitNanosMax, {
    error: 'must be at most 1000000000 units of the currency',
  })

const action = z
  .enum(budgetActions)
  .describe(
    'warn: people are told; refuse: nothing more starts; stop: what runs ends at that second, too. ' +
      'People are told at 80 and 100 percent whatever it is.',
  )

export const newBudget = z.strictObject({
  id: newId('budget'),
  name: label,
  scope: z.enum(budgetScopes),
  target: wanted
    .nullable()
    .default(null)
    .describe(
      'Id or name of the project (also of a job’s), id or e-mail of the person, id of the API key; ' +
        'null: the organization.',
    ),
  job: name.nullable().default(null).describe('The name of the job’s runs; only of scope job.'),
  period: z
    .enum(budgetPeriods)
    .describe('Days, weeks from Monday and months of the organization’s time zone.'),
  limitNanos,
  currency,
  action,
})

export const budgetChange = z.strictObject({
  name: label.optional(),
  limitNanos: limitNanos.optional(),
  action: action.optional(),
})

/** What may be spent in a period, and what this one has come to. */
export const budget = z.strictObject({
  id,
  organization: id,
  name: z.string(),
  scope: z.enum(budgetScopes),
  target: id,
  targetName: z.string(),
  job: z.string().nullable(),
  period: z.enum(budgetPeriods),
  limitNanos: nanos,
  currency,
  action: z.enum(budgetActions),
  from: instant.describe('When the current period began.'),
  to: instant.nullable().describe('When it ends; null: never.'),
  spentNanos: nanos.describe('In the current period, what runs now included.'),
  heldNanos: nanos.describe('Set aside for what runs now: part of it is spent already.'),
  remainingNanos: nanos.describe('The limit less what is spent; below zero where more is.'),
  nanosPerHour: nanos.describe('What runs and is stored in its scope costs an hour.'),
  usedUpAt: instant
    .nullable()
    .describe('When it is used up if nothing changes; null: not in this period, or already.'),
  createdBy: id,
  createdAt: instant,
})
export type Budget = z.infer<typeof budget>

import { z } from 'zod'
import { currency, id, instant, nanos, pageQuery } from './values.ts'

const change = {
  name: z.string(),
  event: z.string().describe('What moved it, as its history says: stop_requested, seen_ready …'),
  from: z.string().nullable().describe('Null: it was just made.'),
  to: z.string(),
  intent: z.string(),
  allocation: id.nullable(),
  reason: z.string().nullable().describe('For the person, in English.'),
}
const paid = { payment: id, currency, amountNanos: nanos }
const owed = { currency, owedNanos: nanos, graceUntil: instant.describe('Until then volumes are kept.') }

/** What each type of notice says: the closed list of everything that is told. */
export const noticeData = {
  'instance.changed': z.strictObject(change).describe('The state or intent of an instance changed.'),
  'run.changed': z
    .strictObject({ ...change, exitCode: z.int().nullable() })
    .describe('The state or intent of a run changed.'),
  'lease.ended': z
    .strictObject({ allocation: id, endedAt: instant })
    .describe('The money held for an instance or run is used up; it is being stopped, free from then on.'),
  'balance.low': z
    .strictObject({
      currency,
      minutes: z.literal([60, 10, 2]),
      runwayUntil: instant.describe('When the money is used up if nothing changes.'),
      liveNanos: nanos,
      nanosPerHour: nanos,
      storageNanosPerHour: nanos,
      stops: z.array(z.strictObject({ id, name: z.string() })).describe('What stops then.'),
    })
    .describe('The money lasts for this many minutes or less; told once for each falling below.'),
  'balance.used_up': z
    .strictObject({ currency, liveNanos: nanos, nanosPerHour: nanos })
    .describe('The money is used up.'),
  'balance.recovered': z
    .strictObject({ currency, liveNanos: nanos, runwayUntil: instant.nullable() })
    .describe('The runway is well above every warning again.'),
  'payment.received': z.strictObject(paid).describe('Money arrived and is in the balance.'),
  'payment.failed': z.strictObject({ ...paid, reason: z.string() }).describe('A payment did not come about.'),
  'payment.refunded': z.strictObject(paid).describe('Money went back to where it came from.'),
  'payment.disputed': z
    .strictObject(paid)
    .describe('A payment is contested; the money is out of the balance.'),
  'credit.expiring': z
    .strictObject({ lot: id, currency, amountNanos: nanos, expiresAt: instant })
    .describe('Credit that will lapse unused.'),
  'invoice.finalized': z
    .strictObject({
      invoice: id,
      number: z.string(),
      currency,
      totalNanos: nanos,
      from: instant,
      to: instant,
    })
    .describe('An invoice is closed, numbered and ready.'),
  'credit_note.issued': z
    .strictObject({ creditNote: id, number: z.string(), invoice: id, currency, totalNanos: nanos })
    .describe('A finalized invoice was corrected.'),
  'budget.reached': z
    .strictObject({
      budget: id,
      scope: z.enum(['organization', 'project', 'key', 'person', 'job']),
      target: z.string().describe('The id of what the budget is for.'),
      percent: z.int().describe('Of the limit.'),
      currency,
      limitNanos: nanos,
      spentNanos: nanos,
      action: z.enum(['warn', 'refuse', 'stop']).describe('What happens at the limit.'),
    })
    .describe('A share of a budget is spent.'),
  'storage.grace_started': z
    .strictObject(owed)
    .describe('Storage could not be paid; volumes are kept for now.'),
  'storage.grace_ending': z
    .strictObject({ ...owed, days: z.int() })
    .describe('Days until volumes are deleted.'),
  'storage.grace_ended': z.strictObject(owed).describe('Volumes are being deleted.'),
  'prices.announced': z
    .strictObject({ priceBook: id, currency, effectiveFrom: instant })
    .describe('Prices that will apply to storage, and to what starts from then on.'),
  'webhook.disabled': z
    .strictObject({ url: z.string(), why: z.enum(['failing', 'gone']), failingSince: instant.nullable() })
    .describe('Nothing is sent to this webhook any more.'),
  'webhook.tested': z.strictObject({ url: z.string() }).describe('Somebody asked for a test.'),
} as const

/** What is told. */
export type NoticeType = keyof typeof noticeData

// Object.keys forgets that the keys are the types; there is at least one.
export const noticeTypes = Object.keys(noticeData) as [NoticeType, ...NoticeType[]]

/** A notice with the data of its type. */
function ofType<T extends NoticeType>(type: T) {
  return z.strictObject({
    id,
    organization: id,
    project: id.nullable().describe('Null: of the organization as a whole.'),
    type: z.literal(type),
    subject: z.string().describe('The id of what it tells of.'),
    at: instant,
    data: noticeData[type],
  })
}

/** Something that happened and is told. */
export const notice = z.discriminatedUnion('type', [
  ofType('instance.changed'),
  ofType('run.changed'),
  ofType('lease.ended'),
  ofType('balance.low'),
  ofType('balance.used_up'),
  ofType('balance.recovered'),
  ofType('payment.received'),
  ofType('payment.failed'),
  ofType('payment.refunded'),
  ofType('payment.disputed'),
  ofType('credit.expiring'),
  ofType('invoice.finalized'),
  ofType('credit_note.issued'),
  ofType('budget.reached'),
  ofType('storage.grace_started'),
  ofType('storage.grace_ending'),
  ofType('storage.grace_ended'),
  ofType('prices.announced'),
  ofType('webhook.disabled'),
  ofType('webhook.tested'),
])
export type Notice = z.infer<typeof notice>

export const listNoticesQuery = z.strictObject({
  ...pageQuery,
  of: z
    .enum(['people', 'everything'])
    .default('people')
    .describe('`people`: what a person should act on or file; `everything`: also each change of state.'),
})

import type { Json } from '../kernel/canonical.ts'
import type { Currency } from '../kernel/money.ts'
import type { Role } from '../tenancy/rules.ts'

/** Nano-units; written as a decimal string. */
type Amount = bigint
/** RFC 3339, as `formatInstant` writes it. */
type InstantText = string

/** One change of an instance's or a run's state or intent. */
interface Change {
  readonly name: string
  readonly event: string
  readonly from: string | null
  readonly to: string
  readonly intent: string
  readonly allocation: string | null
  readonly reason: string | null
}

/** Money that came, went or was asked for. */
interface Paid {
  readonly payment: string
  readonly currency: Currency
  readonly amountNanos: Amount
}

/** What is owed for storage, and until when it is kept. */
interface Owed {
  readonly currency: Currency
  readonly owedNanos: Amount
  readonly graceUntil: InstantText
}

/** Everything that is told, and what is said of it. The public contract has the same list. */
export interface NoticeData {
  readonly 'instance.changed': Change
  readonly 'run.changed': Change & { readonly exitCode: number | null }
  /** The money that was held for an instance or a run is used up: it is being stopped. */
  readonly 'lease.ended': { readonly allocation: string; readonly endedAt: InstantText }
  /** The money reaches this many minutes or less; told once for each falling below. */
  readonly 'balance.low': {
    readonly currency: Currency
    readonly minutes: 60 | 10 | 2
    readonly runwayUntil: InstantText
    readonly liveNanos: Amount
    readonly nanosPerHour: Amount
    readonly storageNanosPerHour: Amount
    /** What stops then. */
    readonly stops: readonly { readonly id: string; readonly name: string }[]
  }
  readonly 'balance.used_up': {
    readonly currency: Currency
    readonly liveNanos: Amount
    readonly nanosPerHour: Amount
  }
  /** The runway is well above every warning again. */
  readonly 'balance.recovered': {
    readonly currency: Currency
    readonly liveNanos: Amount
    readonly runwayUntil: InstantText | null
  }
  readonly 'payment.received': Paid
  readonly 'payment.failed': Paid & { readonly reason: string }
  readonly 'payment.refunded': Paid
  readonly 'payment.disputed': Paid
  readonly 'credit.expiring': {
    readonly lot: string
    readonly currency: Currency
    readonly amountNanos: Amount
    readonly expiresAt: InstantText
  }
  readonly 'invoice.finalized': {
    readonly invoice: string
    readonly number: string
    readonly currency: Currency
    readonly totalNanos: Amount
    readonly from: InstantText
    readonly to: InstantText
  }
  readonly 'credit_note.issued': {
    readonly creditNote: string
    readonly number: string
    readonly invoice: string
    readonly currency: Currency
    readonly totalNanos: Amount
  }
  readonly 'budget.reached': {
    readonly budget: string
    readonly scope: 'organization' | 'project' | 'key' | 'person' | 'job'
    /** The id of what the budget is for. */
    readonly target: string
    readonly percent: number
    readonly currency: Currency
    readonly limitNanos: Amount
    readonly spentNanos: Amount
    readonly action: 'warn' | 'refuse' | 'stop'
  }
  readonly 'storage.grace_started': Owed
  readonly 'storage.grace_ending': Owed & { readonly days: number }
  /** Volumes are deleted, what was owed is written off. */
  readonly 'storage.grace_ended': Owed
  readonly 'prices.announced': {
    readonly priceBook: string
    readonly currency: Currency
    readonly effectiveFrom: InstantText
  }
  /** Nothing is sent to it any more. */
  readonly 'webhook.disabled': {
    readonly url: string
    readonly why: 'failing' | 'gone'
    readonly failingSince: InstantText | null
  }
  readonly 'webhook.tested': { readonly url: string }
}

/** What is told. */
export type NoticeType = keyof NoticeData

/** By which ways, beside webhooks, something is told. */
interface Ways {
  /** In the console's list. */
  readonly isShown: boolean
  /** By mail to members in these roles. */
  readonly mailedTo: readonly Role[]
}

const quietly: Ways = { isShown: false, mailedTo: [] }
const shown: Ways = { isShown: true, mailedTo: [] }
const mailed: Ways = { isShown: true, mailedTo: ['owner', 'billing'] }

/** The closed list. What changes all day is for programs; people are told what they should act on or file. */
export const noticeWays: Readonly<Record<NoticeType, Ways>> = {
  'instance.changed': quietly,
  'run.changed': quietly,
  'lease.ended': quietly,
  'balance.low': mailed,
  'balance.used_up': mailed,
  'balance.recovered': shown,
  'payment.received': mailed,
  'payment.failed': mailed,
  'payment.refunded': mailed,
  'payment.disputed': mailed,
  'credit.expiring': mailed,
  'invoice.finalized': mailed,
  'credit_note.issued': mailed,
  'budget.reached': mailed,
  'storage.grace_started': mailed,
  'storage.grace_ending': mailed,
  'storage.grace_ended': mailed,
  'prices.announced': mailed,
  'webhook.disabled': { isShown: true, mailedTo: ['owner', 'admin'] },
  'webhook.tested': quietly,
}

// Object.keys forgets that the keys are the types.
export const noticeTypes = Object.keys(noticeWays) as readonly NoticeType[]

/** What a notice says, as it is kept and sent: amounts are decimal strings. */
export type NoticeBody = Readonly<Record<string, Json>>

/** Writes amounts as the wire has them. */
export function bodyOf(data: NoticeData[NoticeType]): NoticeBody {
  const text = JSON.stringify(data, (_, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  )
  // What was just written from an object of JSON values and bigints.
  return JSON.parse(text) as NoticeBody
}

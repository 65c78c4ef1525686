import type { Notice } from '@gpuhour/sdk/contract'
import { counted, money } from './shown.ts'

/** A notice as one line for a person. */
export function noticeLine(notice: Notice): string {
  switch (notice.type) {
    case 'instance.changed':
    case 'run.changed':
      return `${notice.data.name}: ${notice.data.from ?? 'new'} → ${notice.data.to}`
    case 'lease.ended':
      return `the money for ${notice.subject} was used up`
    case 'balance.low': {
      const { minutes, runwayUntil, stops } = notice.data
      const what = stops.length > 0 ? `; then ${stops.map(({ name }) => name).join(', ')} will stop` : ''
      return `${minutes} minutes of balance or less, until ${runwayUntil}${what}`
    }
    case 'balance.used_up':
      return 'the balance is used up'
    case 'balance.recovered':
      return 'the balance lasts again'
    case 'webhook.disabled':
      return `the webhook ${notice.data.url} is disabled: ${notice.data.why}`
    case 'webhook.tested':
      return `a test of ${notice.data.url}`
    case 'prices.announced':
      return `new prices from ${notice.data.effectiveFrom}`
    default:
      return moneyLine(notice)
  }
}

type MoneyNotice = Exclude<
  Notice,
  {
    type:
      | 'instance.changed'
      | 'run.changed'
      | 'lease.ended'
      | 'balance.low'
      | 'balance.used_up'
      | 'balance.recovered'
      | 'webhook.disabled'
      | 'webhook.tested'
      | 'prices.announced'
  }
>

function moneyLine(notice: MoneyNotice): string {
  const { currency } = notice.data
  const say = (nanos: string): string => money(nanos, currency)
  switch (notice.type) {
    case 'payment.received':
      return `${say(notice.data.amountNanos)} received`
    case 'payment.failed':
      return `a payment of ${say(notice.data.amountNanos)} failed: ${notice.data.reason}`
    case 'payment.refunded':
      return `${say(notice.data.amountNanos)} refunded`
    case 'payment.disputed':
      return `a payment of ${say(notice.data.amountNanos)} is contested`
    case 'credit.expiring':
      return `${say(notice.data.amountNanos)} of credit lapse at ${notice.data.expiresAt}`
    case 'invoice.finalized':
      return `invoice ${notice.data.number}: ${say(notice.data.totalNanos)}`
    case 'credit_note.issued':
      return `credit note ${notice.data.number}: ${say(notice.data.totalNanos)}`
    case 'budget.reached':
      return `${notice.data.percent} % of a budget of ${say(notice.data.limitNanos)} spent`
    case 'storage.grace_started':
      return `storage is not paid; volumes are kept until ${notice.data.graceUntil}`
    case 'storage.grace_ending':
      return `storage is not paid; volumes are deleted in ${counted(notice.data.days, 'day')}`
    case 'storage.grace_ended':
      return 'volumes are being deleted: storage was not paid'
  }
}

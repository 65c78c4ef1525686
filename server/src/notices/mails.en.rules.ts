import type { Words } from './mails.rules.ts'

const scopes = {
  organization: 'the organization',
  project: 'a project',
  key: 'an API key',
  person: 'a person',
  job: 'a job',
}
const actions = {
  warn: 'Nothing is stopped.',
  refuse: 'At the limit, new starts are refused.',
  stop: 'At the limit, what it pays for is stopped.',
}

/** The mails in English. */
export const english: Words = {
  'balance.low': (data, { organization: us, console, money, when }) => {
    const { minutes, currency, stops } = data
    const [left, burn] = [money(data.liveNanos, currency), money(data.nanosPerHour, currency)]
    return [
      `${minutes} minutes of balance left: ${us}`,
      `The balance of ${us} lasts until ${when(data.runwayUntil)}, if nothing changes.`,
      `${left} are left; ${burn} an hour are spent.`,
      stops.length > 0
        ? `What stops then:\n${stops.map(({ name }) => `- ${name}`).join('\n')}`
        : 'Nothing runs: this is what storage costs.',
      `Save a checkpoint, or add money: ${console}/billing`,
    ]
  },
  'balance.used_up': (data, { organization: us, console, money }) => [
    `Balance used up: ${us}`,
    `The balance of ${us} is used up. What ran is being stopped, and costs nothing from now on.`,
    'Homes and volumes are kept.',
    `Balance: ${money(data.liveNanos, data.currency)}. Add money: ${console}/billing`,
  ],
  'payment.received': (data, { organization: us, console, money }) => {
    const sum = money(data.amountNanos, data.currency)
    return [
      `Payment received: ${sum} for ${us}`,
      `${sum} arrived and are in the balance of ${us}.`,
      `Payment ${data.payment}: ${console}/billing`,
    ]
  },
  'payment.failed': (data, { organization: us, console, money }) => [
    `Payment failed: ${us}`,
    `A payment of ${money(data.amountNanos, data.currency)} for ${us} did not come about: ${data.reason}.`,
    `Nothing was added to the balance. Try again: ${console}/billing`,
  ],
  'payment.refunded': (data, { organization: us, console, money }) => {
    const sum = money(data.amountNanos, data.currency)
    return [
      `Refund: ${sum} of ${us}`,
      `${sum} of ${us} go back to where they came from.`,
      `Payment ${data.payment}: ${console}/billing`,
    ]
  },
  'payment.disputed': (data, { organization: us, console, money }) => [
    `Payment contested: ${us}`,
    `A payment of ${money(data.amountNanos, data.currency)} for ${us} is contested at the bank.`,
    'Its money is out of the balance until that is settled.',
    `Payment ${data.payment}: ${console}/billing`,
  ],
  'credit.expiring': (data, { organization: us, console, money, when }) => {
    const sum = money(data.amountNanos, data.currency)
    return [
      `Credit expires: ${sum} of ${us}`,
      `${sum} of credit of ${us} lapse on ${when(data.expiresAt)} if they are not used.`,
      `See: ${console}/billing`,
    ]
  },
  'invoice.finalized': (data, { organization: us, console, money, when }) => {
    const total = money(data.totalNanos, data.currency)
    return [
      `Invoice ${data.number}: ${total}`,
      `The invoice ${data.number} of ${us} is ready.`,
      `From ${when(data.from)}\nto   ${when(data.to)}\nTotal: ${total}`,
      `See: ${console}/billing`,
    ]
  },
  'credit_note.issued': (data, { organization: us, console, money }) => {
    const total = money(data.totalNanos, data.currency)
    return [
      `Credit note ${data.number}: ${total}`,
      `The credit note ${data.number} of ${us} corrects an earlier invoice by ${total}.`,
      `See: ${console}/billing`,
    ]
  },
  'budget.reached': (data, { organization: us, console, money }) => {
    const [spent, limit] = [money(data.spentNanos, data.currency), money(data.limitNanos, data.currency)]
    return [
      `${data.percent} % of a budget spent: ${us}`,
      `Of a budget for ${scopes[data.scope]} of ${us}, ${spent} of ${limit} are spent.`,
      `${actions[data.action]} ${console}/billing`,
    ]
  },
  'storage.grace_started': (data, { organization: us, console, money, when }) => [
    `Storage not paid: ${us}`,
    `The balance of ${us} did not reach for its storage; ${money(data.owedNanos, data.currency)} are owed.`,
    'Nothing can be started until that is paid.',
    `Volumes are kept until ${when(data.graceUntil)}. Add money: ${console}/billing`,
  ],
  'storage.grace_ending': (data, { organization: us, console, money, when }) => [
    `Volumes are deleted in ${data.days} ${data.days === 1 ? 'day' : 'days'}: ${us}`,
    `Storage of ${us} is not paid; ${money(data.owedNanos, data.currency)} are owed.`,
    `Volumes are kept until ${when(data.graceUntil)}, then they are deleted.`,
    `Add money: ${console}/billing`,
  ],
  'storage.grace_ended': (data, { organization: us, when }) => [
    `Volumes are being deleted: ${us}`,
    `Storage of ${us} was not paid until ${when(data.graceUntil)}. Its volumes are being deleted.`,
  ],
  'prices.announced': (data, { organization: us, console, when }) => [
    `New prices from ${when(data.effectiveFrom)}`,
    `From then on they apply to the storage of ${us}, and to what it starts.`,
    'What runs keeps the prices that it began with.',
    `See: ${console}/billing`,
  ],
  'webhook.disabled': ({ url, why, failingSince }, { organization: us, console, when }) => [
    `Webhook disabled: ${us}`,
    why === 'gone'
      ? `${url} answered that it is gone.`
      : `${url} has failed since ${failingSince ? when(failingSince) : 'days'}.`,
    'Nothing is sent to it any more.',
    `Enable it again, and send what was missed: ${console}/webhooks`,
  ],
}

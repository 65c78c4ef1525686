import type { NoticeData } from './rules.ts'

const change = {
  name: 'trainer',
  event: 'stop_requested',
  from: 'running',
  to: 'stopping',
  intent: 'stopped',
  allocation: 'alo_1',
  reason: 'customer',
}
const at = '2026-11-27T08:00:00.000Z'
const currency = 'USD'
const paid = { payment: 'pay_1', currency, amountNanos: 5_000_000_000n } as const
const owed = { currency, owedNanos: 1n, graceUntil: at } as const

/** One of each type, as a room tells it. */
export const sampleNotices: NoticeData = {
  'instance.changed': change,
  'run.changed': { ...change, exitCode: null },
  'lease.ended': { allocation: 'alo_1', endedAt: at },
  'balance.low': {
    currency,
    minutes: 10,
    runwayUntil: at,
    liveNanos: 12_345_678_901_234_567_890n,
    nanosPerHour: 2_990_000_000n,
    storageNanosPerHour: 0n,
    stops: [{ id: 'ins_1', name: 'trainer' }],
  },
  'balance.used_up': { currency, liveNanos: -1n, nanosPerHour: 0n },
  'balance.recovered': { currency, liveNanos: 1n, runwayUntil: null },
  'payment.received': paid,
  'payment.failed': { ...paid, reason: 'declined' },
  'payment.refunded': paid,
  'payment.disputed': paid,
  'credit.expiring': { lot: 'lot_1', currency, amountNanos: 1n, expiresAt: at },
  'invoice.finalized': { invoice: 'inv_1', number: '2026-1', currency, totalNanos: 0n, from: at, to: at },
  'credit_note.issued': { creditNote: 'crn_1', number: '1', invoice: 'inv_1', currency, totalNanos: 1n },
  'budget.reached': {
    budget: 'bud_1',
    scope: 'project',
    target: 'prj_1',
    percent: 80,
    currency,
    limitNanos: 10n,
    spentNanos: 8n,
    action: 'warn',
  },
  'storage.grace_started': owed,
  'storage.grace_ending': { ...owed, days: 3 },
  'storage.grace_ended': owed,
  'prices.announced': { priceBook: 'pb_1', currency, effectiveFrom: at },
  'webhook.disabled': { url: 'https://example.com/', why: 'failing', failingSince: at },
  'webhook.tested': { url: 'https://example.com/' },
}

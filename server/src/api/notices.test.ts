import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { noticeTypes as typesOfContract, pathOf } from '@gpuhour/sdk/contract'
import { emit } from '../notices/notices.ts'
import { type NoticeData, noticeTypes, type NoticeType } from '../notices/rules.ts'
import { freshId, testApi } from './testing.ts'

const api = await testApi()
after(() => api.close())

const { organization, project } = api.demo

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
const samples: NoticeData = {
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
    target: project,
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

test('the list of types is that of the contract', () => {
  assert.deepEqual(noticeTypes, typesOfContract)
})

async function tell(type: NoticeType, once?: readonly string[]): Promise<boolean> {
  const fresh = { organization, project, type, subject: 'org_1', data: samples[type] }
  return api.store.transact((tx) => emit(tx, { ...fresh, ...(once ? { once } : {}) }))
}

test('whatever a room tells, the contract can say', async () => {
  for (const type of noticeTypes) assert.equal(await tell(type), true)
  const told: string[] = []
  for (let cursor: string | undefined; ;) {
    const query = { of: 'everything', limit: '7', ...(cursor ? { cursor } : {}) } as const
    // The client parses nothing: the reply was checked by the contract when it was made.
    const page = await api.operator.listNotices({ params: { organization }, query })
    told.push(...page.items.map(({ type }) => type))
    if (page.next === null) break
    cursor = page.next
  }
  assert.deepEqual(told.toReversed(), noticeTypes)
})

test('people are not told of every change of state; amounts are whole to the last digit', async () => {
  const { items } = await api.operator.listNotices({ params: { organization } })
  assert.ok(items.every(({ type }) => type !== 'instance.changed'))
  const low = items.find((one) => one.type === 'balance.low')
  assert.equal(low?.data.liveNanos, '12345678901234567890')
})

test('what is told once is not told again', async () => {
  assert.equal(await tell('invoice.finalized', ['inv_9']), true)
  assert.equal(await tell('invoice.finalized', ['inv_9']), false)
  assert.equal(await tell('invoice.finalized', ['inv_10']), true)
})

test('what is rolled back is not told', async () => {
  const count = async (): Promise<number> =>
    (await api.operator.listNotices({ params: { organization }, query: { limit: '200' } })).items.length
  const before = await count()
  await assert.rejects(
    api.store.transact(async (tx) => {
      await emit(tx, { organization, type: 'payment.received', subject: 'pay_1', data: paid })
      throw new Error('the payment failed after all')
    }),
  )
  assert.equal(await count(), before)
})

test('a launch and its stop are told with the change itself', async () => {
  const id = freshId('instance')
  const body = { id, name: 'told', image: 'sim/ok:1', flavor: 'cpu.1x2' }
  await api.operator.createInstance({ params: { project }, body })
  await api.operator.stopInstance({ params: { instance: id } })
  const { items } = await api.operator.listNotices({
    params: { organization },
    query: { of: 'everything', limit: '2' },
  })
  assert.deepEqual(
    items.map(({ type, subject, data }) => [type, subject, 'to' in data && data.to]),
    [
      ['instance.changed', id, 'stopped'],
      ['instance.changed', id, 'queued'],
    ],
  )
})

test('who may not see money is not told of it', async () => {
  const viewer = await api.person('viewer')
  const path = pathOf('listNotices', { organization })
  assert.equal((await api.ask(path, { secret: viewer.secret })).status, 403)
})

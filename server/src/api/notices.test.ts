import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { noticeTypes as typesOfContract, pathOf } from '@gpuhour/sdk/contract'
import { emit } from '../notices/notices.ts'
import { noticeTypes, type NoticeType } from '../notices/rules.ts'
import { sampleNotices as samples } from '../notices/testing.samples.ts'
import { freshId, testApi } from './testing.ts'

const api = await testApi()
after(() => api.close())

const { organization, project } = api.demo

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
      await emit(tx, {
        organization,
        type: 'payment.received',
        subject: 'pay_1',
        data: samples['payment.received'],
      })
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

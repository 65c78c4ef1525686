import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { makeId } from '@gpuhour/sdk/client'
import { nanosPerUnit } from '../kernel/money.ts'
import { testApi } from './testing.ts'

const api = await testApi()
after(() => api.close())

const { organization } = api.demo
const params = { organization }
const { operator } = api
const dayMs = 24 * 3_600_000
const day = (days: number): string => new Date(Date.now() + days * dayMs).toISOString()
const units = (count: number): string => String(BigInt(count) * nanosPerUnit)

function grant(amount: number, terms: object): Parameters<typeof operator.createGrant>[0] {
  const body = { id: makeId('transfer'), amountNanos: units(amount), currency: 'USD' as const, ...terms }
  return { params, body }
}

test('a wallet shows what it is made of, in the order in which it is used', async () => {
  const soon = day(3)
  const first = grant(5, { kind: 'promo', expiresAt: soon, priority: 100 })
  const given = await operator.createGrant(first)
  assert.deepEqual([given.kind, given.expiresAt, given.effectiveAt], ['promo', soon, null])
  await operator.createGrant(grant(7, { kind: 'paid', priority: 10 }))
  await operator.createGrant(grant(9, { effectiveAt: day(1) }))
  const { items } = await operator.listLots({ params, query: {} })
  assert.deepEqual(
    items.map(({ kind, code, state, turn, priority, amountNanos }) => {
      return [kind, code, state, turn, priority, amountNanos]
    }),
    [
      ['promo', 'grant', 'upcoming', null, 100, units(9)],
      ['paid', 'grant', 'in_force', 1, 10, units(7)],
      ['promo', 'grant', 'in_force', 2, 100, units(5)],
      // What the demo organization began with.
      ['promo', 'grant', 'in_force', 3, 100, units(10)],
    ],
  )
  const page = await operator.listLots({ params, query: { limit: 3 } })
  assert.ok(page.next !== null)
  const rest = await operator.listLots({ params, query: { limit: 3, cursor: page.next } })
  assert.deepEqual([...page.items, ...rest.items], items)

  const balance = await operator.getBalance({ params })
  assert.deepEqual(
    [balance.availableNanos, balance.promoNanos, balance.upcomingNanos, balance.expiry, balance.graceUntil],
    [units(22), units(15), units(9), { at: soon, nanos: units(5) }, null],
  )
})

test('a grant is given once, on its terms', async () => {
  const asked = grant(1, { kind: 'paid', expiresAt: day(5) })
  await operator.createGrant(asked)
  await operator.createGrant(asked)
  const other = { params, body: { ...asked.body, expiresAt: day(6) } }
  await assert.rejects(operator.createGrant(other), { code: 'conflict' })
  const past = grant(1, { expiresAt: day(-1) })
  await assert.rejects(operator.createGrant(past), (error: { code: string; errors: unknown }) => {
    assert.deepEqual(error.code, 'invalid_request')
    assert.deepEqual(error.errors, [
      { pointer: '/expiresAt', message: 'must be later than now and than "effectiveAt"' },
    ])
    return true
  })
  const inverted = grant(1, { effectiveAt: day(4), expiresAt: day(3) })
  await assert.rejects(operator.createGrant(inverted), { code: 'invalid_request' })
})

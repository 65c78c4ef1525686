import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Lot } from '@gpuhour/sdk/contract'
import { burnOrder, endOfDay, leftPercent } from './credits.ts'

function lotOf(id: string, state: Lot['state'], turn: number | null, day: number): Lot {
  return {
    ...{ id, kind: 'promo', code: 'grant', about: 'per_a', priority: 100, state, turn, renews: null },
    ...{ effectiveAt: '2026-11-01T00:00:00.000Z', expiresAt: null },
    creditedAt: `2026-11-0${day}T00:00:00.000Z`,
    ...{ amountNanos: '300', remainingNanos: '100', reservedNanos: '0' },
  }
}

test('what is used next comes first, what is over last', () => {
  const lots = [
    lotOf('over', 'used_up', null, 2),
    lotOf('second', 'in_force', 2, 3),
    lotOf('later', 'upcoming', null, 4),
    lotOf('lapsed', 'lapsed', null, 5),
    lotOf('first', 'in_force', 1, 1),
  ]
  assert.deepEqual(
    burnOrder(lots).map(({ id }) => id),
    ['first', 'second', 'later', 'lapsed', 'over'],
  )
})

test('something left is never shown as nothing', () => {
  const lot = lotOf('a', 'in_force', 1, 1)
  assert.deepEqual(
    ['0', '1', '2', '3', '299', '300'].map((remainingNanos) => leftPercent({ ...lot, remainingNanos })),
    [0, 1, 1, 1, 99, 100],
  )
})

test('a day that is picked ends with it', () => {
  assert.equal(endOfDay(''), null)
  const end = endOfDay('2026-12-31')
  assert.equal(end, new Date(2027, 0, 1).toISOString())
})

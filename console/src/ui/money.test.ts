import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  cents,
  decimalOf,
  exact,
  fineFor,
  hoursBought,
  moneyParts,
  moneyText,
  nanosOf,
  perSecond,
} from './money.ts'

test('an amount is written exactly, whatever its size', () => {
  const cases: readonly [bigint, string][] = [
    [0n, '0.000000000'],
    [35_666_666n, '0.035666666'],
    [-1n, '-0.000000001'],
    [10n ** 30n + 1n, '1000000000000000000000.000000001'],
  ]
  for (const [nanos, text] of cases) assert.equal(decimalOf(nanos), text)
})

test('money is cut, never rounded up, and has its currency', () => {
  assert.equal(moneyText(35_666_666n, 'USD', 'en'), '$0.0356')
  assert.equal(moneyText(9_999_999_999n, 'USD', 'en', cents), '$9.99')
  assert.equal(moneyText(10_000_000_000n, 'USD', 'en'), '$10.00')
  assert.equal(moneyText(35_666_666n, 'EUR', 'zh-CN', exact), '€0.035666666')
  assert.equal(moneyText(-1_500_000_000n, 'USD', 'en', cents), '-$1.50')
})

test('what is something is never shown as nothing', () => {
  const shown = (nanos: bigint) => moneyText(nanos, 'USD', 'en', fineFor(nanos))
  assert.deepEqual([0n, 1n, 97_222n, 9_999_999n, 10_000_000n].map(shown), [
    '$0.00',
    '$0.000000001',
    '$0.000097',
    '$0.009999',
    '$0.01',
  ])
})

test('money in two parts: cents, and what lies behind them', () => {
  assert.deepEqual(moneyParts(35_666_666n, 'USD', 'en', { least: 6, most: 6 }), {
    head: '$0.03',
    tail: '5666',
  })
  assert.deepEqual(moneyParts(10_000_000_000n, 'USD', 'en', cents), { head: '$10.00', tail: '' })
})

test('what money buys is never promised too high', () => {
  assert.equal(hoursBought(10_000_000_000n, 600_000_000n), 16.6)
  assert.equal(hoursBought(-5n, 600_000_000n), 0)
  assert.equal(hoursBought(5n, 0n), null)
  assert.equal(perSecond(600_000_000n), 166_666n)
})

test('a typed amount becomes nanos, or nothing', () => {
  assert.equal(nanosOf('10'), 10_000_000_000n)
  assert.equal(nanosOf(' 0.000000001 '), 1n)
  for (const wrong of ['', '-1', '1,5', '1.0000000001', 'ten', '1e3']) assert.equal(nanosOf(wrong), null)
})

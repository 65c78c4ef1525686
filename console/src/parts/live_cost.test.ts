import assert from 'node:assert/strict'
import { test } from 'node:test'
import { amountIn, balanceNow, costNow, lastsMs, paidMsNow, unitHoursNow } from './live_cost.ts'

const asOf = '2026-11-23T12:00:00.000Z'
const start = Date.parse(asOf)
const cost = {
  asOf,
  isPaying: true,
  nanosPerHour: '600000000',
  leaseUntil: '2026-11-23T12:10:00.000Z',
  amountNanos: '35666666',
  paidMillis: '214532',
}

test('whole seconds, cut at the nano', () => {
  assert.equal(amountIn(214_532, 600_000_000n), 35_666_666n)
  assert.equal(amountIn(999, 600_000_000n), 0n)
  assert.equal(amountIn(-5_000, 600_000_000n), 0n)
})

test('a cost grows while a spell is open', () => {
  assert.equal(costNow(cost, start), 35_666_666n)
  assert.equal(costNow(cost, start + 60_500), 45_666_666n)
  assert.equal(paidMsNow(cost, start + 60_500), 275_032)
})

test('a cost never grows past the lease, nor while nothing is paid', () => {
  assert.equal(costNow(cost, start + 3_600_000), costNow(cost, start + 600_000))
  assert.equal(costNow({ ...cost, isPaying: false }, start + 60_000), 35_666_666n)
  assert.equal(paidMsNow({ ...cost, isPaying: false }, start + 60_000), 214_532)
})

test('it is never ahead of the bill', () => {
  for (let ms = 0; ms < 200_000; ms += 777) {
    const bill = amountIn(214_532 + ms, 600_000_000n)
    assert.ok(costNow(cost, start + ms) <= bill)
  }
})

test('unit-hours grow with the paid time: by as many units as were paid for', () => {
  const twoCpus = '0.119184'
  assert.equal(unitHoursNow(cost, twoCpus, start), '0.119184')
  assert.equal(unitHoursNow(cost, twoCpus, start + 60_000), '0.152517')
  assert.equal(unitHoursNow({ ...cost, isPaying: false }, twoCpus, start + 60_000), '0.119184')
  assert.equal(unitHoursNow({ ...cost, paidMillis: '0' }, '0', start + 60_000), '0.000000')
})

test('a balance shrinks, and does not jump below nothing', () => {
  const balance = { asOf, liveNanos: '10000000000', nanosPerHour: '600000000' }
  assert.equal(balanceNow(balance, start + 3_600_000), 9_400_000_000n)
  assert.equal(balanceNow(balance, start + 360_000_000), 0n)
  assert.equal(balanceNow({ ...balance, liveNanos: '-7' }, start), -7n)
})

test('how long money lasts', () => {
  assert.equal(lastsMs(10_000_000_000n, 600_000_000n), 60_000_000)
  assert.equal(lastsMs(10n, 0n), null)
  assert.equal(lastsMs(-1n, 5n), 0)
})

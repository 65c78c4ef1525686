import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explain } from './explain.ts'

test('the charge of the open bill’s own example', () => {
  const charge = { nanos: '600000000', unitMillisBefore: '0', unitMillis: '214532' }
  assert.deepEqual(explain(charge), {
    secondsBefore: 0n,
    secondsAfter: 214n,
    amountBefore: 0n,
    amountAfter: 35_666_666n,
    amount: 35_666_666n,
  })
})

test('what is taken back goes down the same sum', () => {
  const charge = { nanos: '600000000', unitMillisBefore: '214532', unitMillis: '-14532' }
  const { secondsBefore, secondsAfter, amount } = explain(charge)
  assert.deepEqual([secondsBefore, secondsAfter, amount], [214n, 200n, 33_333_333n - 35_666_666n])
})

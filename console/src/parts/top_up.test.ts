import assert from 'node:assert/strict'
import { test } from 'node:test'
import { amountFault, buys, unitsInNanos } from './top_up.ts'

test('an amount buys what runs now, or else the usual machine', () => {
  const usual = { flavor: 'cpu.2x8', nanosPerHour: '2000000000' }
  assert.deepEqual(buys(unitsInNanos(10n), '500000000', usual), { hours: 20, flavor: null })
  assert.deepEqual(buys(unitsInNanos(10n), '0', usual), { hours: 5, flavor: 'cpu.2x8' })
  assert.equal(buys(unitsInNanos(10n), '0', undefined), null)
  assert.equal(buys(unitsInNanos(10n), '0', { ...usual, nanosPerHour: '0' }), null)
})

test('an amount is whole cents within its bounds', () => {
  const bounds = { minNanos: '5000000000', maxNanos: '10000000000000' }
  const cases: readonly (readonly [bigint | null, ReturnType<typeof amountFault>])[] = [
    [null, 'none'],
    [5_000_000_000n, null],
    [4_990_000_000n, 'small'],
    [12_500_000_000n, null],
    [12_505_000_000n, 'fine'],
    [10_000_000_000_000n, null],
    [10_000_010_000_000n, 'large'],
  ]
  for (const [nanos, fault] of cases) assert.equal(amountFault(nanos, bounds), fault, String(nanos))
})

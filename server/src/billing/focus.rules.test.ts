import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { asId } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import { instant } from '../kernel/time.ts'
import type { Stretch } from '../metering/rules.ts'
import { amountOf } from '../pricing/rules.ts'
import { cutAt } from './exports.rules.ts'
import { changesOf, focusColumns, focusVersions } from './focus.rules.ts'

const book = asId('priceBook', 'pb_one')
const rate = 2_990_000_001n
const rates = {
  agreed: { sku: 'gpu', unit: 'gpu-hour', nanos: nanos(rate) },
  list: nanos(2n * rate),
} as const

function stretch(from: number, to: number, quantity = 1): Stretch {
  return { sku: 'gpu', priceBook: book, quantity, from: instant(from), to: instant(to) }
}

function shown(before: readonly Stretch[], after: readonly Stretch[]): readonly string[] {
  const changes = changesOf(
    before,
    after,
    () => rates,
    (one) => [one],
  )
  return changes.map(({ from, to, quantity, isTaken }) => `${isTaken ? '-' : '+'}${quantity} ${from}–${to}`)
}

describe('what a period changed of what was known', () => {
  const cases: readonly (readonly [string, readonly Stretch[], readonly Stretch[], readonly string[]])[] = [
    ['nothing', [stretch(0, 10)], [stretch(0, 10)], []],
    ['it began', [], [stretch(5, 20)], ['+1 5–20']],
    ['it ran on', [stretch(0, 10)], [stretch(0, 25)], ['+1 10–25']],
    ['an end was learned late', [stretch(0, 10)], [stretch(0, 4)], ['-1 4–10']],
    ['and it ran again', [stretch(0, 10)], [stretch(0, 4), stretch(12, 20)], ['-1 4–10', '+1 12–20']],
    ['it never was', [stretch(0, 4), stretch(6, 10)], [], ['-1 0–4', '-1 6–10']],
    ['it grew', [stretch(0, 10, 5)], [stretch(0, 15, 5), stretch(15, 20, 8)], ['+5 10–15', '+8 15–20']],
    ['a hole in the midst', [stretch(0, 10)], [stretch(0, 3), stretch(7, 12)], ['-1 3–7', '+1 10–12']],
  ]
  for (const [name, before, after, expected] of cases)
    it(name, () => assert.deepEqual(shown(before, after), expected))
})

/** Stretches that do not overlap, in order. */
const history = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 9_000 }), fc.integer({ min: 1, max: 9_000 }), fc.nat(3)), {
    maxLength: 8,
  })
  .map((parts) => {
    let at = 0
    return parts.map(([gap, length, more]) => {
      const from = at + gap
      at = from + length
      return stretch(from, at, more + 1)
    })
  })

it('its steps add up to the difference of the two prices, however they are cut, and say what changed', () => {
  const priceOf = (stretches: readonly Stretch[], nanosPerHour: bigint): bigint =>
    amountOf(nanosPerHour, sumOf(stretches))
  const sumOf = (stretches: readonly Stretch[]): bigint =>
    stretches.reduce((sum, { quantity, from, to }) => sum + BigInt(quantity) * BigInt(to - from), 0n)
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 100_000 }), { maxLength: 20 })
  fc.assert(
    fc.property(history, history, cuts, (before, after, instants) => {
      const sorted = instants.toSorted((a, b) => a - b).map((one) => instant(one))
      const changes = changesOf(
        before,
        after,
        () => rates,
        (one) => cutAt([one], sorted),
      )
      const total = (of: (change: (typeof changes)[number]) => bigint): bigint =>
        changes.reduce((sum, change) => sum + of(change), 0n)
      assert.equal(
        total(({ amount }) => amount),
        priceOf(after, rate) - priceOf(before, rate),
      )
      assert.equal(
        total(({ listAmount }) => listAmount),
        priceOf(after, 2n * rate) - priceOf(before, 2n * rate),
      )
      assert.equal(
        total(({ unitMillis, isTaken }) => (isTaken ? -unitMillis : unitMillis)),
        sumOf(after) - sumOf(before),
      )
      for (const { from, to, isTaken, amount } of changes) {
        assert.ok(isTaken ? amount <= 0n : amount >= 0n)
        for (const cut of sorted) assert.ok(cut <= from || cut >= to)
      }
    }),
  )
})

describe('the columns of each version', () => {
  it('each once; the specification’s in its order, then ours', () => {
    for (const version of focusVersions) {
      const columns = focusColumns[version]
      assert.equal(new Set(columns).size, columns.length)
      const own = columns.filter((name) => name.startsWith('x_'))
      assert.deepEqual(columns.slice(-own.length), own)
    }
  })
  it('43 in 1.0, as the specification has them', () => {
    const ours = focusColumns['1.0'].filter((name) => !name.startsWith('x_'))
    assert.equal(ours.length - 5, 43, 'beside those that the validator asks for')
  })
  it('those that 1.3 deprecated are gone in 1.4', () => {
    for (const name of ['ProviderName', 'PublisherName']) {
      assert.ok(focusColumns['1.2'].includes(name))
      assert.ok(!focusColumns['1.4'].includes(name))
    }
    for (const name of ['HostProviderName', 'ServiceProviderName'])
      assert.ok(focusColumns['1.4'].includes(name))
  })
})

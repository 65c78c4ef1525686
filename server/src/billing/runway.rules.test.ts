import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { asId } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import { type Instant, instant } from '../kernel/time.ts'
import { burnOrder, isInForce, type Lot } from '../ledger/lots.rules.ts'
import { nextExpiry, runwayOf } from './runway.rules.ts'

// A nano a millisecond, from 0 on. A lot is written `free [from..to]`, the dates left out where it has none.

function lotsIn(text: string): readonly Lot[] {
  return text
    .split(',')
    .filter((one) => one.trim() !== '')
    .map((one, index) => {
      const [, free = '', from = '', to = ''] = /^\s*(\d+)(?: \[(\d*)\.\.(\d*)\])?$/.exec(one) ?? []
      return lotOf(index, BigInt(free), Number(from || 0), to === '' ? null : Number(to))
    })
}

function lotOf(index: number, free: bigint, from: number, to: number | null): Lot {
  const name = String(index)
  return {
    id: asId('lot', `lot_${name}`),
    account: asId('account', 'acc_a'),
    transfer: asId('transfer', `trf_${name}`),
    renews: null,
    kind: 'promo',
    priority: 100,
    effectiveAt: instant(from),
    expiresAt: to === null ? null : instant(to),
    amount: nanos(free),
    remaining: nanos(free),
    reserved: nanos(0n),
    recordedAt: instant(index),
  }
}

const table = `
  lots                               | until | next expiry
                                     | 0     | -
  100                                | 100   | -
  100 [0..50]                        | 50    | 50 100
  100 [0..50], 30                    | 80    | 50 100
  20 [0..50], 50                     | 70    | 50 20
  20 [0..50], 100 [40..60]           | 20    | 50 20
  20 [0..50], 100 [20..60]           | 60    | 50 20
  10, 100 [5..]                      | 110   | -
  100 [200..], 50                    | 50    | -
  30 [0..60], 30 [0..60], 5          | 65    | 60 60
  10 [0..9], 100                     | 109   | 9 10`

describe('the runway', () => {
  for (const row of table.trim().split('\n').slice(1)) {
    const [lots = '', until = '', expiry = ''] = row.split('|').map((cell) => cell.trim())
    it(`of ${lots || 'nothing'} is ${until}`, () => {
      const found = lotsIn(lots)
      assert.equal(
        runwayOf(found, instant(0), (when) => BigInt(when)),
        Number(until),
      )
      const next = nextExpiry(found, instant(0))
      assert.equal(next ? `${next.at} ${next.amount}` : '-', expiry)
    })
  }

  it('is for ever where what is needed stays below what there is', () => {
    const needs = (when: Instant): bigint => BigInt(Math.min(when, 90))
    assert.equal(runwayOf(lotsIn('90'), instant(0), needs), null)
    assert.equal(runwayOf(lotsIn('89'), instant(0), needs), 89)
    assert.equal(runwayOf(lotsIn('90 [0..80]'), instant(0), needs), 80)
  })

  it('is over at once where more is owed by now than there is', () => {
    assert.equal(
      runwayOf(lotsIn('10'), instant(5), (when) => BigInt(when) + 20n),
      5,
    )
  })

  it('is where a purse that is emptied millisecond by millisecond has nothing left', () => {
    const lot = fc.tuple(fc.nat(30), fc.nat(60), fc.option(fc.integer({ min: 1, max: 60 })))
    fc.assert(
      fc.property(fc.array(lot, { maxLength: 6 }), (shapes) => {
        const lots = shapes.map(([free, from, days], index) =>
          lotOf(index, BigInt(free), from, days === null ? null : from + days),
        )
        const left = new Map(lots.toSorted(burnOrder).map((one) => [one, one.remaining]))
        let now = 0
        for (; ; now += 1) {
          const next = [...left].find(([one, free]) => free > 0n && isInForce(one, instant(now)))
          if (!next) break
          left.set(next[0], nanos(next[1] - 1n))
        }
        assert.equal(
          runwayOf(lots, instant(0), (when) => BigInt(when)),
          now,
        )
      }),
    )
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { asId } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import { type Instant, instant } from '../kernel/time.ts'
import type { Spell } from '../metering/rules.ts'
import { costOfLines, type Rates } from '../pricing/rules.ts'
import {
  costAt,
  firstHold,
  isOvershot,
  needUntil,
  type Payer,
  secondsCovered,
  usedUpAt,
} from './leases.rules.ts'
import { type Purse, reachOf } from './purses.rules.ts'

const rates: Rates = new Map(
  Object.entries({ h100: 2_990_000_000n, small: 600_000_000n, tiny: 7n, free: 0n }).map(([sku, rate]) => [
    sku,
    { sku, unit: 'gpu-hour', nanos: nanos(rate) },
  ]),
)

const one = (sku: string, quantity = 1): Payer['ranks'][number]['lines'] => [{ sku, quantity }]

function payer(covered: bigint, ...ranks: readonly (readonly [string, readonly Spell[]])[]): Payer {
  return {
    covered: nanos(covered),
    ranks: ranks.map(([sku, spells]) => ({ lines: one(sku), rates, spells })),
  }
}

/** `12-40` in seconds, `40-` while it is open. */
function spells(text: string): readonly Spell[] {
  return text
    .split(' ')
    .filter((part) => part !== '')
    .map((part) => {
      const [from = '', to = ''] = part.split('-')
      return { from: instant(Number(from) * 1000), to: to === '' ? null : instant(Number(to) * 1000) }
    })
}

describe('N, the greatest whole second that is covered', () => {
  const table = `
    sku   | covered    | N
    h100  | 1000000000 | 1204
    h100  | 999988888  | 1204
    h100  | 999988887  | 1203
    h100  | 830554     | 0
    h100  | 830555     | 1
    h100  | 0          | 0
    small | 60000      | 0
    tiny  | 1          | 1028
    free  | 0          | never`
  for (const row of table.trim().split('\n').slice(1)) {
    const [sku = '', covered = '', expected = ''] = row.split('|').map((cell) => cell.trim())
    it(`${sku} with ${covered}: ${expected}`, () =>
      assert.equal(String(secondsCovered(one(sku), rates, BigInt(covered)) ?? 'never'), expected))
  }

  it('is the greatest for any lines and any amount', () => {
    const line = fc.record({
      sku: fc.constantFrom('h100', 'small', 'tiny'),
      quantity: fc.integer({ min: 1, max: 64 }),
    })
    fc.assert(
      fc.property(
        fc.array(line, { minLength: 1, maxLength: 4 }),
        fc.bigInt(0n, 10n ** 15n),
        (lines, covered) => {
          const n = secondsCovered(lines, rates, covered) ?? -1n
          assert.ok(costOfLines(lines, rates, n * 1000n) <= covered)
          assert.ok(costOfLines(lines, rates, (n + 1n) * 1000n) > covered)
        },
      ),
    )
  })
})

describe('the instant at which a lease is used up, in seconds', () => {
  const table = `
    covered    | rank 0          | rank 1    | used up | overshot
    1000000000 | 0-              |           | 1204    | no
    1000000000 | 10.5-           |           | 1214.5  | no
    1000000000 | 0-100 1000-     |           | 2104    | no
    1000000000 | 0-1204          |           | never   | no
    1000000000 | 0-1204 2000-    |           | 2000    | no
    1000000000 | 0-1300          |           | 1204    | yes
    1000000000 | 0-1300 1400-    |           | 1204    | yes
    1000000000 | 0-1000 1100-1400 |          | 1304    | yes
    1000000000 |                 |           | never   | no
    1000000000 | 0-              | 0-        | 602.999 | no
    1000000000 | 0-              | 300-      | 752.999 | no
    1000000000 | 0-700           | 0-700     | 602.999 | yes
    1000000000 | 0-600           | 0-600     | never   | no`
  for (const row of table.trim().split('\n').slice(1)) {
    const [covered = '', first = '', second = '', expected = '', over = ''] = row
      .split('|')
      .map((cell) => cell.trim())
    it(`${covered} over ${first} and ${second || 'nothing'}: ${expected}`, () => {
      const ranks: [string, readonly Spell[]][] = [['h100', spells(first)]]
      if (second !== '') ranks.push(['h100', spells(second)])
      const asked = payer(BigInt(covered), ...ranks)
      const end = usedUpAt(asked)
      assert.equal(end === null ? 'never' : String(end / 1000), expected)
      assert.equal(end !== null && isOvershot(asked, end) ? 'yes' : 'no', over)
    })
  }
})

/** The one instant up to which one wallet pays them all. */
function commonEnd(payers: readonly Payer[], available: bigint, from: Instant, to: Instant): Instant {
  const subject = asId('instance', 'ins_1')
  const asked = { project: asId('project', 'prj_1'), subject, askedBy: 'per_1', askedKey: null, job: null }
  const wallet: Purse = { name: 'wallet', available, onlyStarts: false, pays: () => true }
  const reach = reachOf(
    payers.map((one) => ({ ...one, asked })),
    [wallet],
    from,
    to,
  )
  const ends = new Set([...reach.values()].map(({ end }) => end))
  assert.equal(ends.size, 1)
  return [...ends][0] ?? to
}

describe('the common end', () => {
  const from = instant(0)
  it('of two on one dollar is one second, whatever was held before', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1002 }), fc.integer({ min: 0, max: 1002 }), (a, b) => {
        const [big, little] = (
          [
            ['h100', a],
            ['small', b],
          ] as const
        ).map(([sku, held]) => payer(costOfLines(one(sku), rates, BigInt(held) * 1000n), [sku, spells('0-')]))
        assert.ok(big && little)
        const available = nanos(1_000_000_000n - big.covered - little.covered)
        const end = commonEnd([big, little], available, from, instant(3_600_000))
        assert.equal(Math.floor(end / 1000), 1002)
      }),
    )
  })

  it('puts the one furthest behind first', () => {
    const ahead = payer(costOfLines(one('h100'), rates, 900_000n), ['h100', spells('0-')])
    const behind = payer(costOfLines(one('h100'), rates, 60_000n), ['h100', spells('0-')])
    const end = commonEnd(
      [ahead, behind],
      costOfLines(one('h100'), rates, 100_000n),
      from,
      instant(3_600_000),
    )
    assert.equal(Math.floor(end / 1000), 160)
    assert.equal(needUntil(ahead, end), 0n)
  })

  it('never costs more than there is, and a millisecond later would', () => {
    const life = fc.tuple(
      fc.constantFrom('h100', 'small', 'tiny'),
      fc.integer({ min: 0, max: 900 }),
      fc.bigInt(0n, 10n ** 9n),
    )
    fc.assert(
      fc.property(
        fc.array(life, { minLength: 1, maxLength: 6 }),
        fc.bigInt(0n, 10n ** 10n),
        (lives, available) => {
          const to = instant(7_200_000)
          const payers = lives.map(([sku, begun, covered]) => payer(covered, [sku, spells(`${begun / 10}-`)]))
          const needs = (when: number): bigint =>
            payers.reduce((sum, each) => sum + needUntil(each, instant(when)), 0n)
          const end = commonEnd(payers, available, from, to)
          assert.ok(needs(end) <= available)
          assert.ok(end === to || needs(end + 1) > available)
        },
      ),
    )
  })
})

describe('the first hold', () => {
  const table = `
    available  | answer
    5000000000 | hold 498333333
    498333333  | hold 498333333
    498333332  | hold 498333332
    49833333   | hold 49833333
    49833332   | shortfall 1
    0          | shortfall 49833333`
  for (const row of table.trim().split('\n').slice(1)) {
    const [available = '', expected = ''] = row.split('|').map((cell) => cell.trim())
    it(`with ${available}: ${expected}`, () => {
      const first = firstHold(one('h100'), rates, nanos(BigInt(available)))
      assert.equal('hold' in first ? `hold ${first.hold}` : `shortfall ${first.shortfall}`, expected)
    })
  }
})

it('costs every line on its own running sum', () => {
  const ranks = [{ lines: [...one('h100', 4), ...one('small')], rates, spells: spells('0-1.999') }]
  assert.equal(costAt(ranks, instant(5000)), 5_813_888n + 166_666n)
})

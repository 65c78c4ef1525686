import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { asId } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import { instant } from '../kernel/time.ts'
import type { Rates } from '../pricing/rules.ts'
import { needUntil } from './leases.rules.ts'
import { type Asked, type AskedPayer, firstHoldFrom, type Purse, reachOf } from './purses.rules.ts'

const dollar = 1_000_000_000n
const rates: Rates = new Map(
  [1n, 2n, 3n].map((price) => {
    const sku = `gpu.${price}`
    // So many nanos a second.
    return [sku, { sku, unit: 'gpu-hour', nanos: nanos(price * 3600n) }]
  }),
)

function asked(project: string): Asked {
  const subject = asId('instance', 'ins_1')
  return { project: asId('project', `prj_${project}`), subject, askedBy: 'per_1', askedKey: null, job: null }
}

/** A machine that has run since 0 at so many nanos a second, with money for `covered`. */
function payer(project: string, perSecond: bigint, covered: bigint): AskedPayer {
  const lines = [{ sku: `gpu.${perSecond}`, quantity: 1 }]
  const ranks = [{ lines, rates, spells: [{ from: instant(0), to: null }] }]
  return { asked: asked(project), ranks, covered: nanos(covered) }
}

function purse(name: Purse['name'], available: bigint, project?: string, onlyStarts = false): Purse {
  const pays = (of: Asked): boolean => project === undefined || of.project === `prj_${project}`
  return { name, available, onlyStarts, pays }
}

const [from, to] = [instant(0), instant(600_000)]
const lab = asId('budget', 'bud_lab')

function secondsOf(payers: readonly AskedPayer[], purses: readonly Purse[]): readonly (readonly unknown[])[] {
  const reach = reachOf(payers, purses, from, to)
  return payers.map((one) => {
    const { end, limitedBy } = reach.get(one) ?? { end: -1, limitedBy: null }
    return [Math.floor(end / 1000), limitedBy]
  })
}

describe('how far leases can be paid from purses that they share', () => {
  it('the wallet alone: one common second', () => {
    const payers = [payer('a', 2n, 0n), payer('b', 1n, 0n)]
    assert.deepEqual(secondsOf(payers, [purse('wallet', 300n)]), [
      [100, 'wallet'],
      [100, 'wallet'],
    ])
  })

  it('a budget ends its own, and the others go on with what the wallet has left', () => {
    const payers = [payer('a', 2n, 0n), payer('b', 1n, 0n)]
    assert.deepEqual(secondsOf(payers, [purse('wallet', 300n), purse(lab, 20n, 'a')]), [
      [10, lab],
      [280, 'wallet'],
    ])
  })

  it('enough of everything: to the end that was asked for', () => {
    const payers = [payer('a', 2n, 0n)]
    assert.deepEqual(secondsOf(payers, [purse('wallet', dollar), purse(lab, dollar, 'a')]), [[600, null]])
  })

  it('what is spent already gives nothing; what only guards starts ends nothing', () => {
    const payers = [payer('a', 2n, 0n), payer('b', 1n, 0n)]
    const purses = [
      purse('wallet', 3000n),
      purse(lab, -5n, 'a'),
      purse(asId('budget', 'bud_b'), 0n, 'b', true),
    ]
    assert.deepEqual(secondsOf(payers, purses), [
      [0, lab],
      [600, null],
    ])
  })

  it('fills every purse to its last second and none beyond', () => {
    const one = fc.record({
      project: fc.constantFrom('a', 'b', 'c'),
      price: fc.constantFrom(1n, 2n, 3n),
      covered: fc.bigInt(0n, 600n),
    })
    const allowed = fc.record({
      available: fc.bigInt(-50n, 2500n),
      project: fc.constantFrom('a', 'b', 'c', undefined),
    })
    fc.assert(
      fc.property(
        fc.array(one, { maxLength: 5 }),
        fc.array(allowed, { minLength: 1, maxLength: 4 }),
        (rows, limits) => {
          const payers = rows.map(({ project, price, covered }) => payer(project, price, covered))
          const purses = limits.map(({ available, project }, index) =>
            purse(asId('budget', `bud_${index}`), available, project),
          )
          const reach = reachOf(payers, purses, from, to)
          const need = (of: AskedPayer, when: number): bigint => needUntil(of, instant(when))
          const endOf = (of: AskedPayer): number => reach.get(of)?.end ?? assert.fail('each has a reach')
          for (const { available, pays, name } of purses) {
            const own = payers.filter(({ asked: whose }) => pays(whose))
            const held = own.reduce((sum, of) => sum + need(of, endOf(of)), 0n)
            assert.ok(held <= (available > 0n ? available : 0n), `${name} holds ${held} of ${available}`)
          }
          for (const of of payers) {
            const { limitedBy } = reach.get(of) ?? assert.fail('each has a reach')
            if (limitedBy === null) {
              assert.equal(endOf(of), to)
              continue
            }
            // The purse that is named could not pay a second more for all whom it ends.
            const limit = purses.find(({ name }) => name === limitedBy) ?? assert.fail('it is one of them')
            const own = payers.filter(({ asked: whose }) => limit.pays(whose))
            const more = own.reduce(
              (sum, each) =>
                sum + need(each, reach.get(each)?.limitedBy === limitedBy ? endOf(of) + 1000 : endOf(each)),
              0n,
            )
            assert.ok(more > (limit.available > 0n ? limit.available : 0n), `${limitedBy} had more`)
          }
        },
      ),
    )
  })
})

describe('a first hold', () => {
  const lines = [{ sku: 'gpu.1', quantity: 1 }]
  const table: readonly (readonly [string, readonly Purse[], unknown])[] = [
    ['ten minutes', [purse('wallet', 10_000n), purse(lab, 10_000n, 'a')], { hold: 600n }],
    ['what the budget has left', [purse('wallet', 10_000n), purse(lab, 90n, 'a')], { hold: 90n }],
    ['what the wallet has left', [purse('wallet', 70n), purse(lab, 90n, 'a')], { hold: 70n }],
    [
      'too little for a minute',
      [purse('wallet', 10_000n), purse(lab, 50n, 'a')],
      { shortfall: 10n, purse: lab },
    ],
    [
      'more spent than allowed',
      [purse('wallet', 10_000n), purse(lab, -7n, 'a')],
      { shortfall: 60n, purse: lab },
    ],
    ['another project’s budget', [purse('wallet', 10_000n), purse(lab, 0n, 'b')], { hold: 600n }],
    [
      'a guard of starts does not shorten it',
      [purse('wallet', 10_000n), purse(lab, 61n, 'a', true)],
      { hold: 600n },
    ],
    [
      'a guard of starts refuses',
      [purse('wallet', 10_000n), purse(lab, 59n, 'a', true)],
      { shortfall: 1n, purse: lab },
    ],
  ]
  for (const [what, purses, expected] of table)
    it(what, () => assert.deepEqual(firstHoldFrom(lines, rates, purses, asked('a')), expected))
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { formatAmount, nanos, parseAmount } from '../kernel/money.ts'
import { apportioned, nanosPerMinor, roundedToMinor } from './rounding.rules.ts'
import { fixedRate, noTax } from './tax.rules.ts'

function amount(text: string): bigint {
  const value = parseAmount(text)
  assert.ok(value !== null, text)
  return value
}

function rowsOf(table: string): readonly (readonly string[])[] {
  return table
    .trim()
    .split('\n')
    .slice(1)
    .map((row) => row.split('|').map((cell) => cell.trim()))
}

describe('cents, half away from zero, once', () => {
  const table = `
    exact        | rounded
    0.00         | 0.00
    0.004999999  | 0.00
    0.005        | 0.01
    0.005000001  | 0.01
    0.014999999  | 0.01
    0.015        | 0.02
    2.989169444  | 2.99
    2.995        | 3.00
    -0.004999999 | 0.00
    -0.005       | -0.01
    -0.014999999 | -0.01
    -0.015       | -0.02
    -2.995       | -3.00`
  for (const [exact = '', rounded = ''] of rowsOf(table))
    it(`${exact} is ${rounded}`, () => {
      assert.equal(formatAmount(roundedToMinor(amount(exact))), rounded)
    })
})

describe('the residue goes to the lines that lost most', () => {
  const table = `
    lines                                | total | on the invoice
    1.00                                 | 1.00  | 1.00
    0.333333333 0.333333333 0.333333333  | 1.00  | 0.34 0.33 0.33
    0.001 0.002 0.003                    | 0.01  | 0.00 0.00 0.01
    0.004 0.004 0.004                    | 0.01  | 0.01 0.00 0.00
    0.006 0.006 0.006                    | 0.02  | 0.01 0.01 0.00
    2.999 1.999 0.002                    | 5.00  | 3.00 2.00 0.00
    10.126 0.004 0.0049                  | 10.13 | 10.13 0.00 0.00
    5.00 -0.335 -0.335                   | 4.33  | 5.00 -0.33 -0.34
    0.004 -0.006                         | 0.00  | 0.01 -0.01
    0.003 -0.006                         | 0.00  | 0.00 0.00
    0.004 -0.012                         | -0.01 | 0.00 -0.01
    -0.004 -0.004                        | -0.01 | 0.00 -0.01
    0.10 -0.10                           | 0.00  | 0.10 -0.10`
  for (const [lines = '', total = '', shown = ''] of rowsOf(table))
    it(`${lines} come to ${total}`, () => {
      const parts = lines.split(/\s+/).map(amount)
      const sum = roundedToMinor(parts.reduce((all, one) => all + one, 0n))
      assert.equal(formatAmount(sum), total)
      assert.equal(apportioned(parts, sum).map(formatAmount).join(' '), shown)
    })

  it('whatever the lines: they add up, each within a cent, and none moves that was whole', () => {
    const part = fc.oneof(fc.bigInt(-30_000_000n, 30_000_000n), fc.bigInt(-(10n ** 15n), 10n ** 15n))
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
        const exact = parts.reduce((sum, one) => sum + one, 0n)
        const total = roundedToMinor(exact)
        const apart = total > exact ? total - exact : exact - total
        assert.ok(apart * 2n <= nanosPerMinor)
        const shown = apportioned(parts, total)
        assert.equal(
          shown.reduce((sum, one) => sum + one, 0n),
          total,
        )
        for (const [index, one] of shown.entries()) {
          const lost = one - (parts[index] ?? 0n)
          assert.equal(one % nanosPerMinor, 0n)
          assert.ok(lost > -nanosPerMinor && lost < nanosPerMinor)
          if ((parts[index] ?? 1n) % nanosPerMinor === 0n) assert.equal(lost, 0n)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('a fixed rate of tax', () => {
  const table = `
    net     | promo | rate  | base    | tax
    100.00  | 0.00  | 20    | 100.00  | 20.00
    160.00  | 0.00  | 25    | 160.00  | 40.00
    0.03    | 0.00  | 20    | 0.03    | 0.01
    0.02    | 0.00  | 20    | 0.02    | 0.00
    10.05   | 0.00  | 19    | 10.05   | 1.91
    10.50   | 0.00  | 19    | 10.50   | 2.00
    0.50    | 0.00  | 7     | 0.50    | 0.04
    7.50    | 0.00  | 6     | 7.50    | 0.45
    100.00  | 30.00 | 20    | 70.00   | 14.00
    100.00  | 100.00 | 20   | 0.00    | 0.00
    10.00   | 10.01 | 20    | 0.00    | 0.00
    -10.50  | 0.00  | 19    | -10.50  | -2.00
    -10.50  | -0.50 | 20    | -10.00  | -2.00
    50.00   | 0.00  | 0     | 50.00   | 0.00
    33.33   | 0.00  | 8.87  | 33.33   | 2.96`
  for (const [net = '', promo = '', rate = '', base = '', tax = ''] of rowsOf(table))
    it(`${rate} % on ${net}, of which ${promo} promotional: ${tax}`, () => {
      const basisPoints = Math.round(Number(rate) * 100)
      const rule = { name: 'VAT', basisPoints, note: null }
      const [line] = fixedRate(rule).linesOn({ net: nanos(amount(net)), promo: nanos(amount(promo)) })
      assert.ok(line)
      assert.deepEqual([formatAmount(line.base), formatAmount(line.amount)], [base, tax])
    })

  it('where there is none, there is no line', () => {
    assert.deepEqual(noTax.linesOn({ net: nanos(10n ** 9n), promo: nanos(0n) }), [])
  })
})

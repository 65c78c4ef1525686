import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { asId } from '../kernel/ids.ts'
import { formatAmount, nanos, parseAmount } from '../kernel/money.ts'
import { instant } from '../kernel/time.ts'
import { draftOf, fundingOf, problemOf, stillOwed, taxed, totalsOf, type Used } from './invoices.rules.ts'
import { nanosPerMinor } from './rounding.rules.ts'
import type { Charge } from './rules.ts'
import { taxOf } from './tax.rules.ts'

function amount(text: string): ReturnType<typeof nanos> {
  const value = parseAmount(text)
  assert.ok(value !== null, text)
  return value
}

/** `lab` runs in project `a`, `train` is a run in `b`, `data` a volume in `a`. */
const used: Readonly<Record<string, Used>> = {
  lab: { kind: 'instance', project: 'prj_a', projectName: 'a', name: 'lab' },
  lab2: { kind: 'instance', project: 'prj_a', projectName: 'a', name: 'lab2' },
  train: { kind: 'run', project: 'prj_b', projectName: 'b', name: 'train' },
  data: { kind: 'volume', project: 'prj_a', projectName: 'a', name: 'data' },
}

function chargeOf(resource: string, sku: string, book: string, exact: bigint, reason: string | null): Charge {
  return {
    id: asId('charge', 'chg_1'),
    resource: asId('allocation', `alo_${resource}`),
    sku,
    priceBook: asId('priceBook', `pb_${book}`),
    upTo: instant(0),
    unitMillisBefore: 0n,
    unitMillis: exact < 0n ? -1n : 1n,
    nanos: nanos(book === 'old' ? 2_990_000_000n : 3_490_000_000n),
    amount: nanos(exact),
    reason,
  }
}

const usedAs = (resource: string): Used => {
  const found = used[resource.slice('alo_'.length)]
  assert.ok(found, resource)
  return found
}

describe('charges become lines', () => {
  // What: resource, SKU, price book, amount, and why where it is given back.
  const table = `
    one machine, in three steps | lab gpu old 1.001; lab gpu old 1.002; lab gpu old 1.003 | a instance gpu 3.01
    two machines of a project   | lab gpu old 1.00; lab2 gpu old 2.00 | a instance gpu 3.00
    two prices of a month       | lab gpu old 1.00; lab2 gpu new 2.00 | a instance gpu 1.00, a instance gpu 2.00
    projects, kinds and SKUs    | train gpu old 1.00; data vol old 3.00; lab gpu old 2.00; lab cpu old 4.00 | a instance cpu 4.00, a instance gpu 2.00, a volume vol 3.00, b run gpu 1.00
    given back, with its reason | lab gpu old 5.00; lab gpu old -2.00 fault | a instance gpu 5.00, a instance gpu -2.00 lab fault
    two given back              | lab gpu old -1.00 fault; lab2 gpu old -2.00 gone | a instance gpu -1.00 lab fault, a instance gpu -2.00 lab2 gone
    a third of a cent, thrice   | lab gpu old 0.003333333; data vol old 0.003333333; train gpu old 0.003333334 | a instance gpu 0.00, a volume vol 0.00, b run gpu 0.01
    nothing that costs          | lab gpu old 0.00 | a instance gpu 0.00`
  for (const row of table.trim().split('\n')) {
    const [title = '', asked = '', expected = ''] = row.split('|').map((cell) => cell.trim())
    it(title, () => {
      const charges = asked.split('; ').map((text) => {
        const [resource = '', sku = '', book = '', exact = '', reason = null] = text.split(' ')
        return chargeOf(resource, sku, book, amount(exact), reason)
      })
      const { lines, net, exact } = draftOf(charges, usedAs, () => 'gpu-hour')
      const shown = lines.map((line) =>
        [line.projectName, line.kind, line.sku, formatAmount(line.amount), line.name, line.reason]
          .filter((part) => part !== null)
          .join(' '),
      )
      assert.equal(shown.join(', '), expected)
      assert.deepEqual(
        lines.map(({ position }) => position),
        lines.map((_, index) => index + 1),
      )
      assert.equal(
        net,
        lines.reduce((sum, line) => sum + line.amount, 0n),
      )
      assert.equal(
        exact,
        charges.reduce((sum, charge) => sum + charge.amount, 0n),
      )
    })
  }
})

describe('what is still owed of a period', () => {
  const table = `
    debts, newest first     | owed now | of its storage
    storage 3               | 3        | 3
    storage 3               | 1        | 1
    storage 3               | 5        | 3
    storage 3               | 0        | 0
    storage 2, storage 3    | 4        | 4
    chargeback 5, storage 3 | 6        | 1
    chargeback 5, storage 3 | 5        | 0
    storage 3, chargeback 5 | 4        | 3`
  for (const row of table.trim().split('\n').slice(1)) {
    const [debts = '', now = '', due = ''] = row.split('|').map((cell) => cell.trim())
    it(`${now} of ${debts}: ${due}`, () => {
      const made = debts.split(', ').map((debt) => {
        const [what, size] = debt.split(' ')
        return { isStorage: what === 'storage', amount: nanos(BigInt(size ?? 0)) }
      })
      assert.equal(String(stillOwed(made, BigInt(now))), due)
    })
  }
})

describe('whatever was charged and however it was paid', () => {
  const money = fc.bigInt(-(10n ** 13n), 10n ** 13n)
  const charge = fc.record({
    resource: fc.constantFrom('lab', 'lab2', 'train', 'data'),
    sku: fc.constantFrom('gpu', 'cpu'),
    book: fc.constantFrom('old', 'new'),
    amount: fc.oneof(money, fc.bigInt(-20_000_000n, 20_000_000n)),
  })

  it('lines, tax and funding add up in cents, and each is within a cent of the truth', () => {
    fc.assert(
      fc.property(
        fc.array(charge, { minLength: 1, maxLength: 30 }),
        fc.nat({ max: 10_000 }),
        fc.array(fc.nat({ max: 1_000_000 }), { minLength: 3, maxLength: 3 }),
        (asked, basisPoints, parts) => {
          const charges = asked.map((one) =>
            chargeOf(one.resource, one.sku, one.book, one.amount, one.amount < 0n ? 'late' : null),
          )
          const draft = draftOf(charges, usedAs, () => 'gpu-hour')
          // The exact sum, parted at random between the sources.
          const [a = 0, b = 0, c = 0] = parts
          const promo = nanos((draft.exact * BigInt(a)) / 3_000_000n)
          const owed = nanos((draft.exact * BigInt(b)) / 3_000_000n)
          const absorbed = nanos((draft.exact * BigInt(c)) / 3_000_000n)
          const prepaid = nanos(draft.exact - promo - owed - absorbed)
          const payments = { promo, owed, absorbed, prepaid, due: owed }
          assert.equal(problemOf(draft, payments, true), null)
          const taxes = taxed(taxOf({ name: 'VAT', basisPoints, note: null }), draft.net, promo)
          const totals = totalsOf(draft, taxes)
          const tax = { prepaid: totals.tax, promo: nanos(0n), due: nanos(0n) }
          const funding = fundingOf(payments, tax, totals.total)
          const sum = (of: (one: { amount: bigint; exact: bigint }) => bigint, all: typeof funding) =>
            all.reduce((total, one) => total + of(one), 0n)
          assert.equal(
            sum((one) => one.amount, funding),
            totals.total,
          )
          assert.equal(
            sum((one) => one.exact, funding),
            draft.exact + totals.tax,
          )
          for (const { amount: shown, exact } of [...draft.lines, ...funding]) {
            const apart = shown > exact ? shown - exact : exact - shown
            assert.ok(apart < nanosPerMinor)
          }
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('what does not add up, or was not paid as it was charged, gets no number', () => {
    const draft = draftOf([chargeOf('lab', 'gpu', 'old', 10n ** 9n, null)], usedAs, () => 'gpu-hour')
    const zero = nanos(0n)
    const paid = { prepaid: nanos(10n ** 9n), promo: zero, owed: zero, due: zero, absorbed: zero }
    assert.equal(problemOf(draft, paid, true), null)
    assert.equal(problemOf(draft, paid, false), 'seller_missing')
    assert.equal(problemOf(draft, { ...paid, prepaid: nanos(10n ** 9n - 1n) }, true), 'ledger_differs')
    const twice = { ...draft, lines: [...draft.lines, ...draft.lines] }
    assert.equal(problemOf(twice, paid, true), 'lines_do_not_add_up')
    const higher = { ...draft, net: nanos(draft.net + nanosPerMinor) }
    assert.equal(problemOf(higher, paid, true), 'lines_do_not_add_up')
  })
})

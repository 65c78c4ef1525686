import assert from 'node:assert/strict'
import { after as afterAll, before, describe, it } from 'node:test'
import { asId } from '../kernel/ids.ts'
import { formatAmount, nanos, parseAmount } from '../kernel/money.ts'
import { type TestDatabase, testDatabase } from '../store/testing.ts'
import { creditNotesOf, type IssuedCreditNote, issueCreditNote } from './credit_notes.ts'
import { type CreditNoteLine, judgeCreditNote } from './credit_notes.rules.ts'
import type { InvoiceLine } from './invoices.rules.ts'
import { madeInvoice } from './made_invoice.ts'
import { papersOf } from './papers.ts'
import { setTaxRule } from './parties.ts'
import { buy, story, stop, type Told, until } from './testing.invoices.ts'

let keptOpen: TestDatabase
before(async () => {
  keptOpen = await testDatabase()
})
afterAll(() => keptOpen.drop())

function amount(text: string): ReturnType<typeof nanos> {
  const value = parseAmount(text)
  assert.ok(value !== null, text)
  return value
}

/** `1:2.50` is 2.50 of line 1, `2.50` of the whole. */
function linesOf(text: string): readonly CreditNoteLine[] {
  return text.split(/\s+/).map((one) => {
    const [first = '', second] = one.split(':')
    return second === undefined
      ? { line: null, amount: amount(first) }
      : { line: Number(first), amount: amount(second) }
  })
}

describe('what may be given back, and the tax that comes with it', () => {
  // Notes are given one after the other. 29/30 of 160.00 and of 200.00 are published cases.
  const table = `
    lines        | tax    | notes                   | comes to
    160.00       | 40.00  | 154.67                  | 154.67+38.67
    200.00       | 50.00  | 193.33                  | 193.33+48.33
    10.00        | 1.90   | 3.33, 3.33, 3.34        | 3.33+0.63, 3.33+0.64, 3.34+0.63
    0.03         | 0.01   | 0.01, 0.01, 0.01        | 0.01+0.00, 0.01+0.01, 0.01+0.00
    10.00 5.00   | 0.00   | 1:10.00, 2:5.00         | 10.00+0.00, 5.00+0.00
    10.00 5.00   | 0.00   | 1:10.01                 | exceeds 1: 10.00
    10.00 5.00   | 0.00   | 1:6.00, 1:4.01          | 6.00+0.00, exceeds 1: 4.00
    10.00 5.00   | 0.00   | 1:6.00 1:4.01           | exceeds 1: 10.00
    10.00 5.00   | 0.00   | 12.00, 1:10.00          | 12.00+0.00, exceeds null: 3.00
    10.00 5.00   | 0.00   | 15.01                   | exceeds null: 15.00
    10.00 5.00   | 0.00   | 3:1.00                  | not_a_line
    10.00 -5.00  | 0.00   | 2:1.00                  | exceeds 2: 0.00
    10.00 -5.00  | 0.00   | 1:6.00                  | exceeds null: 5.00
    10.00        | 0.00   | 0.005                   | not_whole_minor_units
    10.00        | 0.00   | -1.00                   | not_whole_minor_units`
  const [template] = madeInvoice().lines
  assert.ok(template)
  for (const row of table.trim().split('\n').slice(1)) {
    const [lines = '', tax = '', asked = '', expected = ''] = row.split('|').map((cell) => cell.trim())
    it(`${asked} of ${lines} with ${tax} tax: ${expected}`, () => {
      const own = lines.split(/\s+/).map((text, index): InvoiceLine => {
        return { ...template, position: index + 1, amount: amount(text) }
      })
      const net = nanos(own.reduce((sum, line) => sum + line.amount, 0n))
      const invoice = { state: 'finalised', lines: own, net, tax: amount(tax) } as const
      const earlier: { lines: readonly CreditNoteLine[]; net: typeof net }[] = []
      const came = asked.split(', ').map((text) => {
        const judged = judgeCreditNote(invoice, earlier, linesOf(text))
        if (judged.ok) {
          earlier.push({ lines: linesOf(text), net: judged.net })
          return `${formatAmount(judged.net)}+${formatAmount(judged.tax)}`
        }
        return judged.reason === 'exceeds'
          ? `exceeds ${judged.line}: ${formatAmount(judged.left)}`
          : judged.reason
      })
      assert.equal(came.join(', '), expected)
    })
  }

  it('of a draft nothing is given back', () => {
    const judged = judgeCreditNote({ ...madeInvoice(), state: 'draft' }, [], linesOf('1.00'))
    assert.deepEqual(judged, { ok: false, reason: 'not_finalised' })
  })
})

const lateNovember = { start: '2026-11-30T22:00:00.000Z' }
const dollar = 1_000_000_000n

async function give(
  { stage }: Told,
  id: string,
  text: string,
  reason = 'the node was slow',
): Promise<IssuedCreditNote> {
  return stage.store.transact((tx) =>
    issueCreditNote(tx, {
      id: asId('creditNote', `crn_${id}`),
      invoice: 'INV-000001',
      reason,
      lines: linesOf(text),
      by: 'per_us',
      requestHash: `${text} ${reason}`,
    }),
  )
}

/** Two hours of a machine: 7.20, of which three were given and the rest was bought; and 20 % of the rest. */
async function aMonth(told: Told): Promise<void> {
  const { stage, invoiceIt } = told
  const vat = { name: 'VAT', basisPoints: 2000, note: null }
  await stage.store.transact((tx) => setTaxRule(tx, stage.organization, vat))
  await stage.grant(3n * dollar)
  await buy(stage, 10n * dollar)
  const machine = await stage.run([{ sku: 'gpu.v100', quantity: 1 }])
  await until(stage, '2026-12-01T00:00:00.000Z')
  await stop(stage, machine)
  await until(stage, '2026-12-01T01:00:00.000Z')
  await invoiceIt()
}

describe('a credit note', () => {
  story(
    'gives money back to what paid, with its share of the tax, and has papers',
    lateNovember,
    async (told) => {
      const { stage, invoiceIt, invoices } = told
      await aMonth(told)
      const [before] = await invoices()
      const posted = (await stage.balance()).posted
      const given = await give(told, 'a', '1:3.60')
      assert.ok(given.ok)
      assert.deepEqual([given.note.number, given.note.net, given.note.tax].map(String), [
        'CRN-000001',
        '3600000000',
        '420000000',
      ])
      assert.equal((await stage.balance()).posted - posted, 4_020_000_000n)
      assert.equal((await invoiceIt())['papers'], 2)
      const papers = await stage.store.read((tx) => papersOf(tx, [given.note.id]))
      assert.deepEqual(
        papers.get(given.note.id)?.map(({ name }) => name),
        ['en.pdf', 'zh.pdf'],
      )
      assert.deepEqual(await invoices(), [before], 'the invoice stays as it is')
    },
  )

  story(
    'sent again is one; another under its id is refused, and so is more than is left',
    lateNovember,
    async (told) => {
      const { stage, invoices } = told
      await aMonth(told)
      const first = await give(told, 'a', '5.00')
      const again = await give(told, 'a', '5.00')
      assert.ok(first.ok && again.ok)
      assert.deepEqual([first.is, again.is, again.note], ['new', 'same', first.note])
      assert.deepEqual(await give(told, 'a', '1.00'), { ok: false, reason: 'exists_with_different_content' })
      assert.deepEqual(await give(told, 'b', '2.21'), {
        ok: false,
        reason: 'exceeds',
        line: null,
        left: amount('2.20'),
      })
      const rest = await give(told, 'c', '2.20')
      assert.ok(rest.ok)
      assert.equal(rest.note.number, 'CRN-000002', 'what was refused used no number')
      const [invoice] = await invoices()
      const notes = await stage.store.read((tx) => creditNotesOf(tx, [invoice?.id ?? '']))
      assert.equal(
        notes.reduce((sum, { tax }) => sum + tax, 0n),
        invoice?.tax,
      )
      assert.equal((await stage.balance()).posted, 13n * dollar, 'all of it is back')
    },
  )

  story('of twenty at once for half of it each, two are issued', lateNovember, async (told) => {
    const { stage } = told
    await aMonth(told)
    const tries = await Promise.all(
      Array.from({ length: 20 }, (_, index) => give(told, `race${index}`, '3.60')),
    )
    const issued = tries.flatMap((one) => (one.ok ? [one.note.number] : []))
    assert.deepEqual(issued.toSorted(), ['CRN-000001', 'CRN-000002'])
    assert.equal((await stage.balance()).posted, 13n * dollar)
  })
})

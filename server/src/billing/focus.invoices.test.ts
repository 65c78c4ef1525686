import assert from 'node:assert/strict'
import { after as afterAll, before, describe } from 'node:test'
import { parseAmount } from '../kernel/money.ts'
import { hourMs, instant, parseInstant } from '../kernel/time.ts'
import { type TestDatabase, testDatabase } from '../store/testing.ts'
import type { Reader } from './exports.ts'
import type { Row } from './exports.rules.ts'
import { focusExtentOf, focusReader } from './focus.ts'
import { payableOf } from './focus.rules.ts'
import { setTaxRule } from './parties.ts'
import { buy, stop, story, type Told, until } from './testing.invoices.ts'
import type { Stage } from './testing.ts'

// I14 of money.md §4: the billed costs of an invoice are what it asks for.

let keptOpen: TestDatabase
before(async () => {
  keptOpen = await testDatabase()
})
afterAll(() => keptOpen.drop())

const dollar = 1_000_000_000n
const v100 = [{ sku: 'gpu.v100', quantity: 1 }]
const november = parseInstant('2026-11-01T00:00:00.000Z')

async function rowsOf(stage: Stage): Promise<readonly Row[]> {
  const { organization } = stage
  const asker = { organization, name: 'Stage', currency: 'USD' as const, timeZone: 'UTC', region: 'here' }
  const extent = await stage.store.transact((tx) => focusExtentOf(tx, asker, { from: november, to: null }))
  const rows: Row[] = []
  for (let read: Reader | null = focusReader(extent); read;) {
    const reader: Reader = read
    const page = await stage.store.read((tx) => reader(tx))
    rows.push(...page.rows)
    read = page.next
  }
  return rows
}

function text(row: Row, name: string): string {
  const cell = row[name]
  return typeof cell === 'string' ? cell : ''
}

function billed(rows: readonly Row[]): bigint {
  return rows.reduce((sum, row) => sum + (parseAmount(text(row, 'BilledCost')) ?? 0n), 0n)
}

/** Every invoice's rows add up to what it asks for; answers with the rows by invoice. */
async function agree({ stage, invoices }: Told): Promise<ReadonlyMap<string, readonly Row[]>> {
  const byInvoice = Map.groupBy(await rowsOf(stage), (row) => text(row, 'InvoiceId'))
  const all = await invoices()
  assert.ok(all.length > 0)
  for (const one of all) {
    const rows = byInvoice.get(one.number ?? '') ?? []
    assert.equal(billed(rows), payableOf(one), one.number ?? 'draft')
    const usage = rows.filter((row) => text(row, 'ChargeCategory') === 'Usage')
    assert.equal(billed(usage), one.exact, 'its usage is its charges, to the nano')
  }
  return byInvoice
}

describe('the billed costs of an invoice are what it asks for', () => {
  const lateNovember = { start: '2026-11-30T22:00:00.000Z' }

  story('with tax and cents, and the next month open', lateNovember, async (told) => {
    const { stage, invoiceIt } = told
    const rule = { name: 'VAT', basisPoints: 1950, note: null }
    await stage.store.transact((tx) => setTaxRule(tx, stage.organization, rule))
    await buy(stage, 100n * dollar)
    await stage.createVolume(10)
    const machine = await stage.run(v100)
    await until(stage, '2026-11-30T23:10:00.250Z')
    await stop(stage, machine)
    await stage.run(v100)
    await until(stage, '2026-12-01T01:00:30.000Z')
    assert.equal((await invoiceIt())['closed'], 1)
    const rows = await agree(told)
    const [first = [], open = []] = [rows.get('INV-000001'), rows.get('')]
    const others = first.filter((row) => text(row, 'ChargeCategory') !== 'Usage')
    assert.deepEqual(
      others.map((row) => [text(row, 'ChargeCategory'), text(row, 'ChargeDescription')]),
      [
        ['Tax', 'VAT 19.5 %'],
        ['Adjustment', 'rounded to minor units'],
      ],
    )
    assert.ok(first.every((row) => text(row, 'InvoiceIssuerName') === 'Example Compute GmbH'))
    assert.ok(
      open.length > 0 && open.every((row) => text(row, 'BillingPeriodStart') === '2026-12-01T00:00:00Z'),
    )
  })

  story('with a correction of a month that was invoiced', lateNovember, async (told) => {
    const { stage, invoiceIt } = told
    await buy(stage, 100n * dollar)
    const machine = await stage.run(v100)
    await until(stage, '2026-12-01T01:00:30.000Z')
    await invoiceIt()
    await stage.tell(machine, 'fault', instant(parseInstant('2026-11-30T22:00:00.000Z') + hourMs))
    stage.skip(1000)
    await stage.meter()
    stage.skip(31 * 24 * hourMs)
    await invoiceIt()
    const rows = await agree(told)
    const corrections = (rows.get('INV-000002') ?? []).filter(
      (row) => text(row, 'ChargeClass') === 'Correction',
    )
    assert.deepEqual(
      corrections.map((row) => [text(row, 'ChargePeriodStart'), text(row, 'ChargePeriodEnd')]),
      [['2026-11-30T23:00:00Z', '2026-12-01T00:00:00Z']],
    )
    assert.ok(!(rows.get('INV-000001') ?? []).some((row) => text(row, 'ChargeClass') === 'Correction'))
  })

  story('of a wallet that could not pay its storage', lateNovember, async (told) => {
    const { stage, invoiceIt } = told
    await buy(stage, 1_000_000n)
    await stage.createVolume(500)
    await until(stage, '2026-12-01T01:00:30.000Z')
    await invoiceIt()
    await agree(told)
  })
})

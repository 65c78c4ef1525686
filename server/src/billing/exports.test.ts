import assert from 'node:assert/strict'
import { after as afterAll, before, describe, it } from 'node:test'
import { formatInstant, type Instant, instant } from '../kernel/time.ts'
import { extentOf, readerOf } from './exports.ts'
import { columnsOf, type ExportList, type Row } from './exports.rules.ts'
import { after, type Machine, Stage } from './testing.ts'

const gpu = [
  { sku: 'gpu.v100', quantity: 2 },
  { sku: 'cpu', quantity: 8 },
]
const rates = { 'gpu.v100': 600_000_000n, cpu: 40_000_001n, volume: 97_222n }

/** All rows of a list, page by page, each page in a transaction of its own. */
async function rowsOf(
  stage: Stage,
  list: ExportList,
  from: Instant,
  to: Instant | null = null,
): Promise<readonly Row[]> {
  const { organization } = stage
  const extent = await stage.store.transact((tx) => extentOf(tx, organization, { from, to }))
  const rows: Row[] = []
  for (let read: ReturnType<typeof readerOf> | null = readerOf(list, extent); read;) {
    const reader: ReturnType<typeof readerOf> = read
    const page = await stage.store.read((tx) => reader(tx))
    rows.push(...page.rows)
    read = page.next
  }
  return rows
}

/** A field that is a whole number. */
function whole(row: Row, name: string): bigint {
  const cell = row[name]
  assert.equal(typeof cell, 'bigint', name)
  return typeof cell === 'bigint' ? cell : 0n
}

/** A field that is text; '' where there is none. */
function text(row: Row | null | undefined, name: string): string {
  const cell = row?.[name]
  return typeof cell === 'string' ? cell : ''
}

function sum(rows: readonly Row[], name: string): bigint {
  return rows.reduce((total, row) => total + whole(row, name), 0n)
}

describe('the lists of a month in which everything happened', () => {
  let stage: Stage
  let start: Instant
  let machine: Machine
  before(async () => {
    stage = await Stage.open({ start: '2026-11-01T00:00:00.000Z' })
    start = stage.now()
    await stage.publish(rates)
    await stage.grant(100_000_000_000n)
    const volume = await stage.createVolume(50)
    machine = await stage.run(gpu)
    await stage.pass(5_000)
    await stage.tellVolume(volume, { type: 'resized', at: 'now', data: { sizeGib: 80 } })
    await stage.pass(4_000.5)
    await stage.tell(machine, 'stop_accepted')
    await stage.meter()
    const silent = await stage.run(gpu)
    await stage.pass(300)
    stage.silence(silent)
    await stage.tell(silent, 'contact_lost', stage.now())
    stage.skip(1)
    await stage.meter()
    stage.skip(600_000)
    await stage.tell(silent, 'seen_again')
    await stage.pass(30)
    await stage.tell(silent, 'fault', instant(stage.now() - 700_000))
    await stage.meter()
    await stage.pass(60)
  })
  afterAll(() => stage.close())

  it('every row has the columns of its list, in their order', async () => {
    for (const list of ['usage', 'charges', 'events', 'ledger'] as const) {
      const rows = await rowsOf(stage, list, start)
      assert.ok(rows.length > 0, list)
      for (const row of rows) assert.deepEqual(Object.keys(row), [...columnsOf[list]], list)
    }
  })

  it('charges and usage add up to what was charged, to the nano', async () => {
    const charges = await rowsOf(stage, 'charges', start)
    const usage = await rowsOf(stage, 'usage', start)
    const charged = await stage.charged()
    assert.equal(sum(charges, 'amountNanos'), charged)
    assert.equal(sum(usage, 'amountNanos'), charged)
    assert.equal(sum(charges, 'unitMillis'), sum(usage, 'unitMillis'))
    assert.ok(charges.some((row) => text(row, 'reason').startsWith('fault since')))
  })

  it('usage is cut at the ends of the period, and no nano is lost between two of them', async () => {
    const middle = after(start, 3600)
    const first = await rowsOf(stage, 'usage', start, middle)
    const second = await rowsOf(stage, 'usage', middle)
    assert.equal(sum(first, 'amountNanos') + sum(second, 'amountNanos'), await stage.charged())
    assert.ok(first.every((row) => text(row, 'to') <= formatInstant(middle)))
    assert.ok(second.every((row) => text(row, 'from') >= formatInstant(middle)))
    assert.ok(first.filter(({ isOpen }) => isOpen === true).length >= 3, 'machine and volume run on')
    const sizes = second.filter(({ sku }) => sku === 'volume').map(({ quantity }) => quantity)
    assert.deepEqual(sizes, [50, 80])
  })

  it('the ledger’s changes add up to what the organization has, holds and owes', async () => {
    // A transfer belongs to the period that ends with it: the grant was booked at the very beginning.
    const rows = await rowsOf(stage, 'ledger', instant(start - 1))
    const { posted, held, receivable } = await stage.balance()
    assert.equal(sum(rows, 'postedNanos'), posted)
    assert.equal(sum(rows, 'heldNanos'), held)
    assert.equal(sum(rows, 'receivableNanos'), receivable)
    assert.equal(new Set(rows.map(({ id }) => id)).size, rows.length, 'each transfer once')
  })

  it('the same period gives the same rows, whatever is learned later', async () => {
    const to = after(start, 7200)
    const lists = ['usage', 'charges', 'events', 'ledger'] as const
    const before = await Promise.all(lists.map((list) => rowsOf(stage, list, start, to)))
    await stage.tell(machine, 'fault', after(start, 1800))
    stage.skip(1)
    await stage.meter()
    const later = await Promise.all(lists.map((list) => rowsOf(stage, list, start, to)))
    assert.deepEqual(later, before)
    const since = await rowsOf(stage, 'charges', to)
    const taken = since.filter((row) => whole(row, 'amountNanos') < 0n)
    assert.ok(taken.length > 0, 'what was learned later is in the period in which it was')
  })

  it('events come in their chains, whole', async () => {
    const rows = await rowsOf(stage, 'events', start)
    for (const [index, row] of rows.entries()) {
      const previous = rows[index - 1]
      const chain = previous?.['resource'] === row['resource'] ? previous : null
      assert.equal(row['seq'], Number(chain?.['seq'] ?? 0) + 1)
      assert.equal(row['prevHash'], text(chain, 'hash') || '0'.repeat(64))
    }
  })
})

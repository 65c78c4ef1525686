import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { isAppError } from '../kernel/errors.ts'
import { nanos } from '../kernel/money.ts'
import { instant } from '../kernel/time.ts'
import { allBooks, publish } from '../pricing/pricing.ts'
import { openStore, type Store } from '../store/store.ts'
import { testDatabase } from '../store/testing.ts'
import { publishRates, ratesPath } from './rates.ts'

const folder = mkdtempSync(join(tmpdir(), 'gpuhour-rates-'))
let store: Store
let drop: () => Promise<void>

before(async () => {
  const database = await testDatabase()
  drop = database.drop
  store = openStore({ url: database.url })
})

after(async () => {
  await store.close()
  await drop()
  rmSync(folder, { recursive: true })
})

const publishing = () => store.transact((tx) => publishRates(tx, folder))

function edit(change: (text: string) => string): void {
  writeFileSync(ratesPath(folder), change(readFileSync(ratesPath(folder), 'utf8')))
}

test("the first start writes the market's table and publishes it; the next finds nothing new", async () => {
  assert.equal(await publishing(), 'first')
  assert.equal(await publishing(), 'unchanged')
  assert.match(readFileSync(ratesPath(folder), 'utf8'), /"sku": "gpu.h100"/)
})

test('an edited table is a new book, that takes effect later than the one before', async () => {
  edit((text) => text.replace('"perHour": "0.04"', '"perHour": "0.055"'))
  assert.equal(await publishing(), 'changed')
  const [first, second] = (await store.read((tx) => allBooks(tx, 'USD', null))).toSorted(
    (a, b) => a.effectiveFrom - b.effectiveFrom,
  )
  assert.ok(first && second && second.effectiveFrom > first.effectiveFrom)
  assert.equal(second.rates.find(({ sku }) => sku === 'cpu')?.nanos, 55_000_000n)
  assert.equal(first.rates.find(({ sku }) => sku === 'cpu')?.nanos, 40_000_000n)
})

test('what an operator published by a request stays: an unedited table says nothing new', async () => {
  await store.transact(async (tx) => {
    const effectiveFrom = instant((await tx.now()) + 3_600_000)
    const rates = [{ sku: 'cpu', unit: 'vcpu-hour', nanos: nanos(1n) }] as const
    await publish(tx, { currency: 'USD', effectiveFrom, rates })
  })
  assert.equal(await publishing(), 'unchanged')
})

const wrong: readonly (readonly [string, (text: string) => string, RegExp])[] = [
  ['no JSON', () => '{', /is not JSON/],
  ['a rate that is no amount', (text) => text.replace('"0.055"', '"a lot"'), /rates\/\d+\/perHour.*amount/],
  ['a negative rate', (text) => text.replace('"0.055"', '"-1"'), /rates\/\d+\/perHour/],
  ['a field of its own', (text) => text.replace('"0.055"', '"0.055", "discount": 5'), /rates\/\d+/],
]

for (const [what, change, message] of wrong)
  test(`${what} is refused by name, and nothing is published`, async () => {
    const before = readFileSync(ratesPath(folder), 'utf8')
    edit(change)
    await assert.rejects(publishing, (error) => {
      assert.ok(isAppError(error) && error.code === 'invalid_request')
      assert.match(error.message, message)
      return true
    })
    edit(() => before)
    assert.equal(await publishing(), 'unchanged')
  })

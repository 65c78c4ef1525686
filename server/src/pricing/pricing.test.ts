import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { Stage } from '../billing/testing.ts'
import { asId } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import { type Instant, instant } from '../kernel/time.ts'
import type { Buyer, NewPriceBook } from './books.rules.ts'
import { unitsOf } from './flavors.rules.ts'
import { marketRates } from './market.rules.ts'
import { bookInForce, books, endBook, publish, ratesOf } from './pricing.ts'
import { amountOf, hashOfBook, isPriced, type Rate, ratePerHour } from './rules.ts'

const h100: Rate = { sku: 'gpu.h100', unit: 'gpu-hour', nanos: nanos(2_990_000_000n) }
const rates = new Map([[h100.sku, h100]])

describe('the formula', () => {
  const table = `
    rate       | unit-milliseconds | amount
    2990000000 | 0                 | 0
    2990000000 | 999               | 0
    2990000000 | 1000              | 830555
    2990000000 | 3599000           | 2989169444
    2990000000 | 3600000           | 2990000000
    2990000000 | 7996              | 5813888
    1          | 3599999           | 0
    1          | 3600000           | 1
    0          | 3600000           | 0`
  for (const row of table.trim().split('\n').slice(1)) {
    const [rate = '', unitMillis = '', expected = ''] = row.split('|').map((cell) => cell.trim())
    it(`${rate} for ${unitMillis}: ${expected}`, () =>
      assert.equal(String(amountOf(BigInt(rate), BigInt(unitMillis))), expected))
  }

  it('gives the same sum however it is cut', () => {
    fc.assert(
      fc.property(
        fc.bigInt(0n, 10n ** 12n),
        fc.array(fc.bigInt(0n, 10n ** 7n), { minLength: 1 }),
        (rate, steps) => {
          let [paid, booked] = [0n, 0n]
          for (const step of steps) {
            booked += amountOf(rate, paid + step) - amountOf(rate, paid)
            paid += step
          }
          assert.equal(booked, amountOf(rate, paid))
        },
      ),
    )
  })

  it('prices an hour of the lines that a book has', () => {
    const lines = [{ sku: 'gpu.h100', quantity: 4 }]
    assert.equal(ratePerHour(lines, rates), 11_960_000_000n)
    assert.ok(isPriced(lines, rates))
    assert.ok(!isPriced([{ sku: 'gpu.h300', quantity: 1 }], rates))
  })
})

const general = { organization: null, currency: 'USD' } as const

describe('price books', () => {
  let stage: Stage
  before(async () => {
    stage = await Stage.open()
  })
  after(() => stage.close())
  const published = async (
    ms: number,
    list: readonly Rate[] = [h100],
    more: Partial<NewPriceBook> = {},
  ): Promise<string> => {
    const effectiveFrom = instant(stage.now() + ms)
    const book = await stage.store.transact((tx) =>
      publish(tx, { currency: 'USD', effectiveFrom, rates: list, ...more }),
    )
    return book.id
  }
  const inForce = (buyer: Buyer = general): Promise<string | undefined> =>
    stage.store.read(async (tx) => (await bookInForce(tx, buyer, await tx.now()))?.id)

  it('only the first may be in force at once; all others are announced', async () => {
    const first = await published(-1000, marketRates('USD'))
    await assert.rejects(published(0), { code: 'invalid_request' })
    const next = await published(5000)
    await assert.rejects(published(5000), { code: 'conflict' })
    assert.equal(await inForce(), first)
    stage.skip(4999)
    assert.equal(await inForce(), first)
    stage.skip(1)
    assert.equal(await inForce(), next)
  })

  it('a book is what it was published as, hash and all', async () => {
    const id = await published(9000, [
      { ...h100, sku: 'b' },
      { ...h100, sku: 'a' },
      { ...h100, sku: 'aB' },
    ])
    const all = await stage.store.read((tx) => bookInForce(tx, general, instant(stage.now() + 9000)))
    assert.ok(all && all.id === id)
    assert.deepEqual(
      all.rates.map(({ sku }) => sku),
      ['a', 'aB', 'b'],
    )
    assert.equal(hashOfBook(all), all.hash)
    assert.deepEqual(await stage.store.read((tx) => books(tx, [all.id])), [all])
    assert.equal((await stage.store.read((tx) => ratesOf(tx, all.id))).get('a')?.nanos, h100.nanos)
  })

  it('the same again is the same book; other rates under its id are refused', async () => {
    const id = asId('priceBook', 'pb_00000000000000000000000001')
    const more = { id, effectiveFrom: instant(stage.now() + 77_000) }
    assert.equal(await published(0, [h100], more), id)
    assert.equal(await published(0, [h100], more), id)
    await assert.rejects(published(0, [{ ...h100, nanos: nanos(1n) }], more), { code: 'conflict' })
    await assert.rejects(published(0, [h100], { ...more, organization: stage.organization }), {
      code: 'conflict',
    })
  })

  it('own prices go before general ones, later ones included, until they end', async () => {
    const own = await published(100_000, [h100], { organization: stage.organization })
    const later = await published(200_000)
    const buyer = { organization: stage.organization, currency: 'USD' } as const
    assert.notEqual(await inForce(buyer), own)
    stage.skip(100_000)
    assert.equal(await inForce(buyer), own)
    assert.notEqual(await inForce(), own)
    stage.skip(100_000)
    assert.equal(await inForce(), later)
    assert.equal(await inForce(buyer), own)
    const endsAt = instant(stage.now() + 1000)
    const end = (at: Instant) => stage.store.transact((tx) => endBook(tx, asId('priceBook', own), at))
    await assert.rejects(end(stage.now()), { code: 'invalid_request' })
    assert.equal((await end(endsAt)).endsAt, endsAt)
    await end(endsAt)
    await assert.rejects(end(instant(endsAt + 1)), { code: 'conflict' })
    stage.skip(999)
    assert.equal(await inForce(buyer), own)
    stage.skip(1)
    assert.equal(await inForce(buyer), later)
    await assert.rejects(
      stage.store.transact((tx) => endBook(tx, asId('priceBook', later), instant(stage.now() + 1))),
      { code: 'invalid_request' },
    )
  })

  it('own prices are in the currency of the organization, and never the first of all', async () => {
    const own = { organization: stage.organization }
    await assert.rejects(published(0, [h100], own), { code: 'invalid_request' })
    await assert.rejects(published(1000, [h100], { ...own, currency: 'EUR' }), { code: 'invalid_request' })
    const nobody = asId('organization', 'org_00000000000000000000000001')
    await assert.rejects(published(1000, [h100], { organization: nobody }), { code: 'not_found' })
  })

  const wrong: readonly (readonly [string, readonly Rate[], Partial<NewPriceBook>?])[] = [
    ['no rates', []],
    ['a SKU twice', [h100, h100]],
    ['a negative rate', [{ ...h100, nanos: nanos(-1n) }]],
    ['a rate beyond the column', [{ ...h100, nanos: nanos(2n ** 63n) }]],
    ['a name that is none', [{ ...h100, sku: 'GPU h100' }]],
    ['a unit that its SKU is not priced in', [{ ...h100, unit: 'vcpu-hour' }]],
    ['an end of general prices', [h100], { endsAt: instant(9e12) }],
    ['an end before the beginning', [h100], { endsAt: instant(0) }],
  ]
  for (const [what, list, more] of wrong)
    it(`refuses ${what}`, () => assert.rejects(published(60_000, list, more), { code: 'invalid_request' }))

  for (const statement of [
    'update price_book set currency = currency',
    'delete from rate',
    'update price_book_end set ends_at = ends_at',
  ])
    it(`the rows refuse: ${statement}`, () =>
      assert.rejects(stage.store.pool.query(statement), /append-only/))

  it('the market table names each SKU once, in both currencies', () => {
    for (const currency of ['USD', 'EUR'] as const) {
      const list = marketRates(currency)
      assert.equal(new Set(list.map(({ sku }) => sku)).size, list.length)
      for (const { sku, unit, nanos: rate } of list) {
        assert.ok(rate > 0n)
        assert.ok(unitsOf(sku)?.includes(unit), sku)
      }
    }
  })
})

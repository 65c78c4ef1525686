import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Stage } from '../billing/testing.ts'
import { eventsOf } from '../journal/journal.ts'
import type { VolumeId } from '../kernel/ids.ts'
import { type Instant, instant, parseInstant } from '../kernel/time.ts'
import { makePricer } from '../loops/pricer.ts'
import { noticesOf } from '../notices/notices.ts'
import { endBook, publish } from '../pricing/pricing.ts'
import type { Rate } from '../pricing/rules.ts'
import { nanos } from '../kernel/money.ts'
import { storagePrices } from './repricing.ts'

/** A thousandth of the currency an hour for a GiB, so that days are whole amounts. */
const perGib = 1_000_000n

const dayMs = 86_400_000

async function withStage(story: (stage: Stage) => Promise<void>, timeZone = 'UTC'): Promise<void> {
  const stage = await Stage.open({ start: '2026-11-27T12:00:00.000Z', timeZone })
  try {
    await stage.publish({ volume: perGib, snapshot: perGib })
    await stage.grant(1_000_000_000_000n)
    await story(stage)
    await stage.audit()
  } finally {
    await stage.close()
  }
}

const onTrouble = (subject: string, what: string, error: unknown): never => {
  throw new Error(`${subject}: ${what}`, { cause: error })
}

/** Lets time pass until an instant, with a pass of the pricer and the meter in the end. */
async function until(stage: Stage, pricer: ReturnType<typeof makePricer>, at: Instant): Promise<unknown> {
  stage.skip(at - stage.now())
  const report = await pricer.pass(AbortSignal.timeout(60_000))
  await stage.meter()
  return report
}

async function repricingsOf(stage: Stage, volume: VolumeId) {
  const all = await stage.store.read((tx) => eventsOf(tx, volume))
  return all.flatMap((event) => (event.type === 'repriced' ? [{ ...event.data, at: event.at }] : []))
}

const at = (text: string): Instant => parseInstant(text)

describe('storage whose rate changes', () => {
  it('keeps its rate for a month, then changes at that instant; the bill verifies across it', () =>
    withStage(async (stage) => {
      const from = stage.now()
      const pricer = makePricer(stage.store, onTrouble)
      const volume = await stage.createVolume(10)
      const snapshot = await stage.createVolume(4, 'snapshot')
      const dearer = await stage.publish({ volume: 2n * perGib, snapshot: perGib }, instant(from + dayMs))
      await until(stage, pricer, at('2026-11-27T13:00:00.000Z'))
      const prices = await stage.store.read((tx) => storagePrices(tx, [volume, snapshot]))
      assert.deepEqual(prices.get(volume), {
        priceBook: stage.book,
        rate: perGib,
        repricing: { priceBook: dearer, from: at('2026-12-27T13:00:00.000Z'), rate: 2n * perGib },
      })
      assert.equal(prices.get(snapshot)?.repricing, null, 'its rate does not change')
      const told = await stage.store.read((tx) =>
        noticesOf(tx, stage.organization, { types: ['prices.announced'], before: null, limit: 10 }),
      )
      assert.deepEqual(
        told.map(({ data }) => data),
        [{ priceBook: dearer, currency: 'USD', effectiveFrom: '2026-11-28T12:00:00.000Z' }],
      )
      await until(stage, pricer, at('2026-12-27T12:59:59.000Z'))
      assert.deepEqual(await repricingsOf(stage, volume), [])
      await until(stage, pricer, at('2026-12-27T13:00:00.000Z'))
      assert.deepEqual(await repricingsOf(stage, volume), [
        { priceBook: dearer, at: at('2026-12-27T13:00:00.000Z') },
      ])
      assert.deepEqual(await repricingsOf(stage, snapshot), [])
      await until(stage, pricer, at('2026-12-29T13:00:00.000Z'))
      // 30 days and an hour at the old rate, two days at the new one.
      assert.equal(await stage.charged(volume), 10n * perGib * (721n + 2n * 48n))
      assert.equal(await stage.charged(snapshot), 4n * perGib * 769n)
      const bill = await stage.verified(from)
      assert.equal(bill.priceBooks.length, 2)
      const half = await stage.verified(from, at('2026-12-27T12:00:00.000Z'))
      await stage.verified(from, null, half)
      const after = await stage.store.read((tx) => storagePrices(tx, [volume]))
      assert.deepEqual(after.get(volume), { priceBook: dearer, rate: 2n * perGib, repricing: null })
    }))

  it('a platform that was down at the date changes it when it is back, and dates nothing back', () =>
    withStage(async (stage) => {
      const from = stage.now()
      const volume = await stage.createVolume(1)
      const cheaper = await stage.publish({ volume: perGib / 2n }, instant(from + 1000))
      await until(stage, makePricer(stage.store, onTrouble), instant(from + 1000))
      const later = await stage.publish({ volume: perGib / 4n }, instant(stage.now() + dayMs))
      await until(stage, makePricer(stage.store, onTrouble), instant(from + dayMs))
      // Two days too late for both: a fresh loop, as after a start.
      const back = at('2026-12-30T12:00:00.000Z')
      await until(stage, makePricer(stage.store, onTrouble), back)
      assert.deepEqual(await repricingsOf(stage, volume), [{ priceBook: later, at: back }])
      assert.notEqual(later, cheaper)
      await until(stage, makePricer(stage.store, onTrouble), at('2026-12-31T12:00:00.000Z'))
      assert.equal(await stage.charged(volume), perGib * 33n * 24n + (perGib / 4n) * 24n)
      await stage.verified(from)
    }))

  it('a month is one of the organization’s clocks', () =>
    withStage(async (stage) => {
      const volume = await stage.createVolume(1)
      await stage.publish({ volume: 3n * perGib }, instant(stage.now() + 1000))
      // The 31st of January in Shanghai has no 31st of February.
      await until(stage, makePricer(stage.store, onTrouble), at('2027-01-31T03:00:00.000Z'))
      const prices = await stage.store.read((tx) => storagePrices(tx, [volume]))
      assert.equal(prices.get(volume)?.repricing?.from, at('2027-02-28T16:00:00.000Z'))
    }, 'Asia/Shanghai'))

  it('own prices come and end: each change is announced; what is new takes the present book', () =>
    withStage(async (stage) => {
      const from = stage.now()
      const general = stage.book
      const pricer = makePricer(stage.store, onTrouble)
      const volume = await stage.createVolume(1)
      const own = await stage.store.transact((tx) => {
        const rates: readonly Rate[] = [{ sku: 'volume', unit: 'gib-hour', nanos: nanos(perGib / 2n) }]
        const effectiveFrom = instant(from + 1000)
        return publish(tx, { currency: 'USD', organization: stage.organization, effectiveFrom, rates })
      })
      await until(stage, pricer, instant(from + 60_000))
      stage.use(own.id)
      const fresh = await stage.createVolume(1)
      await until(stage, pricer, at('2026-12-27T12:01:00.000Z'))
      assert.deepEqual(
        (await repricingsOf(stage, volume)).map(({ priceBook }) => priceBook),
        [own.id],
      )
      assert.deepEqual(await repricingsOf(stage, fresh), [])
      await stage.store.transact((tx) => endBook(tx, own.id, at('2027-01-01T00:00:00.000Z')))
      await until(stage, pricer, at('2026-12-28T00:00:00.000Z'))
      const prices = await stage.store.read((tx) => storagePrices(tx, [volume, fresh]))
      for (const price of prices.values())
        assert.deepEqual(price.repricing, {
          priceBook: general,
          from: at('2027-01-28T00:00:00.000Z'),
          rate: perGib,
        })
      await until(stage, pricer, at('2027-01-28T00:00:00.000Z'))
      for (const one of [volume, fresh])
        assert.equal((await repricingsOf(stage, one)).at(-1)?.priceBook, general)
      await stage.verified(from)
    }))

  it('what is deleted before its date is not changed, and two at once change it once', () =>
    withStage(async (stage) => {
      const [kept, gone] = [await stage.createVolume(1), await stage.createVolume(1)]
      await stage.publish({ volume: 2n * perGib }, instant(stage.now() + 1000))
      await until(stage, makePricer(stage.store, onTrouble), instant(stage.now() + 2000))
      await stage.tellVolume(gone, { type: 'deleted', at: 'now', data: {} })
      stage.skip(31 * dayMs)
      const passes = [1, 2, 3].map(() => makePricer(stage.store, onTrouble).pass(AbortSignal.timeout(60_000)))
      const reports = await Promise.all(passes)
      assert.equal(
        reports.reduce((sum, { repriced }) => sum + Number(repriced), 0),
        1,
      )
      assert.equal((await repricingsOf(stage, kept)).length, 1)
      assert.deepEqual(await repricingsOf(stage, gone), [])
      await stage.verified(at('2026-11-27T12:00:00.000Z'))
    }))
})

import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { JsonMembers } from './made_bundle.ts'
import { instantText, madePriceBook, seal } from './made_bundle.ts'
import { sentenceOf, verifyBill } from './verifier.ts'

/**
 * A fifth of what bill.md §4 promises, in half of the promised time; processor time, since tests share their
 * cores with others. It is there to find what grows faster than the bill, not to measure.
 */
const eventCount = 20_000
const limitMs = 2500

/** One second paid, one second not, charged after every second of them: the sum grows with the history. */
async function longBundle(allocations: number): Promise<JsonMembers> {
  const perAllocation = eventCount / allocations
  const events: JsonMembers[] = []
  const charges: JsonMembers[] = []
  for (let number = 0; number < allocations; number += 1) {
    const resource = `alo_${String(number).padStart(5, '0')}`
    const event = (type: string, tick: number, data: JsonMembers): JsonMembers => {
      const instants = { at: instantText(tick), recordedAt: instantText(tick) }
      return { resource, seq: tick + 1, type, ...instants, data, prevHash: '', hash: '' }
    }
    const place = { for: `ins_${number}`, rank: 0, project: 'prj_1', flavor: 'v100.1', priceBook: 'pb_1' }
    events.push(event('allocated', 0, { ...place, lines: [{ sku: 'gpu', quantity: 1 }] }))
    for (let tick = 1; tick < perAllocation - 1; tick += 2) {
      events.push(event('ready', tick, {}), event('contact_lost', tick + 1, {}))
      // At 1 nano a second, so that seconds and nanos are the same number.
      const sum = { unitMillisBefore: String(((tick - 1) / 2) * 1000), unitMillis: '1000' }
      charges.push({
        id: `chg_${number}_${tick}`,
        resource,
        sku: 'gpu',
        priceBook: 'pb_1',
        upTo: instantText(tick + 1.5),
        ...sum,
        nanos: '3600',
        amount: '1',
        reason: null,
      })
    }
  }
  const frame = { format: 'gpuhour-bill/1', organization: 'org_1', currency: 'USD' }
  const period = { from: instantText(0), to: instantText(perAllocation + 1) }
  const priceBooks = [madePriceBook('pb_1', { gpu: '3600' })]
  return seal({ ...frame, ...period, priceBooks, events, charges, total: String(charges.length) })
}

/** What an allocation has seen: a type, the second of it, and the second in which it was recorded. */
type Told = readonly [type: string, at: number, recordedAt: number]

/** Histories that nobody lives through, but somebody may write down: closers far back, or in many spells. */
const shapes: Readonly<Record<string, () => Told[]>> = {
  'late losses of contact that cut nothing': () => {
    const seconds = Array.from({ length: eventCount / 3 }, (_, index) => index * 3 + 1)
    const spells = seconds.flatMap((at): Told[] => [
      ['ready', at, at],
      ['contact_lost', at + 1, at + 2],
    ])
    return [...spells, ...seconds.map((): Told => ['contact_lost', 0.5, eventCount + 9])]
  },
  'spells in the midst of each other': () =>
    Array.from({ length: eventCount / 2 }, (_, index) => 60 + index / 1000).flatMap((at): Told[] => [
      ['ready', at - 60, at],
      ['contact_lost', at, at],
    ]),
}

async function toldBundle(told: readonly Told[]): Promise<JsonMembers> {
  const event = ([type, at, recordedAt]: Told, index: number, data: JsonMembers = {}): JsonMembers => {
    const instants = { at: instantText(at), recordedAt: instantText(recordedAt) }
    return { resource: 'alo_a', seq: index + 1, type, ...instants, data, prevHash: '', hash: '' }
  }
  const place = { for: 'ins_a', rank: 0, project: 'prj_1', flavor: 'v100.1', priceBook: 'pb_1' }
  const allocated = event(['allocated', 0, 0], 0, { ...place, lines: [{ sku: 'gpu', quantity: 1 }] })
  const events = [allocated, ...told.map((one, index) => event(one, index + 1))]
  const frame = { format: 'gpuhour-bill/1', organization: 'org_1', currency: 'USD' }
  const period = { from: instantText(0), to: instantText(eventCount * 2) }
  const priceBooks = [madePriceBook('pb_1', { gpu: '3600' })]
  return seal({ ...frame, ...period, priceBooks, events, charges: [], total: '0' })
}

for (const [name, shape] of Object.entries(shapes)) {
  test(`${eventCount} events, ${name}, take at most ${limitMs} ms`, async () => {
    const bytes = new TextEncoder().encode(JSON.stringify(await toldBundle(shape())))
    const start = process.cpuUsage()
    const result = await verifyBill(bytes, { rateOnly: true })
    const { user, system } = process.cpuUsage(start)
    assert.match(sentenceOf(result), /: rated$/)
    assert.ok((user + system) / 1000 <= limitMs, `${(user + system) / 1000} ms`)
  })
}

for (const allocations of [1, 2000]) {
  test(`${eventCount} events of ${allocations} allocations take at most ${limitMs} ms`, async () => {
    const bytes = new TextEncoder().encode(JSON.stringify(await longBundle(allocations), null, 1))
    const start = process.cpuUsage()
    const result = await verifyBill(bytes)
    const { user, system } = process.cpuUsage(start)
    const usedMs = (user + system) / 1000
    assert.match(sentenceOf(result), /: verified$/)
    assert.ok(usedMs <= limitMs, `${usedMs} ms`)
  })
}

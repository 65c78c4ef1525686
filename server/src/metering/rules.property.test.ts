import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { chained, type EventType, type NewEvent, type UsageEvent } from '../journal/rules.ts'
import { asId } from '../kernel/ids.ts'
import { type Instant, instant } from '../kernel/time.ts'
import { fold, paidMillis, sumsOf } from './rules.ts'

// The fold against an oracle that knows nothing of spells as pairs: it walks every millisecond of a short
// life and remembers which stretch each one was paid in.

const allocation = asId('allocation', 'alo_one')
const volume = asId('volume', 'vol_one')
const book = asId('priceBook', 'pb_one')
const horizon = 60

function oracle(events: readonly UsageEvent[]): readonly boolean[] {
  const stretchOf = Array.from<number>({ length: horizon }).fill(0)
  let stretch = 0
  let openSince: number | null = null
  let isReady = false
  let isClosed = false
  for (const { type, at } of events) {
    if (type === 'ready') isReady = true
    const opens = type === 'ready' || (type === 'seen_again' && isReady)
    if (opens && openSince === null && !isClosed) {
      openSince = at
      stretch += 1
    }
    const closesForGood = ['stop_accepted', 'exited', 'lease_ended', 'fault'].includes(type)
    if (!closesForGood && type !== 'contact_lost') continue
    if (openSince !== null) for (let ms: number = openSince; ms < at; ms += 1) stretchOf[ms] = stretch
    openSince = null
    const cut = stretchOf[at] ?? 0
    for (let ms: number = at; ms < horizon; ms += 1)
      if (closesForGood || (cut !== 0 && stretchOf[ms] === cut)) stretchOf[ms] = 0
    isClosed ||= closesForGood
  }
  return stretchOf.map((one, ms) => one !== 0 || (openSince !== null && ms >= openSince))
}

const types = [
  'ready',
  'seen_again',
  'contact_lost',
  'stop_accepted',
  'exited',
  'lease_ended',
  'fault',
  'note',
] as const

function eventOf(type: EventType, at: Instant | 'now'): NewEvent {
  const data = type === 'exited' ? { exitCode: 0, signal: null, outOfMemory: false } : {}
  // Only the shape of the data matters to the compiler; the fold does not look into it.
  return { type, at, data } as NewEvent
}

const lives = fc
  .array(fc.record({ type: fc.constantFrom(...types), wait: fc.nat(6), back: fc.nat(15) }), { maxLength: 12 })
  .map((steps) => {
    let now = 0
    let events: UsageEvent[] = []
    const add = (event: NewEvent): void => {
      events = [...events, ...chained(allocation, events, [event], instant(now))]
    }
    add({
      type: 'allocated',
      at: 'now',
      data: {
        for: asId('instance', 'ins_one'),
        rank: 0,
        project: asId('project', 'prj_one'),
        flavor: 'f.1',
        priceBook: book,
        lines: [{ sku: 'a', quantity: 3 }],
      },
    })
    for (const { type, wait, back } of steps) {
      now = Math.min(horizon - 1, now + wait)
      add(eventOf(type, type === 'seen_again' ? 'now' : instant(Math.max(0, now - back))))
    }
    return events
  })

describe('the fold', () => {
  it('agrees with an oracle that walks every millisecond', () => {
    fc.assert(
      fc.property(lives, fc.nat(horizon), (events, before) => {
        const expected = oracle(events).filter((isPaid, ms) => isPaid && ms < before).length
        assert.equal(paidMillis(fold(events).spells, instant(before)), BigInt(expected))
        assert.equal(sumsOf(events, instant(before))[0]?.unitMillis, BigInt(3 * expected))
      }),
      { numRuns: 3000 },
    )
  })

  it('never lengthens what is over: another event adds no time before it was recorded', () => {
    fc.assert(
      fc.property(lives, (events) => {
        for (let count = 1; count < events.length; count += 1) {
          const known = events.slice(0, count)
          // A readiness alone may lie up to a minute back.
          if (events[count]?.type === 'ready') continue
          const until = events[count]?.recordedAt ?? instant(0)
          const before = paidMillis(fold(known).spells, until)
          assert.ok(paidMillis(fold(events.slice(0, count + 1)).spells, until) <= before)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('spells never overlap and are in order', () => {
    fc.assert(
      fc.property(lives, (events) => {
        const { spells } = fold(events)
        for (const [index, { from, to }] of spells.entries()) {
          assert.ok(to === null ? index === spells.length - 1 : from < to)
          const next = spells[index + 1]
          if (next && to !== null) assert.ok(to <= next.from)
        }
      }),
      { numRuns: 1000 },
    )
  })
})

describe('storage', () => {
  it('agrees with an oracle that walks every millisecond', () => {
    const step = fc.record({
      type: fc.constantFrom('resized', 'repriced', 'deleted'),
      wait: fc.nat(8),
      size: fc.integer({ min: 1, max: 9 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), fc.nat(horizon), (steps, before) => {
        const perBook = new Map<string, number>([[book, 0]])
        let now = 0
        let size = 5
        let current: string = book
        let isDeleted = false
        let events = chained(
          volume,
          [],
          [
            {
              type: 'created',
              at: 'now',
              data: { project: asId('project', 'prj_one'), sku: 'volume', sizeGib: 5, priceBook: book },
            },
          ],
          instant(0),
        )
        const walkTo = (end: number): void => {
          for (; now < end; now += 1)
            if (now < before && !isDeleted) perBook.set(current, (perBook.get(current) ?? 0) + size)
        }
        for (const { type, wait, size: next } of steps) {
          walkTo(now + wait)
          if (isDeleted) break
          const priceBook = asId('priceBook', `pb_${next % 3}`)
          const event: NewEvent =
            type === 'resized'
              ? { type, at: 'now', data: { sizeGib: next } }
              : type === 'repriced'
                ? { type, at: 'now', data: { priceBook } }
                : { type: 'deleted', at: 'now', data: {} }
          events = [...events, ...chained(volume, events, [event], instant(now))]
          if (type === 'resized') size = next
          if (type === 'repriced') {
            current = priceBook
            perBook.set(current, perBook.get(current) ?? 0)
          }
          if (type === 'deleted') isDeleted = true
        }
        walkTo(Math.max(before, now))
        const sums = new Map<string, bigint>(
          sumsOf(events, instant(before)).map((sum) => [sum.priceBook, sum.unitMillis]),
        )
        for (const [name, unitMillis] of perBook) assert.equal(sums.get(name), BigInt(unitMillis))
        assert.equal(sums.size, perBook.size)
      }),
      { numRuns: 2000 },
    )
  })
})

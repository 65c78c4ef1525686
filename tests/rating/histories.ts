import { Chance } from '../simulation/chance.ts'
import type { PricedLine, StorageTold, Told } from './oracle.ts'

/** Everything that is asked about one life. */
export interface Life {
  readonly seed: string
  readonly tickMs: number
  readonly ticks: number
  readonly events: readonly Told[]
  readonly lines: readonly (PricedLine & { readonly sku: string })[]
  /** When it is settled, ascending. */
  readonly settledAt: readonly number[]
  /** Nano-units that a lease covers. */
  readonly covered: bigint
  readonly storage: readonly StorageTold[]
  /** Of each book, the rate of storage. */
  readonly bookNanos: ReadonlyMap<string, bigint>
}

const types = [
  'ready',
  'ready',
  'seen_again',
  'contact_lost',
  'contact_lost',
  'stop_accepted',
  'exited',
  'lease_ended',
  'fault',
  'released',
  'note',
] as const

const dated = ['contact_lost', 'stop_accepted', 'exited', 'lease_ended', 'fault']

/** Rates: free, a nano, odd ones, real ones. */
const rates = [0n, 1n, 7n, 3599n, 3600n, 3601n, 97_222n, 40_000_001n, 600_000_000n, 2_990_000_000n] as const

function eventsOf(chance: Chance, tickMs: number, ticks: number): readonly Told[] {
  const events: Told[] = []
  const wait = Math.max(1, Math.floor(ticks / 8))
  let now = chance.between(0, 3)
  const count = chance.between(0, 9)
  for (let index = 0; index < count && now < ticks; index += 1) {
    // Most lives begin by being ready.
    const type = index === 0 && chance.happens(0.8) ? 'ready' : chance.pick(types)
    // Late truths fall anywhere, and just where something else was.
    const isLate = dated.includes(type) && chance.happens(0.5)
    const there = events.length > 0 && chance.happens(0.3) ? now - chance.pick(events).at / tickMs : null
    const back = isLate ? (there ?? chance.between(0, now)) : 0
    // Two things may be learned in the same moment.
    events.push({ type, at: (now - back) * tickMs, recordedAt: now * tickMs })
    now += chance.happens(0.15) ? 0 : chance.between(1, wait)
  }
  return events
}

function storageOf(
  chance: Chance,
  tickMs: number,
  ticks: number,
  books: readonly string[],
): readonly StorageTold[] {
  let now = chance.between(0, 3)
  const events: StorageTold[] = [
    { at: now * tickMs, recordedAt: now * tickMs, sizeGib: chance.between(1, 500), book: chance.pick(books) },
  ]
  for (let count = chance.between(0, 4); count > 0; count -= 1) {
    now += chance.happens(0.2) ? 0 : chance.between(1, Math.max(1, Math.floor(ticks / 5)))
    if (now >= ticks) break
    const recordedAt = now * tickMs
    const first = events[0]?.at ?? 0
    // A note may be about what was long ago; an end may be learned late, but not before what came before it.
    const latest = Math.max(...events.filter(({ isNote }) => !isNote).map(({ at }) => at))
    if (chance.happens(0.2)) {
      const back = chance.happens(0.5) ? 0 : chance.between(0, (recordedAt - latest) / tickMs)
      return [...events, { at: recordedAt - back * tickMs, recordedAt, isEnd: true }]
    }
    const kind = chance.pick(['size', 'book', 'note'])
    if (kind === 'size') events.push({ at: recordedAt, recordedAt, sizeGib: chance.between(1, 500) })
    else if (kind === 'book') events.push({ at: recordedAt, recordedAt, book: chance.pick(books) })
    else events.push({ at: chance.between(first / tickMs, now) * tickMs, recordedAt, isNote: true })
  }
  return events
}

/**
 * The life that a seed determines: a short one in milliseconds, or a long one in seconds. `at` is rounded to
 * the tick, so that the oracle can walk.
 */
export function lifeOf(seed: string): Life {
  const chance = new Chance(seed, 'life')
  const isShort = chance.happens(0.5)
  const tickMs = isShort ? chance.pick([1, 1, 250, 500]) : 1000
  const ticks = isShort ? chance.between(20, 1500) : chance.between(20, 3000)
  const lines = Array.from({ length: chance.between(1, 3) }, (_, index) => ({
    sku: `sku.${index}`,
    quantity: chance.between(1, 8),
    nanos: chance.pick(rates),
  }))
  const perHour = lines.reduce((sum, { quantity, nanos }) => sum + BigInt(quantity) * nanos, 0n)
  const lifeMs = BigInt(tickMs * ticks)
  // Around what the life costs, so that leases end in it, at its end, or not at all.
  const covered = (perHour * lifeMs * BigInt(chance.between(0, 120))) / 100n / 3_600_000n
  const books = ['pb_a', 'pb_b', 'pb_c']
  const settledAt = Array.from({ length: chance.between(1, 6) }, () => chance.between(1, ticks) * tickMs)
  return {
    ...{ seed, tickMs, ticks, lines },
    events: eventsOf(chance, tickMs, ticks),
    settledAt: [...new Set(settledAt)].sort((a, b) => a - b),
    covered: chance.happens(0.1) ? covered - 1n : covered,
    storage: storageOf(chance, tickMs, ticks, books),
    bookNanos: new Map(books.map((book) => [book, chance.pick(rates)])),
  }
}

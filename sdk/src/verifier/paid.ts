import type { History, UsageEvent } from './bill.ts'
import { priceBookNamedBy } from './bill.ts'
import type { Instant } from './instant.ts'
import { learnSpell, noSpells, paidMs } from './spells.ts'

/** What one running sum is about, as the events give it. */
export interface Line {
  readonly resource: string
  readonly sku: string
  readonly priceBook: string
  /** How many units of the sku an allocation has; of storage its events tell, and it is 1 here. */
  readonly quantity: bigint
}

/** How many unit-milliseconds of `line` were paid before `upTo`, by the events recorded before `upTo`? */
export interface Question {
  readonly line: Line
  readonly upTo: Instant
}

/** The lines of an allocation, or the (sku, book) pairs of a volume or snapshot, in byte order. */
export function linesOf({ resource, events }: History): Line[] {
  const lines = new Map<string, Line>()
  let storageSku = ''
  for (const { fact } of events) {
    if (fact.type === 'allocated') {
      for (const { sku, quantity } of fact.lines) {
        lines.set(sku, { resource, sku, priceBook: fact.priceBook, quantity })
      }
      continue
    }
    if (fact.type === 'created') storageSku = fact.sku
    const priceBook = priceBookNamedBy(fact)
    if (priceBook !== null) lines.set(priceBook, { resource, sku: storageSku, priceBook, quantity: 1n })
  }
  return [...lines.keys()].sort().flatMap((key) => lines.get(key) ?? [])
}

/**
 * Answers all questions about one resource in a single walk along its events, so that a long history that was
 * settled often is not folded once for each charge. The answers stand in the order of the questions.
 */
export function paidUnitMillis(history: History, questions: readonly Question[]): bigint[] {
  const { learn, unitMillis } = foldOf(history)
  const answers = questions.map(() => 0n)
  const byInstant = [...questions.entries()].sort(([, one], [, other]) => one.upTo - other.upTo)
  let known = 0
  for (const [index, { line, upTo }] of byInstant) {
    for (let event = history.events[known]; event !== undefined && event.recordedAt < upTo;) {
      learn(event)
      known += 1
      event = history.events[known]
    }
    answers[index] = unitMillis(line, upTo)
  }
  return answers
}

interface Fold {
  readonly learn: (event: UsageEvent) => void
  readonly unitMillis: (line: Line, until: Instant) => bigint
}

function foldOf({ events }: History): Fold {
  return events[0]?.fact.type === 'allocated' ? allocationFold() : storageFold()
}

function allocationFold(): Fold {
  const spells = noSpells()
  return {
    learn: (event) => learnSpell(spells, event),
    unitMillis: ({ quantity }, until) => quantity * BigInt(paidMs(spells, until)),
  }
}

/** Storage is paid from `created` to `deleted`, at each time for its size and under its book. */
function storageFold(): Fold {
  const past = new Map<string, bigint>()
  let priceBook: string | null = null
  let sizeGib = 0n
  let since: Instant = 0
  const sumOf = (book: string, until: Instant): bigint => {
    const isRunning = book === priceBook
    return (past.get(book) ?? 0n) + (isRunning ? sizeGib * BigInt(until - since) : 0n)
  }
  const turnTo = (at: Instant, nextBook: string | null): void => {
    if (priceBook !== null) past.set(priceBook, sumOf(priceBook, at))
    priceBook = nextBook
    since = at
  }
  return {
    learn: ({ at, fact }) => {
      if (fact.type === 'created' || fact.type === 'repriced') turnTo(at, fact.priceBook)
      if (fact.type === 'resized') turnTo(at, priceBook)
      if (fact.type === 'deleted') turnTo(at, null)
      if (fact.type === 'created' || fact.type === 'resized') sizeGib = fact.sizeGib
    },
    unitMillis: (line, until) => sumOf(line.priceBook, until),
  }
}

/** A rate is per hour, a running sum is in milliseconds and is cut to whole seconds. */
const msPerSecond = 1000n
const secondsPerHour = 3600n

/** The one formula of bill.md §3; both arguments are at least 0, so that division is the floor. */
export function amountOf(nanos: bigint, unitMillis: bigint): bigint {
  return (nanos * (unitMillis / msPerSecond)) / secondsPerHour
}

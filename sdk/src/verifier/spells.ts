import type { UsageEvent } from './bill.ts'
import type { Instant } from './instant.ts'

/** A stretch of paid time `[start, end)`. */
export interface Spell {
  readonly start: Instant
  readonly end: Instant
}

/**
 * A stretch of time that closed spells cover without a gap. Nearly always it is one spell; only a late
 * `ready` opens one in the midst of another.
 */
interface Island {
  readonly start: Instant
  end: Instant
  readonly spells: Spell[]
  /** What its spells say beyond its end was cut off. */
  readonly isCut: boolean
}

/** What the events of one allocation have come to so far. */
export interface SpellFold {
  /** In order, and apart from each other. */
  islands: Island[]
  /** How long all of them are, in ms. */
  coveredMs: number
  open: Instant | null
  /** Of the time from `open` on, how much islands cover already, in ms. */
  openSharedMs: number
  hasBeenReady: boolean
  hasClosedForGood: boolean
}

/** Before the first event. */
export function noSpells(): SpellFold {
  return {
    ...{ islands: [], coveredMs: 0, open: null, openSharedMs: 0 },
    ...{ hasBeenReady: false, hasClosedForGood: false },
  }
}

/**
 * Takes in the next event of an allocation (bill.md §2, "Spells").
 *
 * The truth that a late closer tells is cut out of all spells, not only out of the last one. Spells are kept
 * as islands, so that a closer costs no more than what it changes, however long the history is.
 */
export function learnSpell(fold: SpellFold, event: UsageEvent): void {
  switch (event.fact.type) {
    case 'ready':
      fold.hasBeenReady = true
      openSpell(fold, event.at)
      return
    case 'seen_again':
      if (fold.hasBeenReady) openSpell(fold, event.at)
      return
    case 'contact_lost':
      closeSpell(fold, event.at)
      cutOne(fold, event.at)
      return
    case 'stop_accepted':
    case 'exited':
    case 'lease_ended':
    case 'fault':
      // Also without any spell so far: what was stopped while it was being prepared never becomes paid.
      closeSpell(fold, event.at)
      cutAll(fold, event.at)
      fold.hasClosedForGood = true
      return
    default:
      return
  }
}

/**
 * The paid milliseconds up to `until`, which lies after all that the fold knows.
 *
 * A second `ready`, up to 60 s late, can open a spell in the midst of an earlier one. "The milliseconds of
 * its spells" are then counted once: no allocation pays more than its wall time (money.md, I4 and I10).
 */
export function paidMs(fold: SpellFold, until: Instant): number {
  const { coveredMs, open, openSharedMs } = fold
  return open === null ? coveredMs : coveredMs + (until - open) - openSharedMs
}

/** All spells as known, an open one running to `until`; in order and without any overlap. */
export function spellsUntil(fold: SpellFold, until: Instant): Spell[] {
  const spells: Spell[] = fold.islands.map(({ start, end }) => ({ start, end }))
  if (fold.open !== null) spells.push({ start: fold.open, end: until })
  return islandsOf(spells).map(({ start, end }) => ({ start, end }))
}

function openSpell(fold: SpellFold, at: Instant): void {
  if (fold.open !== null || fold.hasClosedForGood) return
  fold.open = at
  fold.openSharedMs = 0
  for (const { start, end } of fold.islands.slice(firstBeyond(fold.islands, at)))
    fold.openSharedMs += end - Math.max(start, at)
}

function closeSpell(fold: SpellFold, at: Instant): void {
  const { islands, open } = fold
  fold.open = null
  if (open === null || at <= open) return
  const spell = { start: open, end: at }
  const first = firstBeyond(islands, open)
  const island = islands[first]
  const next = islands[first + 1]
  if (island && !island.isCut && island.start <= open && (at <= island.end || !next || at < next.start)) {
    fold.coveredMs += Math.max(0, at - island.end)
    island.end = Math.max(island.end, at)
    island.spells.push(spell)
    return
  }
  // What begins after it stays apart: a late closer may lie before islands that are known.
  let count = 0
  while ((islands[first + count]?.start ?? at) < at) count += 1
  const touched = islands.slice(first, first + count).flatMap(partsOf)
  replace(fold, first, count, islandsOf([...touched, spell]))
}

/** Ends the spells that contain the instant there. */
function cutOne(fold: SpellFold, at: Instant): void {
  const place = firstBeyond(fold.islands, at)
  const island = fold.islands[place]
  if (island === undefined || island.start > at) return
  const later = partsOf({ ...island, spells: island.spells.filter(({ start }) => start > at) })
  replace(fold, place, 1, [...upTo(island, at), ...islandsOf(later)])
}

/** Ends all that is known there. */
function cutAll(fold: SpellFold, at: Instant): void {
  const place = firstBeyond(fold.islands, at)
  const island = fold.islands[place]
  if (island !== undefined) replace(fold, place, Number.POSITIVE_INFINITY, upTo(island, at))
}

/** What is left of an island when it ends at an instant; nothing where it would begin later. */
function upTo(island: Island, at: Instant): Island[] {
  if (at <= island.start) return []
  const spells = island.spells.filter(({ start }) => start < at)
  return [{ start: island.start, end: at, spells, isCut: true }]
}

/** The spells of an island as they are now. */
function partsOf({ end, spells }: Island): Spell[] {
  return spells.map((spell) => (spell.end > end ? { start: spell.start, end } : spell))
}

function replace(fold: SpellFold, place: number, count: number, islands: readonly Island[]): void {
  const gone = fold.islands.splice(place, count, ...islands)
  fold.coveredMs += lengthOf(islands) - lengthOf(gone)
}

/** The place of the first island that reaches beyond an instant; they are in order. */
function firstBeyond(islands: readonly Island[], at: Instant): number {
  let [low, high] = [0, islands.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((islands[middle]?.end ?? at) > at) high = middle
    else low = middle + 1
  }
  return low
}

function lengthOf(spells: readonly Spell[]): number {
  return spells.reduce((sum, { start, end }) => sum + end - start, 0)
}

/** The same spells as islands, in order; what only touches is one island. */
function islandsOf(spells: readonly Spell[]): Island[] {
  const islands: Island[] = []
  for (const spell of spells.toSorted((one, other) => one.start - other.start)) {
    const last = islands.at(-1)
    if (last === undefined || last.end < spell.start)
      islands.push({ ...spell, spells: [spell], isCut: false })
    else {
      last.end = Math.max(last.end, spell.end)
      last.spells.push(spell)
    }
  }
  return islands
}

import type { UsageEvent } from './bill.ts'
import type { Instant } from './instant.ts'

/** A stretch of paid time `[start, end)`. */
export interface Spell {
  readonly start: Instant
  readonly end: Instant
}

/** A closed spell, never empty, and what is known of it together with all that were opened before it. */
interface ClosedSpell extends Spell {
  readonly latestEnd: Instant
  /** Milliseconds that at least one of them covers. */
  readonly covered: number
}

/** What the events of one allocation have come to so far. */
export interface SpellFold {
  /** In the order in which they were opened. */
  closed: ClosedSpell[]
  open: Instant | null
  hasBeenReady: boolean
  hasClosedForGood: boolean
}

/** Before the first event. */
export function noSpells(): SpellFold {
  return { closed: [], open: null, hasBeenReady: false, hasClosedForGood: false }
}

/**
 * Takes in the next event of an allocation (bill.md §2, "Spells").
 *
 * The truth that a late closer tells is cut out of all spells, not only out of the last one. Only spells that
 * reach beyond the instant of the cut can be touched; `latestEnd` finds the first of them from the back, so a
 * long history of short spells is not walked through for every closer.
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
      cut(fold, event.at, ({ start }) => start <= event.at)
      return
    case 'stop_accepted':
    case 'exited':
    case 'lease_ended':
    case 'fault':
      // Also without any spell so far: what was stopped while it was being prepared never becomes paid.
      closeSpell(fold, event.at)
      cut(fold, event.at, () => true)
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
  if (fold.open === null) return fold.closed.at(-1)?.covered ?? 0
  return coveredWith(fold.closed, { start: fold.open, end: until })
}

/** All spells as known, an open one running to `until`; in order and without any overlap. */
export function spellsUntil(fold: SpellFold, until: Instant): Spell[] {
  const spells: Spell[] = [...fold.closed]
  if (fold.open !== null) spells.push({ start: fold.open, end: until })
  return merged(spells)
}

function openSpell(fold: SpellFold, at: Instant): void {
  if (fold.open === null && !fold.hasClosedForGood) fold.open = at
}

function closeSpell(fold: SpellFold, at: Instant): void {
  if (fold.open === null) return
  keep(fold.closed, fold.open, at)
  fold.open = null
}

/** Ends every chosen closed spell at `at`; one that would end before it starts is gone. */
function cut(fold: SpellFold, at: Instant, isChosen: (spell: Spell) => boolean): void {
  for (const spell of fold.closed.splice(firstBeyond(fold.closed, at))) {
    keep(fold.closed, spell.start, isChosen(spell) ? Math.min(spell.end, at) : spell.end)
  }
}

function keep(closed: ClosedSpell[], start: Instant, end: Instant): void {
  if (end <= start) return
  const latestEnd = Math.max(end, closed.at(-1)?.latestEnd ?? end)
  closed.push({ start, end, latestEnd, covered: coveredWith(closed, { start, end }) })
}

/** The place of the first spell from which on any may reach beyond `at`. */
function firstBeyond(closed: readonly ClosedSpell[], at: Instant): number {
  return closed.findLastIndex(({ latestEnd }) => latestEnd <= at) + 1
}

/** What all closed spells and one more cover; what they share with it counts once. */
function coveredWith(closed: readonly ClosedSpell[], next: Spell): number {
  const shared = closed.slice(firstBeyond(closed, next.start)).map(({ start, end }) => {
    return { start: Math.max(start, next.start), end: Math.min(end, next.end) }
  })
  return (closed.at(-1)?.covered ?? 0) + lengthOf([next]) - lengthOf(merged(shared))
}

function lengthOf(spells: readonly Spell[]): number {
  return spells.reduce((sum, { start, end }) => sum + end - start, 0)
}

/** The same time as spells in order that do not touch; what ends before it starts is left out. */
function merged(spells: readonly Spell[]): Spell[] {
  const apart: Spell[] = []
  for (const spell of spells.toSorted((one, other) => one.start - other.start)) {
    if (spell.end <= spell.start) continue
    const last = apart.at(-1)
    if (last === undefined || last.end < spell.start) apart.push(spell)
    else apart[apart.length - 1] = { start: last.start, end: Math.max(last.end, spell.end) }
  }
  return apart
}

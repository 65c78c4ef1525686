import type { Bill, History, UsageEvent } from './bill.ts'
import { historiesOf } from './bill.ts'
import type { Difference } from './difference.ts'
import type { Instant } from './instant.ts'
import { textOfInstant } from './instant.ts'
import type { Spell } from './spells.ts'
import { learnSpell, noSpells, spellsUntil } from './spells.ts'

/** A command that began and ended between two looks is found `ready` this much later at most. */
const readyLateMsMax = 60_000

/** The first violation of kind `sequence`: numbering, Time order, spells in common. */
export function differenceInSequence(bill: Bill): Difference | null {
  const histories = historiesOf(bill)
  for (const history of histories) {
    const found = differenceInHistory(history, bill.to)
    if (found !== null) return found
  }
  return spellsInCommon(histories, bill.to)
}

function sequence(event: UsageEvent, field: string, found: string | number, expected: string): Difference {
  return { kind: 'sequence', where: `events[${event.index}].${field}`, found: String(found), expected }
}

function differenceInHistory({ events }: History, to: Instant): Difference | null {
  let deleted: UsageEvent | null = null
  for (const [index, event] of events.entries()) {
    const { fact } = event
    if (event.seq !== index + 1) return sequence(event, 'seq', event.seq, String(index + 1))
    const isFirst = fact.type === 'allocated' || fact.type === 'created'
    if (isFirst !== (index === 0)) {
      return sequence(event, 'type', fact.type, 'allocated or created at seq 1 and only there')
    }
    if (deleted !== null && fact.type !== 'note') {
      return sequence(event, 'type', fact.type, 'nothing but note after deleted')
    }
    const inTime = differenceInTime(event, events[0] ?? event, events[index - 1] ?? event, to)
    if (inTime !== null) return inTime
    if (fact.type !== 'deleted') continue
    deleted = event
    const changed = events.findLast(({ fact, at }) => isChangeOfStorage(fact.type) && at > event.at)
    if (changed === undefined) continue
    return sequence(event, 'at', textOfInstant(event.at), `not before ${textOfInstant(changed.at)}`)
  }
  return null
}

function isChangeOfStorage(type: UsageEvent['fact']['type']): boolean {
  return type === 'created' || type === 'resized' || type === 'repriced'
}

/** "Time order" for one event, given the first of its resource and the one before it. */
function differenceInTime(
  event: UsageEvent,
  first: UsageEvent,
  before: UsageEvent,
  to: Instant,
): Difference | null {
  const { at, recordedAt } = event
  const recorded = (expected: string) => sequence(event, 'recordedAt', textOfInstant(recordedAt), expected)
  const happened = (expected: string) => sequence(event, 'at', textOfInstant(at), expected)
  if (recordedAt >= to) return recorded(`before ${textOfInstant(to)}`)
  if (recordedAt < before.recordedAt) return recorded(`not before ${textOfInstant(before.recordedAt)}`)
  if (at > recordedAt) return happened(`not after ${textOfInstant(recordedAt)}`)
  if (at < first.at) return happened(`not before ${textOfInstant(first.at)}`)
  const earliest = recordedAt - lateMsMax(event)
  return at < earliest ? happened(`not before ${textOfInstant(earliest)}`) : null
}

/** Only an end may be learned late; `released` and `note` have no say in paid time. */
function lateMsMax({ fact }: UsageEvent): number {
  switch (fact.type) {
    case 'allocated':
    case 'seen_again':
    case 'created':
    case 'resized':
    case 'repriced':
      return 0
    case 'ready':
      return readyLateMsMax
    default:
      return Number.POSITIVE_INFINITY
  }
}

interface OwnedSpell extends Spell {
  readonly first: UsageEvent
}

/** Two allocations of one place (`for`, `rank`) can never both be paid: the machine is one. */
function spellsInCommon(histories: readonly History[], to: Instant): Difference | null {
  const byPlace = new Map<string, OwnedSpell[]>()
  for (const { events } of histories) {
    const first = events[0]
    if (first?.fact.type !== 'allocated') continue
    const fold = noSpells()
    for (const event of events) learnSpell(fold, event)
    // An id holds no blank, so two places never share a key.
    const place = `${first.fact.holder} ${first.fact.rank}`
    const spells = byPlace.get(place) ?? []
    for (const spell of spellsUntil(fold, to)) spells.push({ ...spell, first })
    byPlace.set(place, spells)
  }
  for (const spells of byPlace.values()) {
    spells.sort((one, other) => one.start - other.start)
    for (const [index, spell] of spells.entries()) {
      const before = spells[index - 1]
      if (before === undefined || before.end <= spell.start) continue
      const found = `paid from ${textOfInstant(spell.start)}`
      const end = textOfInstant(before.end)
      return sequence(
        spell.first,
        'resource',
        found,
        `not while ${before.first.resource} is paid, until ${end}`,
      )
    }
  }
  return null
}

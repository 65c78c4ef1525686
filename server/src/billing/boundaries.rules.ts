import type { UsageEvent } from '../journal/rules.ts'
import { closersForGood } from '../journal/rules.ts'
import { hourMs, type Instant, instant, later, minuteMs } from '../kernel/time.ts'

/** A longer gap than this after a sighting is silence (`bill.md` §1). */
const silenceMs = minuteMs

/** The hour that an instant lies in. */
export function startOfHour(at: Instant): Instant {
  return instant(Math.floor(at / hourMs) * hourMs)
}

/**
 * The instants in `(after, upTo]` at which boundaries are due: each hour, and the start of each local day.
 */
export function nominalBoundaries(after: Instant, upTo: Instant, timeZone: string): readonly Instant[] {
  const due: Instant[] = []
  const dayOf = localDays(timeZone)
  for (let hour = startOfHour(after); hour < upTo; hour = instant(hour + hourMs)) {
    const next = instant(hour + hourMs)
    const midnight = dayStartBetween(hour, next, dayOf)
    for (const at of midnight === null ? [next] : [midnight, next]) if (at > after && at <= upTo) due.push(at)
  }
  return due
}

/**
 * The local calendar day of an instant, as text. A day has 23 to 25 hours; its start is where the text
 * changes.
 */
function localDays(timeZone: string): (at: Instant) => string {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  })
  return (at) => format.format(at)
}

/** The start of a local day strictly between two instants an hour apart; null: none, or just at the hour. */
function dayStartBetween(from: Instant, to: Instant, dayOf: (at: Instant) => string): Instant | null {
  const before = dayOf(from)
  const last = instant(to - 1)
  if (dayOf(last) === before) return null
  let low: number = from
  let high: number = last
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (dayOf(instant(middle)) === before) low = middle
    else high = middle
  }
  return instant(high)
}

/** What decides whether a boundary can be made at an instant, of an allocation with a spell open then. */
export interface OpenThen {
  readonly openSince: Instant
  /** Its events recorded at the instant or later. */
  readonly since: readonly UsageEvent[]
  readonly lastSeenAt: Instant | null
  /** Of its lease, as it stands now; null: does not run, or never ends. */
  readonly until: Instant | null
}

/**
 * The boundary can be made; or only at a later instant; or not before something is recorded that is not yet.
 */
export type Verdict = 'clean' | 'wait' | { readonly notBefore: Instant }

/**
 * `bill.md` §1: where at that instant an open spell had not been sighted for 60 s, or its lease was used up
 * and that was not yet recorded, the boundary is made at the first instant at which it is recorded. An event
 * recorded at R is known from the millisecond after R on.
 */
export function verdictAt(at: Instant, open: readonly OpenThen[]): Verdict {
  let verdict: Verdict = 'clean'
  for (const spell of open) {
    const own = verdictOf(at, spell)
    if (own === 'wait') return 'wait'
    if (own !== 'clean' && (verdict === 'clean' || own.notBefore > verdict.notBefore)) verdict = own
  }
  return verdict
}

function verdictOf(at: Instant, { openSince, since, lastSeenAt, until }: OpenThen): Verdict {
  const isSilent = (lastSeen: Instant): boolean => at - later(lastSeen, openSince) > silenceMs
  for (const event of since) {
    const told =
      event.type === 'contact_lost' || event.type === 'exited'
        ? isSilent(event.at)
        : event.type === 'lease_ended' && event.at <= at
    if (told) return { notBefore: instant(event.recordedAt + 1) }
  }
  const isOver = since.some(({ type }) => type === 'exited' || type === 'released')
  if (!isOver && isSilent(lastSeenAt ?? openSince)) return 'wait'
  const isClosed = since.some(({ type }) => closersForGood.has(type))
  return !isClosed && until !== null && until <= at ? 'wait' : 'clean'
}

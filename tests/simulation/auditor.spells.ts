import { type Bill, type BillEvent, isCloser, lengthOf, paidOf } from './bill.ts'
import type { Ask, Evidence, Look, Pass, SeenFact, TrueHappening } from './evidence.ts'
import { type Belief, type Between, type Expected, expectations, type Shown } from './law.ts'

/** Everything that is known of one allocation. */
export interface Case {
  readonly id: string
  readonly subject: string
  readonly organization: string
  /** Where it was made; null: it never was. */
  readonly node: string | null
  readonly events: readonly BillEvent[]
  readonly happenings: readonly TrueHappening[]
}

const seenTypes = new Set(['ready', 'seen_again', 'contact_lost', 'exited'])
const stopKinds: readonly Ask['kind'][] = ['stop', 'restart', 'delete', 'cancel']

function within({ lo, hi }: Between, at: number): boolean {
  return at >= lo && at <= hi
}

function time(at: number): string {
  return new Date(at).toISOString().slice(11, 23)
}

/** The case of every allocation that the world or a bill knows. */
export function casesOf(evidence: Evidence, bills: readonly Bill[]): readonly Case[] {
  const made = new Map<string, TrueHappening[]>()
  for (const happening of evidence.happenings) {
    if (happening.allocation === null) continue
    const list = made.get(happening.allocation) ?? []
    made.set(happening.allocation, [...list, happening])
  }
  const cases = new Map<string, Case>()
  for (const bill of bills) {
    for (const first of bill.events.filter(({ type }) => type === 'allocated')) {
      const happenings = made.get(first.resource) ?? []
      cases.set(first.resource, {
        ...{
          id: first.resource,
          subject: String(first.data['for']),
          organization: bill.organization,
          happenings,
        },
        node: happenings[0]?.node ?? null,
        events: bill.events.filter(({ resource }) => resource === first.resource),
      })
    }
  }
  for (const [id, happenings] of made) {
    const [first] = happenings
    if (cases.has(id) || !first) continue
    cases.set(id, {
      id,
      subject: first.subject ?? '',
      organization: '',
      node: first.node,
      events: [],
      happenings,
    })
  }
  return [...cases.values()]
}

function shownAfter(events: readonly BillEvent[], one: Case): Shown {
  let shown: Shown = {
    isRun: one.subject.startsWith('run_'),
    hasDevices: one.happenings.some(({ devices }) => devices.length > 0),
    allocatedAt: one.events[0]?.at ?? 0,
    ...{ wasReady: false, openSince: null, isClosed: false, hasExited: false },
  }
  for (const { type, at } of events) {
    const opens = type === 'ready' || type === 'seen_again'
    if (type === 'ready') shown = { ...shown, wasReady: true }
    if (opens && !shown.isClosed) shown = { ...shown, openSince: shown.openSince ?? at }
    if (type === 'contact_lost' || isCloser(type)) shown = { ...shown, openSince: null }
    if (isCloser(type)) shown = { ...shown, isClosed: true }
    if (type === 'exited' || type === 'released') shown = { ...shown, hasExited: true }
  }
  return shown
}

/** Replays every look at an allocation and finds what the bill says otherwise. */
export function lawFindings(one: Case, evidence: Evidence): readonly string[] {
  const findings: string[] = []
  const inLooks = new Set<BillEvent>()
  let beliefs: readonly Belief[] = [{ sighted: null, started: null, isGapTold: false }]
  let firstStarted: number | null = null
  let nodeSeen: Between[] = [{ lo: evidence.beganAt, hi: evidence.beganAt }]
  const isMine = ({ type }: BillEvent): boolean => seenTypes.has(type)
  for (const look of one.node === null ? [] : evidence.looks) {
    const answer = look.answers.get(one.node ?? '') ?? null
    const fact: SeenFact | 'absent' | null = answer && (answer.facts.get(one.id) ?? 'absent')
    const before = one.events.filter(({ recordedAt }) => recordedAt < look.answeredAt)
    const then = one.events.filter(({ recordedAt }) =>
      within({ lo: look.answeredAt, hi: look.endedAt }, recordedAt),
    )
    for (const event of then) inLooks.add(event)
    const shown = shownAfter(before, one)
    const seen = { look, fact, nodeNow: answer?.nodeNow ?? null, nodeSeen, firstStarted }
    const next = surviving(beliefs, shown, seen, then.filter(isMine))
    if (next.length === 0) {
      findings.push(disagreement(one, look, fact, then, beliefs, shown))
      return findings
    }
    beliefs = next
    if (fact !== null && fact !== 'absent' && fact.startedAt !== null) firstStarted ??= look.beganAt
    if (answer) {
      const seenNow = { lo: look.beganAt, hi: look.askedAt }
      nodeSeen = look.isWhole ? [seenNow] : [...nodeSeen, seenNow]
    }
    const wasReleased = then.some(({ type }) => type === 'released')
    if (wasReleased && fact !== 'absent') findings.push(`${one.id} was released while it was there`)
  }
  for (const event of one.events)
    if ((isMine(event) || (event.type === 'released' && one.node !== null)) && !inLooks.has(event))
      findings.push(`${one.id} ${event.type} was recorded at ${time(event.recordedAt)}, when nobody looked`)
  return findings
}

/** The beliefs that agree with what the bill shows of a look. */
function surviving(
  beliefs: readonly Belief[],
  shown: Shown,
  seen: Parameters<typeof expectations>[2],
  actual: readonly BillEvent[],
): readonly Belief[] {
  const next = new Map<string, Belief>()
  for (const belief of beliefs) {
    for (const expected of expectations(belief, shown, seen)) {
      if (!agrees(expected, actual)) continue
      const opener = actual.find(({ type }) => type === 'ready' || type === 'seen_again')
      const { sighted } = expected.belief
      // What opened a spell is a sighting itself, and was read before it was recorded.
      const isCut = opener !== undefined && sighted !== null && sighted.hi > opener.recordedAt
      const kept = isCut
        ? { ...expected.belief, sighted: { lo: sighted.lo, hi: opener.recordedAt } }
        : expected.belief
      next.set(JSON.stringify(kept), kept)
    }
  }
  return [...next.values()]
}

function agrees({ events }: Expected, actual: readonly BillEvent[]): boolean {
  return (
    events.length === actual.length &&
    events.every(({ type, at }, index) => {
      const found = actual[index]
      if (found?.type !== type || !within(at, found.at)) return false
      // Openers of instances are dated when they are written.
      return type !== 'seen_again' || found.at === found.recordedAt
    })
  )
}

function disagreement(
  one: Case,
  look: Look,
  fact: SeenFact | 'absent' | null,
  then: readonly BillEvent[],
  beliefs: readonly Belief[],
  shown: Shown,
): string {
  const saw = fact === null ? 'silence' : fact === 'absent' ? 'nothing of it' : fact.seen
  const wrote = then.map(({ type, at }) => `${type} ${time(at)}`).join(', ') || 'nothing'
  const seen = {
    look,
    fact,
    nodeNow: look.answers.get(one.node ?? '')?.nodeNow ?? null,
    nodeSeen: [],
    firstStarted: null,
  }
  const right = beliefs.flatMap((belief) =>
    expectations(belief, shown, seen).map(({ events }) => {
      return events.map(({ type, at }) => `${type} ${time(at.lo)}..${time(at.hi)}`).join(', ') || 'nothing'
    }),
  )
  const when = `${time(look.askedAt)}..${time(look.endedAt)}`
  const rights = right.join(' or ')
  return `${one.id} (${one.subject}): the look of ${when} saw ${saw}; on the bill ${wrote}; right ${rights}`
}

/** Stops: each was asked for, and each that was accepted is on the bill. */
export function stopFindings(one: Case, evidence: Evidence): readonly string[] {
  const findings: string[] = []
  const asks = evidence.asks.filter(
    ({ subject, kind }) => subject === one.subject && stopKinds.includes(kind),
  )
  const sweeps = evidence.passes.filter(({ loop }) => loop === 'sweeper')
  for (const event of one.events.filter(({ type }) => type === 'stop_accepted')) {
    const isLimit = event.data['reason'] === 'time_limit'
    const spans: readonly { from: number; to: number }[] = isLimit
      ? sweeps
      : asks.filter(({ answer }) => answer !== 'refused')
    const span = spans.find(({ from, to }) => event.recordedAt >= from && event.recordedAt <= to)
    if (!span) findings.push(`${one.id} stop_accepted ${time(event.recordedAt)}: nobody asked for it`)
    if (isLimit) findings.push(...limitFindings(one, event, evidence))
    else if (event.at !== event.recordedAt)
      findings.push(`${one.id} stop_accepted is dated ${time(event.at)}`)
  }
  const [first] = one.events
  // What was never ready is free, and a preparation that failed is being ended already.
  if (!one.events.some(({ type }) => type === 'ready')) return findings
  for (const ask of asks.filter(({ answer }) => answer === 'accepted')) {
    if (!first || first.recordedAt >= ask.from) continue
    const over = one.events.find(
      ({ type, recordedAt }) => (isCloser(type) || type === 'released') && recordedAt <= ask.to,
    )
    if (!over) findings.push(`${one.id}: ${ask.kind} was accepted at ${time(ask.to)} and is not on the bill`)
  }
  return findings
}

/** A run that reached its limit is stopped for the very instant at which its paid time did. */
function limitFindings(one: Case, stop: BillEvent, evidence: Evidence): readonly string[] {
  const limit =
    evidence.asks.find(({ subject, kind }) => subject === one.subject && kind === 'run')?.timeLimitMs ?? null
  const known = one.events.filter(({ seq }) => seq <= stop.seq)
  const paid = lengthOf(paidOf(known, stop.at))
  // An end that came first, and was learned first, needs no stop.
  return limit !== null && paid === limit
    ? []
    : [`${one.id} was stopped by its limit of ${limit} ms after ${paid} ms`]
}

/** What truly happened bounds what is paid, whatever anybody saw. */
export function truthFindings(
  one: Case,
  paid: readonly { from: number; to: number }[],
  evidence: Evidence,
): readonly string[] {
  const findings: string[] = []
  const isRun = one.subject.startsWith('run_')
  const begins = one.happenings
    .filter(({ what }) => what === (isRun ? 'started' : 'ready'))
    .map(({ at }) => at)
  const ends = one.happenings
    .filter(({ what }) => what === 'ended' || what === 'vanished' || what === 'removed')
    .map(({ at }) => at)
  for (const { from, to } of paid) {
    const begin = begins.filter((at) => at <= from).at(-1)
    if (begin === undefined) {
      findings.push(`${one.id} is paid from ${time(from)} and was not ready (${begins.map(time).join()})`)
      continue
    }
    const end = ends.find((at) => at > begin)
    const wasClockSet = evidence.clockSteps.some(({ at, node }) => node === one.node && at >= from - 60_000)
    if (end !== undefined && to > end && !wasClockSet)
      findings.push(`${one.id} is paid to ${time(to)} and had ended at ${time(end)}`)
  }
  return findings
}

/** Lease ends are written by the keeper, or where the spell was closed by somebody else too late. */
export function leaseFindings(one: Case, passes: readonly Pass[], evidence: Evidence): readonly string[] {
  return one.events
    .filter(({ type }) => type === 'lease_ended')
    .flatMap((event) => {
      const known = one.events.filter(({ seq }) => seq <= event.seq)
      const paid = lengthOf(paidOf(known, event.at))
      const isWhole = paid % 1000 === 0
      const spans = [...passes, ...evidence.asks]
      const isInTime = spans.some(({ from, to }) => event.recordedAt >= from && event.recordedAt <= to)
      return [
        ...(isWhole ? [] : [`${one.id} lease_ended after ${paid} ms, which is no whole second`]),
        ...(isInTime ? [] : [`${one.id} lease_ended at ${time(event.recordedAt)}, when nobody was at work`]),
      ]
    })
}

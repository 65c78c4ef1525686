import type { Look, SeenFact } from './evidence.ts'

/*
 * The observer's law (house.md §5), read a second time. From what a look answered, and from what was seen
 * before, it says what must be written, and when it must be dated. What the platform may or may not have kept
 * of a pass that broke off is carried along as several beliefs; the events on the bill decide between them.
 */

/** An instant that is known to lie between two readings of the clock, mostly a few milliseconds apart. */
export interface Between {
  readonly lo: number
  readonly hi: number
}

/** What the platform may hold of an allocation, beside what the bill shows. */
export interface Belief {
  readonly sighted: Between | null
  /** The node's reading of the start that was seen. */
  readonly started: number | null
  /** The silence since the last sighting is on the bill already. */
  readonly isGapTold: boolean
}

/** What the bill has shown of an allocation so far. */
export interface Shown {
  readonly isRun: boolean
  readonly hasDevices: boolean
  readonly allocatedAt: number
  readonly wasReady: boolean
  readonly openSince: number | null
  readonly isClosed: boolean
  readonly hasExited: boolean
}

/** What must be written of a look, and what is believed then. */
export interface Expected {
  readonly events: readonly { readonly type: string; readonly at: Between }[]
  readonly belief: Belief
}

/** Two sightings at most so far apart prove the time between them. */
export const silenceMs = 60_000
/** A container that was seen started so long ago, and is not ready, may have been given up. */
const readinessMsMax = 120_000
const preparationMsMax = 1_800_000

/** One look, as the law takes it. */
export interface Seen {
  readonly look: Look
  /** Null: the node was silent. `absent`: it answered, and did not name the container. */
  readonly fact: SeenFact | 'absent' | null
  readonly nodeNow: number | null
  /** When the node had last answered before, as it may have been kept. */
  readonly nodeSeen: readonly Between[]
  /** When the container was first seen started; null: not before this look. */
  readonly firstStarted: number | null
}

/** Everything that may be written of a look under one belief. */
export function expectations(belief: Belief, shown: Shown, seen: Seen): readonly Expected[] {
  const { look } = seen
  const nothing: Expected = { events: [], belief }
  const all = shown.hasExited ? [nothing] : byFact(belief, shown, seen)
  // Of a pass that broke off, all of an allocation was written or nothing.
  const broken = look.isWhole ? [] : [nothing]
  return [...all, ...broken]
}

function byFact(belief: Belief, shown: Shown, seen: Seen): readonly Expected[] {
  const { look, fact } = seen
  if (fact === null) {
    const told = { ...belief, isGapTold: true }
    const now = { lo: look.askedAt, hi: look.endedAt }
    return gaps(belief, shown, now).map((lost) =>
      lost ? { events: [lost], belief: told } : { events: [], belief },
    )
  }
  if (fact === 'absent')
    return belief.started === null ? [{ events: [], belief }] : ended(belief, shown, seen, null)
  switch (fact.seen) {
    case 'paused': {
      const told = { ...belief, isGapTold: true }
      return gaps(belief, shown, asked(look)).map((lost) =>
        lost ? { events: [lost], belief: told } : { events: [], belief },
      )
    }
    case 'preparing':
      return fact.startedAt === null
        ? [{ events: [], belief }]
        : running(belief, shown, seen, fact.startedAt, false)
    case 'ready':
      return running(belief, shown, seen, fact.startedAt ?? 0, true)
    case 'ended':
      return fact.startedAt === null && belief.started === null
        ? [{ events: [], belief }]
        : ended(belief, shown, seen, fact)
  }
}

/** The platform read its clock between these two before it asked. */
function asked(look: Look): Between {
  return { lo: look.beganAt, hi: look.askedAt }
}

function written(look: Look): Between {
  return { lo: look.answeredAt, hi: look.endedAt }
}

type Lost = { readonly type: 'contact_lost'; readonly at: Between } | null

/** Whether there is a gap to tell of, with both answers where the milliseconds do not decide it. */
function gaps({ sighted, isGapTold }: Belief, shown: Shown, seenAt: Between): readonly Lost[] {
  const isOpenOrOver = shown.openSince !== null || shown.isClosed
  if (sighted === null || isGapTold || !shown.wasReady || !isOpenOrOver) return [null]
  const open = shown.openSince ?? 0
  const at = { lo: Math.max(sighted.lo, open), hi: Math.max(sighted.hi, open) }
  const lost: Lost = { type: 'contact_lost', at }
  const [least, most] = [seenAt.lo - sighted.hi, seenAt.hi - sighted.lo]
  if (least > silenceMs) return [lost]
  return most > silenceMs ? [lost, null] : [null]
}

function running(
  belief: Belief,
  shown: Shown,
  seen: Seen,
  startedAt: number,
  isReady: boolean,
): readonly Expected[] {
  const { look } = seen
  // Another start is another process: the one that was recorded ended when it was last seen.
  if (belief.started !== null && belief.started !== startedAt) return ended(belief, shown, seen, null)
  const sightedThen: Belief = { sighted: asked(look), started: startedAt, isGapTold: false }
  const sightedNow: Belief = { ...sightedThen, sighted: written(look) }
  const isPreparing = !shown.wasReady && !shown.isClosed
  if (isPreparing) {
    if (!isReady) return [{ events: [], belief: sightedThen }]
    const ready: Expected = { events: [{ type: 'ready', at: written(look) }], belief: sightedNow }
    const sinceStart = look.endedAt - (seen.firstStarted ?? look.endedAt)
    const mayBeGivenUp = sinceStart > readinessMsMax || look.endedAt - shown.allocatedAt > preparationMsMax
    return mayBeGivenUp ? [ready, { events: [], belief: sightedThen }] : [ready]
  }
  const again = { type: 'seen_again', at: written(look) }
  if (shown.openSince === null && !shown.isClosed) return [{ events: [again], belief: sightedNow }]
  return gaps(belief, shown, asked(look)).map((lost) => {
    if (!lost) return { events: [], belief: sightedThen }
    return shown.isClosed
      ? { events: [lost], belief: sightedThen }
      : { events: [lost, again], belief: sightedNow }
  })
}

/**
 * An end by the node's clock, moved to ours, where that is possible; else the last sighting. Both where it is
 * close.
 */
function endsOf(seen: Seen, endedAt: number | null, sighted: Between): readonly Between[] {
  const { look, nodeNow } = seen
  if (endedAt === null || nodeNow === null) return [sighted]
  const moved = { lo: endedAt + look.beganAt - nodeNow, hi: endedAt + look.askedAt - nodeNow }
  const mayBeMoved = moved.hi >= sighted.lo && moved.lo <= look.endedAt
  const mustBeMoved = moved.lo >= sighted.hi && moved.hi <= look.answeredAt
  return [...(mayBeMoved ? [moved] : []), ...(mustBeMoved ? [] : [sighted])]
}

function ended(belief: Belief, shown: Shown, seen: Seen, fact: SeenFact | null): readonly Expected[] {
  const isPreparing = !shown.wasReady && !shown.isClosed
  const sighted = belief.sighted ?? { lo: shown.allocatedAt, hi: shown.allocatedAt }
  const ends = endsOf(seen, fact?.endedAt ?? null, sighted)
  const plain = gaps(belief, shown, asked(seen.look)).flatMap((lost) =>
    ends.map((at): Expected => {
      const exited = { type: 'exited', at }
      return { events: lost ? [lost, exited] : [exited], belief }
    }),
  )
  if (!shown.isRun || !isPreparing) return plain
  const over = seen.nodeSeen.flatMap((nodeSeen) => attemptOver(belief, shown, seen, fact, nodeSeen))
  // Exit 69 with devices is init's word, and a preparation that was given up is no run: both are free.
  return [...over, ...(shown.hasDevices ? plain : []), ...givenUp(shown, seen, plain)]
}

function givenUp(
  shown: Shown,
  { look, firstStarted }: Seen,
  plain: readonly Expected[],
): readonly Expected[] {
  const sinceStart = look.endedAt - (firstStarted ?? look.endedAt)
  return sinceStart > readinessMsMax || look.endedAt - shown.allocatedAt > preparationMsMax ? plain : []
}

/** Rule 6: a command that began and ended between two looks. */
function attemptOver(
  belief: Belief,
  shown: Shown,
  seen: Seen,
  fact: SeenFact | null,
  nodeSeen: Between,
): readonly Expected[] {
  const { look, nodeNow } = seen
  const start = fact?.startedAt ?? belief.started ?? nodeNow ?? 0
  // An opener is moved by what our clock showed after the answer, a closer by what it showed before the
  // question.
  const readyBy = (now: number): number => {
    const moved = start + now - (nodeNow ?? now)
    return Math.min(Math.max(moved, shown.allocatedAt, now - silenceMs), now)
  }
  const ready = { lo: readyBy(look.answeredAt), hi: readyBy(look.endedAt) }
  const wasSilent = look.askedAt - nodeSeen.lo > silenceMs
  const ends = wasSilent || fact === null ? [ready] : endsOf(seen, fact.endedAt, ready)
  return ends.map((end) => {
    const at = { lo: Math.max(end.lo, ready.lo), hi: Math.max(end.hi, ready.hi) }
    const events = [
      { type: 'ready', at: ready },
      { type: 'exited', at },
    ]
    return { events, belief }
  })
}

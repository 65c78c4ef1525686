import { earlier, instant, type Instant, later, minuteMs } from '../kernel/time.ts'
import type { LifecycleEvent } from './rules.ts'

/*
 * How observations become facts: the observer's whole law (house.md §5, "How observations become facts", and
 * §6, "What is learned → what is written"). Everything here is pure: what is known, what was seen, when it
 * was asked; and out come the usage events and lifecycle events to write, in order.
 */

/** Longer than this between two sightings of the same container is silence, whoever was away. */
export const silenceMs = minuteMs

/** What the record says of a live allocation. */
export interface Watched {
  readonly purpose: 'instance' | 'attempt'
  readonly state: 'preparing' | 'running' | 'unreachable' | 'stopping'
  /** The journal holds an event that closes it for good. */
  readonly closedForGood: boolean
  readonly everReady: boolean
  /** When the open spell began; null while none is open. */
  readonly openSince: Instant | null
  readonly allocatedAt: Instant
  /** The last sighting by our clock; null before the first. */
  readonly lastSeenAt: Instant | null
  /** The node's reading of the start that was seen. */
  readonly nodeStartedAt: Instant | null
  /** The last sighting before a silence that the journal already tells of. */
  readonly silentSince: Instant | null
  /** Whether its end was recorded. */
  readonly hasEnded: boolean
  /** Given devices: then exit 69 before readiness is init's word for "elsewhere". */
  readonly hasDevices: boolean
}

/** How a container ended. */
export interface Exit {
  readonly exitCode: number | null
  readonly signal: string | null
  readonly outOfMemory: boolean
}

/** What one look at a node said of one allocation. */
export type Look =
  | { readonly kind: 'silent' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'preparing'; readonly startedAt: Instant | null }
  | { readonly kind: 'ready'; readonly startedAt: Instant }
  | { readonly kind: 'paused'; readonly startedAt: Instant }
  | ({ readonly kind: 'ended'; readonly startedAt: Instant | null; readonly endedAt: Instant } & Exit)

/** When the look was taken. */
export interface LookTimes {
  /** Our clock before the question was put: what a sighting is dated by. */
  readonly askedAt: Instant
  /**
   * Our clock after the answer: what a start is moved by, as an end is by `askedAt`, each in the customer's
   * favour.
   */
  readonly answeredAt: Instant
  /** The node's clock when it answered; equal to `askedAt` where it was silent. */
  readonly nodeNow: Instant
  /** When the node last answered before this look, by our clock. */
  readonly nodeSeenAt: Instant | null
  /** Our clock now, after the locks: nothing is dated later. */
  readonly now: Instant
}

/** A usage event to append; `now` is the instant at which it is recorded. */
export type UsageToWrite =
  | { readonly type: 'ready' | 'contact_lost'; readonly at: Instant | 'now' }
  | { readonly type: 'seen_again' }
  | { readonly type: 'exited'; readonly at: Instant | 'now'; readonly exit: Exit }

/** What is to be written, in this order. */
export type Finding =
  | { readonly write: 'usage'; readonly event: UsageToWrite }
  | {
      readonly write: 'event'
      readonly event: LifecycleEvent
      readonly exit?: Exit
      readonly elsewhere?: boolean
      readonly why?: string
    }
  /** A sighting at this instant; ends a silence. */
  | { readonly write: 'sighting'; readonly at: Instant }
  /** The silence that the journal now tells of began here. */
  | { readonly write: 'silence'; readonly since: Instant }
  /** First seen started. */
  | { readonly write: 'started'; readonly nodeStartedAt: Instant; readonly at: Instant }
  | { readonly write: 'ended' }

const unknownExit: Exit = { exitCode: null, signal: null, outOfMemory: false }

/** Init's exit status when a device that was given is missing: sysexits' EX_UNAVAILABLE. */
export const missingDeviceExit = 69

/** What a look at a live allocation means. Applying it twice writes nothing twice. */
export function findingsOf(watched: Watched, look: Look, times: LookTimes): readonly Finding[] {
  switch (look.kind) {
    case 'silent':
      return gap(watched, times.now, times)
    case 'paused':
      return gap(watched, times.askedAt, times)
    case 'absent':
      return watched.nodeStartedAt === null ? [] : ended(watched, null, times)
    case 'preparing':
      return look.startedAt === null ? [] : running(watched, look.startedAt, false, times)
    case 'ready':
      return running(watched, look.startedAt, true, times)
    case 'ended':
      return look.startedAt === null && watched.nodeStartedAt === null
        ? neverStarted(watched, look)
        : ended(watched, look, times)
  }
}

/** `contact_lost` at the last sighting, once per gap, where a bill could hang on it. */
function gap(watched: Watched, seenAt: Instant, times: LookTimes): readonly Finding[] {
  const last = watched.lastSeenAt
  if (last === null || watched.silentSince !== null || watched.hasEnded) return []
  if (watched.state !== 'running' && watched.state !== 'stopping') return []
  if (seenAt - last <= silenceMs || !watched.everReady) return []
  // Not before the last opener, nor after now.
  const at = earlier(later(last, watched.openSince ?? last), times.now)
  const lost: Finding[] = [
    { write: 'usage', event: { type: 'contact_lost', at } },
    { write: 'silence', since: last },
  ]
  return watched.state === 'running' ? [...lost, { write: 'event', event: 'contact_lost' }] : lost
}

/** A container that runs: the recorded one, or a stranger. */
function running(
  watched: Watched,
  startedAt: Instant,
  isReady: boolean,
  times: LookTimes,
): readonly Finding[] {
  if (watched.hasEnded) return []
  const known = watched.nodeStartedAt
  // Another start is another process: the recorded one ended at its last sighting.
  if (known !== null && known !== startedAt) return ended(watched, null, times)
  const first: Finding[] =
    known === null ? [{ write: 'started', nodeStartedAt: startedAt, at: times.now }] : []
  if (watched.state === 'preparing') {
    if (!isReady || watched.everReady) return [...first, { write: 'sighting', at: times.askedAt }]
    return [
      ...first,
      { write: 'usage', event: { type: 'ready', at: 'now' } },
      // A readiness is dated after the answer, and is a sighting itself.
      { write: 'sighting', at: times.now },
      { write: 'event', event: 'seen_ready' },
    ]
  }
  const lost = gap(watched, times.askedAt, times)
  const sighting: Finding = { write: 'sighting', at: times.askedAt }
  const away = watched.state === 'unreachable' || (watched.state === 'running' && lost.length > 0)
  if (!away) return [...first, ...lost, sighting]
  const again: Finding[] = watched.closedForGood ? [] : [{ write: 'usage', event: { type: 'seen_again' } }]
  // `seen_again` opens a spell now: the sighting that bounds it may not lie before.
  const back: Finding = watched.closedForGood ? sighting : { write: 'sighting', at: times.now }
  return [...first, ...lost, ...again, back, { write: 'event', event: 'seen_ready' }]
}

/** The instant of an end by our clock, in the customer's favour (rule 5). */
export function endInstant(watched: Watched, look: { endedAt: Instant } | null, times: LookTimes): Instant {
  const last = watched.lastSeenAt ?? watched.allocatedAt
  if (look === null) return earlier(last, times.now)
  const moved = instant(look.endedAt + (times.askedAt - times.nodeNow))
  return moved >= last && moved <= times.now ? moved : earlier(last, times.now)
}

/** Seen ended, or absent after a start. */
function ended(
  watched: Watched,
  look: Extract<Look, { kind: 'ended' }> | null,
  times: LookTimes,
): readonly Finding[] {
  if (watched.hasEnded) return []
  const exit: Exit = look ?? unknownExit
  if (watched.purpose === 'attempt' && watched.state === 'preparing' && !watched.everReady)
    return attemptOver(watched, look, exit, times)
  const at = endInstant(watched, look, times)
  const isMissingDevice =
    watched.state === 'preparing' && watched.hasDevices && exit.exitCode === missingDeviceExit
  return [
    ...gap(watched, times.askedAt, times),
    { write: 'usage', event: { type: 'exited', at, exit } },
    { write: 'ended' },
    isMissingDevice
      ? {
          write: 'event',
          event: 'prepare_failed',
          elsewhere: true,
          why: 'a device that was given is missing on the node',
        }
      : { write: 'event', event: 'seen_ended', exit },
  ]
}

/** An attempt that began and ended between two looks was ready (rule 6). */
function attemptOver(
  watched: Watched,
  look: Extract<Look, { kind: 'ended' }> | null,
  exit: Exit,
  times: LookTimes,
): readonly Finding[] {
  if (watched.hasDevices && exit.exitCode === missingDeviceExit)
    return [
      { write: 'usage', event: { type: 'exited', at: endInstant(watched, look, times), exit } },
      { write: 'ended' },
      {
        write: 'event',
        event: 'prepare_failed',
        elsewhere: true,
        why: 'a device that was given is missing on the node',
      },
    ]
  const offset = times.answeredAt - times.nodeNow
  const nodeStartedAt = look?.startedAt ?? watched.nodeStartedAt ?? times.nodeNow
  // Never before it was allocated, never after now, and at most a minute back: the bill's format allows no
  // more.
  const moved = later(instant(Math.ceil(nodeStartedAt + offset)), watched.allocatedAt)
  const readyAt = earlier(later(moved, instant(times.now - silenceMs)), times.now)
  const wasNodeSilent = times.nodeSeenAt === null || times.askedAt - times.nodeSeenAt > silenceMs
  const endAt =
    wasNodeSilent || look === null ? readyAt : endInstant({ ...watched, lastSeenAt: readyAt }, look, times)
  return [
    { write: 'started', nodeStartedAt, at: times.now },
    { write: 'usage', event: { type: 'ready', at: readyAt } },
    { write: 'usage', event: { type: 'exited', at: later(endAt, readyAt), exit } },
    { write: 'ended' },
    { write: 'event', event: 'seen_ended', exit },
  ]
}

/** The engine could not start it: nothing ran, so nothing ended. */
function neverStarted(watched: Watched, exit: Exit): readonly Finding[] {
  if (watched.state !== 'preparing') return []
  return [
    {
      write: 'event',
      event: 'prepare_failed',
      elsewhere: false,
      why: `the container could not be started (exit ${exit.exitCode ?? 'unknown'})`,
    },
  ]
}

/** An exit that means "the machine was shut down from inside". */
export function isCleanExit(exit: Exit, weAskedForIt: boolean): boolean {
  if (exit.outOfMemory) return false
  if (exit.exitCode === 0) return true
  const isTermOrInt = exit.signal === 'TERM' || exit.signal === 'INT'
  return isTermOrInt && !weAskedForIt
}

import type { Json } from '../kernel/canonical.ts'
import { canonicalHash } from '../kernel/canonical.ts'
import { invariant } from '../kernel/errors.ts'
import type { AllocationId, Id, PriceBookId, ProjectId, SubjectId, VolumeId } from '../kernel/ids.ts'
import { earlier, formatInstant, type Instant, instant, later, minuteMs } from '../kernel/time.ts'

/** What costs or could cost money, and so has a journal. */
export type ResourceId = AllocationId | StorageId

/** What is paid by size and time. */
export type StorageId = VolumeId | Id<'snapshot'>

/**
 * How many units of a SKU an allocation has. (A type, not an interface, so that it is JSON to the compiler.)
 */
export type Line = {
  readonly sku: string
  readonly quantity: number
}

/** Who or what asked for a stop that ended a bill. */
export type StopReason = 'customer' | 'idle' | 'schedule' | 'time_limit' | 'operator'

type Nothing = Readonly<Record<string, never>>
type Anything = { readonly [name: string]: Json }

/** What each type of usage event holds (`bill.md` §2, to the letter). */
export interface EventData {
  readonly allocated: {
    readonly for: SubjectId
    readonly rank: number
    readonly project: ProjectId
    readonly flavor: string
    readonly priceBook: PriceBookId
    readonly lines: readonly Line[]
  }
  readonly ready: Nothing
  readonly seen_again: Nothing
  readonly contact_lost: Nothing
  readonly stop_accepted: { readonly reason: StopReason }
  readonly exited: {
    readonly exitCode: number | null
    readonly signal: string | null
    readonly outOfMemory: boolean
  }
  readonly lease_ended: Nothing
  readonly fault: { readonly evidence: string }
  readonly released: Anything
  readonly created: {
    readonly project: ProjectId
    readonly sku: string
    readonly sizeGib: number
    readonly priceBook: PriceBookId
  }
  readonly resized: { readonly sizeGib: number }
  readonly repriced: { readonly priceBook: PriceBookId }
  readonly deleted: Nothing
  readonly note: Anything
}

/** The words of `bill.md` §2. */
export type EventType = keyof EventData

/** Events that say what is so from now on: they are never dated back. */
type DatedNow = 'allocated' | 'seen_again' | 'created' | 'resized' | 'repriced'

/**
 * Something that was learned about a resource. `at` is when it became so; 'now' is the instant at which it is
 * recorded. An instant outside what `bill.md` allows is moved into it, in the customer's favour.
 */
export type NewEvent = {
  [T in EventType]: {
    readonly type: T
    readonly at: T extends DatedNow ? 'now' : Instant | 'now'
    readonly data: EventData[T]
  }
}[EventType]

/** A recorded event, as the open bill shows it. */
export type UsageEvent = {
  [T in EventType]: {
    readonly resource: ResourceId
    readonly seq: number
    readonly type: T
    readonly at: Instant
    readonly recordedAt: Instant
    readonly data: EventData[T]
    readonly prevHash: string
    readonly hash: string
  }
}[EventType]

/** What closes a spell for good. */
export const closersForGood: ReadonlySet<EventType> = new Set([
  'stop_accepted',
  'exited',
  'lease_ended',
  'fault',
])

const ofAllocations: ReadonlySet<EventType> = new Set([
  'allocated',
  'ready',
  'seen_again',
  'contact_lost',
  'released',
  'note',
  ...closersForGood,
])
const ofStorage: ReadonlySet<EventType> = new Set(['created', 'resized', 'repriced', 'deleted', 'note'])

/** What `deleted` may not be dated before. */
const sizesAndBooks: ReadonlySet<EventType> = new Set(['created', 'resized', 'repriced'])

/** How far back a readiness may lie: a command may begin and end between two looks (`bill.md` §2). */
const readyBackMsMax = minuteMs

/** The `prevHash` of the first event. */
const noHash = '0'.repeat(64)

/** Is it an allocation (paid by spells) or storage (paid by size)? */
export function isAllocation(resource: ResourceId): resource is AllocationId {
  return resource.startsWith('alo_')
}

/**
 * The events that follow the chain so far when these are recorded at `recordedAt`; throws what `bill.md`
 * forbids.
 */
export function chained(
  resource: ResourceId,
  before: readonly UsageEvent[],
  events: readonly NewEvent[],
  recordedAt: Instant,
): readonly UsageEvent[] {
  const all = [...before]
  for (const event of events) all.push(next(resource, all, event, recordedAt))
  return all.slice(before.length)
}

function next(
  resource: ResourceId,
  before: readonly UsageEvent[],
  event: NewEvent,
  recordedAt: Instant,
): UsageEvent {
  const isFirst = event.type === 'allocated' || event.type === 'created'
  const known = isAllocation(resource) ? ofAllocations : ofStorage
  invariant(known.has(event.type), 'an event is of its resource', { resource, type: event.type })
  invariant(isFirst === (before.length === 0), 'a journal begins once', {
    resource,
    type: event.type,
  })
  invariant(
    event.type === 'note' || !before.some(({ type }) => type === 'deleted'),
    'nothing but a note follows the end',
    { resource, type: event.type },
  )
  const body = {
    resource,
    seq: before.length + 1,
    type: event.type,
    at: dated(event, before, recordedAt),
    recordedAt,
    data: checked(event.data),
    prevHash: before.at(-1)?.hash ?? noHash,
  }
  // The type and its data came together in one NewEvent.
  return { ...body, hash: hashOf(body) } as UsageEvent
}

/** `bill.md`'s Time order: where an instant measured elsewhere is moved to. */
function dated(event: NewEvent, before: readonly UsageEvent[], recordedAt: Instant): Instant {
  if (event.at === 'now') return recordedAt
  let floor = before[0]?.at ?? recordedAt
  if (event.type === 'ready') {
    floor = later(floor, instant(recordedAt - readyBackMsMax))
    // What ended before stays ended: a readiness opens no time that an earlier spell may hold.
    for (const { at } of before) floor = later(floor, at)
  }
  if (event.type === 'deleted')
    for (const { type, at } of before) if (sizesAndBooks.has(type)) floor = later(floor, at)
  return earlier(later(event.at, floor), recordedAt)
}

/** The hash of an event: of everything it says but the hash itself. */
function hashOf(body: Omit<UsageEvent, 'hash' | 'data'> & { readonly data: Json }): string {
  return canonicalHash({
    ...body,
    at: formatInstant(body.at),
    recordedAt: formatInstant(body.recordedAt),
  })
}

/**
 * JSON that every reader of the bill accepts: whole numbers, and text without surrogates or noncharacters.
 */
function checked(value: Json): Json {
  if (typeof value === 'string') return wellFormed(value)
  if (typeof value === 'number') {
    invariant(Number.isSafeInteger(value), 'a number of an event is whole', { value })
    return value
  }
  if (value === null || typeof value === 'boolean') return value
  if (isList(value)) return value.map(checked)
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) =>
      member === undefined ? [] : [[wellFormed(name), checked(member)]],
    ),
  )
}

// Array.isArray does not narrow a readonly array by itself.
function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}

/** Engines and guests may say anything; what the bill's format or the database cannot hold becomes U+FFFD. */
function wellFormed(text: string): string {
  return text
    .toWellFormed()
    .replaceAll('\0', '\ufffd')
    .replace(/\p{Noncharacter_Code_Point}/gu, '\ufffd')
}

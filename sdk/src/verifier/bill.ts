import type { Instant } from './instant.ts'
import { instantOf } from './instant.ts'
import type { JsonObject, JsonValue } from './parse.ts'

/** A document whose shapes are right, with its texts turned into instants and big integers. */
export interface Bill {
  readonly organization: string
  readonly currency: string
  readonly from: Instant
  readonly to: Instant
  readonly priceBooks: readonly PriceBook[]
  readonly events: readonly UsageEvent[]
  /** Empty where a history is only rated. */
  readonly charges: readonly Charge[]
  readonly total: bigint
}

/** A dated set of rates; `source` is the object as it was read, for its hash. */
export interface PriceBook {
  readonly id: string
  readonly currency: string
  readonly effectiveFrom: Instant
  readonly rates: readonly Rate[]
  readonly hash: string
  readonly source: JsonObject
}

/** Nanos per unit-hour of a sku. */
export interface Rate {
  readonly sku: string
  readonly nanos: bigint
}

/** One thing that was learned about a resource; `index` is its place in the document. */
export interface UsageEvent {
  readonly index: number
  readonly resource: string
  readonly seq: number
  readonly at: Instant
  readonly recordedAt: Instant
  readonly fact: Fact
  readonly prevHash: string
  readonly hash: string
  readonly source: JsonObject
}

/** What an event says, as far as it matters for paid time (bill.md §2). */
export type Fact =
  | {
      readonly type: 'allocated'
      /** The instance or run (`for`) and the member of it that this allocation is. */
      readonly holder: string
      readonly rank: number
      readonly priceBook: string
      readonly lines: readonly { readonly sku: string; readonly quantity: bigint }[]
    }
  | { readonly type: 'ready' | 'seen_again' | 'contact_lost' | 'released' | 'note' | 'deleted' }
  | { readonly type: FinalCloser }
  | { readonly type: 'created'; readonly sku: string; readonly sizeGib: bigint; readonly priceBook: string }
  | { readonly type: 'resized'; readonly sizeGib: bigint }
  | { readonly type: 'repriced'; readonly priceBook: string }

/** The events that close for good, whatever they carry as `data`. */
export type FinalCloser = 'stop_accepted' | 'exited' | 'lease_ended' | 'fault'

/** One step of a running sum; `index` is its place in the document. */
export interface Charge {
  readonly index: number
  readonly id: string
  readonly resource: string
  readonly sku: string
  readonly priceBook: string
  readonly upTo: Instant
  readonly unitMillisBefore: bigint
  readonly unitMillis: bigint
  readonly nanos: bigint
  readonly amount: bigint
  readonly source: JsonObject
}

/** All events of one resource, in the order of the document. */
export interface History {
  readonly resource: string
  readonly events: readonly UsageEvent[]
}

/** Reads a document that `differenceInShapes` found right; anything else is a fault of the caller. */
export function billOf(document: JsonObject, isRated: boolean): Bill {
  return {
    organization: textIn(document, 'organization'),
    currency: textIn(document, 'currency'),
    from: instantIn(document, 'from'),
    to: instantIn(document, 'to'),
    priceBooks: objectsIn(document, 'priceBooks').map(priceBookOf),
    events: objectsIn(document, 'events').map(eventOf),
    charges: isRated ? [] : objectsIn(document, 'charges').map(chargeOf),
    total: isRated ? 0n : bigIn(document, 'total'),
  }
}

/** The events by resource. They stand together, since the order of the arrays has been checked. */
export function historiesOf(bill: Bill): History[] {
  const byResource = new Map<string, UsageEvent[]>()
  for (const event of bill.events) {
    const events = byResource.get(event.resource)
    if (events === undefined) byResource.set(event.resource, [event])
    else events.push(event)
  }
  return [...byResource].map(([resource, events]) => ({ resource, events }))
}

/** The price book that an event names, or null. */
export function priceBookNamedBy(fact: Fact): string | null {
  return 'priceBook' in fact ? fact.priceBook : null
}

function priceBookOf(source: JsonObject): PriceBook {
  return {
    id: textIn(source, 'id'),
    currency: textIn(source, 'currency'),
    effectiveFrom: instantIn(source, 'effectiveFrom'),
    rates: objectsIn(source, 'rates').map((rate) => ({
      sku: textIn(rate, 'sku'),
      nanos: bigIn(rate, 'nanos'),
    })),
    hash: textIn(source, 'hash'),
    source,
  }
}

function eventOf(source: JsonObject, index: number): UsageEvent {
  return {
    index,
    resource: textIn(source, 'resource'),
    seq: integerIn(source, 'seq'),
    at: instantIn(source, 'at'),
    recordedAt: instantIn(source, 'recordedAt'),
    fact: factOf(textIn(source, 'type'), objectIn(source, 'data')),
    prevHash: textIn(source, 'prevHash'),
    hash: textIn(source, 'hash'),
    source,
  }
}

function factOf(type: string, data: JsonObject): Fact {
  switch (type) {
    case 'allocated':
      return {
        type,
        holder: textIn(data, 'for'),
        rank: integerIn(data, 'rank'),
        priceBook: textIn(data, 'priceBook'),
        lines: objectsIn(data, 'lines').map((line) => ({
          sku: textIn(line, 'sku'),
          quantity: BigInt(integerIn(line, 'quantity')),
        })),
      }
    case 'created':
      return {
        type,
        sku: textIn(data, 'sku'),
        sizeGib: BigInt(integerIn(data, 'sizeGib')),
        priceBook: textIn(data, 'priceBook'),
      }
    case 'resized':
      return { type, sizeGib: BigInt(integerIn(data, 'sizeGib')) }
    case 'repriced':
      return { type, priceBook: textIn(data, 'priceBook') }
    case 'ready':
    case 'seen_again':
    case 'contact_lost':
    case 'stop_accepted':
    case 'exited':
    case 'lease_ended':
    case 'fault':
    case 'released':
    case 'note':
    case 'deleted':
      return { type }
    default:
      throw notChecked(type)
  }
}

function chargeOf(source: JsonObject, index: number): Charge {
  return {
    index,
    id: textIn(source, 'id'),
    resource: textIn(source, 'resource'),
    sku: textIn(source, 'sku'),
    priceBook: textIn(source, 'priceBook'),
    upTo: instantIn(source, 'upTo'),
    unitMillisBefore: bigIn(source, 'unitMillisBefore'),
    unitMillis: bigIn(source, 'unitMillis'),
    nanos: bigIn(source, 'nanos'),
    amount: bigIn(source, 'amount'),
    source,
  }
}

/** Only a mistake of ours leads here: the shapes are checked before anything is read from them. */
function notChecked(what: string): Error {
  return new Error(`the shape of ${what} was not checked before it was read`)
}

function textIn(object: JsonObject, name: string): string {
  const value = object.get(name)
  if (typeof value !== 'string') throw notChecked(name)
  return value
}

function integerIn(object: JsonObject, name: string): number {
  const value = object.get(name)
  if (typeof value !== 'number') throw notChecked(name)
  return value
}

function bigIn(object: JsonObject, name: string): bigint {
  return BigInt(textIn(object, name))
}

function instantIn(object: JsonObject, name: string): Instant {
  const instant = instantOf(textIn(object, name))
  if (instant === null) throw notChecked(name)
  return instant
}

function objectIn(object: JsonObject, name: string): JsonObject {
  return requireObject(object.get(name), name)
}

function objectsIn(object: JsonObject, name: string): JsonObject[] {
  const value = object.get(name)
  if (!Array.isArray(value)) throw notChecked(name)
  return value.map((member) => requireObject(member, name))
}

function requireObject(value: JsonValue | undefined, name: string): JsonObject {
  if (!(value instanceof Map)) throw notChecked(name)
  return value
}

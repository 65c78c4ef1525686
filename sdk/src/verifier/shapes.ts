import type { Difference } from './difference.ts'
import { shown } from './difference.ts'
import { instantOf } from './instant.ts'
import type { JsonObject, JsonValue } from './parse.ts'

/**
 * The shapes of bill.md §1 and §2: everything that one value, object or array says about itself. They are
 * checked before anything is interpreted, so that all later code may take its fields for granted.
 */

interface Wrong {
  /** From the checked value down to the wrong one; built on the way back, since almost nothing is wrong. */
  readonly path: string
  readonly found: string
  readonly expected: string
}

type Check = (value: JsonValue) => Wrong | null

type Shape = Readonly<Record<string, Check>>

function wrong(value: JsonValue | undefined, expected: string, path = ''): Wrong {
  return { path, found: shown(value), expected }
}

function under(step: string, inner: Wrong): Wrong {
  return { ...inner, path: `${step}${inner.path}` }
}

function text(expected: string, isRight: (value: string) => boolean): Check {
  return (value) => (typeof value === 'string' && isRight(value) ? null : wrong(value, expected))
}

function oneOf(...words: readonly string[]): Check {
  return text(words.join(' or '), (value) => words.includes(value))
}

function integerFrom(least: number): Check {
  return (value) =>
    typeof value === 'number' && value >= least ? null : wrong(value, `an integer from ${least}`)
}

function orNull(check: Check): Check {
  return (value) => (value === null ? null : check(value))
}

/** An object with exactly these members. */
function object(shape: Shape): Check {
  const members = Object.entries(shape)
  return (value) => {
    if (!(value instanceof Map)) return wrong(value, 'an object')
    for (const [name, check] of members) {
      const member = value.get(name)
      if (member === undefined) return wrong(undefined, 'a value', `.${name}`)
      const inner = check(member)
      if (inner !== null) return under(`.${name}`, inner)
    }
    if (value.size === members.length) return null
    for (const [name, member] of value) {
      if (!Object.hasOwn(shape, name)) return wrong(member, 'no such field', `.${name}`)
    }
    return null
  }
}

function listOf(check: Check): Check {
  return (value) => {
    if (!Array.isArray(value)) return wrong(value, 'an array')
    for (const [index, member] of value.entries()) {
      const inner = check(member)
      if (inner !== null) return under(`[${index}]`, inner)
    }
    return null
  }
}

/** The checks one after the other; the first that finds something speaks. */
function each(...checks: readonly Check[]): Check {
  return (value) => {
    for (const check of checks) {
      const found = check(value)
      if (found !== null) return found
    }
    return null
  }
}

/** Any value, as long as every number in it is one that the bill allows. */
const anything: Check = (value) => {
  if (value === null || typeof value !== 'object') return null
  if (Array.isArray(value)) return listOf(anything)(value)
  if (!(value instanceof Map)) return wrong(value, 'an integer below 2^53, plainly written')
  for (const [name, member] of value) {
    const inner = anything(member)
    if (inner !== null) return under(`.${name}`, inner)
  }
  return null
}

const anyObject: Check = (value) => (value instanceof Map ? anything(value) : wrong(value, 'an object'))

const id = text('an id', (value) => /^[a-z0-9][A-Za-z0-9_.-]{0,79}$/.test(value))
const sku = text('a sku', (value) => /^[a-z0-9][A-Za-z0-9_.-]{0,79}$/.test(value))
const currency = text('three capitals', (value) => /^[A-Z]{3}$/.test(value))
const instant = text('an instant YYYY-MM-DDTHH:MM:SS.mmmZ', (value) => instantOf(value) !== null)
const hash = text('64 lower-case hex digits', (value) => /^[0-9a-f]{64}$/.test(value))
const filled = text('a text that is not empty', (value) => value !== '')
const amount = text('0 or up to 38 digits', (value) => /^(?:0|-?[1-9][0-9]{0,37})$/.test(value))
/** The formula of §3 is for `nanos` ≥ 0 and sums ≥ 0: a rate or a sum below it is wrong by itself. */
const notNegative = text('0 or up to 38 digits', (value) => /^(?:0|[1-9][0-9]{0,37})$/.test(value))
const notZero = text('not 0, up to 38 digits', (value) => /^-?[1-9][0-9]{0,37}$/.test(value))
const trueOrFalse: Check = (value) => (typeof value === 'boolean' ? null : wrong(value, 'true or false'))
/** Any integer that is allowed at all: systems differ in what they call an exit code. */
const integer = integerFrom(Number.MIN_SAFE_INTEGER)
/** A number by the words of bill.md §1, a name (`TERM`) in its third example: decision 0002 takes both. */
const signal: Check = (value) => (typeof value === 'string' ? filled(value) : integer(value))

const rate = object({ sku, unit: oneOf('gpu-hour', 'vcpu-hour', 'gib-hour'), nanos: notNegative })
const priceBook = object({ id, currency, effectiveFrom: instant, rates: listOf(rate), hash })

/** A sku twice in a price book is the book's fault (`price_book`), in `lines` it is the shape's. */
const eachSkuOnce: Check = (value) => {
  const seen = new Set<JsonValue>()
  for (const line of Array.isArray(value) ? value : []) {
    const name = line instanceof Map ? (line.get('sku') ?? null) : null
    if (seen.has(name)) return wrong(name, 'each sku once')
    seen.add(name)
  }
  return null
}

const lines = each(listOf(object({ sku, quantity: integerFrom(1) })), eachSkuOnce)
const empty = object({})

const allocationTypes: ReadonlyMap<string, Check> = new Map([
  ['allocated', object({ for: id, rank: integerFrom(0), project: id, flavor: id, priceBook: id, lines })],
  ['ready', empty],
  ['seen_again', empty],
  ['contact_lost', empty],
  ['stop_accepted', object({ reason: oneOf('customer', 'idle', 'schedule', 'time_limit', 'operator') })],
  ['exited', object({ exitCode: orNull(integer), signal: orNull(signal), outOfMemory: trueOrFalse })],
  ['lease_ended', empty],
  ['fault', object({ evidence: filled })],
  ['released', anyObject],
  ['note', anyObject],
])

const storageTypes: ReadonlyMap<string, Check> = new Map([
  ['created', object({ project: id, sku, sizeGib: integerFrom(1), priceBook: id })],
  ['resized', object({ sizeGib: integerFrom(1) })],
  ['repriced', object({ priceBook: id })],
  ['deleted', empty],
  ['note', anyObject],
])

/** What a resource is shows in its prefix; there are no others. */
const typesOf: ReadonlyMap<string, ReadonlyMap<string, Check>> = new Map([
  ['alo_', allocationTypes],
  ['vol_', storageTypes],
  ['snp_', storageTypes],
])

const eventFrame = object({
  resource: id,
  seq: integerFrom(1),
  type: filled,
  at: instant,
  recordedAt: instant,
  data: (value) => (value instanceof Map ? null : wrong(value, 'an object')),
  prevHash: hash,
  hash,
})

const eventData: Check = (value) => {
  if (!(value instanceof Map)) return wrong(value, 'an object')
  // The frame has been checked, so all three are there and these two are strings.
  const types = typesOf.get(String(value.get('resource')).slice(0, 4))
  if (types === undefined) return wrong(value.get('resource'), 'alo_…, vol_… or snp_…', '.resource')
  const check = types.get(String(value.get('type')))
  if (check === undefined) return wrong(value.get('type'), [...types.keys()].join(' or '), '.type')
  const inner = check(value.get('data') ?? null)
  return inner === null ? null : under('.data', inner)
}

const chargeFrame = object({
  id,
  resource: id,
  sku,
  priceBook: id,
  upTo: instant,
  unitMillisBefore: notNegative,
  unitMillis: notZero,
  nanos: notNegative,
  amount,
  reason: orNull(filled),
})

/** Negative is what takes unit-milliseconds back; its amount may be 0, if the floors leave nothing of it. */
const reasonIfNegative: Check = (value) => {
  if (!(value instanceof Map)) return wrong(value, 'an object')
  const isNegative = String(value.get('unitMillis')).startsWith('-')
  const reason = value.get('reason')
  if (isNegative === (reason !== null)) return null
  return wrong(
    reason,
    isNegative ? 'a reason, since it takes back' : 'null, since it takes nothing back',
    '.reason',
  )
}

const frame = {
  format: oneOf('gpuhour-bill/1'),
  organization: id,
  currency,
  from: instant,
  to: instant,
  priceBooks: listOf(priceBook),
  events: listOf(each(eventFrame, eventData)),
} satisfies Shape

const bill = object({ ...frame, charges: listOf(each(chargeFrame, reasonIfNegative)), total: amount })
const history = object(frame)

/** The first violation of a shape, always `schema`; `isRated` expects neither charges nor total. */
export function differenceInShapes(document: JsonObject, isRated: boolean): Difference | null {
  const found = (isRated ? history : bill)(document)
  if (found === null) return null
  return { kind: 'schema', where: found.path.slice(1), found: found.found, expected: found.expected }
}

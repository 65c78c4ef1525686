/**
 * Makes bundles for the tests beside it: histories written as one line of text, charged by a slow oracle that
 * walks along time tick by tick, and sealed with hashes. Nothing here is shared with the verifier; it stands
 * on `JSON` and on a plain reading of bill.md, so that the two can disagree.
 */

/** JSON as the platform's own parser gives it. */
export type Json = null | boolean | number | string | Json[] | JsonMembers

/** An object in it. */
export interface JsonMembers {
  [name: string]: Json
}

/** One event in ticks; `data` as it will stand. */
interface MadeEvent {
  readonly type: string
  readonly at: number
  readonly recordedAt: number
  readonly data: JsonMembers
}

/** What a bundle is made of. Instants are ticks from the first of March 2026. */
export interface Plan {
  /**
   * Resource → history. Events stand between bars, as `type at`, `type at@recordedAt` or either with
   * arguments: `allocated 0 for=ins_1 rank=0 book=pb_1 gpu*2 cpu*7`, `created 0 pb_1 50`, `resized 9 75`,
   * `repriced 9 pb_2`. A plain `allocated 0` is for an instance of its own, in pb_1, with one gpu.
   */
  readonly histories: Readonly<Record<string, string>>
  readonly from: number
  readonly to: number
  /** Ticks at which everything is settled, besides `from` and `to`. */
  readonly settledAt?: readonly number[]
  /** Default 1000. */
  readonly tickMs?: number
  readonly priceBooks?: readonly JsonMembers[]
}

const epoch = Date.UTC(2026, 2, 1)

/** The instant of a tick as the bill writes it. */
export function instantText(tick: number, tickMs = 1000): string {
  return new Date(epoch + tick * tickMs).toISOString()
}

/** A price book whose rates are `sku nanos` pairs. */
export function madePriceBook(id: string, rates: Readonly<Record<string, string>>): JsonMembers {
  return {
    id,
    currency: 'USD',
    effectiveFrom: '2026-01-01T00:00:00.000Z',
    rates: Object.entries(rates).map(([sku, nanos]) => ({ sku, unit: 'gpu-hour', nanos })),
    hash: '',
  }
}

/** The books that a plan has unless it says otherwise; the rates leave a remainder almost everywhere. */
export const ordinaryBooks: readonly JsonMembers[] = [
  madePriceBook('pb_1', { gpu: '2990000000', cpu: '12345679', volume: '96774' }),
  madePriceBook('pb_2', { gpu: '3490000001', cpu: '20000003', volume: '100003' }),
]

/** Which data an event carries if its history says nothing about it. */
const plainData: Readonly<Record<string, JsonMembers>> = {
  stop_accepted: { reason: 'customer' },
  exited: { exitCode: 0, signal: null, outOfMemory: false },
  fault: { evidence: 'XID 79' },
}

function madeEvents(resource: string, history: string): MadeEvent[] {
  return history.split('|').map((part) => {
    const [type = '', when = '', ...words] = part.trim().split(/\s+/)
    const [at = '', recordedAt = at] = when.split('@')
    const data = dataOf(resource, type, words)
    return { type, at: Number(at), recordedAt: Number(recordedAt), data }
  })
}

function dataOf(resource: string, type: string, words: readonly string[]): JsonMembers {
  const said = Object.fromEntries(words.flatMap((word) => (word.includes('=') ? [word.split('=')] : [])))
  const quantities = words.flatMap((word) => (word.includes('*') ? [word.split('*')] : []))
  switch (type) {
    case 'allocated':
      return {
        for: said['for'] ?? resource.replace('alo_', 'ins_'),
        rank: Number(said['rank'] ?? 0),
        project: 'prj_1',
        flavor: 'v100.1',
        priceBook: said['book'] ?? 'pb_1',
        lines: (quantities.length === 0 ? [['gpu', '1']] : quantities).map(([sku = '', quantity]) => {
          return { sku, quantity: Number(quantity) }
        }),
      }
    case 'created':
      return { project: 'prj_1', sku: 'volume', priceBook: words[0] ?? '', sizeGib: Number(words[1]) }
    case 'resized':
      return { sizeGib: Number(words[0]) }
    case 'repriced':
      return { priceBook: words[0] ?? '' }
    default:
      return plainData[type] ?? {}
  }
}

/** Ticks that are paid before `until` by the events recorded before it: one bitmap for every spell. */
function paidTicks(events: readonly MadeEvent[], until: number): number {
  const spells: Uint8Array[] = []
  let open: Uint8Array | null = null
  let hasBeenReady = false
  let isOver = false
  for (const { type, at } of events.filter(({ recordedAt }) => recordedAt < until)) {
    hasBeenReady ||= type === 'ready'
    if (type === 'ready' || (type === 'seen_again' && hasBeenReady)) {
      if (open !== null || isOver) continue
      open = new Uint8Array(until).fill(1, at)
      spells.push(open)
    }
    const isFinal = ['stop_accepted', 'exited', 'lease_ended', 'fault'].includes(type)
    if (!isFinal && type !== 'contact_lost') continue
    open?.fill(0, at)
    open = null
    isOver ||= isFinal
    for (const spell of spells) if (isFinal || spell[at] === 1) spell.fill(0, at)
  }
  let count = 0
  for (let tick = 0; tick < until; tick += 1) if (spells.some((spell) => spell[tick] === 1)) count += 1
  return count
}

/** GiB-ticks under `book`, looking at every tick for what was the case in it. */
function storedTicks(events: readonly MadeEvent[], book: string, until: number): number {
  const known = events.filter(({ recordedAt }) => recordedAt < until)
  let count = 0
  for (let tick = 0; tick < until; tick += 1) {
    const past = known.filter(({ at, type }) => at <= tick && type !== 'note')
    const isThere = past.length > 0 && past.every(({ type }) => type !== 'deleted')
    const lastBook = past.findLast(({ data }) => 'priceBook' in data)?.data['priceBook']
    if (isThere && lastBook === book)
      count += Number(past.findLast(({ data }) => 'sizeGib' in data)?.data['sizeGib'])
  }
  return count
}

/** One running sum, and its unit-milliseconds before an instant by what was known before it. */
export interface MadeLine {
  readonly resource: string
  readonly sku: string
  readonly priceBook: string
  readonly unitMillis: (until: number) => bigint
}

/** The lines of a plan in byte order, as the oracle sees them by what was known at `to`. */
export function madeLines(plan: Plan): MadeLine[] {
  const tickMs = BigInt(plan.tickMs ?? 1000)
  const lines = Object.entries(plan.histories).flatMap(([resource, history]) => {
    const events = madeEvents(resource, history).filter(({ recordedAt }) => recordedAt < plan.to)
    const books = new Set(
      events.flatMap(({ data }) => (typeof data['priceBook'] === 'string' ? [data['priceBook']] : [])),
    )
    const skus = Array.isArray(events[0]?.data['lines'])
      ? events[0].data['lines']
      : [{ sku: 'volume', quantity: 1 }]
    return skus.flatMap((line) =>
      [...books].map((priceBook): MadeLine => {
        const { sku, quantity } = members(line)
        const ticks = (until: number) =>
          resource.startsWith('alo_') ? paidTicks(events, until) : storedTicks(events, priceBook, until)
        const unitMillis = (until: number) => BigInt(Number(quantity)) * BigInt(ticks(until)) * tickMs
        return { resource, sku: String(sku), priceBook, unitMillis }
      }),
    )
  })
  return lines.sort((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1))
}

function nameOf({ resource, sku, priceBook }: MadeLine): string {
  return `${resource} ${sku} ${priceBook}`
}

/** The object that `json` is; a test that asks for it otherwise is wrong. */
export function members(json: Json | undefined): JsonMembers {
  if (json === null || typeof json !== 'object' || Array.isArray(json)) throw new Error('not an object')
  return json
}

/** The rate that a plan's book has for a sku. */
export function madeRate(plan: Plan, priceBook: string, sku: string): bigint {
  const book = (plan.priceBooks ?? ordinaryBooks).find(({ id }) => id === priceBook)
  const rates = Array.isArray(book?.['rates']) ? book['rates'].map(members) : []
  return BigInt(String(rates.find((rate) => rate['sku'] === sku)?.['nanos']))
}

function madeCharges(plan: Plan): JsonMembers[] {
  const boundaries = [...new Set([...(plan.settledAt ?? []), plan.from, plan.to])]
  const instants = boundaries.filter((tick) => tick <= plan.to).sort((one, other) => one - other)
  return madeLines(plan).flatMap((line) => {
    const { resource, sku, priceBook } = line
    const nanos = madeRate(plan, priceBook, sku)
    const charges: JsonMembers[] = []
    let before = 0n
    for (const tick of instants) {
      const paid = line.unitMillis(tick)
      if (paid === before) continue
      const amount = (nanos * (paid / 1000n)) / 3600n - (nanos * (before / 1000n)) / 3600n
      charges.push({
        id: `chg_${resource}.${sku}.${priceBook}.${tick}`,
        resource,
        sku,
        priceBook,
        upTo: instantText(tick, plan.tickMs),
        unitMillisBefore: String(before),
        unitMillis: String(paid - before),
        nanos: String(nanos),
        amount: String(amount),
        reason: paid < before ? 'late truth' : null,
      })
      before = paid
    }
    return charges
  })
}

/** A whole bundle, charged and sealed; resources and books without need are left out, as bill.md asks. */
export async function madeBundle(plan: Plan): Promise<JsonMembers> {
  const { tickMs } = plan
  const [from, to] = [instantText(plan.from, tickMs), instantText(plan.to, tickMs)]
  const isInPeriod = ({ upTo }: JsonMembers) => from < String(upTo) && String(upTo) <= to
  const allCharges = madeCharges(plan)
  const resources = Object.keys(plan.histories).filter((resource) => {
    const isCharged = allCharges.some((charge) => charge['resource'] === resource && isInPeriod(charge))
    const events = madeEvents(resource, plan.histories[resource] ?? '')
    return isCharged || events.some(({ recordedAt }) => plan.from <= recordedAt && recordedAt < plan.to)
  })
  const events = resources.sort().flatMap((resource) => {
    const known = madeEvents(resource, plan.histories[resource] ?? '').filter(
      ({ recordedAt }) => recordedAt < plan.to,
    )
    return known.map(({ type, at, recordedAt, data }, index): JsonMembers => {
      const instants = { at: instantText(at, tickMs), recordedAt: instantText(recordedAt, tickMs) }
      return {
        resource,
        seq: index + 1,
        type,
        ...instants,
        data: structuredClone(data),
        prevHash: '',
        hash: '',
      }
    })
  })
  const named = new Set(events.map((event) => members(event['data'])['priceBook']))
  const charges = allCharges.filter(({ resource }) => resources.includes(String(resource)))
  const total = charges.filter(isInPeriod).reduce((sum, { amount }) => sum + BigInt(String(amount)), 0n)
  const priceBooks = structuredClone(
    (plan.priceBooks ?? ordinaryBooks).filter(({ id }) => named.has(id ?? null)),
  )
  const frame = { format: 'gpuhour-bill/1', organization: 'org_1', currency: 'USD', from, to }
  return seal({ ...frame, priceBooks, events, charges, total: String(total) })
}

/** Hashes every book and event anew, in place; the events are chained too, unless `isChained` is false. */
export async function seal(bundle: JsonMembers, isChained = true): Promise<JsonMembers> {
  for (const book of objectsIn(bundle['priceBooks'])) book['hash'] = await hashOf(book)
  const last = new Map<Json | undefined, string>()
  for (const event of objectsIn(bundle['events'])) {
    if (isChained) event['prevHash'] = last.get(event['resource']) ?? '0'.repeat(64)
    event['hash'] = await hashOf(event)
    last.set(event['resource'], event['hash'])
  }
  return bundle
}

/** The objects in an array; none, if it is no array. */
export function objectsIn(json: Json | undefined): JsonMembers[] {
  const isObject = (member: Json) => member !== null && typeof member === 'object' && !Array.isArray(member)
  return Array.isArray(json) ? json.filter(isObject).map(members) : []
}

async function hashOf(object: JsonMembers): Promise<string> {
  const { hash: _, ...rest } = object
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(sorted(rest)))
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

function sorted(json: Json): string {
  return JSON.stringify(json, (_, value: Json) => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
    // Names that look like array indexes would come first; no test that is sealed has any.
    return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
  })
}

/*
 * The auditor's own reading of an open bill, from its published format alone (bill.md): nothing of the
 * server, and nothing of the verifier.
 */

/** An event as it stands on the bill. */
export interface BillEvent {
  readonly resource: string
  readonly seq: number
  readonly type: string
  readonly at: number
  readonly recordedAt: number
  readonly data: Readonly<Record<string, unknown>>
}

/** A charge as it stands on the bill. */
export interface BillCharge {
  readonly resource: string
  readonly sku: string
  readonly priceBook: string
  readonly upTo: number
  readonly amount: bigint
}

/** What the auditor reads of a bill. */
export interface Bill {
  readonly organization: string
  readonly from: number
  readonly to: number
  readonly total: bigint
  readonly events: readonly BillEvent[]
  readonly charges: readonly BillCharge[]
  /** Rates by book and SKU. */
  readonly rates: ReadonlyMap<string, ReadonlyMap<string, bigint>>
}

/** The document as JSON gives it; the verifier has checked its shape. */
export interface BillDocument {
  readonly organization: string
  readonly from: string
  readonly to: string
  total: string
  readonly priceBooks: readonly { id: string; rates: readonly { sku: string; nanos: string }[] }[]
  events: Record<string, unknown>[]
  charges: Record<string, string | null>[]
}

/** Reads a bill that the verifier has accepted. */
export function readBill(text: string): Bill {
  // The verifier has checked the shape of all that is read here.
  const document = JSON.parse(text) as BillDocument
  const events = document.events.map((event) => ({
    resource: String(event['resource']),
    seq: Number(event['seq']),
    type: String(event['type']),
    at: Date.parse(String(event['at'])),
    recordedAt: Date.parse(String(event['recordedAt'])),
    // An object by the format.
    data: event['data'] as Record<string, unknown>,
  }))
  const charges = document.charges.map((charge) => ({
    resource: String(charge['resource']),
    sku: String(charge['sku']),
    priceBook: String(charge['priceBook']),
    upTo: Date.parse(String(charge['upTo'])),
    amount: BigInt(String(charge['amount'])),
  }))
  const rates = document.priceBooks.map(({ id, rates: list }) => {
    return [id, new Map(list.map(({ sku, nanos }) => [sku, BigInt(nanos)]))] as const
  })
  const { organization, from, to, total } = document
  return {
    ...{ organization, from: Date.parse(from), to: Date.parse(to), total: BigInt(total) },
    ...{ events, charges, rates: new Map(rates) },
  }
}

/** A stretch of paid time. */
export interface Paid {
  readonly from: number
  readonly to: number
}

const closers = new Set(['stop_accepted', 'exited', 'lease_ended', 'fault'])

/** Does the event close an allocation for good? */
export function isCloser(type: string): boolean {
  return closers.has(type)
}

/**
 * `bill.md` §2: the paid time that follows from the events of an allocation, an open spell running to `now`.
 */
export function paidOf(events: readonly BillEvent[], now: number): readonly Paid[] {
  let paid: Paid[] = []
  let open: number | null = null
  let [wasReady, isOver] = [false, false]
  for (const { type, at } of events) {
    if (type === 'ready') wasReady = true
    if (wasReady && !isOver && open === null && (type === 'ready' || type === 'seen_again')) open = at
    const isFinal = closers.has(type)
    if (!isFinal && type !== 'contact_lost') continue
    if (open !== null) paid.push({ from: open, to: Math.max(open, at) })
    open = null
    isOver ||= isFinal
    paid = paid
      .map((one) => (isFinal || one.from <= at ? { from: one.from, to: Math.min(one.to, at) } : one))
      .filter(({ from, to }) => from < to)
  }
  if (open !== null && now > open) paid.push({ from: open, to: now })
  return paid
}

/** The milliseconds of paid time before an instant. */
export function lengthOf(paid: readonly Paid[], before = Infinity): number {
  return paid.reduce((sum, { from, to }) => sum + Math.max(0, Math.min(to, before) - from), 0)
}

/** GiB-milliseconds by price book, up to an instant. */
export function storedOf(events: readonly BillEvent[], now: number): ReadonlyMap<string, bigint> {
  const sums = new Map<string, bigint>()
  let [gib, book, since] = [0, '', 0]
  const add = (to: number): void => {
    if (book !== '')
      sums.set(book, (sums.get(book) ?? 0n) + BigInt(gib) * BigInt(Math.max(0, Math.min(to, now) - since)))
    since = to
  }
  for (const { type, at, data } of events) {
    if (type === 'note') continue
    add(at)
    if (typeof data['sizeGib'] === 'number') gib = data['sizeGib']
    if (typeof data['priceBook'] === 'string') book = data['priceBook']
    if (type === 'deleted') gib = 0
  }
  add(now)
  return sums
}

/** `bill.md` §3: the one price of unit-milliseconds. */
export function priceOf(nanosPerHour: bigint, unitMillis: bigint): bigint {
  return (nanosPerHour * (unitMillis / 1000n)) / 3600n
}

/** One priced line of an allocation. */
export interface PricedLine {
  readonly sku: string
  readonly quantity: bigint
  readonly nanos: bigint
}

/** The lines of an allocation with their rates, from its first event. */
export function linesOf(bill: Bill, first: BillEvent): readonly PricedLine[] {
  const rates = bill.rates.get(String(first.data['priceBook']))
  // A list of lines by the format.
  const lines = first.data['lines'] as readonly { sku: string; quantity: number }[]
  return lines.map(({ sku, quantity }) => ({ sku, quantity: BigInt(quantity), nanos: rates?.get(sku) ?? 0n }))
}

/** What an allocation costs after so much paid time. */
export function costOf(lines: readonly PricedLine[], millis: number): bigint {
  return lines.reduce((sum, { quantity, nanos }) => sum + priceOf(nanos, quantity * BigInt(millis)), 0n)
}

/** What storage costs up to an instant. */
export function storageCostOf(bill: Bill, events: readonly BillEvent[], now: number): bigint {
  const sku = String(events[0]?.data['sku'])
  let sum = 0n
  for (const [book, gibMillis] of storedOf(events, now))
    sum += priceOf(bill.rates.get(book)?.get(sku) ?? 0n, gibMillis)
  return sum
}

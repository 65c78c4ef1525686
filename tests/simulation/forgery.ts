import { createHash } from 'node:crypto'
import {
  type Bill,
  type BillDocument,
  type BillEvent,
  isCloser,
  lengthOf,
  linesOf,
  paidOf,
  priceOf,
  readBill,
} from './bill.ts'

/*
 * A bill that lies about one instant and is right in everything else: its chain is hashed anew and its
 * charges follow from what it says, so that only somebody with books of his own can tell.
 */

/** An event that begins or ends paid time. */
export interface Bound {
  readonly resource: string
  readonly seq: number
  readonly type: string
}

/** Every event of a bill without which, or with another date of which, other time would be paid. */
export function boundsOf(bill: Bill): readonly Bound[] {
  const bounds: Bound[] = []
  for (const [resource, events] of Map.groupBy(bill.events, (event) => event.resource)) {
    if (!resource.startsWith('alo_')) continue
    const paid = paidOf(events, bill.to)
    for (const { seq, type, at } of events) {
      const isOpener = type === 'ready' || type === 'seen_again'
      const isBound = isOpener
        ? paid.some(({ from }) => from === at)
        : (isCloser(type) || type === 'contact_lost') && paid.some(({ to }) => to === at)
      if (isBound) bounds.push({ resource, seq, type })
    }
  }
  return bounds
}

/** The document with one event's `at` shifted, and everything that follows from that. */
export function shifted(
  text: string,
  bound: Bound,
  ms: number,
): { readonly text: string; readonly difference: bigint } {
  // Made by the platform, and read before.
  const document = JSON.parse(text) as BillDocument
  const { resource, seq } = bound
  const own = document.events.filter((event) => event['resource'] === resource)
  let recordedAt = 0
  let prevHash = '0'.repeat(64)
  for (const event of own) {
    if (event['seq'] === seq) event['at'] = moved(event['at'], ms)
    // An opener of an instance is recorded when it is dated, and nothing is recorded before it is so.
    const late = Math.max(
      Date.parse(String(event['at'])),
      Date.parse(String(event['recordedAt'])),
      recordedAt,
    )
    const isOpenerNow = event['seq'] === seq && event['type'] === 'seen_again'
    recordedAt = isOpenerNow ? Date.parse(String(event['at'])) : late
    event['recordedAt'] = new Date(recordedAt).toISOString()
    event['prevHash'] = prevHash
    prevHash = hashOf(event)
    event['hash'] = prevHash
  }
  const before = BigInt(document.total)
  recharge(document, resource)
  return { text: JSON.stringify(document), difference: BigInt(document.total) - before }
}

function moved(at: unknown, ms: number): string {
  return new Date(Date.parse(String(at)) + ms).toISOString()
}

/** RFC 8785 for what stands on a bill: names in order, numbers whole. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`
}

function hashOf(event: Record<string, unknown>): string {
  const { hash: _, ...rest } = event
  return createHash('sha256').update(canonical(rest)).digest('hex')
}

/**
 * One charge for each line of the resource, at the end of the period: as good as any other way to charge it.
 */
function recharge(document: BillDocument, resource: string): void {
  const bill = readBill(JSON.stringify(document))
  const events = bill.events.filter((event) => event.resource === resource)
  const others = document.charges.filter((charge) => charge['resource'] !== resource)
  document.charges = [...others, ...chargesOf(bill, events, document.to)].sort((a, b) => order(a, b))
  document.total = String(document.charges.reduce((sum, { amount }) => sum + BigInt(amount ?? 0), 0n))
}

function order(a: Record<string, string | null>, b: Record<string, string | null>): number {
  const key = (charge: Record<string, string | null>): string => {
    return `${charge['resource']} ${charge['sku']} ${charge['priceBook']}`
  }
  return key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0
}

function chargesOf(bill: Bill, events: readonly BillEvent[], upTo: string): Record<string, string | null>[] {
  const [first] = events
  if (!first) return []
  const millis = BigInt(lengthOf(paidOf(events, bill.to)))
  if (millis === 0n) return []
  return linesOf(bill, first).map(({ sku, quantity, nanos }, index) => ({
    ...{
      id: `chg_forged${index}`,
      resource: first.resource,
      sku,
      priceBook: String(first.data['priceBook']),
      upTo,
    },
    ...{ unitMillisBefore: '0', unitMillis: String(quantity * millis), nanos: String(nanos) },
    ...{ amount: String(priceOf(nanos, quantity * millis)), reason: null },
  }))
}

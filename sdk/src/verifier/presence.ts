import type { Bill, Charge, UsageEvent } from './bill.ts'
import { priceBookNamedBy } from './bill.ts'
import type { Difference } from './difference.ts'
import { textOfInstant } from './instant.ts'

/**
 * The part of `schema` that one value cannot show: the period, the order of the arrays, unique ids and,
 * unless the history is only rated, that nothing is shown without need (bill.md §1, "What is shown").
 */
export function differenceInPresence(bill: Bill, isRated: boolean): Difference | null {
  if (bill.from >= bill.to) return schema('to', textOfInstant(bill.to), 'an instant after from')
  const inOrder = differenceInOrder(bill)
  if (inOrder !== null || isRated) return inOrder
  return resourceWithoutNeed(bill) ?? priceBookWithoutNeed(bill)
}

/** Whether a charge lies in the period of this bill. */
export function isInPeriod(bill: Bill, charge: Charge): boolean {
  return bill.from < charge.upTo && charge.upTo <= bill.to
}

function schema(where: string, found: string, expected: string): Difference {
  return { kind: 'schema', where, found, expected }
}

/**
 * Two events with the same `seq` are in order, as are two charges of one sum whatever their instants: what is
 * wrong with the former is `sequence`, with the latter `charge`. Two price books of one id are a duplicate.
 */
function differenceInOrder(bill: Bill): Difference | null {
  for (const [index, book] of bill.priceBooks.entries()) {
    const before = bill.priceBooks[index - 1]
    if (before === undefined || before.id < book.id) continue
    return schema(`priceBooks[${index}].id`, book.id, `an id after ${before.id}`)
  }
  for (const [index, event] of bill.events.entries()) {
    const before = bill.events[index - 1]
    if (before === undefined || !isEventBefore(event, before)) continue
    return schema(
      `events[${index}]`,
      `${event.resource} ${event.seq}`,
      `${before.resource} ${before.seq} behind it`,
    )
  }
  const ids = new Set<string>()
  for (const [index, charge] of bill.charges.entries()) {
    const before = bill.charges[index - 1]
    if (before !== undefined && isChargeBefore(charge, before)) {
      return schema(`charges[${index}]`, nameOfSum(charge), `${nameOfSum(before)} behind it`)
    }
    if (ids.has(charge.id)) return schema(`charges[${index}].id`, charge.id, 'an id of its own')
    ids.add(charge.id)
  }
  return null
}

/** All of these are ASCII, so comparing their code units is the byte order that bill.md asks for. */
function isEventBefore(one: UsageEvent, other: UsageEvent): boolean {
  return one.resource === other.resource ? one.seq < other.seq : one.resource < other.resource
}

function isChargeBefore(one: Charge, other: Charge): boolean {
  if (one.resource !== other.resource) return one.resource < other.resource
  if (one.sku !== other.sku) return one.sku < other.sku
  return one.priceBook < other.priceBook
}

function nameOfSum(charge: Charge): string {
  return `${charge.resource} ${charge.sku} ${charge.priceBook}`
}

function resourceWithoutNeed(bill: Bill): Difference | null {
  const needed = new Set<string>()
  for (const charge of bill.charges) if (isInPeriod(bill, charge)) needed.add(charge.resource)
  for (const event of bill.events) {
    if (bill.from <= event.recordedAt && event.recordedAt < bill.to) needed.add(event.resource)
  }
  const idle = 'only resources with a charge or an event in the period'
  for (const [index, { resource }] of bill.events.entries()) {
    if (!needed.has(resource)) return schema(`events[${index}].resource`, resource, idle)
  }
  for (const [index, { resource }] of bill.charges.entries()) {
    if (!needed.has(resource)) return schema(`charges[${index}].resource`, resource, idle)
  }
  return null
}

function priceBookWithoutNeed(bill: Bill): Difference | null {
  const named = new Set(bill.events.map((event) => priceBookNamedBy(event.fact)))
  for (const [index, { id }] of bill.priceBooks.entries()) {
    if (!named.has(id)) return schema(`priceBooks[${index}].id`, id, 'only price books that an event names')
  }
  return null
}

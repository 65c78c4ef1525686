import { closersForGood, type ResourceId, type UsageEvent } from '../journal/rules.ts'
import { type ChargeId, derivedId, type PriceBookId, type TransferId } from '../kernel/ids.ts'
import { type Nanos, nanos } from '../kernel/money.ts'
import { earlier, formatInstant, type Instant, later } from '../kernel/time.ts'
import type { OpenHold } from '../ledger/rules.ts'
import type { Sum } from '../metering/rules.ts'
import { amountOf } from '../pricing/rules.ts'

/** One step of the running sum of a (resource, SKU, price book), in the words of the open bill. */
export interface Charge {
  readonly id: ChargeId
  readonly resource: ResourceId
  readonly sku: string
  readonly priceBook: PriceBookId
  readonly upTo: Instant
  readonly unitMillisBefore: bigint
  readonly unitMillis: bigint
  /** The book's rate. */
  readonly nanos: Nanos
  readonly amount: Nanos
  readonly reason: string | null
}

/** A charge with its place in its sum. */
export interface NewCharge extends Charge {
  readonly seq: number
}

/** How far a running sum has been charged. */
export interface Booked {
  readonly seq: number
  readonly unitMillis: bigint
}

const nothing: Booked = { seq: 0, unitMillis: 0n }

/** Names a running sum. */
export function keyOf(resource: string, sku: string, priceBook: string): string {
  return `${resource} ${sku} ${priceBook}`
}

/** The step from what is booked to what is paid; null where they agree. */
export function chargeOf(
  resource: ResourceId,
  sum: Sum,
  rate: Nanos,
  booked: Booked = nothing,
  upTo: Instant,
  reason: string | null,
): NewCharge | null {
  const unitMillis = sum.unitMillis - booked.unitMillis
  if (unitMillis === 0n) return null
  const seq = booked.seq + 1
  const { sku, priceBook } = sum
  return {
    id: derivedId('charge', resource, sku, priceBook, seq),
    resource,
    sku,
    priceBook,
    seq,
    upTo,
    unitMillisBefore: booked.unitMillis,
    unitMillis,
    nanos: rate,
    amount: nanos(amountOf(rate, sum.unitMillis) - amountOf(rate, booked.unitMillis)),
    reason: unitMillis < 0n ? reason : null,
  }
}

/** Why paid time is given back: the earliest end among what was learned since it was charged. */
export function reasonOf(events: readonly UsageEvent[], chargedTo: Instant | null): string {
  const ends = events.filter(
    ({ type, recordedAt }) =>
      (type === 'contact_lost' || type === 'deleted' || closersForGood.has(type)) &&
      (chargedTo === null || recordedAt >= chargedTo),
  )
  const [first, ...rest] = ends
  if (!first) return 'the record was completed later'
  const end = rest.reduce<UsageEvent>((least, event) => (event.at < least.at ? event : least), first)
  const when = formatInstant(end.at)
  switch (end.type) {
    case 'contact_lost':
      return `not seen after ${when}`
    case 'exited':
      return `ended at ${when}`
    case 'stop_accepted':
      return `stop accepted for ${when}`
    case 'lease_ended':
      return `the money was used up at ${when}`
    case 'fault':
      return `fault since ${when}: ${end.data.evidence}`
    default:
      return `deleted at ${when}`
  }
}

/** A part of a hold that pays a charge, or, with no hold left, what is ours to bear. */
export interface Payment {
  readonly id: TransferId
  readonly hold: TransferId | null
  readonly amount: Nanos
}

/** Pays charges from holds, oldest first; `left` is what the holds still have and is drawn down. */
export function paymentsOf(charges: readonly NewCharge[], left: OpenHold[]): readonly Payment[] {
  const payments: Payment[] = []
  for (const charge of charges) {
    let rest: bigint = charge.amount
    for (const [index, hold] of left.entries()) {
      if (rest <= 0n) break
      const amount = nanos(hold.left < rest ? hold.left : rest)
      if (amount === 0n) continue
      payments.push({ id: derivedId('transfer', charge.id, hold.id), hold: hold.id, amount })
      left[index] = { ...hold, left: nanos(hold.left - amount) }
      rest -= amount
    }
    if (rest > 0n)
      payments.push({ id: derivedId('transfer', charge.id, 'overshoot'), hold: null, amount: nanos(rest) })
  }
  return payments
}

/**
 * Until when an open spell can be proved and is covered, for figures that are shown before they are booked.
 */
export function provableUntil(
  spell: { readonly openSince: Instant; readonly lastSeenAt: Instant | null; readonly until: Instant | null },
  now: Instant,
  silenceMs: number,
): Instant {
  const { openSince, lastSeenAt, until } = spell
  const seen = later(lastSeenAt ?? openSince, openSince)
  const proved = now - seen > silenceMs ? seen : now
  return later(openSince, earlier(proved, until ?? proved))
}

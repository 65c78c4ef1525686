import { monthLater } from '../kernel/calendar.ts'
import type { PriceBookId } from '../kernel/ids.ts'
import type { Nanos } from '../kernel/money.ts'
import { type Instant, later } from '../kernel/time.ts'

/*
 * A rate of storage never changes by itself. When another book comes into force for an organization, and its
 * rate differs, the change is announced for each volume and snapshot, and made a month after that at the
 * soonest, by the event `repriced`. What starts to be stored meanwhile takes the book in force.
 */

/** A book's holding for an organization: since when it is in force for it. */
export interface Holding {
  readonly priceBook: PriceBookId
  readonly from: Instant
  /** What a GiB-hour of the SKU costs by it; null: it lacks the SKU. */
  readonly rate: Nanos | null
}

/** A change that was announced and not yet made. */
export interface Announced {
  readonly priceBook: PriceBookId
  readonly holdsFrom: Instant
  readonly dueAt: Instant
  readonly rate: Nanos
}

/** Something that is stored, as it is paid now. */
export interface Stored {
  readonly priceBook: PriceBookId
  readonly rate: Nanos
  /** Since when its book held: what holds from later on is to follow it. */
  readonly holdsFrom: Instant
}

/**
 * The changes to be announced now: every holding, present or to come, that is later than what the stored
 * thing is paid by, not announced yet, and of another rate than what it would follow. A book that lacks the
 * SKU changes nothing. Due when it holds, and a month from now at the soonest.
 */
export function toAnnounce(
  stored: Stored,
  pending: readonly Announced[],
  holdings: readonly Holding[],
  now: Instant,
  timeZone: string,
): readonly Announced[] {
  const steps = [...pending]
  const found: Announced[] = []
  for (const { priceBook, from, rate } of holdings.toSorted((a, b) => a.from - b.from)) {
    if (rate === null || from <= stored.holdsFrom) continue
    if (pending.some((one) => one.priceBook === priceBook && one.holdsFrom === from)) continue
    const before = steps
      .filter(({ holdsFrom }) => holdsFrom < from)
      .reduce<Announced | null>((last, one) => (!last || one.holdsFrom > last.holdsFrom ? one : last), null)
    if ((before ?? stored).rate === rate) continue
    const step = { priceBook, holdsFrom: from, dueAt: later(from, monthLater(now, timeZone)), rate }
    steps.push(step)
    found.push(step)
  }
  return found
}

/** What becomes of announced changes that are due. */
export interface Decision {
  /** The book to change to; null: the present one stays. */
  readonly priceBook: PriceBookId | null
  readonly applied: Announced | null
  readonly dropped: readonly Announced[]
}

/**
 * Decides the changes that are due, in their order. A change whose book still holds is made. One whose book
 * was followed by another meanwhile is made only where it is cheaper, as it was promised; and none where the
 * stored thing has moved past it. Where several are due (the platform was down), only the last is made.
 */
export function decide(
  stored: Stored,
  due: readonly Announced[],
  inForce: { readonly priceBook: PriceBookId; readonly from: Instant } | null,
): Decision {
  const order = due.toSorted((a, b) => a.dueAt - b.dueAt || a.holdsFrom - b.holdsFrom)
  let present = stored
  let applied: Announced | null = null
  for (const one of order) {
    if (one.holdsFrom <= present.holdsFrom) continue
    const holds = one.priceBook === inForce?.priceBook && one.holdsFrom === inForce.from
    if (!holds && one.rate >= present.rate) continue
    applied = one
    present = one
  }
  return {
    priceBook: applied !== null && applied.priceBook !== stored.priceBook ? applied.priceBook : null,
    applied,
    dropped: order.filter((one) => one !== applied),
  }
}

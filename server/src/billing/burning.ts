import { eventsOfAll } from '../journal/journal.ts'
import type { ResourceId } from '../journal/rules.ts'
import { silenceMs } from '../compute/leases.rules.ts'
import type { AllocationId, OrganizationId, PriceBookId } from '../kernel/ids.ts'
import type { Nanos } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import { booksNamed, storageNow, sumsOf } from '../metering/rules.ts'
import { ratesOfAll } from '../pricing/pricing.ts'
import { amountOf, ratePerHour, type Rates, rateOf } from '../pricing/rules.ts'
import type { Tx } from '../store/store.ts'
import * as rows from './rows.ts'
import { keyOf, provableUntil } from './rules.ts'

/*
 * What runs and is stored has cost since it was last settled, for figures that are shown before they are
 * booked.
 */

/** An allocation that has cost more than is booked of it, or does now; nano-units. */
export interface BurningCompute {
  readonly resource: AllocationId
  readonly unbooked: bigint
  readonly perHour: bigint
}

/** Compute that is paid but not yet booked, and what the open spells cost an hour. */
export async function burningCompute(
  tx: Tx,
  organization: OrganizationId,
  now: Instant,
): Promise<readonly BurningCompute[]> {
  const standings = await rows.selectStandings(tx, organization, now)
  const booked = await bookedOf(
    tx,
    standings.map(({ resource }) => resource),
  )
  const rates = await ratesOfAll(tx, [...new Set(standings.map(({ priceBook }) => priceBook))])
  return standings.map((row) => {
    const { resource, openSince, lines, priceBook } = row
    const own: Rates = rates.get(priceBook) ?? new Map()
    const upTo = openSince === null ? now : provableUntil({ ...row, openSince }, now, silenceMs)
    const millis = row.paidMillis - BigInt(now - upTo)
    let unbooked = 0n
    for (const { sku, quantity } of lines) {
      const rate = rateOf(own, sku).nanos
      const before = booked.get(keyOf(resource, sku, priceBook)) ?? 0n
      unbooked += amountOf(rate, BigInt(quantity) * millis) - amountOf(rate, before)
    }
    return { resource, unbooked, perHour: openSince === null ? 0n : ratePerHour(lines, own) }
  })
}

/** A volume or snapshot that costs, or has cost more than is booked of it. */
export interface Stored {
  readonly resource: ResourceId
  readonly perHour: bigint
  /** What is not booked of it by an instant. */
  unbookedAt(when: Instant): bigint
}

/** What an organization stores. */
export async function stored(tx: Tx, organization: OrganizationId): Promise<readonly Stored[]> {
  const heads = (await rows.selectStorageHeads(tx, organization)).map(({ resource }) => resource)
  const all = await eventsOfAll(tx, heads)
  const booked = await bookedOf(tx, heads)
  const rates = await ratesOfAll(tx, booksNamed(all))
  return heads.map((resource) => {
    const events = all.filter((event) => event.resource === resource)
    const volume = storageNow(events)
    const rateIn = (book: PriceBookId, sku: string): Nanos => rateOf(rates.get(book) ?? new Map(), sku).nanos
    return {
      resource,
      perHour: volume ? rateIn(volume.priceBook, volume.sku) * BigInt(volume.sizeGib) : 0n,
      unbookedAt: (when) =>
        sumsOf(events, when).reduce((sum, { sku, priceBook, unitMillis }) => {
          const before = booked.get(keyOf(resource, sku, priceBook)) ?? 0n
          const rate = rateIn(priceBook, sku)
          return sum + amountOf(rate, unitMillis) - amountOf(rate, before)
        }, 0n),
    }
  })
}

async function bookedOf(
  tx: Tx,
  resources: Parameters<typeof rows.selectBooked>[1],
): Promise<ReadonlyMap<string, bigint>> {
  const booked = await rows.selectBooked(tx, resources)
  return new Map(booked.map((row) => [keyOf(row.resource, row.sku, row.priceBook), row.unitMillis]))
}

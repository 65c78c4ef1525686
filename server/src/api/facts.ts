import * as catalog from '../catalog/catalog.ts'
import type { FlavorShape } from '../catalog/flavors.rules.ts'
import * as compute from '../compute/compute.ts'
import { endsAt } from '../compute/leases.ts'
import type { AllocationId, PriceBookId, SubjectId } from '../kernel/ids.ts'
import type { Currency } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import { spellsOfAll } from '../metering/metering.ts'
import type { Spell } from '../metering/rules.ts'
import * as placement from '../placement/placement.ts'
import { bookInForce, ratesOfAll } from '../pricing/pricing.ts'
import type { PriceBook, Rates } from '../pricing/rules.ts'
import type { Tx } from '../store/store.ts'
import type { OrganizationRow } from '../tenancy/tenancy.ts'

/** What every view of an organization's things needs, read once. */
export interface PlaceFacts {
  readonly now: Instant
  readonly currency: Currency
  /** What a start would be charged by; null before the first book. */
  readonly book: PriceBook | null
  readonly flavors: ReadonlyMap<string, FlavorShape>
  readonly nodeNames: ReadonlyMap<string, string>
}

/** What a view of one instance or run needs beside its row. */
export interface SubjectFacts {
  readonly request: placement.RequestRow | null
  readonly requestedAt: Instant | null
  readonly build: catalog.BuildRow | null
  /** Oldest first. */
  readonly allocations: readonly placement.AllocationRow[]
  readonly spells: ReadonlyMap<AllocationId, readonly Spell[]>
  readonly rates: ReadonlyMap<PriceBookId, Rates>
  readonly leaseUntil: Instant | null
}

/** Reads what every view of the organization's things needs. */
export async function placeFacts(
  tx: Tx,
  organization: Pick<OrganizationRow, 'currency'>,
): Promise<PlaceFacts> {
  const now = await tx.now()
  const { currency } = organization
  const flavors = await catalog.flavors(tx)
  const nodes = await placement.allNodes(tx)
  return {
    now,
    currency,
    book: await bookInForce(tx, currency, now),
    flavors: new Map(flavors.map((flavor) => [flavor.id, flavor])),
    nodeNames: new Map(nodes.map(({ id, name }) => [id, name])),
  }
}

interface SubjectRow {
  readonly id: SubjectId
  readonly state: string
  readonly image: string
  readonly version: string
}

/** Reads what a view of the subject needs. */
export async function subjectFacts(tx: Tx, row: SubjectRow): Promise<SubjectFacts> {
  const { id, state, image, version } = row
  const request = state === 'queued' ? await placement.requestOf(tx, id) : null
  const isBuilding = request?.reason === 'image_building'
  const builds = isBuilding ? await catalog.builds(tx) : []
  const allocations = await placement.allocationsOf(tx, id)
  const live = allocations.find(({ releasedAt }) => releasedAt === null)
  return {
    request,
    requestedAt: request?.requestedAt ?? (await askedAt(tx, id)),
    build: builds.findLast((build) => build.image === image && build.version === version) ?? null,
    allocations,
    spells: await spellsOfAll(
      tx,
      allocations.map((allocation) => allocation.id),
    ),
    rates: await ratesOfAll(tx, [...new Set(allocations.map(({ priceBook }) => priceBook))]),
    leaseUntil: live ? await endsAt(tx, live.lease) : null,
  }
}

/** More changes than any subject has between two starts; older ones do not matter here. */
const historyMax = 1000

/** When it last began to wait for devices. */
async function askedAt(tx: Tx, subject: SubjectId): Promise<Instant | null> {
  const events = await compute.eventsOf(tx, subject, 0n, historyMax)
  return (
    events.findLast(({ toState, fromState }) => toState === 'queued' && fromState !== 'queued')?.at ?? null
  )
}

import * as catalog from '../catalog/catalog.ts'
import type { FlavorShape } from '../catalog/flavors.rules.ts'
import * as compute from '../compute/compute.ts'
import { endsOf } from '../compute/leases.ts'
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
  /** Of these allocations, and maybe of others. */
  readonly spells: ReadonlyMap<AllocationId, readonly Spell[]>
  readonly rates: ReadonlyMap<PriceBookId, Rates>
  readonly leaseUntil: Instant | null
}

/** Reads what every view of the organization's things needs. */
export async function placeFacts(
  tx: Tx,
  organization: Pick<OrganizationRow, 'id' | 'currency'>,
): Promise<PlaceFacts> {
  const now = await tx.now()
  const { id, currency } = organization
  const flavors = await catalog.flavors(tx)
  const nodes = await placement.allNodes(tx)
  return {
    now,
    currency,
    book: await bookInForce(tx, { organization: id, currency }, now),
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

/**
 * Reads what the views of the subjects need, in the same few queries for one and for a whole page; answers
 * with what gives those of one of them.
 */
export async function subjectFacts(
  tx: Tx,
  rows: readonly SubjectRow[],
): Promise<(row: SubjectRow) => SubjectFacts> {
  const subjects = rows.map(({ id }) => id)
  const queued = rows.filter(({ state }) => state === 'queued').map(({ id }) => id)
  const requests = new Map((await placement.requestsOf(tx, queued)).map((row) => [row.subject, row]))
  const isBuilding = [...requests.values()].some(({ reason }) => reason === 'image_building')
  const builds = isBuilding ? await catalog.builds(tx) : []
  const all = await placement.allocationsOf(tx, subjects)
  const allocations = Map.groupBy(all, ({ subject }) => subject)
  const live = all.filter(({ releasedAt }) => releasedAt === null)
  const askedAt = await compute.askedAtOf(tx, subjects)
  const ends = await endsOf(
    tx,
    live.map(({ lease }) => lease),
  )
  const spells = await spellsOfAll(
    tx,
    all.map(({ id }) => id),
  )
  const rates = await ratesOfAll(tx, [...new Set(all.map(({ priceBook }) => priceBook))])
  return ({ id, image, version }) => {
    const request = requests.get(id) ?? null
    const lease = live.find(({ subject }) => subject === id)?.lease
    const isBuilt = request?.reason !== 'image_building'
    const build = builds.findLast((one) => one.image === image && one.version === version)
    return {
      request,
      requestedAt: request?.requestedAt ?? askedAt.get(id) ?? null,
      build: isBuilt ? null : (build ?? null),
      allocations: allocations.get(id) ?? [],
      spells,
      rates,
      leaseUntil: lease === undefined ? null : (ends.get(lease) ?? null),
    }
  }
}

import type { Image, ImageVersion, Offer, Proof } from '@gpuhour/sdk/contract'
import * as catalog from '../catalog/catalog.ts'
import { type FlavorShape, poolOf } from '../catalog/flavors.rules.ts'
import { compatibility, type ImageNeeds } from '../catalog/rules.ts'
import * as placement from '../placement/placement.ts'
import type { Room } from '../placement/rules.ts'
import { linesOf } from '../pricing/flavors.rules.ts'
import { ratePerHour } from '../pricing/rules.ts'
import type { Tx } from '../store/store.ts'
import { projectFor, require } from './access.ts'
import { type Handlers, ok } from './calls.ts'
import type { PlaceFacts } from './facts.ts'
import { placeOf } from './instances.ts'
import { pageOfAll } from './pages.rules.ts'
import type { ApiParts } from './parts.ts'
import { buildView, ratesInForce, shown, volumeRate } from './views.rules.ts'

function needsView(needs: ImageNeeds): ImageVersion['needs'] {
  return { gpuDriver: needs.minimalDriver, cuda: needs.cudaRuntime, diskGib: needs.diskGib }
}

function proofView({ name, ok: passed, durationMs, detail, gpu, driver, at }: catalog.ProofRow): Proof {
  const facts: Record<string, unknown> =
    detail !== null && typeof detail === 'object' ? { ...detail } : { detail }
  const skipped = facts['skipped'] === true
  return { name, ok: passed && !skipped, skipped, durationMs, detail: facts, gpu, driver, at: shown(at) }
}

function versionView(
  row: catalog.ImageVersionRow,
  proofs: readonly catalog.ProofRow[],
  build: catalog.BuildRow | undefined,
): ImageVersion {
  const { image, version, digest } = row
  const isUnderWay = build && build.state !== 'done' && build.recipe !== row.recipe
  return {
    reference: `${image}:${version}`,
    version,
    digest,
    sizeBytes: Number(row.sizeBytes),
    isOffered: true,
    offeredAt: shown(row.offeredAt),
    needs: needsView(row.needs),
    proofs: proofs.filter((proof) => proof.digest === digest).map(proofView),
    build: isUnderWay ? buildView(build) : null,
  }
}

/** A version that has no digest yet: its first build is under way, or failed. */
function comingView(build: catalog.BuildRow): ImageVersion {
  const { image, version } = build
  return {
    reference: `${image}:${version}`,
    version,
    digest: null,
    sizeBytes: null,
    isOffered: false,
    offeredAt: null,
    needs: { gpuDriver: null, cuda: null, diskGib: 0 },
    proofs: [],
    build: buildView(build),
  }
}

async function imageViews(tx: Tx): Promise<readonly Image[]> {
  const images = await catalog.images(tx)
  const versions = (await catalog.versions(tx)).filter(({ withdrawnAt }) => withdrawnAt === null)
  const builds = await catalog.builds(tx)
  const proofs = await catalog.proofs(tx)
  const newest = (image: string, version: string): catalog.BuildRow | undefined =>
    builds.findLast((build) => build.image === image && build.version === version)
  return images.map(({ id, title, description, publisher, licences }) => {
    const offered = versions.filter(({ image }) => image === id)
    const names = new Set(builds.filter(({ image }) => image === id).map(({ version }) => version))
    for (const { version } of offered) names.delete(version)
    const coming = [...names].map((version) => newest(id, version)).filter((build) => build !== undefined)
    return {
      name: id,
      title: { ...title },
      description: { ...description },
      publisher,
      licences: [...licences],
      versions: [
        ...offered.map((row) => versionView(row, proofs, newest(id, row.version))),
        ...coming.map(comingView),
      ],
    }
  })
}

/** Does an image run on any node that could carry the flavor? */
function fitsView(
  flavor: FlavorShape,
  needs: ImageNeeds | null,
  nodes: readonly placement.NodeRow[],
): Offer['fits'] {
  if (!needs) return { allowed: true, why: null }
  const verdicts = nodes.map((node) => compatibility(needs, node))
  const refused = verdicts.find(({ runs }) => !runs)
  if (verdicts.some(({ runs }) => runs) || !refused || refused.runs) return { allowed: true, why: null }
  return {
    allowed: false,
    why:
      refused.why === 'needs_driver'
        ? `Needs the NVIDIA driver ${refused.minimalDriver} or newer for ${flavor.id}.`
        : `Needs ${refused.diskGib} GiB of disk on the node.`,
  }
}

/** Null where the book in force lacks a rate that it needs: then it is not offered. */
function offerView(place: PlaceFacts, flavor: FlavorShape, room: OfferRoom): Offer | null {
  const rates = ratesInForce(place)
  const { gpuModel, gpuCount } = flavor
  const lines = linesOf(flavor, room.image, rates)
  if (!lines) return null
  return {
    flavor: flavor.id,
    cpus: flavor.cpus,
    memoryGib: flavor.memoryGib,
    diskGib: flavor.diskGib,
    gpu: gpuModel === null ? null : { model: gpuModel, count: gpuCount },
    currency: place.currency,
    nanosPerHour: String(ratePerHour(lines, rates)),
    lines: lines.map(({ sku, quantity }) => ({
      sku,
      quantity,
      nanosPerUnitHour: String(rates.get(sku)?.nanos ?? 0n),
    })),
    freeNow: room.fullPools.has(poolOf(flavor)) ? 0 : placement.timesItFits(room.free, flavor),
    capacity: placement.timesItFits(room.empty, flavor),
    fits: fitsView(flavor, room.needs, room.nodes),
  }
}

/** Pools in which somebody waits for room: who comes now stands behind them, whatever is free. */
async function fullPoolsOf(tx: Tx, place: PlaceFacts): Promise<ReadonlySet<string>> {
  const waiting = (await placement.requests(tx)).filter(({ reason }) => reason === 'capacity')
  return new Set(
    waiting.flatMap(({ flavor }) => {
      const shape = place.flavors.get(flavor)
      return shape ? [poolOf(shape)] : []
    }),
  )
}

interface OfferRoom {
  readonly fullPools: ReadonlySet<string>
  readonly free: readonly Room[]
  readonly empty: readonly Room[]
  readonly nodes: readonly placement.NodeRow[]
  /** The image that is asked about; null: none, and none of its surcharge. */
  readonly image: string | null
  readonly needs: ImageNeeds | null
}

async function imageOf(tx: Tx, reference: string | undefined): Promise<Pick<OfferRoom, 'image' | 'needs'>> {
  if (reference === undefined) return { image: null, needs: null }
  const { image, version } = await catalog.resolveImage(tx, reference)
  return { image, needs: (await catalog.offered(tx, image, version))?.needs ?? null }
}

/** Images, builds and what can be had for how much. */
export function offerHandlers({
  store,
}: ApiParts): Pick<Handlers, 'listImages' | 'listBuilds' | 'listOffers'> {
  return {
    listImages: async ({ principal, query }) => {
      require(principal, 'read', { kind: 'platform' }, 'catalog', '')
      return ok(
        pageOfAll(
          await store.read(imageViews),
          query,
          ({ name }) => name,
          (view) => view,
        ),
      )
    },

    listBuilds: async ({ principal, query }) => {
      require(principal, 'read', { kind: 'platform' }, 'catalog', '')
      const builds = await store.read((tx) => catalog.builds(tx))
      return ok(pageOfAll(builds.toReversed(), query, ({ id }) => id, buildView))
    },

    listOffers: async ({ principal, params, query }) =>
      ok(
        await store.read(async (tx) => {
          const place = await placeOf(tx, await projectFor(tx, principal, 'read', params.project))
          const nodes = await placement.allNodes(tx)
          const room = {
            nodes,
            fullPools: await fullPoolsOf(tx, place),
            free: await placement.roomsFree(tx, false),
            empty: await placement.roomsEmpty(tx),
            ...(await imageOf(tx, query.image)),
          }
          const items = [...place.flavors.values()].flatMap((flavor) => offerView(place, flavor, room) ?? [])
          return {
            currency: place.currency,
            priceBook: place.book?.id ?? '',
            volumeNanosPerGibHour: String(volumeRate(place)),
            items,
          }
        }),
      ),
  }
}

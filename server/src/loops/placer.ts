import { purses, settleForHold, whyNotPaid } from '../billing/billing.ts'
import * as catalog from '../catalog/catalog.ts'
import { poolOf } from '../catalog/flavors.rules.ts'
import { compatibility } from '../catalog/rules.ts'
import { invariant } from '../kernel/errors.ts'
import { asId } from '../kernel/ids.ts'
import { formatAmount } from '../kernel/money.ts'
import * as placement from '../placement/placement.ts'
import type { WaitReason } from '../placement/rules.ts'
import { linesOf } from '../pricing/flavors.rules.ts'
import * as pricing from '../pricing/pricing.ts'
import { bySku } from '../pricing/rules.ts'
import * as storage from '../storage/storage.ts'
import type { Store, Tx } from '../store/store.ts'
import { type Loop, type PassReport, Troubles } from './loop.ts'
import { currencyOf, homeOf, lockWaiting, refuse } from './subjects.ts'

/** What became of one request. */
export type Placed =
  | { readonly kind: 'placed' }
  | { readonly kind: 'waits'; readonly reason: WaitReason }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'gone' }

/** A request that fails in so many passes one after the other keeps nobody behind it any more. */
const failuresMax = 3

/** Gives devices to what waits for them, strictly first come, first served. */
export function makePlacer(store: Store): Loop {
  const failures = new Map<string, number>()
  return {
    name: 'placer',
    everyMs: 2000,
    async pass(signal): Promise<PassReport> {
      const waiting = await store.read((tx) => placement.requests(tx))
      const counts = { placed: 0, waiting: 0, refused: 0 }
      const pools = new Map(
        (await store.read((tx) => catalog.flavors(tx))).map((flavor) => [flavor.id, poolOf(flavor)]),
      )
      const fullPools = new Set<string>()
      const troubles = new Troubles()
      const tryOne = async (request: placement.RequestRow, pool: string): Promise<void> => {
        const result: Placed = fullPools.has(pool)
          ? await store.transact((tx) => behind(tx, request))
          : await store.transact((tx) => place(tx, request))
        if (result.kind === 'placed') counts.placed += 1
        if (result.kind === 'refused') {
          counts.refused += 1
          await store.transact((tx) => refuse(tx, request.subject, result.why))
        }
        if (result.kind === 'waits') {
          // Only one that could go if there were room keeps the others behind it.
          if (result.reason === 'capacity') fullPools.add(pool)
          const position = result.reason === 'capacity' ? (counts.waiting += 1) : null
          await store.transact((tx) => explain(tx, request, result.reason, position))
        }
      }
      for (const request of waiting) {
        signal.throwIfAborted()
        const { subject, flavor } = request
        const pool = pools.get(flavor) ?? 'cpu'
        const isDone = await troubles.spare(() => tryOne(request, pool))
        const failed = isDone ? 0 : (failures.get(subject) ?? 0) + 1
        if (failed > 0 && failed < failuresMax) fullPools.add(pool)
        if (failed > 0) failures.set(subject, failed)
        else failures.delete(subject)
      }
      for (const subject of failures.keys())
        if (!waiting.some((request) => request.subject === subject)) failures.delete(subject)
      troubles.report('placing failed')
      return counts
    },
  }
}

async function explain(
  tx: Tx,
  request: placement.RequestRow,
  reason: WaitReason,
  position: number | null,
): Promise<void> {
  const isNews = await placement.explainRequest(tx, request.subject, reason, position)
  if (isNews) await tx.notify('compute', request.subject)
}

/** Whether something other than room keeps a request from going. */
async function obstacle(tx: Tx, request: placement.RequestRow): Promise<Placed | null> {
  const { image, version, notBefore } = request
  const version_ = await catalog.offered(tx, image, version)
  if (!version_) {
    const build = (await catalog.builds(tx)).findLast((one) => one.image === image && one.version === version)
    if (!build) return { kind: 'refused', why: `the image ${image}:${version} is no longer offered` }
    if (build.state === 'failed')
      return {
        kind: 'refused',
        why: `the image ${image}:${version} could not be built: ${build.error ?? 'see the log'}`,
      }
    return { kind: 'waits', reason: 'image_building' }
  }
  if (notBefore !== null && notBefore > (await tx.now())) return { kind: 'waits', reason: 'backing_off' }
  return null
}

/** One that stands behind a full pool: it is only told why it waits. */
async function behind(tx: Tx, request: placement.RequestRow): Promise<Placed> {
  return (await obstacle(tx, request)) ?? { kind: 'waits', reason: 'capacity' }
}

/** Tries to place one request, in one transaction; exported for the races that the tests hold. */
export async function place(tx: Tx, request: placement.RequestRow): Promise<Placed> {
  const allocate = await lockWaiting(tx, request.subject)
  if (!allocate) {
    await placement.deleteRequest(tx, request.subject)
    return { kind: 'gone' }
  }
  const inTheWay = await obstacle(tx, request)
  if (inTheWay) return inTheWay
  const flavor = await catalog.flavor(tx, request.flavor)
  const version = await catalog.offered(tx, request.image, request.version)
  if (!flavor || !version)
    return { kind: 'refused', why: `the flavor ${request.flavor} is no longer offered` }
  const home = await homeOf(tx, request.subject)
  // Volumes are locked before money is: whoever records a volume does it in that order.
  const volume = home ? await storage.lockVolume(tx, asId('volume', home)) : null
  if (home && (!volume || volume.deletedAt !== null))
    return { kind: 'refused', why: 'its volume was deleted' }
  const isMounted = volume?.attachedTo !== null && volume?.attachedTo !== undefined
  if (isMounted && volume.attachedTo !== request.subject) return { kind: 'waits', reason: 'volume_in_use' }
  const pinned = volume?.node ?? null
  const choice = await placement.findRoom(tx, flavor, pinned)
  if (!choice) {
    const isPossible = await placement.couldFit(tx, flavor, pinned)
    return { kind: 'waits', reason: isPossible ? 'capacity' : 'no_node' }
  }
  const node = (await placement.allNodes(tx)).find(({ id }) => id === choice.node)
  const fits = node ? compatibility(version.needs, node) : { runs: true as const }
  if (!fits.runs && flavor.gpuCount > 0)
    return { kind: 'refused', why: `the image does not run here: ${fits.why}` }
  await settleForHold(tx, request.organization)
  const currency = await currencyOf(tx, request.organization)
  const book = await pricing.bookInForce(tx, { organization: request.organization, currency }, await tx.now())
  if (!book) return { kind: 'refused', why: `there is no price book in ${currency} yet` }
  const lines = linesOf(flavor, version.image, bySku(book.rates))
  if (!lines) return { kind: 'refused', why: `the flavor ${flavor.id} has no rate in ${currency}` }
  const allowed = await purses(tx, request.organization)
  const asked = { choice, flavor, lines, imageVersion: version.id, book: book.id, purses: allowed }
  const given = await allocate(asked)
  if (!given.ok) {
    const why = (await whyNotPaid(tx, given.purse)) ?? unpaid(given.shortfall, currency)
    return { kind: 'refused', why }
  }
  if (volume) {
    const isAttached = await storage.attach(tx, volume.id, request.subject)
    invariant(isAttached, 'a volume that was looked at under its lock can be mounted', { volume: volume.id })
  }
  return { kind: 'placed' }
}

function unpaid(shortfall: bigint, currency: string): string {
  return `insufficient_funds: ${formatAmount(shortfall)} ${currency} are missing for the first minute`
}

import { AppError, invariant, notFound } from '../kernel/errors.ts'
import type { InstanceId, NodeId, OrganizationId, ProjectId, VolumeId } from '../kernel/ids.ts'
import { record } from '../metering/metering.ts'
import { allNodes } from '../placement/placement.ts'
import { bookInForce } from '../pricing/pricing.ts'
import type { Tx } from '../store/store.ts'
import * as rows from './rows.ts'
import { checkSize } from './rules.ts'

export type { VolumeRow } from './rows.ts'
export {
  attach,
  detach,
  dueVolumes,
  lockAttached,
  lockVolume,
  markPurged,
  volume,
  volumeByName,
  volumesById,
  volumesOf,
} from './rows.ts'

/** What a volume is priced as. */
export const volumeSku = 'volume'

/** A volume to be asked for. */
export interface NewVolume {
  readonly id: VolumeId
  readonly organization: OrganizationId
  readonly project: ProjectId
  readonly name: string
  readonly sizeGib: number
  /** The instance whose home it is. */
  readonly homeOf: InstanceId | null
}

/**
 * Asks for a volume. The same again answers what is there; other facts under the same id or name are a
 * conflict.
 */
export async function request(tx: Tx, fresh: NewVolume): Promise<rows.VolumeRow> {
  checkSize(fresh.sizeGib, null)
  const there = (await rows.volume(tx, fresh.id)) ?? (await rows.volumeByName(tx, fresh.project, fresh.name))
  if (there) {
    const isSame = there.id === fresh.id && there.name === fresh.name && there.sizeGib === fresh.sizeGib
    if (isSame && there.project === fresh.project) return there
    throw new AppError(
      'conflict',
      `A volume "${fresh.name}" exists already. Choose another name.`,
      undefined,
      [{ pointer: there.id === fresh.id ? '/id' : '/name', message: 'is taken' }],
    )
  }
  await requireRoom(tx, fresh.sizeGib)
  const requestedAt = await tx.now()
  await rows.insertVolume(tx, { ...fresh, requestedAt })
  await tx.notify('compute')
  return {
    ...fresh,
    attachedTo: null,
    node: null,
    path: null,
    requestedAt,
    createdAt: null,
    deletedAt: null,
    purgedAt: null,
  }
}

/** Refuses what no node's disk could hold: it would be paid and never be there. */
async function requireRoom(tx: Tx, sizeGib: number): Promise<void> {
  const disks = (await allNodes(tx)).map(({ diskGib }) => diskGib)
  const largest = Math.max(...disks)
  if (disks.length === 0 || sizeGib <= largest) return
  throw new AppError(
    'invalid_request',
    `The largest disk here has ${largest} GiB. Ask for less.`,
    undefined,
    [{ pointer: '/sizeGib', message: `must be at most ${largest}` }],
  )
}

/** The storage reports it made: from now on it is paid. Harmless to repeat. */
export async function reportCreated(
  tx: Tx,
  id: VolumeId,
  node: NodeId,
  path: string,
  currency: 'USD' | 'EUR',
): Promise<void> {
  const volume = await rows.lockVolume(tx, id)
  if (!volume || volume.createdAt !== null) return
  const now = await tx.now()
  await rows.markCreated(tx, id, node, path, now)
  if (volume.deletedAt !== null) return
  const book = await bookInForce(tx, { organization: volume.organization, currency }, now)
  invariant(book, 'storage is made only where a price book is in force', { currency })
  const { project, sizeGib } = volume
  await record(tx, id, volume.organization, [
    { type: 'created', at: 'now', data: { project, sku: volumeSku, sizeGib, priceBook: book.id } },
  ])
}

/** Grows a volume. */
export async function resize(tx: Tx, id: VolumeId, sizeGib: number): Promise<void> {
  const volume = await rows.lockVolume(tx, id)
  if (!volume || volume.deletedAt !== null) throw notFound('volume', id)
  checkSize(sizeGib, volume.sizeGib)
  if (sizeGib === volume.sizeGib) return
  await requireRoom(tx, sizeGib)
  await rows.setSize(tx, id, sizeGib)
  if (volume.createdAt !== null)
    await record(tx, id, volume.organization, [{ type: 'resized', at: 'now', data: { sizeGib } }])
}

/**
 * Accepts a volume's deletion: free from now on. Refused while something has it mounted, unless its owner is
 * deleted.
 */
export async function remove(tx: Tx, id: VolumeId, withInstance: boolean): Promise<void> {
  const volume = await rows.lockVolume(tx, id)
  if (!volume) throw notFound('volume', id)
  if (volume.deletedAt !== null) return
  if (!withInstance && volume.homeOf !== null)
    throw new AppError(
      'invalid_state',
      `The volume is the home of ${volume.homeOf}. Delete that instance instead.`,
    )
  if (!withInstance && volume.attachedTo !== null)
    throw new AppError('invalid_state', `The volume is in use by ${volume.attachedTo}. Stop that first.`)
  await rows.markDeleted(tx, id, await tx.now())
  if (volume.createdAt !== null)
    await record(tx, id, volume.organization, [{ type: 'deleted', at: 'now', data: {} }])
  await tx.notify('compute')
}

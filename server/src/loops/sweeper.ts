import { costOf } from '../billing/billing.ts'
import * as compute from '../compute/compute.ts'
import * as jobs from '../jobs/jobs.ts'
import { limitReachedAt } from '../jobs/rules.ts'
import { messageOf } from '../kernel/errors.ts'
import { spellsOfAll } from '../metering/metering.ts'
import * as placement from '../placement/placement.ts'
import type { VolumePool } from '../runtime/volumes.ts'
import * as storage from '../storage/storage.ts'
import type { Store } from '../store/store.ts'
import type { Loop, PassReport } from './loop.ts'
import { endDebts } from './overdue.ts'
import { currencyOf } from './subjects.ts'

/** What the sweeper works with. */
export interface SweeperParts {
  readonly store: Store
  readonly driverName: string
  readonly pool: VolumePool
  readonly onTrouble: (subject: string, what: string, error: unknown) => void
}

/** Makes and purges volumes, finishes deletions, ends runs at their limit, and debts after their grace. */
export function makeSweeper(parts: SweeperParts): Loop {
  return {
    name: 'sweeper',
    everyMs: 5000,
    async pass(signal): Promise<PassReport> {
      const counts = { made: 0, purged: 0, deleted: 0, timedOut: 0, removed: 0, writtenOff: 0 }
      const due = await parts.store.read((tx) => storage.dueVolumes(tx))
      for (const volume of due) {
        signal.throwIfAborted()
        try {
          if (volume.deletedAt !== null) counts.purged += await purge(parts, volume, signal)
          else counts.made += await make(parts, volume, signal)
        } catch (error) {
          parts.onTrouble(volume.id, `sweeping a volume: ${messageOf(error)}`, error)
        }
      }
      counts.deleted = await finishDeletions(parts.store)
      counts.timedOut = await endOverdue(parts.store)
      return { ...counts, ...(await endDebts(parts, signal)) }
    },
  }
}

async function make(parts: SweeperParts, volume: storage.VolumeRow, signal: AbortSignal): Promise<number> {
  // A home is made when its instance is first prepared, on the node that was chosen for it.
  if (volume.homeOf !== null) return 0
  const nodes = await parts.store.read((tx) => placement.nodesOf(tx, parts.driverName))
  const node = nodes.find(({ status }) => status === 'ready')
  if (!node) return 0
  const path = await parts.pool.create(volume.id, volume.sizeGib, signal)
  await parts.store.transact(async (tx) => {
    const currency = await currencyOf(tx, volume.organization)
    await storage.reportCreated(tx, volume.id, node.id, path, currency)
  })
  return 1
}

async function purge(parts: SweeperParts, volume: storage.VolumeRow, signal: AbortSignal): Promise<number> {
  const nodes = await parts.store.read((tx) => placement.nodesOf(tx, parts.driverName))
  // It is gone once it was removed, and a machine that is off removes nothing.
  if (nodes.some(({ id, status }) => id === volume.node && status === 'fenced')) return 0
  await parts.pool.remove(volume.id, signal)
  await parts.store.transact(async (tx) => storage.markPurged(tx, volume.id, await tx.now()))
  return 1
}

/** An instance whose home is gone is deleted. */
async function finishDeletions(store: Store): Promise<number> {
  const deleting = await store.read((tx) => compute.deletingInstances(tx))
  let count = 0
  for (const { id, home } of deleting) {
    const volume = await store.read((tx) => storage.volume(tx, home))
    if (volume !== null && volume.purgedAt === null) continue
    await store.transact((tx) => compute.purged(tx, id))
    count += 1
  }
  return count
}

/** A run's limit is on its paid time: what is in doubt does not count against it. */
async function endOverdue(store: Store): Promise<number> {
  const limited = await store.read((tx) => jobs.limitedRuns(tx))
  let count = 0
  for (const { id, allocation, timeLimitMs } of limited) {
    if (!allocation || timeLimitMs === null) continue
    const ended = await store.transact(async (tx) => {
      // The lock comes first: a silence that is being written may take back the time that is counted here.
      const run = await jobs.runLifecycle.lock(tx, id)
      if (run?.allocation !== allocation) return 0
      const { paidMillis } = await costOf(tx, [allocation])
      if (paidMillis < timeLimitMs) return 0
      const spells = await spellsOfAll(tx, [allocation])
      const reachedAt = limitReachedAt(spells.get(allocation) ?? [], timeLimitMs)
      if (reachedAt === null) return 0
      await jobs.cancel(tx, id, 'sweeper', 'time_limit', reachedAt)
      return 1
    })
    count += ended
  }
  return count
}

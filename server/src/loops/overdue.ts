import { endDebt } from '../billing/billing.ts'
import * as compute from '../compute/compute.ts'
import type { OrganizationId } from '../kernel/ids.ts'
import { messageOf } from '../kernel/errors.ts'
import { isOverdue, organizationsOverdue } from '../ledger/debts.ts'
import * as storage from '../storage/storage.ts'
import type { Store, Tx } from '../store/store.ts'
import * as tenancy from '../tenancy/tenancy.ts'

/** So many instances of a project are deleted in one pass; the next goes on. */
const instancesAtOnce = 100

/** Somebody paid while we were about to delete: nothing of it is done. */
class PaidMeanwhile extends Error {}

/** What ends debts works with. */
export interface OverdueParts {
  readonly store: Store
  readonly onTrouble: (subject: string, what: string, error: unknown) => void
}

/** What was done about debts. */
export interface Ended {
  readonly removed: number
  readonly writtenOff: number
}

/**
 * Deletes what organizations store that have owed for longer than the grace, as they were told; once nothing
 * is stored, what they owe is written off (`money.md` §3.7).
 */
export async function endDebts({ store, onTrouble }: OverdueParts, signal: AbortSignal): Promise<Ended> {
  const ended = { removed: 0, writtenOff: 0 }
  const overdue = await store.read(async (tx) => organizationsOverdue(tx, await tx.now()))
  for (const organization of overdue) {
    try {
      const { instances, volumes } = await store.read((tx) => storedBy(tx, organization))
      const removals = [
        ...instances.map((id) => (tx: Tx) => compute.remove(tx, id, 'sweeper')),
        ...volumes.map((id) => (tx: Tx) => storage.remove(tx, id, false)),
      ]
      for (const remove of removals) {
        signal.throwIfAborted()
        ended.removed += await removeUnlessPaid(store, organization, remove)
      }
      const writtenOff = await store.transact((tx) => endDebt(tx, organization))
      if (writtenOff > 0n) ended.writtenOff += 1
    } catch (error) {
      if (error instanceof PaidMeanwhile) continue
      onTrouble(organization, `ending a debt: ${messageOf(error)}`, error)
    }
  }
  return ended
}

/** Whoever pays until the very end keeps everything: the debt is looked at once more under the locks. */
async function removeUnlessPaid(
  store: Store,
  organization: OrganizationId,
  remove: (tx: Tx) => Promise<unknown>,
): Promise<number> {
  await store.transact(async (tx) => {
    await remove(tx)
    if (!(await isOverdue(tx, organization))) throw new PaidMeanwhile('the debt is paid')
  })
  return 1
}

/** What keeps files of an organization: instances with their homes, and volumes that nothing has mounted. */
async function storedBy(tx: Tx, organization: OrganizationId) {
  const projects = await tenancy.projectsOf(tx, [organization])
  const shown = { includeDeleted: false, before: null, limit: instancesAtOnce }
  const instances: compute.InstanceRow['id'][] = []
  const volumes: storage.VolumeRow['id'][] = []
  for (const { id } of projects) {
    const found = await compute.instancesOf(tx, id, shown)
    instances.push(...found.filter(({ intent }) => intent !== 'deleted').map((one) => one.id))
    const free = (await storage.volumesOf(tx, id)).filter((one) => !one.homeOf && !one.attachedTo)
    volumes.push(...free.map((one) => one.id))
  }
  return { instances, volumes }
}

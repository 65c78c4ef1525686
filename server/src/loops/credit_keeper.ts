import { repay } from '../billing/billing.ts'
import { organizationsSolvent, warningsDue, warnOfGrace } from '../ledger/debts.ts'
import { expire, lapsingSoon, organizationsLapsed, tellLapse } from '../ledger/lots.ts'
import type { Store, Tx } from '../store/store.ts'
import { type Loop, type PassReport, Troubles } from './loop.ts'

/**
 * Takes what is left of credits at their date, pays debts from what has come free or into force, and tells
 * people in time what will lapse and how long what they store is kept.
 */
export function makeCreditKeeper(store: Store): Loop {
  /** What was told by this process: telling it again would be harmless, but a row each second. */
  const told = new Set<string>()
  const tellOnce = async (name: string, tell: (tx: Tx) => Promise<void>): Promise<number> => {
    if (told.has(name)) return 0
    await store.transact(tell)
    told.add(name)
    return 1
  }
  return {
    name: 'credit_keeper',
    everyMs: 1000,
    async pass(signal): Promise<PassReport> {
      const counts = { expired: 0, repaid: 0, told: 0 }
      const troubles = new Troubles()
      const { lapsed, solvent, lapsing, warnings } = await store.read(async (tx) => {
        const now = await tx.now()
        return {
          lapsed: await organizationsLapsed(tx, now),
          solvent: await organizationsSolvent(tx, now),
          lapsing: await lapsingSoon(tx, now),
          warnings: await warningsDue(tx, now),
        }
      })
      const work = [
        ...lapsed.map((organization) => async () => {
          counts.expired += await store.transact((tx) => expire(tx, organization))
        }),
        ...solvent.map((organization) => async () => {
          counts.repaid += (await store.transact((tx) => repay(tx, organization))) > 0n ? 1 : 0
        }),
        ...lapsing.map((lot) => async () => {
          counts.told += await tellOnce(lot.id, (tx) => tellLapse(tx, lot))
        }),
        ...warnings.map((warning) => async () => {
          const { organization, begunAt, days } = warning
          counts.told += await tellOnce(`${organization} ${begunAt} ${days}`, (tx) =>
            warnOfGrace(tx, warning),
          )
        }),
      ]
      for (const one of work) {
        signal.throwIfAborted()
        await troubles.spare(one)
      }
      troubles.report('keeping credits failed')
      return counts
    },
  }
}

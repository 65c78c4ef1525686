import { expire, organizationsLapsed } from '../ledger/lots.ts'
import type { Store } from '../store/store.ts'
import { type Loop, type PassReport, Troubles } from './loop.ts'

/** Takes what is left of credits at their date. */
export function makeCreditKeeper(store: Store): Loop {
  return {
    name: 'credit_keeper',
    everyMs: 1000,
    async pass(signal): Promise<PassReport> {
      const counts = { organizations: 0, expired: 0 }
      const troubles = new Troubles()
      for (const organization of await store.read(async (tx) => organizationsLapsed(tx, await tx.now()))) {
        signal.throwIfAborted()
        counts.organizations += 1
        await troubles.spare(async () => {
          counts.expired += await store.transact((tx) => expire(tx, organization))
        })
      }
      troubles.report('keeping credits failed')
      return counts
    },
  }
}

import { organizationsDue, settle } from '../billing/billing.ts'
import type { Store } from '../store/store.ts'
import { type Loop, type PassReport, Troubles } from './loop.ts'

/** Turns what was learned into charges: what has ended at once, what runs and is stored at each boundary. */
export function makeMeter(store: Store): Loop {
  return {
    name: 'meter',
    everyMs: 5000,
    async pass(signal): Promise<PassReport> {
      const counts = { organizations: 0, boundaries: 0, charges: 0 }
      const troubles = new Troubles()
      for (const organization of await store.read((tx) => organizationsDue(tx))) {
        signal.throwIfAborted()
        await troubles.spare(async () => {
          const settled = await store.transact((tx) => settle(tx, organization))
          counts.organizations += 1
          counts.boundaries += settled.boundaries
          counts.charges += settled.charges
        })
      }
      troubles.report('settling failed')
      return counts
    },
  }
}

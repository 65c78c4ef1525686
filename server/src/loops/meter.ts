import { organizationsDue, settle } from '../billing/billing.ts'
import type { Store } from '../store/store.ts'
import type { Loop, PassReport } from './loop.ts'

/** Turns what was learned into charges: what has ended at once, what runs and is stored at each boundary. */
export function makeMeter(store: Store): Loop {
  return {
    name: 'meter',
    everyMs: 5000,
    async pass(signal): Promise<PassReport> {
      const counts = { organizations: 0, boundaries: 0, charges: 0 }
      const errors: unknown[] = []
      for (const organization of await store.read((tx) => organizationsDue(tx))) {
        signal.throwIfAborted()
        try {
          const settled = await store.transact((tx) => settle(tx, organization))
          counts.organizations += 1
          counts.boundaries += settled.boundaries
          counts.charges += settled.charges
        } catch (error) {
          // One organization's trouble is not the others': the pass goes on, and fails at its end.
          errors.push(error)
        }
      }
      if (errors.length > 0)
        throw errors.length === 1 ? errors[0] : new AggregateError(errors, 'settling failed')
      return counts
    },
  }
}

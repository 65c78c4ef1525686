import { organizationsWithBudgets, tellBudgets } from '../billing/billing.ts'
import type { Store } from '../store/store.ts'
import { type Loop, type PassReport, Troubles } from './loop.ts'

/** Tells people what their budgets have come to. What a budget ends, the lease keeper ends. */
export function makeBudgetWatcher(store: Store): Loop {
  return {
    name: 'budget_watcher',
    everyMs: 10_000,
    async pass(signal): Promise<PassReport> {
      const counts = { organizations: 0, told: 0 }
      const troubles = new Troubles()
      for (const organization of await store.read((tx) => organizationsWithBudgets(tx))) {
        signal.throwIfAborted()
        counts.organizations += 1
        await troubles.spare(async () => {
          counts.told += (await store.transact((tx) => tellBudgets(tx, organization))).length
        })
      }
      troubles.report('watching budgets failed')
      return counts
    },
  }
}

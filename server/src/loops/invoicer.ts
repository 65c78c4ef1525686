import { closeMonth, drafts, organizationsToClose, redraft } from '../billing/invoices.ts'
import type { Store } from '../store/store.ts'
import { type Loop, type PassReport, Troubles } from './loop.ts'

/** Closes each month that is over and invoices it. */
export function makeInvoicer(store: Store): Loop {
  return {
    name: 'invoicer',
    // A month's end is worth a minute; a nudge comes when an operator or a seller's details change something.
    everyMs: 60_000,
    async pass(signal): Promise<PassReport> {
      const counts = { closed: 0, finalised: 0, waiting: 0 }
      const troubles = new Troubles()
      for (const organization of await store.read((tx) => organizationsToClose(tx)))
        await troubles.spare(async () => {
          for (;;) {
            signal.throwIfAborted()
            const closed = await store.transact((tx) => closeMonth(tx, organization))
            if (closed === null) break
            counts.closed += 1
          }
        })
      for (const id of await store.read((tx) => drafts(tx)))
        await troubles.spare(async () => {
          signal.throwIfAborted()
          const isFinal = await store.transact((tx) => redraft(tx, id))
          counts[isFinal ? 'finalised' : 'waiting'] += 1
        })
      troubles.report('invoicing failed')
      return counts
    },
  }
}

import { closeMonth, drafts, organizationsToClose, redraft } from '../billing/invoices.ts'
import { unwritten, write } from '../billing/papers.ts'
import type { ObjectStore } from '../objects/objects.ts'
import type { Store } from '../store/store.ts'
import { type Loop, type PassReport, Troubles } from './loop.ts'

/** Closes each month that is over, invoices it, and writes the papers of what was issued. */
export function makeInvoicer(store: Store, objects: ObjectStore): Loop {
  return {
    name: 'invoicer',
    // A month's end can wait a minute; what an operator issues comes with a nudge.
    everyMs: 60_000,
    async pass(signal): Promise<PassReport> {
      const counts = { closed: 0, finalised: 0, waiting: 0, papers: 0 }
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
      for (const paper of await store.read((tx) => unwritten(tx)))
        await troubles.spare(async () => {
          signal.throwIfAborted()
          await write(store, objects, paper, signal)
          counts.papers += 1
        })
      troubles.report('invoicing failed')
      return counts
    },
  }
}

import { messageOf } from '../kernel/errors.ts'
import { type Instant, minuteMs } from '../kernel/time.ts'
import { announceRepricings, booksMark, reprice, repricingsDue } from '../storage/repricing.ts'
import type { Store } from '../store/store.ts'
import type { Loop, PassReport } from './loop.ts'

/** What is stored since the last look may be due a change that others were told of: seconds do not matter. */
const lookAgainMs = 10 * minuteMs

/** What prices ask for as time goes by: changes of what storage costs are announced, and made when due. */
export function makePricer(
  store: Store,
  onTrouble: (subject: string, what: string, error: unknown) => void,
): Loop {
  let looked: { readonly mark: string; readonly at: Instant } | null = null
  return {
    name: 'pricer',
    everyMs: 10_000,
    async pass(signal): Promise<PassReport> {
      const counts = { announced: 0, repriced: 0 }
      const { mark, now } = await store.read(async (tx) => ({
        mark: await booksMark(tx),
        now: await tx.now(),
      }))
      if (looked === null || looked.mark !== mark || now - looked.at >= lookAgainMs) {
        counts.announced = await store.transact(announceRepricings)
        looked = { mark, at: now }
      }
      for (const { resource, organization } of await store.read(repricingsDue)) {
        signal.throwIfAborted()
        try {
          const isChanged = await store.transact((tx) => reprice(tx, resource, organization))
          if (isChanged) counts.repriced += 1
        } catch (error) {
          onTrouble(resource, `changing its price: ${messageOf(error)}`, error)
        }
      }
      return counts
    },
  }
}

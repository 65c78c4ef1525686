import { purses, settleForHold, whyNotPaid } from '../billing/billing.ts'
import { tellUsedUp } from '../billing/warnings.ts'
import { extend, isExtendable, organizationsToExtend } from '../compute/leases.ts'
import type { AllocationId, OrganizationId, SubjectId } from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'
import type { Store, Tx } from '../store/store.ts'
import { type Loop, type PassReport, Troubles } from './loop.ts'

/**
 * Ends what a lease paid for at the second at which it was used up: locks the subject and its allocation,
 * records `lease_ended` and asks for the stop. Harmless where something else ended it in the meantime. `why`
 * names the budget or limit that was used up; null: the wallet was.
 */
export type EndLease = (
  tx: Tx,
  subject: SubjectId,
  allocation: AllocationId,
  at: Instant,
  why: string | null,
) => Promise<void>

/** Holds more money for what runs, and ends what there is no more money for. */
export function makeLeaseKeeper(store: Store, endLease: EndLease): Loop {
  const keep = async (
    organization: OrganizationId,
    counts: { extended: number; ended: number },
  ): Promise<void> => {
    const isDue = await store.read(async (tx) =>
      isExtendable(tx, organization, await tx.now(), await purses(tx, organization)),
    )
    if (!isDue) return
    const { extended, usedUp } = await store.transact(async (tx) => {
      await settleForHold(tx, organization)
      const done = await extend(tx, organization, await purses(tx, organization))
      if (done.usedUp.some(({ purse }) => purse === 'wallet')) await tellUsedUp(tx, organization)
      return done
    })
    counts.extended += extended
    // Each in a transaction of its own: a subject is locked before money is, and the money has just been
    // looked at.
    for (const { subject, allocation, at, purse } of usedUp) {
      await store.transact(async (tx) => endLease(tx, subject, allocation, at, await whyNotPaid(tx, purse)))
      counts.ended += 1
    }
  }
  return {
    name: 'lease_keeper',
    everyMs: 1000,
    async pass(signal): Promise<PassReport> {
      const counts = { organizations: 0, extended: 0, ended: 0 }
      const troubles = new Troubles()
      const due = await store.read(async (tx) => organizationsToExtend(tx, await tx.now()))
      for (const organization of due) {
        signal.throwIfAborted()
        counts.organizations += 1
        await troubles.spare(() => keep(organization, counts))
      }
      troubles.report('keeping leases failed')
      return counts
    },
  }
}

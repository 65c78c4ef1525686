import {
  learn,
  lookLater,
  pageMissed,
  type PaymentRow,
  paymentsDue,
  receiveEvent,
  type ReturnRow,
} from '../billing/payments.ts'
import { refundDelayed, refundRefused, refundsToAsk } from '../billing/refunds.ts'
import type { Clock } from '../kernel/clock.ts'
import { hourMs, type Instant, instant, minuteMs } from '../kernel/time.ts'
import { type Payments, PaymentsError } from '../payments/payments.ts'
import type { Store } from '../store/store.ts'
import { type Loop, type PassReport, Troubles } from './loop.ts'

/** What the cashier works with. */
export interface CashierParts {
  readonly store: Store
  readonly payments: Payments
  readonly installation: string
  readonly clock: Clock
}

/** Asked of the vendor in one pass; what is left is asked in the next. */
const perPass = 20

/** The vendor tells again what it told since the last time, this often. */
const missedEveryMs = 5 * minuteMs

/** Events of which we hear for the first time so late, still count: clocks differ, and a list lags. */
const missedOverlapMs = hourMs

/** The first look after a start goes back as far as the vendor itself tries again: three days. */
const firstMissedMs = 72 * hourMs

/**
 * Sees to what the payment vendor did not tell, or was not told: a page that is open or paid without our
 * knowledge, refunds that were not asked yet, events that never arrived.
 */
export function makeCashier(parts: CashierParts): Loop {
  let missedAt: Instant | null = null
  return {
    name: 'cashier',
    everyMs: 5000,
    async pass(signal): Promise<PassReport> {
      const counts = { looked: 0, refunds: 0, missed: 0 }
      const { store, payments, clock } = parts
      if (payments.way === 'grant') return counts
      const troubles = new Troubles()
      const each = async <T>(of: readonly T[], work: (one: T) => Promise<void>): Promise<number> => {
        let done = 0
        for (const one of of) {
          signal.throwIfAborted()
          if (await troubles.spare(() => work(one))) done += 1
        }
        return done
      }
      const refunds = await store.read((tx) => refundsToAsk(tx, perPass))
      counts.refunds = await each(refunds, (one) => makeRefund(parts, one, signal))
      const due = await store.read((tx) => paymentsDue(tx, perPass))
      counts.looked = await each(due, (one) => lookAt(parts, one, signal))
      const now = clock.now()
      if (missedAt === null || now - missedAt >= missedEveryMs) {
        const since = instant(missedAt === null ? now - firstMissedMs : missedAt - missedOverlapMs)
        await each([since], async () => {
          counts.missed = await catchUp(parts, since, signal)
          missedAt = now
        })
      }
      troubles.report('asking the payment vendor failed')
      return counts
    },
  }
}

async function lookAt(parts: CashierParts, row: PaymentRow, signal: AbortSignal): Promise<void> {
  const { store, payments, installation } = parts
  if (row.checkout === null) return store.transact((tx) => pageMissed(tx, row.id))
  try {
    const facts = await payments.lookUp(row.checkout, signal)
    await store.transact(async (tx) => {
      await learn(tx, facts, installation)
      await lookLater(tx, row)
    })
  } catch (error) {
    await store.transact((tx) => lookLater(tx, row))
    throw error
  }
}

async function makeRefund(parts: CashierParts, row: ReturnRow, signal: AbortSignal): Promise<void> {
  const { store, payments, installation } = parts
  const { id, intent, amount } = row
  try {
    const fact = await payments.refund({ id, intent, amount }, signal)
    // It is ours, whatever the vendor repeats of what we gave along.
    await store.transact((tx) => learn(tx, [{ ...fact, intent, ours: id }], installation))
  } catch (error) {
    const why = error instanceof PaymentsError && error.code === 'vendor_refused' ? error.message : null
    await store.transact((tx) => (why === null ? refundDelayed(tx, row) : refundRefused(tx, row, why)))
    if (why === null) throw error
  }
}

async function catchUp(parts: CashierParts, since: Instant, signal: AbortSignal): Promise<number> {
  const { store, payments, installation } = parts
  let count = 0
  for (const event of await payments.eventsSince(since, signal)) {
    signal.throwIfAborted()
    if (await store.transact((tx) => receiveEvent(tx, event, installation))) count += 1
  }
  return count
}

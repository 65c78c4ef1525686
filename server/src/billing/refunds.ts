import { lock } from '../journal/journal.ts'
import { invariant } from '../kernel/errors.ts'
import { derivedId, type Id, type PersonId } from '../kernel/ids.ts'
import { type Nanos, nanos } from '../kernel/money.ts'
import { instant, minuteMs } from '../kernel/time.ts'
import type { Tx } from '../store/store.ts'
import { emit } from '../notices/notices.ts'
import { reverse, takeBack } from './credits.ts'
import * as rows from './payments.rows.ts'
import { dueOf, leftOf, type ReturnStep, stepsOf } from './payments.rules.ts'

// Money that goes back to whoever paid. A refund of ours leaves the wallet first and the vendor is asked
// next, again and again until it has answered: a crash between the two loses nothing and pays nothing twice.

/** A refund that an operator wants to make. */
export interface NewRefund {
  /** Made by the caller, so that a repeat finds the same. */
  readonly id: Id<'refund'>
  readonly payment: Id<'payment'>
  /** Null: all that is left of the payment. */
  readonly amount: Nanos | null
  readonly by: PersonId
}

/** What became of asking for a refund. */
export type AskRefundResult =
  | { readonly ok: true; readonly isNew: boolean }
  | { readonly ok: false; readonly reason: 'not_paid' | 'exists_with_different_amount' }
  /** More than what is left: of the payment, or of bought money in the wallet. */
  | { readonly ok: false; readonly reason: 'exceeds_payment' | 'exceeds_paid'; readonly most: Nanos }

/** Takes a refund out of the wallet, from bought money only, and has the vendor asked to make it. */
export async function askRefund(tx: Tx, asked: NewRefund): Promise<AskRefundResult> {
  const known = await rows.selectPayment(tx, asked.payment)
  if (!known || known.intent === null) return { ok: false, reason: 'not_paid' }
  const { intent, organization, currency } = known
  await rows.lockIntent(tx, intent)
  await lock(tx, organization)
  const paid = await rows.lockPayment(tx, known.id)
  if (!paid || paid.creditedAt === null) return { ok: false, reason: 'not_paid' }
  const there = await rows.selectReturn(tx, asked.id)
  if (there) {
    const isSame = there.intent === intent && (asked.amount === null || asked.amount === there.amount)
    return isSame ? { ok: true, isNew: false } : { ok: false, reason: 'exists_with_different_amount' }
  }
  const left = leftOf(paid.amount, await rows.selectReturns(tx, [intent]))
  const amount = asked.amount ?? left
  if (amount > left || amount === 0n) return { ok: false, reason: 'exceeds_payment', most: left }
  const id = derivedId('transfer', asked.id, 0)
  const result = await takeBack(tx, { organization, amount, id, about: paid.id, code: 'refund' })
  if (!result.ok && result.reason === 'exceeds_paid')
    return { ok: false, reason: 'exceeds_paid', most: result.refundable }
  invariant(result.ok, 'a refund is taken once', { refund: asked.id, result })
  const row = { id: asked.id, intent, amount, currency, askedBy: asked.by, recordedAt: await tx.now() }
  await rows.insertAskedRefund(tx, row)
  await rows.updateTaken(tx, asked.id, amount, 1)
  await tellGone(tx, paid, { id: asked.id, kind: 'refund', steps: 0 }, amount)
  await tx.notify('payments', paid.id)
  return { ok: true, isNew: true }
}

/** Refunds that the vendor is to be asked for now. */
export async function refundsToAsk(tx: Tx, limit: number): Promise<readonly rows.ReturnRow[]> {
  return rows.selectAskable(tx, await tx.now(), limit)
}

/** The vendor refused for good: what was taken comes back to the wallet. */
export async function refundRefused(tx: Tx, { id, intent }: rows.ReturnRow, why: string): Promise<void> {
  await rows.lockIntent(tx, intent)
  const known = await rows.selectPaymentByIntent(tx, intent)
  invariant(known, 'a refund is asked for of a payment')
  await lock(tx, known.organization)
  const paid = await rows.lockPayment(tx, known.id)
  invariant(paid, 'a payment is never removed')
  await rows.updateRefused(tx, id, why)
  const row = await rows.selectReturn(tx, id)
  invariant(row, 'a return is never removed')
  await bookReturn(tx, paid, row)
}

/** A vendor that does not answer is asked again after a minute: a refund takes days anyway. */
const askAgainMs = minuteMs

/** The vendor did not answer: it is asked again. */
export async function refundDelayed(tx: Tx, { id }: rows.ReturnRow): Promise<void> {
  await rows.updateAskAt(tx, id, instant((await tx.now()) + askAgainMs))
}

/** Brings the books to what is known of a return of a payment, which is locked and credited. */
export async function bookReturn(tx: Tx, paid: rows.PaymentRow, one: rows.ReturnRow): Promise<void> {
  if (one.currency !== paid.currency) {
    const detail = `${one.kind} ${one.vendorId ?? one.id} is in ${one.currency}: not booked`
    return rows.updateTrouble(tx, paid.id, detail)
  }
  const { organization, id: about } = paid
  for (const step of stepsOf(one, dueOf(one))) {
    if (step.kind === 'give') {
      const given = await reverse(tx, { organization, of: step.of, about })
      invariant(given.ok, 'what was taken can come back', { return: one.id })
      await rows.updateTaken(tx, one.id, nanos(0n), one.steps)
    } else {
      await takeWhatever(tx, paid, one.kind, step)
      await rows.updateTaken(tx, one.id, step.amount, one.steps + 1)
      await tellGone(tx, paid, one, step.amount)
    }
  }
}

/** The money is gone already: what the wallet lacks of it is owed. A refund that it covers is called one. */
async function takeWhatever(
  tx: Tx,
  { organization, id: about }: rows.PaymentRow,
  kind: rows.ReturnRow['kind'],
  { id, amount }: Extract<ReturnStep, { kind: 'take' }>,
): Promise<void> {
  const asked = { organization, amount, id, about }
  if (kind === 'refund' && (await takeBack(tx, { ...asked, code: 'refund' })).ok) return
  const result = await takeBack(tx, { ...asked, code: 'chargeback' })
  invariant(result.ok, 'a chargeback takes what there is, and the rest is owed', { transfer: id, result })
}

async function tellGone(
  tx: Tx,
  { id: payment, organization, currency }: rows.PaymentRow,
  { id, kind, steps }: Pick<rows.ReturnRow, 'id' | 'kind' | 'steps'>,
  amountNanos: Nanos,
): Promise<void> {
  const type = kind === 'refund' ? 'payment.refunded' : 'payment.disputed'
  const data = { payment, currency, amountNanos }
  await emit(tx, { organization, type, subject: payment, data, once: [id, steps] })
}

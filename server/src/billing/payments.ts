import { lock } from '../journal/journal.ts'
import { invariant, notFound } from '../kernel/errors.ts'
import { derivedId, type Id, isId, type OrganizationId, type PersonId } from '../kernel/ids.ts'
import type { Currency, Nanos } from '../kernel/money.ts'
import { type Instant, instant } from '../kernel/time.ts'
import type {
  Checkout,
  CheckoutFact,
  LookFact,
  PaymentFact,
  PaymentEvent,
  ReturnFact,
} from '../payments/payments.ts'
import type { Tx } from '../store/store.ts'
import { emit } from '../notices/notices.ts'
import { credit } from './credits.ts'
import * as rows from './payments.rows.ts'
import {
  askableMs,
  isOver,
  laterState,
  mismatchOf,
  nextLookAt,
  openPaymentsMax,
  pageMs,
} from './payments.rules.ts'
import { bookReturn } from './refunds.ts'

export type { PaymentRow, PaymentTrouble, ReturnRow } from './payments.rows.ts'

/** A payment that somebody wants to make. */
export interface NewPayment {
  /** Made by the caller, so that a repeat finds the same. */
  readonly id: Id<'payment'>
  readonly organization: OrganizationId
  readonly person: PersonId
  readonly amount: Nanos
  readonly currency: Currency
}

/** What became of asking for a payment; the same again finds it. */
export type AskResult =
  | { readonly ok: true; readonly isNew: boolean; readonly payment: rows.PaymentRow }
  | { readonly ok: false; readonly reason: 'exists_with_different_amount' | 'too_many_open' }

/**
 * Writes down that an organization wants to pay; the vendor is asked for its page next, outside of the
 * transaction, and `pageOpened` tells of it.
 */
export async function askPayment(tx: Tx, asked: NewPayment): Promise<AskResult> {
  const { id, organization, amount, currency } = asked
  await lock(tx, organization)
  const there = await rows.lockPayment(tx, id)
  if (there) {
    const isSame =
      there.organization === organization && there.amount === amount && there.currency === currency
    if (!isSame) return { ok: false, reason: 'exists_with_different_amount' }
    return { ok: true, isNew: false, payment: there }
  }
  const askedAt = await tx.now()
  if ((await rows.countUnpaid(tx, organization, askedAt)) >= openPaymentsMax)
    return { ok: false, reason: 'too_many_open' }
  const expiresAt = instant(askedAt + pageMs)
  const row = {
    ...asked,
    state: 'asked',
    checkout: null,
    intent: null,
    url: null,
    askedAt,
    expiresAt,
  } as const
  const lookAt = instant(askedAt + askableMs)
  const payment: rows.PaymentRow = { ...row, creditedAt: null, trouble: null, lookAt }
  const isNew = await rows.insertPayment(tx, payment)
  // Another organization took the id in this very moment.
  if (!isNew) return { ok: false, reason: 'exists_with_different_amount' }
  return { ok: true, isNew, payment }
}

/** May the vendor still be asked for the page of a payment that has none? */
export function isAskable({ state, askedAt }: rows.PaymentRow, now: Instant): boolean {
  return state === 'asked' && now - askedAt < askableMs
}

/** The vendor has a page for it. */
export async function pageOpened(tx: Tx, id: Id<'payment'>, checkout: Checkout): Promise<rows.PaymentRow> {
  const known = await rows.selectPayment(tx, id)
  if (!known) throw notFound('payment', id)
  await lock(tx, known.organization)
  const payment = await rows.lockPayment(tx, id)
  invariant(payment, 'a payment is never removed')
  // An event was quicker: it knows more.
  if (payment.state !== 'asked') return payment
  const lookAt = nextLookAt(payment.askedAt, await tx.now())
  const opened = { ...payment, state: 'open', checkout: checkout.id, url: checkout.url, lookAt } as const
  await rows.updatePayment(tx, id, opened)
  return opened
}

/** Nobody was asked to pay, and nobody can be any more. */
export async function pageMissed(tx: Tx, id: Id<'payment'>): Promise<void> {
  const known = await rows.selectPayment(tx, id)
  if (!known) return
  await lock(tx, known.organization)
  const payment = await rows.lockPayment(tx, id)
  if (payment?.state !== 'asked' || isAskable(payment, await tx.now())) return
  await rows.updatePayment(tx, id, { ...payment, state: 'expired', lookAt: null })
}

/** One payment, or null. */
export async function payment(tx: Tx, id: Id<'payment'>): Promise<rows.PaymentRow | null> {
  return rows.selectPayment(tx, id)
}

/** What a page of payments is asked by. */
export interface PaymentPage {
  readonly after?: rows.PaymentCursor | undefined
  readonly limit: number
}

/** Payments of an organization, newest first. */
export async function payments(
  tx: Tx,
  organization: OrganizationId,
  page: PaymentPage,
): Promise<readonly rows.PaymentRow[]> {
  return rows.selectPayments(tx, organization, page.after ?? null, page.limit)
}

/** Refunds and disputes of these payments, oldest first, by the vendor's id of the payment. */
export async function returnsOf(
  tx: Tx,
  of: readonly Pick<rows.PaymentRow, 'intent'>[],
): Promise<ReadonlyMap<string, readonly rows.ReturnRow[]>> {
  const intents = of.flatMap(({ intent }) => intent ?? [])
  const found = intents.length === 0 ? [] : await rows.selectReturns(tx, intents)
  return Map.groupBy(found, ({ intent }) => intent)
}

/** Payments about which the vendor is to be asked now. */
export async function paymentsDue(tx: Tx, limit: number): Promise<readonly rows.PaymentRow[]> {
  return rows.selectDue(tx, await tx.now(), limit)
}

/** What an operator should look at since then, newest first. */
export async function troubles(
  tx: Tx,
  since: Instant,
  limit: number,
): Promise<readonly rows.PaymentTrouble[]> {
  return rows.selectTroubles(tx, since, limit)
}

/** The vendor was asked: what is not over is asked about again, less often the older it is. */
export async function lookLater(tx: Tx, { id, askedAt, lookAt: due }: rows.PaymentRow): Promise<void> {
  const row = await rows.selectPayment(tx, id)
  if (!row) return
  const lookAt = isOver(row.state) ? null : nextLookAt(askedAt, await tx.now())
  await rows.updateLooked(tx, id, due, lookAt)
}

/** What a fact came to. */
interface Applied {
  readonly outcome: 'applied' | 'unknown' | 'trouble'
  readonly payment: Id<'payment'> | null
  readonly detail: string | null
}

function unknown(detail: string | null = null): Applied {
  return { outcome: 'unknown', payment: null, detail }
}

/**
 * Deals with what the vendor sent by itself, once; true where it is new. What is of another account, of
 * nothing we know, or cannot be read is written down and changes nothing.
 */
export async function receiveEvent(tx: Tx, event: PaymentEvent, installation: string): Promise<boolean> {
  const { id, type, about, account, facts } = event
  if (facts?.length === 0 || (await rows.lockEvent(tx, id))) return false
  const applied: Applied =
    account !== null
      ? unknown()
      : facts === null
        ? { outcome: 'trouble', payment: null, detail: `${type} cannot be read` }
        : await learn(tx, facts, installation)
  const outcome = account === null ? applied.outcome : 'foreign'
  await rows.insertEvent(tx, { ...applied, id, type, about, outcome, recordedAt: await tx.now() })
  return true
}

/**
 * Adds facts to what is known, and brings the books to it. Any order, and any number of times, comes to the
 * same: a state is only ever followed by a later one, and what is booked is the difference.
 */
export async function learn(tx: Tx, facts: readonly PaymentFact[], installation: string): Promise<Applied> {
  let worst = unknown()
  for (const fact of facts) {
    const applied = await learnOne(tx, fact, installation)
    if (worst.outcome !== 'trouble' && applied.outcome !== 'unknown') worst = applied
  }
  return worst
}

async function learnOne(tx: Tx, fact: PaymentFact, installation: string): Promise<Applied> {
  switch (fact.kind) {
    case 'checkout':
      return learnCheckout(tx, fact, installation)
    case 'return':
      return learnReturn(tx, fact)
    case 'look':
      return lookSoon(tx, fact)
  }
}

async function ourPayment(tx: Tx, fact: CheckoutFact): Promise<rows.PaymentRow | null> {
  const { payment: id, checkout } = fact
  const named = id !== null && isId('payment', id) ? await rows.selectPayment(tx, id) : null
  return named ?? (await rows.selectPaymentByCheckout(tx, checkout))
}

/** Takes the locks in their order: the vendor's payment, the organization's journal, the row. */
async function locked(tx: Tx, { id, organization }: rows.PaymentRow): Promise<rows.PaymentRow> {
  await lock(tx, organization)
  const row = await rows.lockPayment(tx, id)
  invariant(row, 'a payment is never removed')
  return row
}

async function learnCheckout(tx: Tx, fact: CheckoutFact, installation: string): Promise<Applied> {
  if (fact.intent !== null) await rows.lockIntent(tx, fact.intent)
  const known = await ourPayment(tx, fact)
  if (!known) {
    const isLost = fact.installation === installation && fact.state === 'paid'
    if (!isLost) return unknown()
    const detail = `paid on a page of ours (${fact.checkout}) for a payment that is not in the books`
    return { outcome: 'trouble', payment: null, detail }
  }
  const before = await locked(tx, known)
  const { id } = before
  const isOther = before.checkout !== null && before.checkout !== fact.checkout
  const isTwice = fact.intent !== null && (await isPaidTwice(tx, before, fact.intent))
  if ((isOther || isTwice) && fact.state !== 'paid') return { outcome: 'applied', payment: id, detail: null }
  if (isTwice) {
    const detail = `paid a second time, by ${fact.intent ?? ''}: not credited`
    await rows.updateTrouble(tx, id, detail)
    return { outcome: 'trouble', payment: id, detail }
  }
  const mismatch = mismatchOf(before, fact)
  const state = laterState(before.state, mismatch === null ? fact.state : 'mismatched')
  const after = {
    ...before,
    state,
    checkout: fact.checkout,
    intent: fact.intent ?? before.intent,
    trouble: before.trouble ?? mismatch,
  }
  await rows.updatePayment(tx, id, after)
  if (state !== before.state && (state === 'failed' || state === 'mismatched')) {
    const { data, ...rest } = told(after)
    const reason = mismatch ?? 'the bank did not pay'
    await emit(tx, { ...rest, type: 'payment.failed', data: { ...data, reason } })
  }
  await book(tx, after)
  return { outcome: mismatch === null ? 'applied' : 'trouble', payment: id, detail: mismatch }
}

/** Was it paid by another of the vendor's payments, or this one counted for another of ours? */
async function isPaidTwice(tx: Tx, { id, state, intent }: rows.PaymentRow, paidBy: string): Promise<boolean> {
  if (state === 'paid' && intent !== paidBy) return true
  const other = await rows.selectPaymentByIntent(tx, paidBy)
  return other !== null && other.id !== id
}

async function learnReturn(tx: Tx, fact: ReturnFact): Promise<Applied> {
  const { intent, ours, what, amount, currency, isBegun, isUndone } = fact
  if (intent === null) return unknown()
  await rows.lockIntent(tx, intent)
  const asked = ours === null ? null : await rows.selectReturn(tx, ours)
  const told = {
    id: asked?.intent === intent ? asked.id : derivedId(what, fact.id),
    kind: what,
    ...{ vendorId: fact.id, intent, amount, currency, isBegun, isUndone },
    recordedAt: await tx.now(),
  }
  const known = await rows.selectPaymentByIntent(tx, intent)
  // The payment may be told of later; whoever learns of it finds this.
  const before = known ? await locked(tx, known) : null
  await rows.mergeReturn(tx, told)
  if (!before) return unknown()
  await book(tx, before)
  return { outcome: 'applied', payment: before.id, detail: null }
}

async function lookSoon(tx: Tx, { intent }: LookFact): Promise<Applied> {
  const known = await rows.selectPaymentByIntent(tx, intent)
  if (!known) return unknown()
  const { id } = await locked(tx, known)
  await rows.updateLookAt(tx, id, await tx.now())
  await tx.notify('payments', id)
  return { outcome: 'applied', payment: id, detail: null }
}

/** Brings the books to what is known of a payment, which is locked. */
async function book(tx: Tx, paid: rows.PaymentRow): Promise<void> {
  const { id, organization, amount, intent, state } = paid
  if (state !== 'paid' || intent === null) return
  if (paid.creditedAt === null) {
    const transfer = derivedId('transfer', 'payment', intent)
    const asked = { organization, amount, id: transfer, about: id, code: 'payment', kind: 'paid' } as const
    const result = await credit(tx, asked)
    invariant(result.ok, 'a payment is credited once', { payment: id, result })
    await rows.updateCredited(tx, id, await tx.now())
    await emit(tx, { ...told(paid), type: 'payment.received' })
  }
  for (const one of await rows.selectReturns(tx, [intent])) await bookReturn(tx, paid, one)
  await tx.notify('payments', id)
}

/** What an organization is told of its payment, once. */
function told({ id, organization, amount, currency }: rows.PaymentRow) {
  const data = { payment: id, currency, amountNanos: amount }
  return { organization, subject: id, once: [id], data }
}

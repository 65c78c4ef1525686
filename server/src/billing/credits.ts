import { lock } from '../journal/journal.ts'
import { invariant } from '../kernel/errors.ts'
import { derivedId, type OrganizationId, type TransferId } from '../kernel/ids.ts'
import { type Nanos, nanos } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import { type Accounts, accountsOf, apply, applyOrThrow, lockWallet, transfers } from '../ledger/ledger.ts'
import { type From, type LotKind, lotPriority, usable } from '../ledger/lots.rules.ts'
import type {
  ApplyResult,
  LedgerRefusal,
  Outcome,
  PostedTransfer,
  Reference,
  Transfer,
} from '../ledger/rules.ts'
import type { Tx } from '../store/store.ts'
import { type CreditCode, fundOf } from './credits.rules.ts'
import { payBack } from './paybacks.ts'
import { debtPaid } from './settlement.ts'

/** Money for an organization. */
export interface Credit {
  readonly organization: OrganizationId
  readonly amount: Nanos
  /** Made by the caller, so that a repeat is harmless. */
  readonly id: TransferId
  /** Who gives it, or what it comes from: a person, a payment, a promo code, a credit note. */
  readonly about: Reference
  readonly code: CreditCode
  /** Bought or given. A payment is bought; codes, allowances and rebates are given; a grant may be either. */
  readonly kind: LotKind
  /** Lower is used first. Default 100. */
  readonly priority?: number
  /** From when it can be used. Default: at once. */
  readonly effectiveAt?: Instant
  /** When what is left of it lapses. Default: never. */
  readonly expiresAt?: Instant | null
}

/**
 * Credits an organization with a lot of its own; what it owes is paid from it first. The same again is
 * `exists`; anything else under the id is refused by the ledger, and so is what lapses before it can be used.
 */
export async function credit(tx: Tx, asked: Credit): Promise<ApplyResult> {
  const { organization, amount, id, about, code, kind } = asked
  const fund = fundOf(code, kind)
  invariant(fund !== null, 'a credit is of a kind that its code allows', { code, kind })
  await lock(tx, organization)
  const accounts = await accountsOf(tx, organization)
  const bookedAt = await tx.now()
  const { priority = lotPriority, effectiveAt = null, expiresAt = null } = asked
  const into = { terms: { kind, priority, effectiveAt, expiresAt } }
  const move = { debit: accounts[fund], credit: accounts.customer, amount, code, bookedAt, about }
  const result = await apply(tx, [{ kind: 'post', id, ...move, into }])
  if (!result.ok) return result
  await payDebt(tx, organization)
  await tell(tx, organization)
  return result
}

/**
 * Pays what an organization owes from what has come free or into force. Answers what was paid; repeating it
 * does nothing.
 */
export async function repay(tx: Tx, organization: OrganizationId): Promise<Nanos> {
  await lock(tx, organization)
  const repaid = await payDebt(tx, organization)
  if (repaid > 0n) await tell(tx, organization)
  return repaid
}

/** What an organization owes is paid from what it has. */
async function payDebt(tx: Tx, organization: OrganizationId): Promise<Nanos> {
  const { accounts, available, owed, asOf } = await lockWallet(tx, organization)
  const repaid = nanos(available < owed ? available : owed)
  if (repaid > 0n) await applyOrThrow(tx, [debtPaid(tx, accounts, repaid, asOf, organization)], asOf)
  return repaid
}

async function tell(tx: Tx, organization: OrganizationId): Promise<void> {
  await tx.notify('billing', organization)
  await tx.notify('placement')
}

/** Money that leaves an organization: refunded by us, or taken by its bank. */
export interface TakeBack {
  readonly organization: OrganizationId
  readonly amount: Nanos
  /** Made by the caller, so that a repeat is harmless. */
  readonly id: TransferId
  /** The payment, dispute or person that it is about. */
  readonly about: Reference
  readonly code: 'refund' | 'chargeback'
}

/** What became of money that was taken back. */
export type TakeBackResult =
  /** `taken` left the wallet; `owed` is what it lacked of a chargeback, and is owed now. */
  | { readonly ok: true; readonly outcome: Outcome; readonly taken: Nanos; readonly owed: Nanos }
  /** More than what is left of bought money and not held: `refundable`. */
  | { readonly ok: false; readonly reason: 'exceeds_paid'; readonly refundable: Nanos }
  /** Something else stands under the id, or the amount is none. */
  | { readonly ok: false; readonly reason: LedgerRefusal }

/**
 * Takes money out of an organization's wallet again. A refund takes bought money that is available, all of it
 * or nothing; a chargeback takes what is available, bought money first, and the rest is owed.
 */
export async function takeBack(tx: Tx, asked: TakeBack): Promise<TakeBackResult> {
  const { organization, amount, id, about, code } = asked
  await lock(tx, organization)
  const { accounts, asOf, available, lots } = await lockWallet(tx, organization)
  const before = await taken(tx, id)
  if (before) return again(before, accounts, asked)
  if (amount <= 0n) return { ok: false, reason: 'amount_must_be_positive' }
  const bought = usable(
    lots.filter(({ kind }) => kind === 'paid'),
    asOf,
  )
  if (code === 'refund' && amount > bought) return { ok: false, reason: 'exceeds_paid', refundable: bought }
  const fromWallet = nanos(available < amount ? available : amount)
  const owed = nanos(amount - fromWallet)
  const move = { kind: 'post', credit: accounts.cash, code, bookedAt: asOf, about } as const
  const from: From = code === 'refund' ? { only: 'paid' } : { first: 'paid' }
  const steps: readonly Omit<Transfer & { kind: 'post' }, 'id'>[] = [
    { ...move, debit: accounts.customer, amount: fromWallet, from },
    { ...move, debit: accounts.receivable, amount: owed },
  ]
  const parts = steps.filter((step) => step.amount > 0n)
  await applyOrThrow(
    tx,
    parts.map((part, index) => ({ ...part, id: index === 0 ? id : secondOf(id) })),
    asOf,
  )
  await tell(tx, organization)
  return { ok: true, outcome: 'created', taken: fromWallet, owed }
}

/** A chargeback that the wallet paid in part has a second transfer. */
function secondOf(id: TransferId): TransferId {
  return derivedId('transfer', id, 'receivable')
}

/** The transfers of money that was taken back; null: none stands under the id. */
async function taken(tx: Tx, id: TransferId): Promise<readonly PostedTransfer[] | null> {
  const found = await transfers(tx, [id, secondOf(id)])
  return found.length === 0 ? null : found
}

function sumFrom(parts: readonly PostedTransfer[], debit: PostedTransfer['debit']): Nanos {
  return nanos(parts.reduce((sum, part) => (part.debit === debit ? sum + part.amount : sum), 0n))
}

function again(parts: readonly PostedTransfer[], accounts: Accounts, asked: TakeBack): TakeBackResult {
  const [fromWallet, owed] = [sumFrom(parts, accounts.customer), sumFrom(parts, accounts.receivable)]
  const isOwn = parts.every(({ debit, credit: to }) => {
    return to === accounts.cash && (debit === accounts.customer || debit === accounts.receivable)
  })
  if (!isOwn) return { ok: false, reason: 'exists_with_different_accounts' }
  if (parts.some(({ code }) => code !== asked.code))
    return { ok: false, reason: 'exists_with_different_code' }
  if (fromWallet + owed !== asked.amount) return { ok: false, reason: 'exists_with_different_amount' }
  return { ok: true, outcome: 'exists', taken: fromWallet, owed }
}

/** Money that comes back after all: a dispute was won, a refund failed. */
export interface Reversal {
  readonly organization: OrganizationId
  /** The id under which it was taken, which is reversed once. */
  readonly of: TransferId
  readonly about: Reference
}

/** What became of a reversal. */
export type ReversalResult =
  | { readonly ok: true; readonly outcome: Outcome; readonly amount: Nanos }
  | { readonly ok: false; readonly reason: 'take_back_not_found' }

/**
 * Undoes what was taken back: it returns to the lots that it was taken from, and what it left owed is owed no
 * longer, or comes back to who has paid it since.
 */
export async function reverse(tx: Tx, { organization, of, about }: Reversal): Promise<ReversalResult> {
  await lock(tx, organization)
  const { accounts, asOf } = await lockWallet(tx, organization)
  const { cash, customer, receivable } = accounts
  const parts = await taken(tx, of)
  const isOwn = parts?.every(({ code, debit, credit: to }) => {
    const isTakeBack = code === 'chargeback' || code === 'refund'
    return isTakeBack && to === cash && (debit === customer || debit === receivable)
  })
  if (!parts || !isOwn) return { ok: false, reason: 'take_back_not_found' }
  const amount = nanos(parts.reduce((sum, part) => sum + part.amount, 0n))
  const id = derivedId('transfer', of, 'reversal')
  if ((await transfers(tx, [id])).length > 0) return { ok: true, outcome: 'exists', amount }
  await payBack(tx, {
    organization,
    from: cash,
    amount,
    code: 'reversal',
    id,
    about,
    bookedAt: asOf,
    // What it took; then what has paid the debt that it left.
    paidBy: [{ transfers: parts.map((part) => part.id) }, { abouts: [organization] }],
  })
  await payDebt(tx, organization)
  await tell(tx, organization)
  return { ok: true, outcome: 'created', amount }
}

import { derivedId, type AccountId, type OrganizationId, type TransferId } from '../kernel/ids.ts'
import { type Currency, type Nanos, nanos } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'

/** Whose money an account counts: an organization's, or ours. */
export type AccountOwner = OrganizationId | 'platform'

/** What an account is for; an owner has one of each in a currency. */
export type AccountCode =
  | 'customer'
  | 'receivable'
  | 'cash'
  | 'revenue'
  | 'promo_expense'
  | 'absorbed'
  | 'breakage'
  | 'tax'
  | 'rounding'

/** What an account may not do; null: anything (our own accounts, credit lines). */
export type LimitRule = 'debits_must_not_exceed_credits' | 'credits_must_not_exceed_debits'

/** An account to be opened. */
export interface NewAccount {
  readonly id: AccountId
  readonly owner: AccountOwner
  readonly code: AccountCode
  readonly currency: Currency
  readonly limit: LimitRule | null
}

/** The four running totals; nano-units. */
export interface Totals {
  readonly debitsPending: Nanos
  readonly debitsPosted: Nanos
  readonly creditsPending: Nanos
  readonly creditsPosted: Nanos
}

/** Debits and credits, each pending and posted, in nano-units of one currency. */
export interface Account extends NewAccount, Totals {
  readonly isClosed: boolean
}

/** Money that comes in, by what it is; a `reversal` undoes a chargeback that the bank took back. */
export type IncomeCode =
  | 'grant'
  | 'payment'
  | 'promo_code'
  | 'allowance'
  | 'rebate'
  | 'credit_note'
  | 'reversal'

/** Money that goes out again, or that is owed no longer; the tax of an invoice. */
export type OutgoCode = 'refund' | 'chargeback' | 'expiry' | 'write_off' | 'tax'

/**
 * What a transfer is for: money in or out, paid time or storage, what a late truth gives back, an old debt
 * paid, time that no hold covered and so is ours, or what rounding an invoice changed.
 */
export type TransferCode =
  | MoneyCode
  | 'lease'
  | 'storage'
  | 'give_back'
  | 'receivable'
  | 'overshoot'
  | 'rounding'

/** Money that came in or went out: what a statement lists beside the charges. */
export type MoneyCode = IncomeCode | OutgoCode

/** All of them. */
export const moneyCodes: readonly MoneyCode[] = [
  'grant',
  'payment',
  'promo_code',
  'allowance',
  'rebate',
  'credit_note',
  'reversal',
  'refund',
  'chargeback',
  'expiry',
  'write_off',
  'tax',
]

/** The allocation, volume, invoice or person that a transfer is about. */
export type Reference = string

interface Move {
  readonly id: TransferId
  readonly debit: AccountId
  readonly credit: AccountId
  readonly amount: Nanos
  readonly code: TransferCode
  readonly bookedAt: Instant
  readonly about: Reference
}

/** The caller makes every id: sending the same transfer again does nothing. */
export type Transfer =
  | ({ readonly kind: 'post' } & Move)
  | ({ readonly kind: 'hold' } & Move)
  /** At most what is left of the hold; may repeat; the rest stays held. */
  | {
      readonly kind: 'settle'
      readonly id: TransferId
      readonly hold: TransferId
      readonly amount: Nanos
      readonly bookedAt: Instant
    }
  | {
      readonly kind: 'release'
      readonly id: TransferId
      readonly hold: TransferId
      readonly bookedAt: Instant
    }

/** A transfer as it stands in the books; of a release the amount is what was left. */
export interface PostedTransfer extends Move {
  readonly kind: Transfer['kind']
  readonly hold: TransferId | null
}

/** Money that came in, or went out (negative). */
export interface Moved extends PostedTransfer {
  readonly code: MoneyCode
}

/** Why a transfer is refused; nothing of its call is applied then. */
export type LedgerRefusal =
  | 'exceeds_credits'
  | 'exceeds_debits'
  | 'exceeds_hold'
  | 'hold_not_found'
  | 'hold_used_up'
  | 'hold_already_released'
  | 'account_not_found'
  | 'account_closed'
  | 'accounts_must_differ'
  | 'currencies_must_match'
  | 'amount_must_be_positive'
  | `exists_with_different_${'amount' | 'accounts' | 'kind' | 'hold' | 'code'}`

/** What the database itself would say, where a rule were to miss it. */
export const refusalOfConstraint: Readonly<Record<string, LedgerRefusal>> = {
  transfer_pkey: 'exists_with_different_accounts',
  transfer_one_release: 'hold_already_released',
  transfer_hold: 'hold_not_found',
  transfer_debit: 'account_not_found',
  transfer_credit: 'account_not_found',
  transfer_accounts_must_differ: 'accounts_must_differ',
  transfer_amount_must_be_positive: 'amount_must_be_positive',
  ledger_account_exceeds_credits: 'exceeds_credits',
  ledger_account_exceeds_debits: 'exceeds_debits',
}

/** What became of a transfer: it is new, or was there already. */
export type Outcome = 'created' | 'exists'

/** All transfers of a call are applied, or none: then `index` names the first that is refused. */
export type ApplyResult =
  | { readonly ok: true; readonly outcomes: readonly Outcome[] }
  | { readonly ok: false; readonly index: number; readonly reason: LedgerRefusal }

/** An account that is there now, or what stands under its id instead. */
export type OpenResult =
  | { readonly ok: true; readonly outcome: Outcome }
  | { readonly ok: false; readonly reason: 'exists_with_different_owner' | 'exists_with_different_limit' }

/** A transfer in the books, with what has become of it if it is a hold. */
export interface KnownTransfer extends PostedTransfer {
  readonly settled: Nanos
  readonly isReleased: boolean
}

/** A hold of which something is left. */
export interface OpenHold {
  readonly id: TransferId
  readonly about: Reference
  readonly left: Nanos
}

/**
 * What a call is judged by: the accounts it touches (locked), and what is known under the ids that it names.
 */
export interface Books {
  readonly accounts: ReadonlyMap<AccountId, Account>
  readonly transfers: ReadonlyMap<TransferId, KnownTransfer>
}

/** What a call that is not refused writes. */
export interface Entry {
  readonly outcomes: readonly Outcome[]
  readonly added: readonly PostedTransfer[]
  readonly totals: ReadonlyMap<AccountId, Totals>
}

/** What a call comes to: what to write, or the first transfer that is refused. */
export type Judgement =
  | ({ readonly ok: true } & Entry)
  | { readonly ok: false; readonly index: number; readonly reason: LedgerRefusal }

/** An account's id follows from what it is, so nobody has to look it up. */
export function accountIdOf(owner: AccountOwner, code: AccountCode, currency: Currency): AccountId {
  return derivedId('account', owner, code, currency)
}

/** What may still be debited: credits less debits, less what is held. */
export function availableOf(account: Totals): Nanos {
  return nanos(account.creditsPosted - account.debitsPosted - account.debitsPending)
}

/** Credits less debits, held money included. */
export function postedOf(account: Totals): Nanos {
  return nanos(account.creditsPosted - account.debitsPosted)
}

/** What is left of a hold. */
export function leftOf(hold: KnownTransfer): Nanos {
  return nanos(hold.isReleased ? 0n : hold.amount - hold.settled)
}

/** Decides a whole call, each transfer after the ones before it. Pure: the same books, the same answer. */
export function judge(books: Books, transfers: readonly Transfer[]): Judgement {
  const accounts = new Map(books.accounts)
  const known = new Map(books.transfers)
  const outcomes: Outcome[] = []
  const added: PostedTransfer[] = []
  for (const [index, transfer] of transfers.entries()) {
    const existing = known.get(transfer.id)
    if (existing) {
      const difference = differenceOf(existing, transfer)
      if (difference) return { ok: false, index, reason: `exists_with_different_${difference}` }
      outcomes.push('exists')
      continue
    }
    const step = stepOf(transfer, accounts, known)
    if (typeof step === 'string') return { ok: false, index, reason: step }
    for (const account of step.accounts) accounts.set(account.id, account)
    if (step.hold) known.set(step.hold.id, step.hold)
    known.set(transfer.id, { ...step.posted, settled: nanos(0n), isReleased: false })
    added.push(step.posted)
    outcomes.push('created')
  }
  const touched = [...accounts].filter(([id, account]) => account !== books.accounts.get(id))
  return { ok: true, outcomes, added, totals: new Map(touched) }
}

interface Step {
  readonly posted: PostedTransfer
  readonly accounts: readonly Account[]
  readonly hold: KnownTransfer | null
}

function differenceOf(
  existing: KnownTransfer,
  asked: Transfer,
): 'amount' | 'accounts' | 'kind' | 'hold' | 'code' | null {
  if (existing.kind !== asked.kind) return 'kind'
  if (asked.kind === 'settle' || asked.kind === 'release') {
    if (existing.hold !== asked.hold) return 'hold'
    return asked.kind === 'settle' && existing.amount !== asked.amount ? 'amount' : null
  }
  if (existing.debit !== asked.debit || existing.credit !== asked.credit) return 'accounts'
  if (existing.amount !== asked.amount) return 'amount'
  return existing.code === asked.code ? null : 'code'
}

function stepOf(
  transfer: Transfer,
  accounts: ReadonlyMap<AccountId, Account>,
  known: ReadonlyMap<TransferId, KnownTransfer>,
): Step | LedgerRefusal {
  if (transfer.kind !== 'release' && transfer.amount <= 0n) return 'amount_must_be_positive'
  if (transfer.kind === 'post' || transfer.kind === 'hold') {
    if (transfer.debit === transfer.credit) return 'accounts_must_differ'
    const sides = sidesOf(transfer, accounts)
    if (typeof sides === 'string') return sides
    const { kind, amount } = transfer
    const pending = kind === 'hold' ? amount : 0n
    const posted = kind === 'post' ? amount : 0n
    return moved({ ...transfer, hold: null }, sides, pending, posted, null)
  }
  const hold = known.get(transfer.hold)
  if (hold?.kind !== 'hold') return 'hold_not_found'
  if (hold.isReleased) return 'hold_already_released'
  const left = leftOf(hold)
  if (left === 0n) return 'hold_used_up'
  const amount = transfer.kind === 'settle' ? transfer.amount : left
  if (amount > left) return 'exceeds_hold'
  const sides = sidesOf(hold, accounts)
  if (typeof sides === 'string') return sides
  const { debit, credit, code, about } = hold
  const row = { ...transfer, hold: hold.id, debit, credit, code, about, amount }
  return transfer.kind === 'settle'
    ? moved(row, sides, -amount, amount, { ...hold, settled: nanos(hold.settled + amount) })
    : moved(row, sides, -amount, 0n, { ...hold, isReleased: true })
}

interface Sides {
  readonly debit: Account
  readonly credit: Account
}

function sidesOf(
  move: { readonly debit: AccountId; readonly credit: AccountId },
  accounts: ReadonlyMap<AccountId, Account>,
): Sides | LedgerRefusal {
  const debit = accounts.get(move.debit)
  const credit = accounts.get(move.credit)
  if (!debit || !credit) return 'account_not_found'
  if (debit.isClosed || credit.isClosed) return 'account_closed'
  if (debit.currency !== credit.currency) return 'currencies_must_match'
  return { debit, credit }
}

function moved(
  posted: PostedTransfer,
  { debit, credit }: Sides,
  pendingChange: bigint,
  postedChange: bigint,
  hold: KnownTransfer | null,
): Step | LedgerRefusal {
  const nextDebit: Account = {
    ...debit,
    debitsPending: nanos(debit.debitsPending + pendingChange),
    debitsPosted: nanos(debit.debitsPosted + postedChange),
  }
  const nextCredit: Account = {
    ...credit,
    creditsPending: nanos(credit.creditsPending + pendingChange),
    creditsPosted: nanos(credit.creditsPosted + postedChange),
  }
  if (debit.limit === 'debits_must_not_exceed_credits' && availableOf(nextDebit) < 0n)
    return 'exceeds_credits'
  if (
    credit.limit === 'credits_must_not_exceed_debits' &&
    nextCredit.debitsPosted - nextCredit.creditsPosted - nextCredit.creditsPending < 0n
  )
    return 'exceeds_debits'
  const { id, kind, code, about, amount, bookedAt } = posted
  return {
    posted: {
      id,
      kind,
      hold: posted.hold,
      debit: debit.id,
      credit: credit.id,
      amount,
      code,
      about,
      bookedAt,
    },
    accounts: [nextDebit, nextCredit],
    hold,
  }
}

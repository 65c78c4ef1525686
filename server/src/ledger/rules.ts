import { derivedId, type AccountId, type OrganizationId, type TransferId } from '../kernel/ids.ts'
import { type Currency, type Nanos, nanos } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import type { From, Into } from './lots.rules.ts'

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
  /** `into` says what becomes of money that comes into a wallet; `from` picks among the lots it leaves. */
  | ({ readonly kind: 'post'; readonly from?: From; readonly into?: Into } & Move)
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
  /** Of a wallet: not so much is in force and free. */
  | 'exceeds_credits'
  | 'exceeds_debits'
  | 'exceeds_hold'
  | 'hold_not_found'
  | 'hold_used_up'
  | 'hold_already_released'
  /** Less was paid than is to come back. */
  | 'exceeds_uses'
  /** Money comes into a wallet, and nobody says on what terms. */
  | 'lot_not_named'
  /** It would lapse before it could be used. */
  | 'lapses_at_once'
  | 'account_not_found'
  | 'account_closed'
  | 'accounts_must_differ'
  | 'currencies_must_match'
  | 'amount_must_be_positive'
  | `exists_with_different_${'amount' | 'accounts' | 'kind' | 'hold' | 'code' | 'terms'}`

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
  credit_lot_amounts: 'exceeds_credits',
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

/** What is owed on a receivable. */
export function owedOn(account: Totals): Nanos {
  return nanos(account.debitsPosted - account.creditsPosted)
}

/** What is left of a hold. */
export function leftOf(hold: KnownTransfer): Nanos {
  return nanos(hold.isReleased ? 0n : hold.amount - hold.settled)
}

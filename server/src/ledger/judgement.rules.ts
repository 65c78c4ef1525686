import type { AccountId, TransferId } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import {
  draw,
  giveBack,
  isAsAsked,
  type Lot,
  lotIdOf,
  remember,
  type LotUse,
  reserve,
  type Shelf,
  shelfOf,
  spend,
  stack,
  type Stock,
} from './lots.rules.ts'
import {
  type Account,
  availableOf,
  type KnownTransfer,
  type LedgerRefusal,
  leftOf,
  type Outcome,
  owedOn,
  type PostedTransfer,
  type Totals,
  type Transfer,
} from './rules.ts'

/**
 * What a call is judged by: the accounts it touches (locked), what is known under the ids that it names, and
 * the lots of its wallets.
 */
export interface Books {
  readonly accounts: ReadonlyMap<AccountId, Account>
  readonly transfers: ReadonlyMap<TransferId, KnownTransfer>
  readonly stock: Stock
}

/** An organization began to owe by a transfer, or owes nothing any more. */
export interface DebtMark {
  readonly account: AccountId
  readonly transfer: TransferId
  readonly event: 'begun' | 'ended'
}

/** What a call that is not refused writes. */
export interface Entry {
  readonly outcomes: readonly Outcome[]
  readonly added: readonly PostedTransfer[]
  readonly totals: ReadonlyMap<AccountId, Totals>
  /** Lots that are new, as they stand after the call. */
  readonly stacked: readonly Lot[]
  /** Lots of which something was used, reserved or freed. */
  readonly changed: readonly Lot[]
  readonly uses: readonly LotUse[]
  readonly debts: readonly DebtMark[]
}

/** What a call comes to: what to write, or the first transfer that is refused. */
export type Judgement =
  | ({ readonly ok: true } & Entry)
  | { readonly ok: false; readonly index: number; readonly reason: LedgerRefusal }

/** Decides a whole call, each transfer after the ones before it. Pure: the same books, the same answer. */
export function judge(books: Books, transfers: readonly Transfer[]): Judgement {
  const accounts = new Map(books.accounts)
  const known = new Map(books.transfers)
  const shelf = shelfOf(books.stock)
  const outcomes: Outcome[] = []
  const added: PostedTransfer[] = []
  const uses: LotUse[] = []
  const debts: DebtMark[] = []
  for (const [index, transfer] of transfers.entries()) {
    const existing = known.get(transfer.id)
    if (existing) {
      const difference = differenceOf(existing, transfer, shelf)
      if (difference) return { ok: false, index, reason: `exists_with_different_${difference}` }
      outcomes.push('exists')
      continue
    }
    const step = stepOf(transfer, accounts, known)
    if (typeof step === 'string') return { ok: false, index, reason: step }
    const used = lotsMoved(shelf, transfer, step)
    if (typeof used === 'string') return { ok: false, index, reason: used }
    uses.push(...used)
    remember(shelf, used, step.posted)
    for (const account of step.accounts) {
      debts.push(...debtMarks(accounts.get(account.id), account, transfer.id))
      accounts.set(account.id, account)
    }
    if (step.hold) known.set(step.hold.id, step.hold)
    known.set(transfer.id, { ...step.posted, settled: nanos(0n), isReleased: false })
    added.push(step.posted)
    outcomes.push('created')
  }
  const totals = new Map([...accounts].filter(([id, account]) => account !== books.accounts.get(id)))
  return { ok: true, outcomes, added, totals, uses, debts, ...lotsTouched(books.stock, shelf) }
}

function lotsTouched({ lots }: Stock, shelf: Shelf): Pick<Entry, 'stacked' | 'changed'> {
  const before = new Map(lots.map((lot) => [lot.id, lot]))
  const touched = [...shelf.lots.values()].filter((lot) => lot !== before.get(lot.id))
  return {
    stacked: touched.filter(({ id }) => !before.has(id)),
    changed: touched.filter(({ id }) => before.has(id)),
  }
}

function debtMarks(before: Account | undefined, after: Account, transfer: TransferId): readonly DebtMark[] {
  if (after.code !== 'receivable' || !before) return []
  const [owed, owes] = [owedOn(before) > 0n, owedOn(after) > 0n]
  return owed === owes ? [] : [{ account: after.id, transfer, event: owes ? 'begun' : 'ended' }]
}

/** What a transfer does to the lots of the wallets that it touches. */
function lotsMoved(shelf: Shelf, transfer: Transfer, step: Step): readonly LotUse[] | LedgerRefusal {
  const [debit, credit] = step.accounts
  const left = debit.code === 'customer' ? leaving(shelf, transfer, step.posted) : []
  if (!left) return 'exceeds_credits'
  if (credit.code !== 'customer') return left
  const into = transfer.kind === 'post' ? transfer.into : undefined
  if (!into) return 'lot_not_named'
  const { id, amount } = step.posted
  if ('returns' in into) {
    const back = giveBack(shelf, id, credit.id, amount, into.returns)
    return back ? [...left, ...back] : 'exceeds_uses'
  }
  return stack(shelf, id, credit.id, amount, into.terms) ? left : 'lapses_at_once'
}

function leaving(shelf: Shelf, transfer: Transfer, posted: PostedTransfer): readonly LotUse[] | null {
  const { id, debit, amount } = posted
  switch (transfer.kind) {
    case 'post':
      return spend(shelf, id, debit, amount, transfer.from)
    case 'hold':
      return reserve(shelf, id, debit, amount)
    case 'settle':
    case 'release':
      return draw(shelf, transfer.kind, id, transfer.hold, debit, amount)
  }
}

interface Step {
  readonly posted: PostedTransfer
  readonly accounts: readonly [debit: Account, credit: Account]
  readonly hold: KnownTransfer | null
}

function differenceOf(
  existing: KnownTransfer,
  asked: Transfer,
  shelf: Shelf,
): 'amount' | 'accounts' | 'kind' | 'hold' | 'code' | 'terms' | null {
  if (existing.kind !== asked.kind) return 'kind'
  if (asked.kind === 'settle' || asked.kind === 'release') {
    if (existing.hold !== asked.hold) return 'hold'
    return asked.kind === 'settle' && existing.amount !== asked.amount ? 'amount' : null
  }
  if (existing.debit !== asked.debit || existing.credit !== asked.credit) return 'accounts'
  if (existing.amount !== asked.amount) return 'amount'
  if (existing.code !== asked.code) return 'code'
  if (asked.kind === 'hold' || !asked.into || !('terms' in asked.into)) return null
  const lot = shelf.lots.get(lotIdOf(asked.id))
  return lot && !isAsAsked(lot, asked.into.terms) ? 'terms' : null
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

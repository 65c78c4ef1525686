import { type AccountId, derivedId, type OrganizationId, type TransferId } from '../kernel/ids.ts'
import { type Nanos, nanos } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import { applyOrThrow, lockWallet, returnable } from '../ledger/ledger.ts'
import type { Into, Returns } from '../ledger/lots.rules.ts'
import type { Reference, Transfer, TransferCode } from '../ledger/rules.ts'
import type { Tx } from '../store/store.ts'
import { sharesOf } from './credits.rules.ts'

/** Money that comes back to whoever paid it. */
export interface Payback {
  readonly organization: OrganizationId
  /** Of ours, where it went. */
  readonly from: AccountId
  readonly amount: Nanos
  readonly code: TransferCode
  /** Of the first transfer; the others' ids follow from it. */
  readonly id: TransferId
  readonly about: Reference
  readonly bookedAt: Instant
  /** Whose uses come back, in this order. */
  readonly paidBy: readonly Returns[]
}

/** What came into the wallet, and when its lots were looked at. */
export interface PaidBack {
  readonly toWallet: Nanos
  readonly asOf: Instant
}

/**
 * Gives money back: to the lots that paid, newest use first; then what is owed is less; what nobody paid was
 * ours, and is ours again. So nobody gets back more than was paid, and given money never becomes bought
 * money. Once: the caller makes sure that it was not done before.
 */
export async function payBack(tx: Tx, payback: Payback): Promise<PaidBack> {
  const { organization, from: debit, amount, code, id, about, bookedAt, paidBy } = payback
  const { accounts, owed, asOf } = await lockWallet(tx, organization)
  const rooms: Nanos[] = []
  for (const returns of paidBy) rooms.push(await returnable(tx, accounts.customer, returns))
  const shares = sharesOf(amount, [...rooms, owed])
  const transfers: Transfer[] = []
  const add = (credit: AccountId, share: Nanos | undefined, as: TransferCode, into?: Into): void => {
    if (share === undefined || share === 0n) return
    const own = transfers.length === 0 ? id : derivedId('transfer', id, transfers.length)
    const move = { debit, credit, amount: share, code: as, bookedAt, about, ...(into ? { into } : {}) }
    transfers.push({ kind: 'post', id: own, ...move })
  }
  for (const [index, returns] of paidBy.entries())
    add(accounts.customer, shares.parts[index], code, { returns })
  const paid = transfers.reduce((sum, one) => sum + ('amount' in one ? one.amount : 0n), 0n)
  add(accounts.receivable, shares.parts[paidBy.length], code)
  // What was ours to bear never was the customer's: an allocation's lease does not count it as given back.
  add(accounts.absorbed, shares.rest, code === 'give_back' ? 'overshoot' : code)
  await applyOrThrow(tx, transfers, asOf)
  return { toWallet: nanos(paid), asOf }
}

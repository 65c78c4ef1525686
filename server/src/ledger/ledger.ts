import { AppError, notFound } from '../kernel/errors.ts'
import { type AccountId, asId, type LotId, type OrganizationId, type TransferId } from '../kernel/ids.ts'
import { type Currency, type Nanos, nanos } from '../kernel/money.ts'
import { formatInstant, type Instant } from '../kernel/time.ts'
import { emit } from '../notices/notices.ts'
import type { Tx } from '../store/store.ts'
import { graceUntil } from './debts.rules.ts'
import { insertEntry } from './entries.rows.ts'
import { judge } from './judgement.rules.ts'
import * as lots from './lots.rows.ts'
import { burnOrder, type Lot, lotIdOf, type Returns, type Stock, usable } from './lots.rules.ts'
import * as rows from './rows.ts'
import {
  type Account,
  type AccountCode,
  accountIdOf,
  type ApplyResult,
  moneyCodes,
  type Moved,
  type NewAccount,
  type OpenHold,
  type OpenResult,
  owedOn,
  type PostedTransfer,
  type Reference,
  refusalOfConstraint,
  type Transfer,
} from './rules.ts'

export { type Check, checks } from './checks.ts'

/** Opens an account; the same again is `exists`, another one under the same id is refused. */
export async function open(tx: Tx, account: NewAccount): Promise<OpenResult> {
  const created = await rows.insertAccounts(tx, [account], await tx.now())
  if (created.length > 0) return { ok: true, outcome: 'created' }
  const there = await rows.selectAccount(tx, account.id)
  const { owner, code, currency, limit } = account
  if (there?.owner !== owner || there.code !== code || there.currency !== currency)
    return { ok: false, reason: 'exists_with_different_owner' }
  return there.limit === limit
    ? { ok: true, outcome: 'exists' }
    : { ok: false, reason: 'exists_with_different_limit' }
}

/**
 * Applies all transfers of the call, each after the ones before it, or none. The accounts that have a limit
 * are locked, in ascending order, until the transaction ends: the last lock that a transaction takes. Who has
 * locked a wallet before gives its `asOf`, so that no lot lapses between what was read and what is written.
 */
export async function apply(tx: Tx, transfers: readonly Transfer[], asOf?: Instant): Promise<ApplyResult> {
  if (transfers.length === 0) return { ok: true, outcomes: [] }
  const holds = new Set<TransferId>()
  const touched = new Set<AccountId>()
  for (const transfer of transfers) {
    if (transfer.kind === 'settle' || transfer.kind === 'release') holds.add(transfer.hold)
    else touched.add(transfer.debit).add(transfer.credit)
  }
  const accounts = await rows.lockAccounts(tx, [...touched], [...holds])
  const now = asOf ?? (await tx.now())
  const known = await rows.selectTransfers(tx, [...transfers.map(({ id }) => id), ...holds])
  const judgement = judge(
    {
      accounts: new Map(accounts.map((one) => [one.id, one])),
      transfers: new Map(known.map((one) => [one.id, one])),
      stock: await stockOf(tx, transfers, accounts, known, now),
    },
    transfers,
  )
  if (!judgement.ok) return judgement
  if (judgement.added.length > 0) {
    try {
      await insertEntry(tx, judgement, now)
    } catch (error) {
      throw translated(error)
    }
    for (const { account: id, event } of judgement.debts) {
      const owing = accounts.find((one) => one.id === id)
      const owed = judgement.totals.get(id)
      if (event === 'begun' && owing && owed) await tellDebt(tx, owing, owedOn(owed), now)
    }
  }
  return { ok: true, outcomes: judgement.outcomes }
}

/** An organization begins to owe: the days of grace count from now. */
async function tellDebt(tx: Tx, { owner, currency }: Account, owed: Nanos, now: Instant): Promise<void> {
  if (owner === 'platform' || owed === 0n) return
  const data = { currency, owedNanos: owed, graceUntil: formatInstant(graceUntil(now)) }
  await emit(tx, { organization: owner, type: 'storage.grace_started', subject: owner, data })
}

/** The lots that the call may touch: those of its wallets, and those to which something comes back. */
async function stockOf(
  tx: Tx,
  transfers: readonly Transfer[],
  accounts: readonly Account[],
  known: readonly rows.KnownRow[],
  asOf: Instant,
): Promise<Stock> {
  const returns = transfers.flatMap((transfer) =>
    transfer.kind === 'post' && transfer.into && 'returns' in transfer.into ? [transfer.into.returns] : [],
  )
  const meant: Returns = {
    abouts: returns.flatMap(({ abouts = [] }) => abouts),
    transfers: returns.flatMap(({ transfers: own = [] }) => own),
  }
  const returnable = returns.length === 0 ? [] : await lots.selectReturnable(tx, meant)
  const wallets = accounts.filter(({ code }) => code === 'customer').map(({ id }) => id)
  const named = [...returnable.map(({ lot }) => lot), ...known.map(({ id }) => lotIdOf(id))]
  return {
    lots: wallets.length === 0 ? [] : await lots.selectLots(tx, wallets, named),
    reserved: new Map(known.map(({ id, reserved }) => [id, reservedIn(reserved ?? {})])),
    returnable,
    asOf,
  }
}

function reservedIn(parts: Readonly<Record<string, string>>): ReadonlyMap<LotId, Nanos> {
  return new Map(Object.entries(parts).map(([lot, left]) => [asId('lot', lot), nanos(BigInt(left))]))
}

/** Applies transfers that the caller has made sure of; a refusal is a fault. */
export async function applyOrThrow(tx: Tx, transfers: readonly Transfer[], asOf?: Instant): Promise<void> {
  const result = await apply(tx, transfers, asOf)
  if (!result.ok)
    throw new AppError('internal', `The ledger refused a transfer: ${result.reason}.`, {
      transfer: transfers[result.index]?.id,
    })
}

/** Another call took the id or the money in the same instant, on accounts that this one did not lock. */
function translated(error: unknown): unknown {
  if (!(error instanceof Error) || !('constraint' in error)) return error
  const refusal = refusalOfConstraint[String(error.constraint)]
  if (!refusal) return error
  return new AppError('conflict', 'Another request moved the same money just now. Look again, then retry.', {
    refusal,
  })
}

/** An account with its totals; our own are summed on read. */
export async function account(tx: Tx, id: AccountId): Promise<Account | null> {
  const row = await rows.selectAccount(tx, id)
  return row?.owner === 'platform' ? { ...row, ...(await rows.sumTransfers(tx, id)) } : row
}

/** What a page of an account's history is asked by. */
export interface HistoryPage {
  readonly after?: rows.HistoryCursor | undefined
  readonly limit: number
}

/** Transfers that touch an account, oldest first. */
export async function history(tx: Tx, id: AccountId, page: HistoryPage): Promise<readonly PostedTransfer[]> {
  return rows.selectHistory(tx, id, page.after ?? null, page.limit)
}

/**
 * Money that came in during `[from, to)`, or went out again (negative), oldest first: everything but charges,
 * what they gave back, and what moves between an organization's own accounts.
 */
export async function credits(
  tx: Tx,
  organization: OrganizationId,
  from: Instant,
  to: Instant,
): Promise<readonly Moved[]> {
  const { customer, receivable } = accountsFor(organization, await currencyOf(tx, organization))
  return rows.selectMoved(tx, [customer, receivable], moneyCodes, from, to)
}

/** What stands in the books under the ids, in no order. */
export async function transfers(tx: Tx, ids: readonly TransferId[]): Promise<readonly PostedTransfer[]> {
  return rows.selectTransfers(tx, ids)
}

/** What the lots of a wallet have paid about these, or by these transfers, and may still get back. */
export async function returnable(tx: Tx, wallet: AccountId, returns: Returns): Promise<Nanos> {
  const found = await lots.selectReturnable(tx, returns)
  return nanos(found.reduce((sum, { account: own, left }) => (own === wallet ? sum + left : sum), 0n))
}

/** The currency of an organization, in which all its accounts are kept. Throws `not_found`. */
export async function currencyOf(tx: Tx, organization: OrganizationId): Promise<Currency> {
  const currency = await rows.selectCurrency(tx, organization)
  if (currency === null) throw notFound('organization', organization)
  return currency
}

/** The accounts of an organization and ours of its currency, by code. */
export interface Accounts {
  readonly currency: Currency
  readonly customer: AccountId
  readonly receivable: AccountId
  readonly cash: AccountId
  readonly revenue: AccountId
  readonly promoExpense: AccountId
  readonly absorbed: AccountId
  readonly breakage: AccountId
  readonly tax: AccountId
  readonly rounding: AccountId
}

const limitOf: Partial<Record<AccountCode, NewAccount['limit']>> = {
  customer: 'debits_must_not_exceed_credits',
  receivable: 'credits_must_not_exceed_debits',
}

const ownCodes: readonly AccountCode[] = ['customer', 'receivable']
const ourCodes: readonly AccountCode[] = [
  'cash',
  'revenue',
  'promo_expense',
  'absorbed',
  'breakage',
  'tax',
  'rounding',
]

function accountsFor(organization: OrganizationId, currency: Currency): Accounts {
  const ours = (code: AccountCode): AccountId => accountIdOf('platform', code, currency)
  return {
    currency,
    customer: accountIdOf(organization, 'customer', currency),
    receivable: accountIdOf(organization, 'receivable', currency),
    cash: ours('cash'),
    revenue: ours('revenue'),
    promoExpense: ours('promo_expense'),
    absorbed: ours('absorbed'),
    breakage: ours('breakage'),
    tax: ours('tax'),
    rounding: ours('rounding'),
  }
}

/**
 * The ids of the accounts that an organization's money moves between, opened where they are not yet. Throws
 * `not_found`.
 */
export async function accountsOf(tx: Tx, organization: OrganizationId): Promise<Accounts> {
  const found = await rows.selectOpened(tx, organization)
  if (found === null) throw notFound('organization', organization)
  const { currency, opened } = found
  if (opened < ownCodes.length + ourCodes.length) await openAll(tx, organization, currency)
  return accountsFor(organization, currency)
}

async function openAll(tx: Tx, organization: OrganizationId, currency: Currency): Promise<void> {
  const wanted = [
    ...ownCodes.map((code) => ({ owner: organization, code })),
    ...ourCodes.map((code) => ({ owner: 'platform' as const, code })),
  ].map(({ owner, code }) => ({
    id: accountIdOf(owner, code, currency),
    owner,
    code,
    currency,
    limit: limitOf[code] ?? null,
  }))
  // In one order, so that two first comers do not wait for each other.
  const ordered = wanted.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  await rows.insertAccounts(tx, ordered, await tx.now())
}

/** What an organization has, holds and owes at `asOf`, without what has lapsed or is not in force yet. */
export interface Wallet {
  readonly accounts: Accounts
  readonly asOf: Instant
  /** What is available and what is held. */
  readonly posted: Nanos
  readonly held: Nanos
  /** What a new hold can use: what is in force and not held. */
  readonly available: Nanos
  /** What could not be paid. While it is above zero nothing is launched. */
  readonly owed: Nanos
  /** Of which something remains, in burn order; those that lapsed or are not in force yet included. */
  readonly lots: readonly Lot[]
}

/** The wallet of an organization, read without waiting; empty where nothing has moved yet. */
export async function walletOf(tx: Tx, organization: OrganizationId): Promise<Wallet> {
  const accounts = accountsFor(organization, await currencyOf(tx, organization))
  const found = await rows.selectAccounts(tx, [accounts.customer, accounts.receivable])
  return walletWith(tx, accounts, found)
}

/** The wallet of an organization, which then stays as it is until the transaction ends. */
export async function lockWallet(tx: Tx, organization: OrganizationId): Promise<Wallet> {
  const accounts = await accountsOf(tx, organization)
  return walletWith(tx, accounts, await rows.lockAccounts(tx, [accounts.customer, accounts.receivable]))
}

async function walletWith(tx: Tx, accounts: Accounts, found: readonly Account[]): Promise<Wallet> {
  const named = (id: AccountId): Account | undefined => found.find((one) => one.id === id)
  const asOf = await tx.now()
  const own = (await lots.selectLots(tx, [accounts.customer])).toSorted(burnOrder)
  const receivable = named(accounts.receivable)
  const held = named(accounts.customer)?.debitsPending ?? nanos(0n)
  const available = usable(own, asOf)
  return {
    accounts,
    asOf,
    posted: nanos(available + held),
    held,
    available,
    owed: receivable ? owedOn(receivable) : nanos(0n),
    lots: own,
  }
}

/**
 * What an allocation (or all of a distributed run) has money for: settled, less given back, plus still held.
 */
export async function coveredBy(tx: Tx, abouts: readonly Reference[]): Promise<Nanos> {
  return abouts.length === 0 ? nanos(0n) : rows.sumCovered(tx, abouts)
}

/** The holds about these of which something is left, oldest first. */
export async function openHolds(tx: Tx, abouts: readonly Reference[]): Promise<readonly OpenHold[]> {
  return abouts.length === 0 ? [] : rows.selectOpenHolds(tx, abouts)
}

import { sql } from 'kysely'
import type { AccountId, OrganizationId, TransferId } from '../kernel/ids.ts'
import { type Currency, type Nanos, nanos } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'
import type {
  Account,
  KnownTransfer,
  Moved,
  NewAccount,
  OpenHold,
  PostedTransfer,
  Reference,
  Totals,
} from './rules.ts'

const accountColumns = sql.raw(`id, owner, code, currency, limit_rule as "limit",
  debits_pending as "debitsPending", debits_posted as "debitsPosted",
  credits_pending as "creditsPending", credits_posted as "creditsPosted",
  closed_at is not null as "isClosed"`)

const transferColumns = sql.raw(
  't.id, t.kind, t.hold, t.debit, t.credit, t.amount, t.code, t.about, t.booked_at as "bookedAt"',
)

/** Opens accounts; one that is there already stays as it is. Answers the ids that are new. */
export async function insertAccounts(
  tx: Tx,
  accounts: readonly NewAccount[],
  createdAt: Instant,
): Promise<readonly AccountId[]> {
  const { rows } = await sql<{ id: AccountId }>`
    insert into ledger_account (id, owner, code, currency, limit_rule, created_at)
    select *, ${at(createdAt)}::timestamptz from unnest(
      ${accounts.map(({ id }) => id)}::text[], ${accounts.map(({ owner }) => owner)}::text[],
      ${accounts.map(({ code }) => code)}::text[], ${accounts.map(({ currency }) => currency)}::text[],
      ${accounts.map(({ limit }) => limit)}::text[])
    on conflict (id) do nothing returning id`.execute(tx.db)
  return rows.map(({ id }) => id)
}

/** The account as its row says; a platform account's row has no totals. */
export async function selectAccount(tx: Tx, id: AccountId): Promise<Account | null> {
  const { rows } = await sql<Account>`
    select ${accountColumns} from ledger_account where id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}

/** How many of the accounts are open. */
export async function countAccounts(tx: Tx, ids: readonly AccountId[]): Promise<number> {
  const { rows } = await sql<{ count: bigint }>`
    select count(*) as count from ledger_account where id = any(${ids}::text[])`.execute(tx.db)
  return Number(rows[0]?.count ?? 0n)
}

/**
 * The accounts; organizations' rows stay locked, in ascending order, until the transaction ends. Ours are
 * only read: nothing of them ever changes, so nothing waits for them.
 */
export async function lockAccounts(tx: Tx, ids: readonly AccountId[]): Promise<readonly Account[]> {
  const locked = await sql<Account>`
    select ${accountColumns} from ledger_account
    where id = any(${ids}::text[]) and owner <> 'platform' order by id for update`.execute(tx.db)
  if (locked.rows.length === new Set(ids).size) return locked.rows
  const ours = await sql<Account>`
    select ${accountColumns} from ledger_account
    where id = any(${ids}::text[]) and owner = 'platform'`.execute(tx.db)
  return [...locked.rows, ...ours.rows]
}

/** What is known under the ids, and what has become of holds. */
export async function selectTransfers(tx: Tx, ids: readonly TransferId[]): Promise<readonly KnownTransfer[]> {
  const { rows } = await sql<KnownTransfer>`
    select ${transferColumns}, coalesce(moves.settled, 0) as settled, moves.released as "isReleased"
    from transfer t cross join lateral
      (select sum(amount) filter (where kind = 'settle') as settled,
         coalesce(bool_or(kind = 'release'), false) as released
       from transfer move where move.hold = t.id and t.kind = 'hold') moves
    where t.id = any(${ids}::text[])`.execute(tx.db)
  return rows
}

/** The accounts of holds, which never change. */
export async function selectAccountsOfHolds(
  tx: Tx,
  holds: readonly TransferId[],
): Promise<readonly AccountId[]> {
  const { rows } = await sql<{ debit: AccountId; credit: AccountId }>`
    select distinct debit, credit from transfer where id = any(${holds}::text[])`.execute(tx.db)
  return rows.flatMap(({ debit, credit }) => [debit, credit])
}

export async function insertTransfers(
  tx: Tx,
  transfers: readonly PostedTransfer[],
  recordedAt: Instant,
): Promise<void> {
  await sql`
    insert into transfer (id, kind, hold, debit, credit, amount, code, about, booked_at, recorded_at)
    select *, ${at(recordedAt)}::timestamptz from unnest(
      ${transfers.map(({ id }) => id)}::text[], ${transfers.map(({ kind }) => kind)}::text[],
      ${transfers.map(({ hold }) => hold)}::text[], ${transfers.map(({ debit }) => debit)}::text[],
      ${transfers.map(({ credit }) => credit)}::text[],
      ${transfers.map(({ amount }) => amount.toString())}::numeric[],
      ${transfers.map(({ code }) => code)}::text[], ${transfers.map(({ about }) => about)}::text[],
      ${transfers.map(({ bookedAt }) => at(bookedAt))}::timestamptz[])`.execute(tx.db)
}

/** Sets the four totals of organizations' accounts, which the caller has locked. */
export async function updateTotals(tx: Tx, totals: ReadonlyMap<AccountId, Totals>): Promise<void> {
  const entries = [...totals]
  const column = (name: keyof Totals): readonly string[] =>
    entries.map(([, account]) => account[name].toString())
  await sql`
    update ledger_account account set debits_pending = totals.debits_pending,
      debits_posted = totals.debits_posted, credits_pending = totals.credits_pending,
      credits_posted = totals.credits_posted
    from unnest(${entries.map(([id]) => id)}::text[], ${column('debitsPending')}::numeric[],
      ${column('debitsPosted')}::numeric[], ${column('creditsPending')}::numeric[],
      ${column('creditsPosted')}::numeric[])
      as totals (id, debits_pending, debits_posted, credits_pending, credits_posted)
    where account.id = totals.id and account.owner <> 'platform'`.execute(tx.db)
}

/** The four totals of an account as its transfers say. */
export async function sumTransfers(tx: Tx, id: AccountId): Promise<Totals> {
  const { rows } = await sql<Totals>`
    select
      coalesce(sum(pending) filter (where debit = ${id}), 0) as "debitsPending",
      coalesce(sum(posted) filter (where debit = ${id}), 0) as "debitsPosted",
      coalesce(sum(pending) filter (where credit = ${id}), 0) as "creditsPending",
      coalesce(sum(posted) filter (where credit = ${id}), 0) as "creditsPosted"
    from (select debit, credit,
        case kind when 'hold' then amount when 'post' then 0 else -amount end as pending,
        case when kind in ('post', 'settle') then amount else 0 end as posted
      from transfer where debit = ${id} or credit = ${id}) moves`.execute(tx.db)
  const zero = nanos(0n)
  return rows[0] ?? { debitsPending: zero, debitsPosted: zero, creditsPending: zero, creditsPosted: zero }
}

/** What a page of an account's history comes after. */
export interface HistoryCursor {
  readonly bookedAt: Instant
  readonly id: TransferId
}

export async function selectHistory(
  tx: Tx,
  account: AccountId,
  after: HistoryCursor | null,
  limit: number,
): Promise<readonly PostedTransfer[]> {
  const { rows } = await sql<PostedTransfer>`
    select ${transferColumns} from transfer t
    where (t.debit = ${account} or t.credit = ${account})
      and (${after?.id ?? null}::text is null
        or (t.booked_at, t.id) > (${at(after?.bookedAt ?? null)}::timestamptz, ${after?.id ?? ''}))
    order by t.booked_at, t.id limit ${limit}`.execute(tx.db)
  return rows
}

/**
 * Posts of these codes between the accounts and others in `[from, to)`, oldest first; what went out of them
 * is negative.
 */
export async function selectMoved(
  tx: Tx,
  accounts: readonly AccountId[],
  codes: readonly string[],
  from: Instant,
  to: Instant,
): Promise<readonly Moved[]> {
  const { rows } = await sql<Moved>`
    select t.id, t.kind, t.hold, t.debit, t.credit, t.code, t.about, t.booked_at as "bookedAt",
      case when t.credit = any(${accounts}::text[]) then t.amount else -t.amount end as amount
    from transfer t
    where (t.debit = any(${accounts}::text[])) <> (t.credit = any(${accounts}::text[]))
      and t.kind = 'post' and t.code = any(${codes}::text[])
      and t.booked_at >= ${at(from)} and t.booked_at < ${at(to)}
    order by t.booked_at, t.id`.execute(tx.db)
  return rows
}

/** What was posted from one account to another, less what went the other way. */
export async function sumNet(tx: Tx, from: AccountId, to: AccountId): Promise<Nanos> {
  const { rows } = await sql<{ net: Nanos }>`
    select coalesce(sum(case when credit = ${to} then amount else -amount end), 0) as net from transfer
    where kind in ('post', 'settle')
      and ((debit = ${from} and credit = ${to}) or (debit = ${to} and credit = ${from}))`.execute(tx.db)
  return rows[0]?.net ?? nanos(0n)
}

/** Held, less what was released and what was given back, of everything about these. */
export async function sumCovered(tx: Tx, abouts: readonly Reference[]): Promise<Nanos> {
  const { rows } = await sql<{ covered: Nanos }>`
    select coalesce(sum(case when kind = 'hold' then amount when kind = 'settle' then 0 else -amount end), 0)
      as covered
    from transfer where about = any(${abouts}::text[])
      and (kind <> 'post' or code = 'give_back')`.execute(tx.db)
  return rows[0]?.covered ?? nanos(0n)
}

/** The holds about these of which something is left, oldest first. */
export async function selectOpenHolds(tx: Tx, abouts: readonly Reference[]): Promise<readonly OpenHold[]> {
  const { rows } = await sql<OpenHold>`
    select hold.id, hold.about, hold.amount - coalesce(moves.settled, 0) as left
    from transfer hold cross join lateral
      (select sum(amount) filter (where kind = 'settle') as settled,
         coalesce(bool_or(kind = 'release'), false) as released
       from transfer move where move.hold = hold.id) moves
    where hold.about = any(${abouts}::text[]) and hold.kind = 'hold' and not moves.released
      and hold.amount > coalesce(moves.settled, 0)
    order by hold.recorded_at, hold.id`.execute(tx.db)
  return rows
}

export async function selectCurrency(tx: Tx, organization: OrganizationId): Promise<Currency | null> {
  const { rows } = await sql<{ currency: Currency }>`
    select currency from organization where id = ${organization}`.execute(tx.db)
  return rows[0]?.currency ?? null
}

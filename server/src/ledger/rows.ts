import { sql } from 'kysely'
import type { AccountId, LotId, OrganizationId, TransferId } from '../kernel/ids.ts'
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

/** The accounts as their rows say, in no order. */
export async function selectAccounts(tx: Tx, ids: readonly AccountId[]): Promise<readonly Account[]> {
  const { rows } = await sql<Account>`
    select ${accountColumns} from ledger_account where id = any(${ids}::text[])`.execute(tx.db)
  return rows
}

/** The currency of an organization, and how many accounts of it and of ours are open in that. */
export async function selectOpened(
  tx: Tx,
  organization: OrganizationId,
): Promise<{ readonly currency: Currency; readonly opened: number } | null> {
  const { rows } = await sql<{ currency: Currency; opened: number }>`
    select organization.currency, (select count(*)::integer from ledger_account account
        where account.owner in (organization.id, 'platform') and account.currency = organization.currency)
      as opened
    from organization where organization.id = ${organization}`.execute(tx.db)
  return rows[0] ?? null
}

/**
 * The accounts, and those of the holds; organizations' rows stay locked, in ascending order, until the
 * transaction ends. Ours are only read: nothing of them ever changes, so nothing waits for them.
 */
export async function lockAccounts(
  tx: Tx,
  ids: readonly AccountId[],
  holds: readonly TransferId[] = [],
): Promise<readonly Account[]> {
  const { rows } = await sql<Account>`
    with wanted as (
      select unnest(${ids}::text[]) as id
      union select unnest(array[debit, credit]) from transfer where id = any(${holds}::text[])),
    locked as (
      select * from ledger_account
      where id in (select id from wanted) and owner <> 'platform' order by id for update)
    select ${accountColumns} from locked
    union all
    select ${accountColumns} from ledger_account
    where id in (select id from wanted) and owner = 'platform'`.execute(tx.db)
  return rows
}

/** What is known under an id; of a hold also what it has still reserved, lot by lot. */
export interface KnownRow extends KnownTransfer {
  readonly reserved: Readonly<Record<LotId, string>> | null
}

/** What is known under the ids, and what has become of holds. */
export async function selectTransfers(tx: Tx, ids: readonly TransferId[]): Promise<readonly KnownRow[]> {
  const { rows } = await sql<KnownRow>`
    select ${transferColumns}, coalesce(moves.settled, 0) as settled, moves.released as "isReleased",
      parts.reserved
    from transfer t
    cross join lateral
      (select sum(amount) filter (where kind = 'settle') as settled,
         coalesce(bool_or(kind = 'release'), false) as released
       from transfer move where move.hold = t.id and t.kind = 'hold') moves
    cross join lateral
      (select jsonb_object_agg(lot, rest::text) as reserved from
        (select use.lot, sum(case use.kind when 'reserve' then use.amount else -use.amount end) as rest
         from (select t.id where t.kind = 'hold'
           union all select id from transfer where hold = t.id and t.kind = 'hold') move
         join lot_use use on use.transfer = move.id
         group by use.lot) part
       where rest > 0) parts
    where t.id = any(${ids}::text[])`.execute(tx.db)
  return rows
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

import { sql } from 'kysely'
import type { AccountId, LotId, OrganizationId, TransferId } from '../kernel/ids.ts'
import type { Currency, Nanos } from '../kernel/money.ts'
import type { Tx } from '../store/store.ts'

/** What was debited and credited in a currency, each by the accounts of its side. */
export interface SidesRow {
  readonly currency: Currency
  readonly debited: Nanos
  readonly credited: Nanos
}

export async function sumSides(tx: Tx): Promise<readonly SidesRow[]> {
  const { rows } = await sql<SidesRow>`
    select currency, sum(debited) as debited, sum(credited) as credited from (
      select account.currency, t.amount as debited, 0 as credited
      from transfer t join ledger_account account on account.id = t.debit
      union all select account.currency, 0, t.amount
      from transfer t join ledger_account account on account.id = t.credit) sides
    group by currency order by currency`.execute(tx.db)
  return rows
}

/** Transfers between accounts of different currencies. */
export async function selectMixed(tx: Tx): Promise<readonly TransferId[]> {
  const { rows } = await sql<{ id: TransferId }>`
    select t.id from transfer t
    join ledger_account debit on debit.id = t.debit join ledger_account credit on credit.id = t.credit
    where debit.currency <> credit.currency order by t.id limit 10`.execute(tx.db)
  return rows.map(({ id }) => id)
}

/** Organizations' accounts whose four totals are not those of their transfers. */
export async function selectUnlikeTransfers(tx: Tx): Promise<readonly AccountId[]> {
  const { rows } = await sql<{ id: AccountId }>`
    select account.id from ledger_account account left join lateral (
      select
        sum(pending) filter (where debit = account.id) as debits_pending,
        sum(posted) filter (where debit = account.id) as debits_posted,
        sum(pending) filter (where credit = account.id) as credits_pending,
        sum(posted) filter (where credit = account.id) as credits_posted
      from (select debit, credit,
          case kind when 'hold' then amount when 'post' then 0 else -amount end as pending,
          case when kind in ('post', 'settle') then amount else 0 end as posted
        from transfer where debit = account.id or credit = account.id) moves) sums on true
    where account.owner <> 'platform'
      and (account.debits_pending, account.debits_posted, account.credits_pending, account.credits_posted)
        is distinct from (coalesce(sums.debits_pending, 0), coalesce(sums.debits_posted, 0),
          coalesce(sums.credits_pending, 0), coalesce(sums.credits_posted, 0))
    order by account.id limit 10`.execute(tx.db)
  return rows.map(({ id }) => id)
}

/** Wallets whose lots are not what is posted and held. */
export async function selectUnlikeLots(tx: Tx): Promise<readonly AccountId[]> {
  const { rows } = await sql<{ id: AccountId }>`
    select account.id from ledger_account account left join (
      select account, sum(remaining) as remaining, sum(reserved) as reserved from credit_lot group by account
    ) lots on lots.account = account.id
    where account.code = 'customer'
      and (account.credits_posted - account.debits_posted, account.debits_pending)
        is distinct from (coalesce(lots.remaining, 0), coalesce(lots.reserved, 0))
    order by account.id limit 10`.execute(tx.db)
  return rows.map(({ id }) => id)
}

/** Lots of which something else is left or reserved than their uses say. */
export async function selectUnlikeUses(tx: Tx): Promise<readonly LotId[]> {
  const { rows } = await sql<{ id: LotId }>`
    select lot.id from credit_lot lot left join (
      select lot,
        sum(case kind when 'return' then amount when 'reserve' then 0 when 'release' then 0 else -amount end)
          as remaining,
        sum(case when kind = 'reserve' then amount when kind in ('settle', 'release') then -amount else 0 end)
          as reserved
      from lot_use group by lot) uses on uses.lot = lot.id
    where (lot.remaining, lot.reserved)
      is distinct from (lot.amount + coalesce(uses.remaining, 0), coalesce(uses.reserved, 0))
    order by lot.id limit 10`.execute(tx.db)
  return rows.map(({ id }) => id)
}

/** Accounts beyond their limit. */
export async function selectBeyondLimit(tx: Tx): Promise<readonly AccountId[]> {
  const { rows } = await sql<{ id: AccountId }>`
    select id from ledger_account
    where (limit_rule = 'debits_must_not_exceed_credits'
        and credits_posted - debits_posted - debits_pending < 0)
      or (limit_rule = 'credits_must_not_exceed_debits'
        and debits_posted - credits_posted - credits_pending < 0)
    order by id limit 10`.execute(tx.db)
  return rows.map(({ id }) => id)
}

/** Organizations that were charged more than came in and is owed. */
export async function selectOvercharged(tx: Tx): Promise<readonly OrganizationId[]> {
  const { rows } = await sql<{ owner: OrganizationId }>`
    select own.owner from ledger_account own
    join ledger_account revenue on revenue.owner = 'platform' and revenue.code = 'revenue'
      and revenue.currency = own.currency
    join lateral (
      select
        sum(case when credit = own.id then amount else -amount end) filter (where not is_use) as credited,
        sum(case when debit = own.id then amount else -amount end) filter (where is_use) as charged
      from (select t.debit, t.credit, t.amount,
          revenue.id in (t.debit, t.credit) and t.code <> 'credit_note' as is_use
        from transfer t
        where (t.debit = own.id or t.credit = own.id) and t.kind in ('post', 'settle')) moves
    ) sums on true
    where own.owner <> 'platform'
    group by own.owner, own.currency
    having sum(coalesce(sums.charged, 0)) > sum(coalesce(sums.credited, 0))
      + sum(case own.code when 'receivable' then own.debits_posted - own.credits_posted else 0 end)
    order by own.owner limit 10`.execute(tx.db)
  return rows.map(({ owner }) => owner)
}

/** What a currency's accounts come to, by what they are for: credits less debits. */
export interface BalanceRow {
  readonly currency: Currency
  readonly code: string
  readonly balance: Nanos
}

/** Organizations' accounts by their totals, ours by their transfers. */
export async function selectBalances(tx: Tx): Promise<readonly BalanceRow[]> {
  const { rows } = await sql<BalanceRow>`
    select currency, code, sum(balance) as balance from (
      select currency, code, credits_posted - debits_posted as balance
      from ledger_account where owner <> 'platform'
      union all
      select account.currency, account.code,
        sum(case when t.credit = account.id then t.amount else -t.amount end)
      from ledger_account account join transfer t on t.debit = account.id or t.credit = account.id
      where account.owner = 'platform' and t.kind in ('post', 'settle')
      group by account.currency, account.code) balances
    group by currency, code order by currency, code`.execute(tx.db)
  return rows
}

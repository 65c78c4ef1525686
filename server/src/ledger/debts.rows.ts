import { sql } from 'kysely'
import type { AccountId, OrganizationId } from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'

/** When the debt of an account began; null: nothing is owed. */
export async function selectDebtBegun(tx: Tx, account: AccountId): Promise<Instant | null> {
  const { rows } = await sql<{ event: 'begun' | 'ended'; at: Instant }>`
    select event, at from grace where account = ${account} order by seq desc limit 1`.execute(tx.db)
  const [last] = rows
  return last?.event === 'begun' ? last.at : null
}

/** An organization that owes, and since when. */
export interface DebtRow {
  readonly organization: OrganizationId
  readonly begunAt: Instant
}

/** Organizations whose debt began at the instant or before, the oldest first. */
export async function selectDebts(tx: Tx, begunBy: Instant): Promise<readonly DebtRow[]> {
  const { rows } = await sql<DebtRow>`
    select account.owner as organization, last.at as "begunAt"
    from ledger_account account cross join lateral
      (select event, at from grace where grace.account = account.id order by seq desc limit 1) last
    where account.code = 'receivable' and account.debits_posted > account.credits_posted
      and last.event = 'begun' and last.at <= ${at(begunBy)}
    order by last.at, account.owner`.execute(tx.db)
  return rows
}

/** Organizations that owe and have a lot in force of which something is free. */
export async function selectSolvent(tx: Tx, now: Instant): Promise<readonly OrganizationId[]> {
  const { rows } = await sql<{ owner: OrganizationId }>`
    select receivable.owner from ledger_account receivable
    join ledger_account wallet on wallet.owner = receivable.owner and wallet.code = 'customer'
      and wallet.currency = receivable.currency
    where receivable.code = 'receivable' and receivable.debits_posted > receivable.credits_posted
      and exists (select from credit_lot lot where lot.account = wallet.id and lot.remaining > 0
        and lot.remaining > lot.reserved and lot.effective_at <= ${at(now)}
        and (lot.expires_at is null or lot.expires_at > ${at(now)}))
    order by receivable.owner`.execute(tx.db)
  return rows.map(({ owner }) => owner)
}

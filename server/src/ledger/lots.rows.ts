import { sql } from 'kysely'
import type { AccountId, LotId, OrganizationId } from '../kernel/ids.ts'
import type { Currency } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'
import type { Lot, Returnable, Returns } from './lots.rules.ts'
import type { MoneyCode, Reference } from './rules.ts'

const lotColumns = sql.raw(`lot.id, lot.account, lot.transfer, lot.renews, lot.kind, lot.priority,
  lot.effective_at as "effectiveAt", lot.expires_at as "expiresAt", lot.amount, lot.remaining, lot.reserved,
  lot.recorded_at as "recordedAt"`)

/** The lots of accounts of which something remains, and those that are named. */
export async function selectLots(
  tx: Tx,
  accounts: readonly AccountId[],
  named: readonly LotId[] = [],
): Promise<readonly Lot[]> {
  const { rows } = await sql<Lot>`
    select ${lotColumns} from credit_lot lot
    where (lot.account = any(${accounts}::text[]) and lot.remaining > 0)
      or lot.id = any(${named}::text[])`.execute(tx.db)
  return rows
}

/** What may still come back of what was used about these, or by these transfers; newest use last. */
export async function selectReturnable(
  tx: Tx,
  { abouts = [], transfers = [] }: Returns,
): Promise<readonly Returnable[]> {
  const { rows } = await sql<Returnable>`
    select used.transfer, used.about, used.account, used.lot, used.left from (
      select use.transfer, t.about, t.debit as account, use.lot, t.recorded_at, use.number, use.amount
        - coalesce((select sum(back.amount) from lot_use back
            where back.returned = use.transfer and back.lot = use.lot), 0) as left
      from transfer t join lot_use use on use.transfer = t.id
      where (t.about = any(${abouts}::text[]) or t.id = any(${transfers}::text[]))
        and use.kind in ('use', 'settle')) used
    where used.left > 0
    order by used.recorded_at, used.transfer, used.number`.execute(tx.db)
  return rows
}

/** Organizations with something left of a lot that has lapsed and that nothing holds. */
export async function selectOrganizationsLapsed(tx: Tx, now: Instant): Promise<readonly OrganizationId[]> {
  const { rows } = await sql<{ owner: OrganizationId }>`
    select distinct account.owner from credit_lot lot join ledger_account account on account.id = lot.account
    where lot.expires_at <= ${at(now)} and lot.remaining > 0 and lot.remaining > lot.reserved
    order by account.owner`.execute(tx.db)
  return rows.map(({ owner }) => owner)
}

/** A lot with whose it is. */
export interface LapsingRow extends Lot {
  readonly owner: OrganizationId
  readonly currency: Currency
}

/** Lots in force that lapse by an instant, with something left that nothing holds. */
export async function selectLapsing(tx: Tx, now: Instant, by: Instant): Promise<readonly LapsingRow[]> {
  const { rows } = await sql<LapsingRow>`
    select ${lotColumns}, account.owner, account.currency
    from credit_lot lot join ledger_account account on account.id = lot.account
    where lot.expires_at > ${at(now)} and lot.expires_at <= ${at(by)} and lot.effective_at <= ${at(now)}
      and lot.remaining > 0 and lot.remaining > lot.reserved
    order by lot.expires_at, lot.id`.execute(tx.db)
  return rows
}

/** When a hold last let go of a part of the lots. */
export async function selectFreed(tx: Tx, lots: readonly LotId[]): Promise<ReadonlyMap<LotId, Instant>> {
  const { rows } = await sql<{ lot: LotId; at: Instant }>`
    select use.lot, max(t.booked_at) as at from lot_use use join transfer t on t.id = use.transfer
    where use.lot = any(${lots}::text[]) and use.kind = 'release' group by use.lot`.execute(tx.db)
  return new Map(rows.map((row) => [row.lot, row.at]))
}

/** A lot with what it was for. */
export interface LotRow extends Lot {
  readonly code: MoneyCode | 'give_back'
  readonly about: Reference
}

/** A page of an account's lots, newest first. */
export async function selectLotPage(
  tx: Tx,
  account: AccountId,
  after: { readonly recordedAt: Instant; readonly id: string } | null,
  limit: number,
): Promise<readonly LotRow[]> {
  const { rows } = await sql<LotRow>`
    select ${lotColumns}, t.code, t.about from credit_lot lot join transfer t on t.id = lot.transfer
    where lot.account = ${account}
      and (${after?.id ?? null}::text is null
        or (lot.recorded_at, lot.id) < (${at(after?.recordedAt ?? null)}::timestamptz, ${after?.id ?? ''}))
    order by lot.recorded_at desc, lot.id desc limit ${limit}`.execute(tx.db)
  return rows
}

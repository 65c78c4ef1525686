import { type RawBuilder, sql } from 'kysely'
import type { AccountId } from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'
import type { DebtMark, Entry } from './judgement.rules.ts'
import type { Lot, LotUse } from './lots.rules.ts'
import type { PostedTransfer, Totals } from './rules.ts'

/**
 * Writes all that a call comes to, in one statement: whoever holds a wallet's lock holds it for one round
 * trip less with each part that goes along. The caller has locked the accounts.
 */
export async function insertEntry(tx: Tx, entry: Entry, recordedAt: Instant): Promise<void> {
  const { added, totals, stacked, changed, uses, debts } = entry
  const parts = [transfersAdded(added, recordedAt), totalsSet(totals)]
  if (stacked.length > 0) parts.push(lotsStacked(stacked))
  if (changed.length > 0) parts.push(lotsChanged(changed))
  if (uses.length > 0) parts.push(usesAdded(uses))
  if (debts.length > 0) parts.push(debtsMarked(debts, recordedAt))
  await sql`with ${sql.join(parts)} select`.execute(tx.db)
}

function amounts(values: readonly bigint[]): readonly string[] {
  return values.map(String)
}

function transfersAdded(transfers: readonly PostedTransfer[], recordedAt: Instant): RawBuilder<unknown> {
  return sql`transfers_added as (
    insert into transfer (id, kind, hold, debit, credit, amount, code, about, booked_at, recorded_at)
    select *, ${at(recordedAt)}::timestamptz from unnest(
      ${transfers.map(({ id }) => id)}::text[], ${transfers.map(({ kind }) => kind)}::text[],
      ${transfers.map(({ hold }) => hold)}::text[], ${transfers.map(({ debit }) => debit)}::text[],
      ${transfers.map(({ credit }) => credit)}::text[],
      ${amounts(transfers.map(({ amount }) => amount))}::numeric[],
      ${transfers.map(({ code }) => code)}::text[], ${transfers.map(({ about }) => about)}::text[],
      ${transfers.map(({ bookedAt }) => at(bookedAt))}::timestamptz[]))`
}

/** The four totals of organizations' accounts. */
function totalsSet(totals: ReadonlyMap<AccountId, Totals>): RawBuilder<unknown> {
  const entries = [...totals]
  const column = (name: keyof Totals): readonly string[] =>
    amounts(entries.map(([, account]) => account[name]))
  return sql`totals_set as (
    update ledger_account account set debits_pending = totals.debits_pending,
      debits_posted = totals.debits_posted, credits_pending = totals.credits_pending,
      credits_posted = totals.credits_posted
    from unnest(${entries.map(([id]) => id)}::text[], ${column('debitsPending')}::numeric[],
      ${column('debitsPosted')}::numeric[], ${column('creditsPending')}::numeric[],
      ${column('creditsPosted')}::numeric[])
      as totals (id, debits_pending, debits_posted, credits_pending, credits_posted)
    where account.id = totals.id and account.owner <> 'platform')`
}

function lotsStacked(lots: readonly Lot[]): RawBuilder<unknown> {
  return sql`lots_stacked as (
    insert into credit_lot (id, account, transfer, renews, kind, priority, effective_at, expires_at, amount,
      remaining, reserved, recorded_at)
    select * from unnest(
      ${lots.map(({ id }) => id)}::text[], ${lots.map(({ account }) => account)}::text[],
      ${lots.map(({ transfer }) => transfer)}::text[], ${lots.map(({ renews }) => renews)}::text[],
      ${lots.map(({ kind }) => kind)}::text[], ${lots.map(({ priority }) => priority)}::integer[],
      ${lots.map(({ effectiveAt }) => at(effectiveAt))}::timestamptz[],
      ${lots.map(({ expiresAt }) => at(expiresAt))}::timestamptz[],
      ${amounts(lots.map(({ amount }) => amount))}::numeric[],
      ${amounts(lots.map(({ remaining }) => remaining))}::numeric[],
      ${amounts(lots.map(({ reserved }) => reserved))}::numeric[],
      ${lots.map(({ recordedAt }) => at(recordedAt))}::timestamptz[]))`
}

function lotsChanged(lots: readonly Lot[]): RawBuilder<unknown> {
  return sql`lots_changed as (
    update credit_lot lot set remaining = fresh.remaining, reserved = fresh.reserved
    from unnest(${lots.map(({ id }) => id)}::text[],
      ${amounts(lots.map(({ remaining }) => remaining))}::numeric[],
      ${amounts(lots.map(({ reserved }) => reserved))}::numeric[]) as fresh (id, remaining, reserved)
    where lot.id = fresh.id)`
}

/** Uses in their order; each has its place among those of its transfer. */
function usesAdded(uses: readonly LotUse[]): RawBuilder<unknown> {
  const counts = new Map<string, number>()
  const numbers = uses.map(({ transfer }) => {
    const number = (counts.get(transfer) ?? 0) + 1
    counts.set(transfer, number)
    return number
  })
  return sql`uses_added as (
    insert into lot_use (transfer, number, lot, kind, amount, returned)
    select * from unnest(
      ${uses.map(({ transfer }) => transfer)}::text[], ${numbers}::integer[],
      ${uses.map(({ lot }) => lot)}::text[], ${uses.map(({ kind }) => kind)}::text[],
      ${amounts(uses.map(({ amount }) => amount))}::numeric[],
      ${uses.map(({ returned }) => returned)}::text[]))`
}

function debtsMarked(marks: readonly DebtMark[], now: Instant): RawBuilder<unknown> {
  return sql`debts_marked as (
    insert into grace (account, transfer, event, at)
    select mark.account, mark.transfer, mark.event, ${at(now)}::timestamptz from unnest(
      ${marks.map(({ account }) => account)}::text[], ${marks.map(({ transfer }) => transfer)}::text[],
      ${marks.map(({ event }) => event)}::text[]) with ordinality as mark (account, transfer, event, place)
    order by mark.place)`
}

import { sql } from 'kysely'
import type { StorageId } from '../journal/rules.ts'
import type { OrganizationId, PriceBookId } from '../kernel/ids.ts'
import type { Currency } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'

/** Something stored and not deleted, with the book that it is paid by. */
export interface StoredRow {
  readonly resource: StorageId
  readonly organization: OrganizationId
  readonly currency: Currency
  readonly timeZone: string
  readonly sku: string
  readonly priceBook: PriceBookId
  /** When it was made, or when its present book came to hold. */
  readonly holdsFrom: Instant
}

/** Everything that is stored now, or the named ones of it, as the journal says. */
export async function selectStored(
  tx: Tx,
  resources: readonly StorageId[] | null,
): Promise<readonly StoredRow[]> {
  // What is stored accrues, or is not settled yet: both are in the index of what is due.
  const which =
    resources === null
      ? sql`(head.due_since is not null or head.accrues)`
      : sql`head.resource = any(${resources}::text[])`
  const { rows } = await sql<StoredRow>`
    select head.resource, head.organization, organization.currency, organization.time_zone as "timeZone",
      first.data->>'sku' as sku,
      (select event.data->>'priceBook' from usage_event event
        where event.resource = head.resource and event.type in ('created', 'repriced')
        order by event.seq desc limit 1) as "priceBook",
      greatest(first.recorded_at, (select max(holds_from) from repricing
        where repricing.resource = head.resource and outcome = 'applied')) as "holdsFrom"
    from journal_head head
    join usage_event first on first.resource = head.resource and first.seq = 1 and first.type = 'created'
    join organization on organization.id = head.organization
    where ${which}
      and not exists (select from usage_event gone
        where gone.resource = head.resource and gone.type = 'deleted')
    order by head.organization, head.resource`.execute(tx.db)
  return rows
}

/** How many books there are, and ends of them. */
export async function selectBooksMark(tx: Tx): Promise<string> {
  const { rows } = await sql<{ mark: string }>`
    select (select count(*) from price_book) || '/' || (select count(*) from price_book_end) as mark`.execute(
    tx.db,
  )
  return rows[0]?.mark ?? ''
}

/** An announced change that was not made yet. */
export interface RepricingRow {
  readonly resource: StorageId
  readonly organization: OrganizationId
  readonly priceBook: PriceBookId
  readonly holdsFrom: Instant
  readonly dueAt: Instant
}

const columns = sql`repricing.resource, head.organization, repricing.price_book as "priceBook",
  repricing.holds_from as "holdsFrom", repricing.due_at as "dueAt"`

/** Announced changes that were not made yet: of the resources, or of all. */
export async function selectPending(
  tx: Tx,
  resources: readonly StorageId[] | null,
): Promise<readonly RepricingRow[]> {
  const { rows } = await sql<RepricingRow>`
    select ${columns} from repricing join journal_head head on head.resource = repricing.resource
    where repricing.done_at is null
      and (${resources}::text[] is null or repricing.resource = any(${resources}::text[]))
    order by repricing.due_at, repricing.holds_from`.execute(tx.db)
  return rows
}

/** What is due to be changed, the earliest first. */
export async function selectDue(
  tx: Tx,
  now: Instant,
): Promise<readonly { readonly resource: StorageId; readonly organization: OrganizationId }[]> {
  const { rows } = await sql<{ resource: StorageId; organization: OrganizationId }>`
    select repricing.resource, head.organization from repricing
    join journal_head head on head.resource = repricing.resource
    where repricing.done_at is null and repricing.due_at <= ${at(now)}
    group by repricing.resource, head.organization
    order by min(repricing.due_at), repricing.resource`.execute(tx.db)
  return rows
}

/** Announces changes; one that was announced before stays as it was. Answers how many are new. */
export async function insertRepricings(
  tx: Tx,
  changes: readonly Omit<RepricingRow, 'organization'>[],
  announcedAt: Instant,
): Promise<number> {
  const { numAffectedRows } = await sql`
    insert into repricing (resource, price_book, holds_from, due_at, announced_at)
    select *, ${at(announcedAt)}::timestamptz from unnest(
      ${changes.map(({ resource }) => resource)}::text[],
      ${changes.map(({ priceBook }) => priceBook)}::text[],
      ${changes.map(({ holdsFrom }) => at(holdsFrom))}::timestamptz[],
      ${changes.map(({ dueAt }) => at(dueAt))}::timestamptz[])
    on conflict on constraint repricing_pkey do nothing`.execute(tx.db)
  return Number(numAffectedRows ?? 0n)
}

/** What became of an announced change. */
export async function markDone(
  tx: Tx,
  { resource, priceBook, holdsFrom }: Pick<RepricingRow, 'resource' | 'priceBook' | 'holdsFrom'>,
  outcome: 'applied' | 'dropped',
  doneAt: Instant,
): Promise<void> {
  await sql`update repricing set done_at = ${at(doneAt)}, outcome = ${outcome}
    where resource = ${resource} and price_book = ${priceBook} and holds_from = ${at(holdsFrom)}
      and done_at is null`.execute(tx.db)
}

import { sql } from 'kysely'
import type { OrganizationId, PriceBookId } from '../kernel/ids.ts'
import type { Currency } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'
import type { Buyer } from './books.rules.ts'
import type { PriceBook, Rate } from './rules.ts'

type BookRow = Omit<PriceBook, 'rates'>

const bookColumns = sql.raw(`book.id, book.currency, book.effective_from as "effectiveFrom", book.hash,
  book.organization, book.published_at as "publishedAt", ending.ends_at as "endsAt"`)

/**
 * Waits for other publishers of the currency, so that "the first" and "in the future" are judged one by one.
 */
export async function lockCurrency(tx: Tx, currency: Currency): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext(${`price_book ${currency}`}))`.execute(tx.db)
}

export async function insertBook(
  tx: Tx,
  book: Omit<BookRow, 'endsAt'>,
  origin: 'table' | 'request',
): Promise<void> {
  await sql`
    insert into price_book (id, currency, effective_from, published_at, hash, organization, origin)
    values (${book.id}, ${book.currency}, ${at(book.effectiveFrom)}, ${at(book.publishedAt)},
      ${book.hash}, ${book.organization}, ${origin})`.execute(tx.db)
}

/** Says when own prices end; false where that was said before. */
export async function insertEnd(
  tx: Tx,
  book: PriceBookId,
  endsAt: Instant,
  recordedAt: Instant,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    insert into price_book_end (price_book, ends_at, recorded_at)
    values (${book}, ${at(endsAt)}, ${at(recordedAt)})
    on conflict on constraint price_book_end_pkey do nothing`.execute(tx.db)
  return (numAffectedRows ?? 0n) > 0n
}

export async function insertRates(tx: Tx, book: PriceBookId, rates: readonly Rate[]): Promise<void> {
  await sql`
    insert into rate (price_book, sku, unit, nanos)
    select ${book}, * from unnest(${rates.map(({ sku }) => sku)}::text[],
      ${rates.map(({ unit }) => unit)}::text[],
      ${rates.map(({ nanos }) => nanos.toString())}::bigint[])`.execute(tx.db)
}

/** The book in force for a buyer, as `inForceAt` says it. */
export async function selectBookInForce(
  tx: Tx,
  { organization, currency }: Buyer,
  when: Instant,
): Promise<BookRow | null> {
  const { rows } = await sql<BookRow>`
    select ${bookColumns} from price_book book
    left join price_book_end ending on ending.price_book = book.id
    where book.id in (
      (select id from price_book where currency = ${currency} and organization = ${organization}
        and effective_from <= ${at(when)} order by effective_from desc limit 1)
      union all
      (select id from price_book where currency = ${currency} and organization is null
        and effective_from <= ${at(when)} order by effective_from desc limit 1))
      and (ending.ends_at is null or ending.ends_at > ${at(when)})
    order by book.organization is null limit 1`.execute(tx.db)
  return rows[0] ?? null
}

/** Books of a currency: of everybody and of one organization, or of all organizations; by id. */
export async function selectBooks(
  tx: Tx,
  currency: Currency,
  of: OrganizationId | null | 'all',
): Promise<readonly BookRow[]> {
  const { rows } = await sql<BookRow>`
    select ${bookColumns} from price_book book
    left join price_book_end ending on ending.price_book = book.id
    where book.currency = ${currency}
      and (${of === 'all'} or book.organization is null or book.organization = ${of})
    order by book.id collate "C"`.execute(tx.db)
  return rows
}

export async function selectBooksById(tx: Tx, ids: readonly PriceBookId[]): Promise<readonly BookRow[]> {
  const { rows } = await sql<BookRow>`
    select ${bookColumns} from price_book book
    left join price_book_end ending on ending.price_book = book.id
    where book.id = any(${ids}::text[]) order by book.id collate "C"`.execute(tx.db)
  return rows
}

/** The newest book that the operator's table was published as. */
export async function selectNewestOfTable(tx: Tx, currency: Currency): Promise<BookRow | null> {
  const { rows } = await sql<BookRow>`
    select ${bookColumns} from price_book book
    left join price_book_end ending on ending.price_book = book.id
    where book.currency = ${currency} and book.origin = 'table'
    order by book.published_at desc, book.effective_from desc limit 1`.execute(tx.db)
  return rows[0] ?? null
}

export async function selectRates(
  tx: Tx,
  books: readonly PriceBookId[],
): Promise<readonly (Rate & { readonly priceBook: PriceBookId })[]> {
  const { rows } = await sql<Rate & { readonly priceBook: PriceBookId }>`
    select price_book as "priceBook", sku, unit, nanos from rate
    where price_book = any(${books}::text[]) order by price_book collate "C", sku collate "C"`.execute(tx.db)
  return rows
}

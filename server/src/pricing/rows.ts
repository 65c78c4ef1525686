import { sql } from 'kysely'
import type { PriceBookId } from '../kernel/ids.ts'
import type { Currency } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'
import type { PriceBook, Rate } from './rules.ts'

type BookRow = Omit<PriceBook, 'rates'>

const bookColumns = sql.raw('id, currency, effective_from as "effectiveFrom", hash')

/**
 * Waits for other publishers of the currency, so that "the first" and "in the future" are judged one by one.
 */
export async function lockCurrency(tx: Tx, currency: Currency): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext(${`price_book ${currency}`}))`.execute(tx.db)
}

export async function insertBook(tx: Tx, book: BookRow, publishedAt: Instant): Promise<void> {
  await sql`
    insert into price_book (id, currency, effective_from, published_at, hash)
    values (${book.id}, ${book.currency}, ${at(book.effectiveFrom)}, ${at(publishedAt)},
      ${book.hash})`.execute(tx.db)
}

export async function insertRates(tx: Tx, book: PriceBookId, rates: readonly Rate[]): Promise<void> {
  await sql`
    insert into rate (price_book, sku, unit, nanos)
    select ${book}, * from unnest(${rates.map(({ sku }) => sku)}::text[],
      ${rates.map(({ unit }) => unit)}::text[],
      ${rates.map(({ nanos }) => nanos.toString())}::bigint[])`.execute(tx.db)
}

export async function selectBookInForce(tx: Tx, currency: Currency, when: Instant): Promise<BookRow | null> {
  const { rows } = await sql<BookRow>`
    select ${bookColumns} from price_book where currency = ${currency} and effective_from <= ${at(when)}
    order by effective_from desc limit 1`.execute(tx.db)
  return rows[0] ?? null
}

/** Every book of the currency, or the named ones, by id. */
export async function selectBooks(
  tx: Tx,
  currency: Currency | null,
  ids: readonly PriceBookId[] | null,
): Promise<readonly BookRow[]> {
  const { rows } = await sql<BookRow>`
    select ${bookColumns} from price_book
    where (${currency}::text is null or currency = ${currency})
      and (${ids}::text[] is null or id = any(${ids}::text[]))
    order by id collate "C"`.execute(tx.db)
  return rows
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

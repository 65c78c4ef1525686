import { AppError } from '../kernel/errors.ts'
import type { PriceBookId } from '../kernel/ids.ts'
import type { Currency } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import type { Tx } from '../store/store.ts'
import * as rows from './rows.ts'
import {
  hashOfBook,
  inOrder,
  type NewPriceBook,
  type PriceBook,
  type Rate,
  type Rates,
  whyNotPublished,
} from './rules.ts'

/**
 * Publishes an immutable price book. Refuses (`invalid_request`) one that takes effect in the past, but for
 * the first of its currency, a SKU that stands twice, a negative rate, and a second book of the same instant
 * (`conflict`).
 */
export async function publish(tx: Tx, asked: NewPriceBook): Promise<PriceBook> {
  await rows.lockCurrency(tx, asked.currency)
  const now = await tx.now()
  const known = await rows.selectBooks(tx, asked.currency, null)
  const reason = whyNotPublished(asked, now, known.length === 0)
  if (reason !== null) throw new AppError('invalid_request', reason)
  if (known.some(({ effectiveFrom }) => effectiveFrom === asked.effectiveFrom))
    throw new AppError('conflict', 'A price book of this currency already takes effect at that instant.')
  const unhashed = { ...asked, id: tx.newId('priceBook'), rates: inOrder(asked.rates) }
  const book: PriceBook = { ...unhashed, hash: hashOfBook(unhashed) }
  await rows.insertBook(tx, book, now)
  await rows.insertRates(tx, book.id, book.rates)
  return book
}

/** The book that a start at that instant is charged by; null: none has taken effect in this currency. */
export async function bookInForce(tx: Tx, currency: Currency, at: Instant): Promise<PriceBook | null> {
  const row = await rows.selectBookInForce(tx, currency, at)
  return row && { ...row, rates: await rows.selectRates(tx, [row.id]).then(plain) }
}

/** The rates of a book by SKU; throws `internal` where there is no such book. */
export async function ratesOf(tx: Tx, book: PriceBookId): Promise<Rates> {
  return (await ratesOfAll(tx, [book])).get(book) ?? new Map()
}

/** The rates of many books, by book and SKU. */
export async function ratesOfAll(
  tx: Tx,
  books: readonly PriceBookId[],
): Promise<ReadonlyMap<PriceBookId, Rates>> {
  const found = new Map<PriceBookId, Map<string, Rate>>(books.map((book) => [book, new Map()]))
  if (books.length === 0) return found
  for (const { priceBook, ...rate } of await rows.selectRates(tx, books))
    found.get(priceBook)?.set(rate.sku, rate)
  for (const [book, rates] of found)
    if (rates.size === 0) throw new AppError('internal', `There is no price book ${book}.`, { book })
  return found
}

/** The named books, whole, in byte order of id. */
export async function books(tx: Tx, ids: readonly PriceBookId[]): Promise<readonly PriceBook[]> {
  return withRates(tx, await rows.selectBooks(tx, null, ids))
}

/** Every book of a currency, those still to come included, in byte order of id. */
export async function allBooks(tx: Tx, currency: Currency): Promise<readonly PriceBook[]> {
  return withRates(tx, await rows.selectBooks(tx, currency, null))
}

async function withRates(
  tx: Tx,
  bookRows: readonly Omit<PriceBook, 'rates'>[],
): Promise<readonly PriceBook[]> {
  const rates = await rows.selectRates(
    tx,
    bookRows.map(({ id }) => id),
  )
  return bookRows.map((row) => ({
    ...row,
    rates: plain(rates.filter(({ priceBook }) => priceBook === row.id)),
  }))
}

function plain(rates: readonly Rate[]): readonly Rate[] {
  return rates.map(({ sku, unit, nanos }) => ({ sku, unit, nanos }))
}

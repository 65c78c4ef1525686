import { AppError, notFound } from '../kernel/errors.ts'
import type { OrganizationId, PriceBookId } from '../kernel/ids.ts'
import type { Currency } from '../kernel/money.ts'
import { formatInstant, type Instant } from '../kernel/time.ts'
import type { Tx } from '../store/store.ts'
import * as tenancy from '../tenancy/tenancy.ts'
import {
  type BookWarning,
  type Buyer,
  differencesOf,
  type NewPriceBook,
  type RateDifference,
  warningsOf,
  whyNotPublished,
} from './books.rules.ts'
import * as rows from './rows.ts'
import { hashOfBook, inOrder, type PriceBook, type Rate, type Rates } from './rules.ts'

/**
 * Publishes an immutable price book: everybody's, or one organization's own. Refuses (`invalid_request`) one
 * that takes effect in the past, but for the first general one of its currency, a SKU that stands twice, a
 * rate that is negative or in another unit than its SKU's, an organization of another currency; and
 * (`conflict`) a second book of the same instant, and other facts under the id of a book that there is. The
 * same again answers what is there.
 */
export async function publish(tx: Tx, asked: NewPriceBook): Promise<PriceBook> {
  const { currency, effectiveFrom, organization = null, endsAt = null, origin = 'request' } = asked
  await rows.lockCurrency(tx, currency)
  const there = asked.id === undefined ? undefined : (await books(tx, [asked.id]))[0]
  if (there) return sameOrRefused(there, asked)
  const now = await tx.now()
  await requirePublishable(tx, asked, now)
  const id = asked.id ?? tx.newId('priceBook')
  const unhashed = { id, currency, effectiveFrom, rates: inOrder(asked.rates) }
  const hash = hashOfBook(unhashed)
  const book: PriceBook = { ...unhashed, hash, organization, endsAt, publishedAt: now }
  await rows.insertBook(tx, book, origin)
  await rows.insertRates(tx, id, book.rates)
  if (endsAt !== null) await rows.insertEnd(tx, id, endsAt, now)
  await tx.notify('placement')
  return book
}

/** What publishing would mean, without doing it; refuses what `publish` refuses. */
export async function preview(
  tx: Tx,
  asked: NewPriceBook,
): Promise<{
  /** The book that is in force for the same buyers when this one begins. */
  readonly replaces: PriceBook | null
  readonly differences: readonly RateDifference[]
  readonly warnings: readonly BookWarning[]
}> {
  await requirePublishable(tx, asked, await tx.now())
  const { organization = null, currency, effectiveFrom, rates } = asked
  const replaces = await bookInForce(tx, { organization, currency }, effectiveFrom)
  const before = replaces?.rates ?? []
  return { replaces, differences: differencesOf(before, rates), warnings: warningsOf(before, rates) }
}

async function requirePublishable(tx: Tx, asked: NewPriceBook, now: Instant): Promise<void> {
  const { currency, organization = null, effectiveFrom } = asked
  await requireOrganization(tx, organization, currency)
  const known = (await rows.selectBooks(tx, currency, 'all')).filter(
    (book) => book.organization === organization,
  )
  const reason = whyNotPublished(asked, now, organization === null && known.length === 0)
  if (reason !== null) throw new AppError('invalid_request', reason)
  if (known.every((book) => book.effectiveFrom !== effectiveFrom)) return
  throw new AppError(
    'conflict',
    'A price book for the same customers already takes effect at that instant. Choose another one.',
    undefined,
    [{ pointer: '/effectiveFrom', message: 'is taken' }],
  )
}

function sameOrRefused(there: PriceBook, asked: NewPriceBook): PriceBook {
  const { currency, effectiveFrom, organization = null, endsAt = null } = asked
  const isSame =
    there.hash === hashOfBook({ id: there.id, currency, effectiveFrom, rates: inOrder(asked.rates) }) &&
    there.organization === organization &&
    (endsAt === null || there.endsAt === endsAt)
  if (isSame) return there
  throw new AppError(
    'conflict',
    'There is another price book of this id already, and a published book never changes. Use a new id.',
    undefined,
    [{ pointer: '/id', message: 'is taken by another price book' }],
  )
}

async function requireOrganization(
  tx: Tx,
  organization: OrganizationId | null,
  currency: Currency,
): Promise<void> {
  if (organization === null) return
  const found = await tenancy.organization(tx, organization)
  if (!found) throw notFound('organization', organization)
  if (found.currency === currency) return
  throw new AppError('invalid_request', `The organization pays in ${found.currency}.`, undefined, [
    { pointer: '/currency', message: `must be ${found.currency}` },
  ])
}

/**
 * Says when the own prices of an organization end; the general ones hold from then on. What runs keeps its
 * book. Refuses (`invalid_request`) an end in the past, before the book begins, or of a general book, and
 * (`conflict`) another end than the one that was said before. The same again does nothing.
 */
export async function endBook(tx: Tx, id: PriceBookId, endsAt: Instant): Promise<PriceBook> {
  const [named] = await books(tx, [id])
  if (!named) throw notFound('price book', id)
  await rows.lockCurrency(tx, named.currency)
  const [book = named] = await books(tx, [id])
  if (book.endsAt === endsAt) return book
  if (book.endsAt !== null)
    throw new AppError('conflict', `These prices end at ${formatInstant(book.endsAt)}; that was announced.`)
  if (book.organization === null)
    throw new AppError('invalid_request', 'General prices do not end: newer ones follow them.')
  const now = await tx.now()
  if (endsAt <= now || endsAt <= book.effectiveFrom)
    throw new AppError('invalid_request', 'Prices end in the future, and after they began.', undefined, [
      { pointer: '/endsAt', message: 'must lie in the future, and after the book took effect' },
    ])
  await rows.insertEnd(tx, id, endsAt, now)
  return { ...book, endsAt }
}

/** The book that a start of the buyer at that instant is charged by; null: none has taken effect. */
export async function bookInForce(tx: Tx, buyer: Buyer, at: Instant): Promise<PriceBook | null> {
  const row = await rows.selectBookInForce(tx, buyer, at)
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
  return withRates(tx, await rows.selectBooksById(tx, ids))
}

/**
 * Every book of a currency, those still to come included, in byte order of id: the general ones and those of
 * an organization, or those of all.
 */
export async function allBooks(
  tx: Tx,
  currency: Currency,
  of: OrganizationId | null | 'all',
): Promise<readonly PriceBook[]> {
  return withRates(tx, await rows.selectBooks(tx, currency, of))
}

/** The newest book that the operator's table was published as; null: none was. */
export async function newestOfTable(tx: Tx, currency: Currency): Promise<PriceBook | null> {
  const row = await rows.selectNewestOfTable(tx, currency)
  return row && { ...row, rates: await rows.selectRates(tx, [row.id]).then(plain) }
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

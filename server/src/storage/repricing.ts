import { lock as lockJournal } from '../journal/journal.ts'
import type { StorageId } from '../journal/rules.ts'
import { isId, type OrganizationId, type PriceBookId } from '../kernel/ids.ts'
import { type Currency, type Nanos, nanos } from '../kernel/money.ts'
import { formatInstant, type Instant } from '../kernel/time.ts'
import { record } from '../metering/metering.ts'
import { emit } from '../notices/notices.ts'
import { holdingsOf } from '../pricing/books.rules.ts'
import { allBooks } from '../pricing/pricing.ts'
import type { PriceBook } from '../pricing/rules.ts'
import type { Tx } from '../store/store.ts'
import * as rows from './repricing.rows.ts'
import { type Announced, decide, type Holding, toAnnounce } from './repricing.rules.ts'
import { lockVolume } from './rows.ts'

/** The books of a currency, with what each costs a GiB-hour of a SKU. */
interface Books {
  readonly all: readonly PriceBook[]
  rateOf(priceBook: PriceBookId, sku: string): Nanos | null
}

async function booksOf(tx: Tx, currency: Currency, of: OrganizationId | 'all'): Promise<Books> {
  const all = await allBooks(tx, currency, of)
  const rates = new Map(
    all.flatMap(({ id, rates: own }) => own.map((rate) => [`${id} ${rate.sku}`, rate.nanos])),
  )
  return { all, rateOf: (priceBook, sku) => rates.get(`${priceBook} ${sku}`) ?? null }
}

/** What holds and will hold for an organization, as storage of a SKU is charged by it. */
function holdingsFor(books: Books, { organization, sku }: rows.StoredRow, now: Instant): readonly Holding[] {
  const { present, coming } = holdingsOf(books.all, organization, now)
  return [...(present ? [present] : []), ...coming].map(({ at, book }) => ({
    priceBook: book.id,
    from: at,
    rate: books.rateOf(book.id, sku),
  }))
}

function announcedOf(books: Books, pending: readonly rows.RepricingRow[], sku: string): readonly Announced[] {
  return pending.flatMap(({ priceBook, holdsFrom, dueAt }) => {
    const rate = books.rateOf(priceBook, sku)
    return rate === null ? [] : [{ priceBook, holdsFrom, dueAt, rate }]
  })
}

/**
 * Announces, for everything that is stored, the changes of book that are to come and are not announced yet;
 * answers how many. Each is due when its book holds, and a month from now at the soonest. Its organization is
 * told. Harmless to repeat, and from two processes at once.
 */
export async function announceRepricings(tx: Tx): Promise<number> {
  const now = await tx.now()
  const stored = await rows.selectStored(tx, null)
  const pending = Map.groupBy(await rows.selectPending(tx, null), ({ resource }) => resource)
  const books = new Map<Currency, Books>()
  const changes: Omit<rows.RepricingRow, 'organization'>[] = []
  const told = new Map<string, { readonly organization: OrganizationId; readonly book: PriceBook }>()
  for (const one of stored) {
    const { resource, organization, currency, sku, holdsFrom, priceBook, timeZone } = one
    const known = books.get(currency) ?? (await booksOf(tx, currency, 'all'))
    books.set(currency, known)
    const rate = known.rateOf(priceBook, sku)
    if (rate === null) continue
    const own = announcedOf(known, pending.get(resource) ?? [], sku)
    const holdings = holdingsFor(known, one, now)
    for (const fresh of toAnnounce({ priceBook, rate, holdsFrom }, own, holdings, now, timeZone)) {
      changes.push({ resource, priceBook: fresh.priceBook, holdsFrom: fresh.holdsFrom, dueAt: fresh.dueAt })
      const book = known.all.find(({ id }) => id === fresh.priceBook)
      if (book) told.set(`${organization} ${book.id}`, { organization, book })
    }
  }
  if (changes.length === 0) return 0
  const count = await rows.insertRepricings(tx, changes, now)
  for (const { organization, book } of told.values()) await tell(tx, organization, book)
  return count
}

async function tell(tx: Tx, organization: OrganizationId, book: PriceBook): Promise<void> {
  await emit(tx, {
    organization,
    type: 'prices.announced',
    subject: book.id,
    data: {
      priceBook: book.id,
      currency: book.currency,
      effectiveFrom: formatInstant(book.effectiveFrom),
    },
    once: [book.id],
  })
}

/** Changes whenever a book is published or told to end: then there may be something to announce. */
export async function booksMark(tx: Tx): Promise<string> {
  return rows.selectBooksMark(tx)
}

/** What is due to be changed now, each with its organization. */
export async function repricingsDue(
  tx: Tx,
): Promise<readonly { readonly resource: StorageId; readonly organization: OrganizationId }[]> {
  return rows.selectDue(tx, await tx.now())
}

/**
 * Makes the changes of a volume or snapshot that are due: `repriced` is recorded now, never dated back, or
 * the change is dropped (it was overtaken, or the thing is gone). Answers whether its book changed. Repeating
 * it does nothing. Locks the volume, then the journal.
 */
export async function reprice(tx: Tx, resource: StorageId, organization: OrganizationId): Promise<boolean> {
  if (isId('volume', resource)) await lockVolume(tx, resource)
  await lockJournal(tx, organization)
  const now = await tx.now()
  const due = (await rows.selectPending(tx, [resource])).filter(({ dueAt }) => dueAt <= now)
  if (due.length === 0) return false
  const [stored] = await rows.selectStored(tx, [resource])
  const books = stored ? await booksOf(tx, stored.currency, organization) : null
  const rate = stored && books ? books.rateOf(stored.priceBook, stored.sku) : null
  if (!stored || !books || rate === null) {
    for (const one of due) await rows.markDone(tx, one, 'dropped', now)
    return false
  }
  const { present } = holdingsOf(books.all, organization, now)
  const { priceBook, holdsFrom, sku } = stored
  const decision = decide(
    { priceBook, rate, holdsFrom },
    announcedOf(books, due, sku),
    present && { priceBook: present.book.id, from: present.at },
  )
  if (decision.priceBook !== null)
    await record(tx, resource, organization, [
      { type: 'repriced', at: 'now', data: { priceBook: decision.priceBook } },
    ])
  for (const one of decision.dropped) await rows.markDone(tx, { ...one, resource }, 'dropped', now)
  if (decision.applied) await rows.markDone(tx, { ...decision.applied, resource }, 'applied', now)
  return decision.priceBook !== null
}

/** What something stored is paid by, and the next change of it that was announced. */
export interface StoragePrice {
  readonly priceBook: PriceBookId
  /** Of a GiB for an hour. */
  readonly rate: Nanos
  readonly repricing: {
    readonly priceBook: PriceBookId
    readonly from: Instant
    readonly rate: Nanos
  } | null
}

/** The prices of what is stored, by resource; what is not made yet, or deleted, is absent. */
export async function storagePrices(
  tx: Tx,
  resources: readonly StorageId[],
): Promise<ReadonlyMap<StorageId, StoragePrice>> {
  const found = new Map<StorageId, StoragePrice>()
  if (resources.length === 0) return found
  const pending = Map.groupBy(await rows.selectPending(tx, resources), ({ resource }) => resource)
  const books = new Map<OrganizationId, Books>()
  for (const { resource, organization, currency, priceBook, sku } of await rows.selectStored(tx, resources)) {
    const known = books.get(organization) ?? (await booksOf(tx, currency, organization))
    books.set(organization, known)
    const [next] = announcedOf(known, pending.get(resource) ?? [], sku)
    found.set(resource, {
      priceBook,
      rate: known.rateOf(priceBook, sku) ?? nanos(0n),
      repricing: next ? { priceBook: next.priceBook, from: next.dueAt, rate: next.rate } : null,
    })
  }
  return found
}

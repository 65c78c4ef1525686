import type { Bill, PriceBook, UsageEvent } from './bill.ts'
import { historiesOf, priceBookNamedBy } from './bill.ts'
import type { Difference } from './difference.ts'
import { hashOf } from './hashes.ts'
import { textOfInstant } from './instant.ts'

/** Nanos per unit-hour, by price book and sku. */
export type Rates = ReadonlyMap<string, ReadonlyMap<string, bigint>>

/** The rates of all books that a bill shows. */
export function ratesOf(bill: Bill): Rates {
  return new Map(
    bill.priceBooks.map(({ id, rates }) => [id, new Map(rates.map(({ sku, nanos }) => [sku, nanos]))]),
  )
}

/** The first violation of kind `price_book`: first the books by themselves, then what events make of them. */
export function differenceInBooks(bill: Bill): Difference | null {
  for (const [index, book] of bill.priceBooks.entries()) {
    const found = differenceInBook(book, `priceBooks[${index}]`, bill.currency)
    if (found !== null) return found
  }
  const books = new Map(bill.priceBooks.map((book) => [book.id, book]))
  const rates = ratesOf(bill)
  for (const { events } of historiesOf(bill)) {
    // Storage keeps the sku of `created` for ever; a later book has to have it too.
    const skus = skusOf(events[0])
    for (const event of events) {
      const found = differenceInNaming(event, skus, books, rates)
      if (found !== null) return found
    }
  }
  return null
}

function priceBook(where: string, found: string, expected: string): Difference {
  return { kind: 'price_book', where, found, expected }
}

function differenceInBook(book: PriceBook, where: string, currency: string): Difference | null {
  const hash = hashOf(book.source)
  if (book.hash !== hash) return priceBook(`${where}.hash`, book.hash, hash)
  if (book.currency !== currency) return priceBook(`${where}.currency`, book.currency, currency)
  const seen = new Set<string>()
  for (const [index, { sku }] of book.rates.entries()) {
    if (seen.has(sku)) return priceBook(`${where}.rates[${index}].sku`, sku, 'each sku once')
    seen.add(sku)
  }
  return null
}

function skusOf(first: UsageEvent | undefined): string[] {
  if (first?.fact.type === 'allocated') return first.fact.lines.map(({ sku }) => sku)
  return first?.fact.type === 'created' ? [first.fact.sku] : []
}

function differenceInNaming(
  event: UsageEvent,
  skus: readonly string[],
  books: ReadonlyMap<string, PriceBook>,
  rates: Rates,
): Difference | null {
  const id = priceBookNamedBy(event.fact)
  if (id === null) return null
  const where = `events[${event.index}].data.priceBook`
  const book = books.get(id)
  if (book === undefined) return priceBook(where, id, 'a price book that is shown')
  if (book.effectiveFrom > event.at) {
    return priceBook(where, id, `a book in force at ${textOfInstant(event.at)}`)
  }
  const missing = skus.find((sku) => rates.get(id)?.has(sku) !== true)
  return missing === undefined ? null : priceBook(where, id, `a book with a rate for ${missing}`)
}

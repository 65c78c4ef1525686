import type { ListedPriceBook, RateDifference } from '@gpuhour/sdk/contract'
import { notFound } from '../kernel/errors.ts'
import { asId, isId, type OrganizationId } from '../kernel/ids.ts'
import { type Currency, nanos } from '../kernel/money.ts'
import { type Instant, parseInstant } from '../kernel/time.ts'
import * as books from '../pricing/books.rules.ts'
import * as pricing from '../pricing/pricing.ts'
import type { PriceBook } from '../pricing/rules.ts'
import type { Tx } from '../store/store.ts'
import type { Principal } from '../tenancy/rules.ts'
import * as tenancy from '../tenancy/tenancy.ts'
import { organizationFor, require } from './access.ts'
import { type CheckedBody, type Handlers, made, ok } from './calls.ts'
import { pageOfAll } from './pages.rules.ts'
import type { ApiParts } from './parts.ts'
import { shown } from './views.rules.ts'

/** A book with where it stands among all of its currency; `known` may lack what is not this reader's. */
function bookView(book: PriceBook, known: readonly PriceBook[], now: Instant): ListedPriceBook {
  const { id, currency, effectiveFrom, rates, hash, organization, endsAt, publishedAt } = book
  const isInForce = books.inForceAt(known, organization, now)?.id === id
  return {
    id,
    currency,
    effectiveFrom: shown(effectiveFrom),
    rates: rates.map(({ sku, unit, nanos: rate }) => ({ sku, unit, nanos: String(rate) })),
    hash,
    organization,
    endsAt: shown(endsAt),
    publishedAt: shown(publishedAt),
    state: isInForce ? 'in_force' : effectiveFrom > now ? 'to_come' : 'past',
  }
}

function differenceView({ sku, unit, before, after }: books.RateDifference): RateDifference {
  const text = (value: bigint | null): string | null => (value === null ? null : String(value))
  return { sku, unit, beforeNanos: text(before), afterNanos: text(after) }
}

/** The book, if the principal may know it: general prices are everybody's, own ones their organization's. */
async function bookFor(tx: Tx, principal: Principal, id: string): Promise<PriceBook> {
  const [book] = isId('priceBook', id) ? await pricing.books(tx, [id]) : []
  if (!book) throw notFound('price book', id)
  if (book.organization === null) require(principal, 'read', { kind: 'platform' }, 'price book', id)
  else require(principal, 'read', { kind: 'organization', organization: book.organization }, 'price book', id)
  return book
}

async function viewOf(tx: Tx, book: PriceBook): Promise<ListedPriceBook> {
  return bookView(book, await pricing.allBooks(tx, book.currency, book.organization), await tx.now())
}

function requireOperator(principal: Principal): void {
  require(principal, 'operate', { kind: 'platform' }, 'platform', '')
}

function draftOf(body: CheckedBody<'checkPriceBook'>): books.NewPriceBook {
  const { currency, organization, effectiveFrom, endsAt, rates } = body
  return {
    currency,
    organization: organizationOf(organization),
    effectiveFrom: parseInstant(effectiveFrom),
    endsAt: endsAt === null ? null : parseInstant(endsAt),
    rates: rates.map(({ sku, unit, nanos: rate }) => ({ sku, unit, nanos: nanos(BigInt(rate)) })),
  }
}

function organizationOf(text: string | null): OrganizationId | null {
  if (text === null) return null
  if (!isId('organization', text)) throw notFound('organization', text)
  return text
}

const currencies: readonly Currency[] = ['USD', 'EUR']

type ReadRoutes = 'listPriceBooks' | 'listAllPriceBooks' | 'getPriceBook' | 'diffPriceBooks'

function readHandlers({ store }: ApiParts): Pick<Handlers, ReadRoutes> {
  return {
    listPriceBooks: async ({ principal, params, query }) =>
      ok(
        await store.read(async (tx) => {
          const { id, currency } = await organizationFor(tx, principal, 'read', params.organization)
          const [all, now] = [await pricing.allBooks(tx, currency, id), await tx.now()]
          return pageOfAll(
            all,
            query,
            (book) => book.id,
            (book) => bookView(book, all, now),
          )
        }),
      ),

    listAllPriceBooks: async ({ principal, query }) => {
      requireOperator(principal)
      return ok(
        await store.read(async (tx) => {
          const now = await tx.now()
          const views: ListedPriceBook[] = []
          for (const currency of query.currency ? [query.currency] : currencies) {
            const all = await pricing.allBooks(tx, currency, 'all')
            views.push(...all.map((book) => bookView(book, all, now)))
          }
          return pageOfAll(
            views,
            query,
            ({ id }) => id,
            (view) => view,
          )
        }),
      )
    },

    getPriceBook: async ({ principal, params }) =>
      ok(await store.read(async (tx) => viewOf(tx, await bookFor(tx, principal, params.priceBook)))),

    diffPriceBooks: async ({ principal, params }) =>
      ok(
        await store.read(async (tx) => {
          const before = await bookFor(tx, principal, params.before)
          const after = await bookFor(tx, principal, params.after)
          const differences = books.differencesOf(before.rates, after.rates).map(differenceView)
          return { before: before.id, after: after.id, differences }
        }),
      ),
  }
}

type WriteRoutes = 'publishPriceBook' | 'checkPriceBook' | 'endPriceBook'

function writeHandlers({ store }: ApiParts): Pick<Handlers, WriteRoutes> {
  return {
    checkPriceBook: async ({ principal, body }) => {
      requireOperator(principal)
      const { replaces, differences, warnings } = await store.read((tx) => pricing.preview(tx, draftOf(body)))
      return ok({
        replaces: replaces?.id ?? null,
        differences: differences.map(differenceView),
        warnings: warnings.map(({ sku, kind }) => ({ sku, kind })),
      })
    },

    publishPriceBook: async ({ principal, body, requestId }) => {
      requireOperator(principal)
      const { isNew, view } = await store.transact(async (tx) => {
        const id = asId('priceBook', body.id)
        const there = await pricing.books(tx, [id])
        const book = await pricing.publish(tx, { ...draftOf(body), id })
        const { organization } = book
        const change = { organization, principal, action: 'price_book.publish', target: id, requestId }
        if (there.length === 0) await tenancy.audit(tx, { ...change, after: body })
        return { isNew: there.length === 0, view: await viewOf(tx, book) }
      })
      return made(isNew, view)
    },

    endPriceBook: async ({ principal, params, body, requestId }) => {
      requireOperator(principal)
      return ok(
        await store.transact(async (tx) => {
          const before = await bookFor(tx, principal, params.priceBook)
          const book = await pricing.endBook(tx, before.id, parseInstant(body.endsAt))
          const { id: target, organization } = book
          const change = { organization, principal, action: 'price_book.end', target, requestId }
          const isNew = before.endsAt === null
          if (isNew) await tenancy.audit(tx, { ...change, before: before.endsAt, after: body.endsAt })
          return viewOf(tx, book)
        }),
      )
    },
  }
}

/** Price books: to read for whoever is charged by them, to publish for an operator. */
export function priceHandlers(parts: ApiParts): Pick<Handlers, ReadRoutes | WriteRoutes> {
  return { ...readHandlers(parts), ...writeHandlers(parts) }
}

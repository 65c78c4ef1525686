import { eventsOfAll, firstRecordedAt } from '../journal/journal.ts'
import { isAllocation, type ResourceId, type UsageEvent } from '../journal/rules.ts'
import { calendarPeriod, monthAfter, monthOf, monthStart, startOfMonth } from '../kernel/calendar.ts'
import { invariant } from '../kernel/errors.ts'
import type { OrganizationId, PriceBookId } from '../kernel/ids.ts'
import type { Currency } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import { booksNamed, type Stretch, stretchesOf } from '../metering/rules.ts'
import { inForceAt } from '../pricing/books.rules.ts'
import { allBooks, books } from '../pricing/pricing.ts'
import { bySku, rateOf } from '../pricing/rules.ts'
import type { Tx } from '../store/store.ts'
import { nominalBoundaries } from './boundaries.rules.ts'
import type { Page, Reader } from './exports.ts'
import * as exported from './exports.rows.ts'
import { cutAt, type Row } from './exports.rules.ts'
import * as focus from './focus.rows.ts'
import {
  changesOf,
  type Consumer,
  type FocusParties,
  type FocusPeriod,
  invoiceRows,
  type Rates,
  sumNameOf,
  usageRow,
} from './focus.rules.ts'
import { invoice } from './invoices.ts'
import { seller } from './parties.ts'
import * as rows from './rows.ts'
import { type Bounds, bounded, type Period } from './statements.ts'

/** Rows that end a page: a resource may have one for every hour and SKU, or a single one. */
const pageRows = 2_000
/** Resources looked at for a page: at first, and at most where each has few rows. */
const pageWidth = { first: 20, most: 500 } as const

/** Who asks for a file, and how the platform is called. */
export interface FocusAsker {
  readonly organization: OrganizationId
  readonly name: string
  readonly currency: Currency
  readonly timeZone: string
  /** Where the machines stand. */
  readonly region: string
}

/** A billing period with its hours, which are the grain of its rows. */
interface GrainedPeriod extends FocusPeriod {
  /** Where stretches are cut: at each hour, and at the start of each local day. */
  readonly cuts: readonly Instant[]
}

/** What a FOCUS file tells: whole billing periods, the last one as far as it is settled. */
export interface FocusExtent {
  readonly organization: OrganizationId
  readonly from: Instant
  readonly to: Instant
  readonly parties: FocusParties
  readonly timeZone: string
  readonly periods: readonly GrainedPeriod[]
}

/** How the platform is called where its operator has not said who issues its invoices. */
const providerName = 'gpuhour'

/**
 * Settles a period and finds its billing periods, from the beginning of the one in which it begins: what is
 * taken back within a period then never stands in a file. Writes, and refuses what a bill refuses.
 */
export async function focusExtentOf(tx: Tx, asker: FocusAsker, asked: Period): Promise<FocusExtent> {
  const { organization, timeZone, currency, region } = asker
  const closed = await focus.selectClosedPeriods(tx, organization, asked.from)
  const start = closed[0] && closed[0].from <= asked.from ? closed[0].from : monthStart(asked.from, timeZone)
  const { from, to } = await bounded(tx, organization, { from: start, to: asked.to })
  const provider = (await seller(tx))?.legalName ?? providerName
  const parties = { organization: { id: organization, name: asker.name }, currency, provider, region }
  const periods = await periodsOf(tx, asker, { from, to }, closed)
  return { organization, from, to, parties, timeZone, periods }
}

/** The billing periods between two boundaries: those that are closed, and the months that are not. */
async function periodsOf(
  tx: Tx,
  { organization, timeZone }: FocusAsker,
  { from, to }: Bounds,
  closed: readonly focus.ClosedPeriod[],
): Promise<readonly GrainedPeriod[]> {
  const first = await firstRecordedAt(tx, organization)
  const periods: GrainedPeriod[] = []
  for (let begin = from; begin < to;) {
    const own = closed.find((period) => period.from === begin)
    const start = calendarPeriod(begin, 'day', timeZone).from
    // Whoever closes a period before its month is over begins another with the next day.
    const end = own
      ? calendarPeriod(own.to, 'day', timeZone).from
      : startOfMonth(monthAfter(monthOf(begin, timeZone)), timeZone)
    const isSettled = first !== null && end > first
    const close = own?.to ?? (isSettled ? await rows.selectBoundaryFrom(tx, organization, end) : end)
    const until = close === null || close > to ? to : close
    const isWhole = own?.to === until
    const cuts = nominalBoundaries(begin, until, timeZone)
    const paper = own && isWhole ? invoiceOf(own) : null
    periods.push({ start, end, from: begin, to: until, invoice: paper, cuts })
    begin = until
  }
  return periods
}

function invoiceOf({ invoice: id, number, issuer }: focus.ClosedPeriod): FocusPeriod['invoice'] {
  return id === null || number === null || issuer === null ? null : { id, number, issuer }
}

/** Reads the rows from their beginning, period by period, then by resource. */
export function focusReader(extent: FocusExtent): Reader {
  return pageAfter(extent, { index: 0, after: null, width: pageWidth.first })
}

/** Where a page begins, and how many resources are looked at for it. */
interface Place {
  /** Of the period. */
  readonly index: number
  readonly after: ResourceId | null
  readonly width: number
}

function pageAfter(extent: FocusExtent, { index, after, width }: Place): Reader {
  return async (tx): Promise<Page> => {
    const period = extent.periods[index]
    if (!period) return { rows: [], next: null }
    const scope = { organization: extent.organization, from: period.from, to: period.to }
    const resources = await exported.selectChargedAfter(tx, scope, after, width)
    const { rows: used, told } = await usageOf(tx, extent, period, scope, resources)
    const last = resources[told - 1]
    if (last && (told < resources.length || resources.length === width)) {
      const next = told < resources.length ? told : Math.min(2 * width, pageWidth.most)
      return { rows: used, next: pageAfter(extent, { index, after: last, width: next }) }
    }
    const all = [...used, ...(await wholeOf(tx, extent, period))]
    return { rows: all, next: pageAfter(extent, { index: index + 1, after: null, width }) }
  }
}

/** What the invoice of a period adds to its charges; nothing while it has none. */
async function wholeOf(tx: Tx, { parties }: FocusExtent, period: FocusPeriod): Promise<readonly Row[]> {
  const found = period.invoice && (await invoice(tx, period.invoice.id))
  return found ? invoiceRows(parties, period, found) : []
}

/** The rows of as many of the resources as fit a page; throws where they are not what was charged. */
async function usageOf(
  tx: Tx,
  { parties, timeZone }: FocusExtent,
  period: GrainedPeriod,
  scope: exported.Extent,
  resources: readonly ResourceId[],
): Promise<{ readonly rows: readonly Row[]; readonly told: number }> {
  if (resources.length === 0) return { rows: [], told: 0 }
  const known = (await eventsOfAll(tx, resources)).filter(({ recordedAt }) => recordedAt < period.to)
  const histories = Map.groupBy(known, ({ resource }) => resource)
  const ratesFor = await ratesBy(tx, parties.currency, known)
  const cut = (stretch: Stretch, isTaken: boolean): readonly Stretch[] =>
    cutAt([stretch], isTaken ? monthsBetween(stretch, timeZone) : period.cuts)
  const found: Row[] = []
  const sums = new Map<string, bigint>()
  let told = 0
  for (const consumer of await consumersOf(tx, resources)) {
    if (found.length >= pageRows) break
    told += 1
    const events = histories.get(consumer.resource) ?? []
    const ratesIn = ratesFor(consumer.resource)
    const before = stretchesOf(
      events.filter(({ recordedAt }) => recordedAt < period.from),
      period.from,
    )
    for (const change of changesOf(before, stretchesOf(events, period.to), ratesIn, cut)) {
      const name = `${consumer.resource} ${sumNameOf(change)}`
      sums.set(name, (sums.get(name) ?? 0n) + change.amount)
      found.push(usageRow(parties, period, consumer, change, ratesIn(change)))
    }
  }
  await requireCharged(tx, resources.slice(0, told), scope, sums)
  return { rows: found, told }
}

/** A file that is not what was charged is not written. */
async function requireCharged(
  tx: Tx,
  resources: readonly ResourceId[],
  scope: exported.Extent,
  sums: ReadonlyMap<string, bigint>,
): Promise<void> {
  for (const { resource, sku, priceBook, amount } of await exported.selectChargedSums(tx, resources, scope)) {
    const told = sums.get(`${resource} ${sumNameOf({ sku, priceBook })}`) ?? 0n
    invariant(told === amount, 'a FOCUS file tells what was charged', { resource, sku, told, amount })
  }
}

/**
 * The rates of a resource's stretches: those of its book, and what everybody without own prices would have
 * been charged by when that book was named for it.
 */
async function ratesBy(
  tx: Tx,
  currency: Currency,
  events: readonly UsageEvent[],
): Promise<(resource: ResourceId) => (stretch: Stretch) => Rates> {
  const named = new Map((await books(tx, booksNamed(events))).map((book) => [book.id, book]))
  const isOwn = [...named.values()].some(({ organization }) => organization !== null)
  const general = isOwn ? await allBooks(tx, currency, null) : []
  const naming = new Map<string, Instant>()
  for (const event of events) {
    const book = bookNamed(event)
    if (book !== null && !naming.has(`${event.resource} ${book}`))
      naming.set(`${event.resource} ${book}`, event.at)
  }
  return (resource) =>
    ({ priceBook, sku, from }) => {
      const book = named.get(priceBook)
      const agreed = rateOf(bySku(book?.rates ?? []), sku)
      if (!book || book.organization === null) return { agreed, list: agreed.nanos }
      const listed = inForceAt(general, null, naming.get(`${resource} ${priceBook}`) ?? from)
      return { agreed, list: bySku(listed?.rates ?? []).get(sku)?.nanos ?? agreed.nanos }
    }
}

function bookNamed({ type, data }: UsageEvent): PriceBookId | null {
  return type === 'allocated' || type === 'created' || type === 'repriced' ? data.priceBook : null
}

/** The starts of local months within a stretch: a correction is of one billing period. */
function monthsBetween({ from, to }: Stretch, timeZone: string): readonly Instant[] {
  const starts: Instant[] = []
  for (let month = monthAfter(monthOf(from, timeZone)); ; month = monthAfter(month)) {
    const start = startOfMonth(month, timeZone)
    if (start >= to) return starts
    starts.push(start)
  }
}

async function consumersOf(tx: Tx, resources: readonly ResourceId[]): Promise<readonly Consumer[]> {
  const namings = await exported.selectNamings(tx, resources)
  const nodes = await exported.selectNodeNames(tx, resources.filter(isAllocation))
  return namings
    .toSorted((a, b) => (a.resource < b.resource ? -1 : 1))
    .map((naming) => ({ ...naming, node: nodes.get(naming.resource) ?? null }))
}

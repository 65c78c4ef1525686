import { eventsOfAll, firstRecordedAt } from '../journal/journal.ts'
import { isAllocation, type ResourceId, type UsageEvent } from '../journal/rules.ts'
import { calendarPeriod, monthAfter, monthOf, monthStart, startOfMonth } from '../kernel/calendar.ts'
import { invariant } from '../kernel/errors.ts'
import type { OrganizationId } from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'
import { booksNamed, type Stretch, stretchesOf } from '../metering/rules.ts'
import { ratesOfAll } from '../pricing/pricing.ts'
import { rateOf } from '../pricing/rules.ts'
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

/** Resources of a page: each may have a row for every hour of a month and every SKU. */
const pageResources = 20

/** Who asks for a file, and how the platform is called. */
export interface FocusAsker {
  readonly organization: OrganizationId
  readonly name: string
  readonly currency: FocusParties['currency']
  readonly timeZone: string
  /** Where the machines stand. */
  readonly region: string
}

/** What a FOCUS file tells: whole billing periods, the last one as far as it is settled. */
export interface FocusExtent {
  readonly organization: OrganizationId
  readonly from: Instant
  readonly to: Instant
  readonly parties: FocusParties
  readonly timeZone: string
  readonly periods: readonly FocusPeriod[]
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
): Promise<readonly FocusPeriod[]> {
  const first = await firstRecordedAt(tx, organization)
  const periods: FocusPeriod[] = []
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
    periods.push({ start, end, from: begin, to: until, invoice: own && isWhole ? invoiceOf(own) : null })
    begin = until
  }
  return periods
}

function invoiceOf({ invoice: id, number, issuer }: focus.ClosedPeriod): FocusPeriod['invoice'] {
  return id === null || number === null || issuer === null ? null : { id, number, issuer }
}

/** Reads the rows from their beginning, period by period, then by resource. */
export function focusReader(extent: FocusExtent): Reader {
  return pageAfter(extent, 0, null)
}

function pageAfter(extent: FocusExtent, index: number, after: ResourceId | null): Reader {
  return async (tx): Promise<Page> => {
    const period = extent.periods[index]
    if (!period) return { rows: [], next: null }
    const scope = { organization: extent.organization, from: period.from, to: period.to }
    const resources = await exported.selectChargedAfter(tx, scope, after, pageResources)
    const last = resources.length === pageResources ? resources.at(-1) : undefined
    const used = await usageOf(tx, extent, period, scope, resources)
    if (last) return { rows: used, next: pageAfter(extent, index, last) }
    const all = [...used, ...(await wholeOf(tx, extent, period))]
    return { rows: all, next: pageAfter(extent, index + 1, null) }
  }
}

/** What the invoice of a period adds to its charges; nothing while it has none. */
async function wholeOf(tx: Tx, { parties }: FocusExtent, period: FocusPeriod): Promise<readonly Row[]> {
  const found = period.invoice && (await invoice(tx, period.invoice.id))
  return found ? invoiceRows(parties, period, found) : []
}

/** The rows of resources in a period; throws where they are not what was charged. */
async function usageOf(
  tx: Tx,
  { parties, timeZone }: FocusExtent,
  period: FocusPeriod,
  scope: exported.Extent,
  resources: readonly ResourceId[],
): Promise<readonly Row[]> {
  if (resources.length === 0) return []
  const known = (await eventsOfAll(tx, resources)).filter(({ recordedAt }) => recordedAt < period.to)
  const histories = Map.groupBy(known, ({ resource }) => resource)
  const ratesIn = await ratesBy(tx, known)
  const hours = nominalBoundaries(period.from, period.to, timeZone)
  const cut = (stretch: Stretch, isTaken: boolean): readonly Stretch[] =>
    cutAt([stretch], isTaken ? monthsBetween(stretch, timeZone) : hours)
  const found: Row[] = []
  const sums = new Map<string, bigint>()
  for (const consumer of await consumersOf(tx, resources)) {
    const events = histories.get(consumer.resource) ?? []
    const before = stretchesOf(
      events.filter(({ recordedAt }) => recordedAt < period.from),
      period.from,
    )
    const changes = changesOf(before, stretchesOf(events, period.to), ratesIn, cut)
    for (const change of changes) {
      const name = `${consumer.resource} ${sumNameOf(change)}`
      sums.set(name, (sums.get(name) ?? 0n) + change.amount)
      found.push(usageRow(parties, period, consumer, change, ratesIn(change)))
    }
  }
  await requireCharged(tx, resources, scope, sums)
  return found
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

async function ratesBy(tx: Tx, events: readonly UsageEvent[]): Promise<(stretch: Stretch) => Rates> {
  const rates = await ratesOfAll(tx, booksNamed(events))
  return ({ priceBook, sku }) => {
    const agreed = rateOf(rates.get(priceBook) ?? new Map(), sku)
    return { agreed, list: agreed.nanos }
  }
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

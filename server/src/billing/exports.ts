import { eventsOfAll } from '../journal/journal.ts'
import { isAllocation, type ResourceId, type UsageEvent } from '../journal/rules.ts'
import type { OrganizationId } from '../kernel/ids.ts'
import type { Currency } from '../kernel/money.ts'
import { currencyOf } from '../ledger/ledger.ts'
import { booksNamed, fold, storageNow, type Stretch, stretchesOf } from '../metering/rules.ts'
import { ratesOfAll } from '../pricing/pricing.ts'
import { rateOf } from '../pricing/rules.ts'
import type { Tx } from '../store/store.ts'
import * as rows from './exports.rows.ts'
import {
  chargeRow,
  cutAt,
  eventRow,
  type ExportList,
  priced,
  type Row,
  transferRow,
  usageRow,
} from './exports.rules.ts'
import { bounded, type Period } from './statements.ts'

/*
 * Lists that are taken away whole, page by page, each page in a transaction of its own: no snapshot is held
 * for a slow reader, and memory does not grow with the list. They agree with themselves all the same. The
 * period is moved to boundaries first, as a bill's is, under the lock of the organization's journal; nothing
 * is recorded, charged or booked before a boundary any more. So the same period gives the same file for ever.
 */

/** What an export reads: everything of an organization between two boundaries. */
export interface Extent extends rows.Extent {
  readonly currency: Currency
}

/** Rows of a list, and how those after them are read; null after the last. */
export interface Page {
  readonly rows: readonly Row[]
  readonly next: Reader | null
}

/** Reads a page. */
export type Reader = (tx: Tx) => Promise<Page>

/** Rows of a page: few enough for a reader that is slow, enough that a page's round trip does not count. */
const pageRows = 2_000
/** Resources of a page of usage, each with a handful of rows. */
const pageResources = 500

/** Settles a period and moves its ends to boundaries; writes, and refuses what a bill refuses. */
export async function extentOf(tx: Tx, organization: OrganizationId, asked: Period): Promise<Extent> {
  const currency = await currencyOf(tx, organization)
  return { organization, currency, ...(await bounded(tx, organization, asked)) }
}

/** Reads the list from its beginning. */
export function readerOf(list: ExportList, extent: Extent): Reader {
  switch (list) {
    case 'usage':
      return usageAfter(extent, null)
    case 'charges':
      return chargesAfter(extent, null)
    case 'events':
      return eventsAfter(extent, null)
    case 'ledger':
      return transfersAfter(extent, null)
  }
}

function chargesAfter(extent: Extent, after: rows.ExportedCharge | null): Reader {
  return async (tx) => {
    const found = await rows.selectChargesAfter(tx, extent, after, pageRows)
    const last = found.length === pageRows ? found.at(-1) : undefined
    return {
      rows: found.map((charge) => chargeRow(charge, extent.currency)),
      next: last ? chargesAfter(extent, last) : null,
    }
  }
}

function eventsAfter(extent: Extent, after: UsageEvent | null): Reader {
  return async (tx) => {
    const found = await rows.selectEventsAfter(tx, extent, after, pageRows)
    const last = found.length === pageRows ? found.at(-1) : undefined
    return { rows: found.map(eventRow), next: last ? eventsAfter(extent, last) : null }
  }
}

function transfersAfter(extent: Extent, after: rows.ExportedTransfer | null): Reader {
  const { organization, currency } = extent
  return async (tx) => {
    const accounts = await rows.selectAccountsOf(tx, organization)
    const found =
      accounts.length === 0 ? [] : await rows.selectTransfersAfter(tx, extent, accounts, after, pageRows)
    const last = found.length === pageRows ? found.at(-1) : undefined
    return {
      rows: found.map((transfer) => transferRow(organization, transfer, currency)),
      next: last ? transfersAfter(extent, last) : null,
    }
  }
}

function usageAfter(extent: Extent, after: ResourceId | null): Reader {
  return async (tx) => {
    const resources = await rows.selectChargedAfter(tx, extent, after, pageResources)
    const last = resources.length === pageResources ? resources.at(-1) : undefined
    return {
      rows: await usageRows(tx, extent, resources),
      next: last ? usageAfter(extent, last) : null,
    }
  }
}

/** The paid time of the resources in the period, by the events recorded before its end. */
async function usageRows(
  tx: Tx,
  { from, to, currency }: Extent,
  resources: readonly ResourceId[],
): Promise<readonly Row[]> {
  const known = (await eventsOfAll(tx, resources)).filter(({ recordedAt }) => recordedAt < to)
  const histories = Map.groupBy(known, ({ resource }) => resource)
  const namings = await rows.selectNamings(tx, resources)
  const rates = await ratesOfAll(tx, booksNamed(known))
  const rateIn = ({ priceBook, sku }: Stretch) => rateOf(rates.get(priceBook) ?? new Map(), sku)
  return namings
    .toSorted((a, b) => (a.resource < b.resource ? -1 : 1))
    .flatMap((named) => {
      const events = histories.get(named.resource) ?? []
      const isOpen = isOpenAfter(events)
      const stretches = priced(cutAt(stretchesOf(events, to), [from]), rateIn)
      return stretches
        .filter((stretch) => stretch.from >= from)
        .map((one) => usageRow(one, named, rateIn(one), isOpen && one.to === to, currency))
    })
}

/** Does time alone make it cost more, after these events? */
function isOpenAfter(events: readonly UsageEvent[]): boolean {
  const [first] = events
  if (!first) return false
  return isAllocation(first.resource) ? fold(events).spells.at(-1)?.to === null : storageNow(events) !== null
}

import type { DownloadRoute } from '@gpuhour/sdk/contract'
import * as exporting from '../billing/exports.ts'
import { columnsOf, type ExportList } from '../billing/exports.rules.ts'
import type { Instant } from '../kernel/time.ts'
import { instant } from '../kernel/time.ts'
import type { Store } from '../store/store.ts'
import { organizationFor } from './access.ts'
import type { Call, Download, Handlers } from './calls.ts'
import { csvHeader, csvLines, jsonLines } from './lists.rules.ts'
import type { ApiParts } from './parts.ts'
import { periodOf } from './periods.rules.ts'

/** Pages read at a time, however many exports are being sent: the others' requests need the database too. */
const readersAtOnce = 2

/** Lets so many work at a time; the others wait, first come, first served. */
function makeTurns(count: number) {
  let free = count
  const waiting: (() => void)[] = []
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (free > 0) free -= 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free += 1
    }
  }
}

/** A day by the clocks of a place: `2026-11-01`. */
function dayOf(at: Instant, timeZone: string): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(at)
}

/** What a file is called, by what is in it and its first and last day. */
function fileNameOf(what: string, { from, to }: exporting.Extent, timeZone: string): string {
  return `gpuhour-${what}-${dayOf(from, timeZone)}-to-${dayOf(instant(to - 1), timeZone)}`
}

interface Form {
  readonly mediaType: string
  readonly header: (columns: readonly string[]) => string
  readonly lines: typeof csvLines
}

const forms: Readonly<Record<'csv' | 'jsonl', Form>> = {
  csv: { mediaType: 'text/csv; charset=utf-8; header=present', header: csvHeader, lines: csvLines },
  jsonl: { mediaType: 'application/jsonl', header: () => '', lines: jsonLines },
}

/** The pages of a list, each in a transaction of its own, as long as its reader may read it. */
async function* pagesOf(
  store: Store,
  turn: ReturnType<typeof makeTurns>,
  first: exporting.Reader,
  mayStill: () => Promise<void>,
): AsyncGenerator<readonly exporting.Page['rows'][number][]> {
  for (let read: exporting.Reader | null = first; read !== null;) {
    await mayStill()
    const reader: exporting.Reader = read
    const page: exporting.Page = await turn(() => store.read((tx) => reader(tx)))
    yield page.rows
    read = page.next
  }
}

/** The exports: everything about an organization's money as files. */
export function exportHandlers({ store }: ApiParts): Pick<Handlers, DownloadRoute> {
  const turn = makeTurns(readersAtOnce)

  const listHandler =
    (list: ExportList) =>
    async ({ principal, principalNow, params, query }: Call<'exportUsage'>): Promise<Download> => {
      // A period up to now makes a boundary: this writes.
      const { extent, timeZone } = await store.transact(async (tx) => {
        const row = await organizationFor(tx, principal, 'read_money', params.organization)
        const period = periodOf(query, await tx.now(), row.timeZone)
        return { extent: await exporting.extentOf(tx, row.id, period), timeZone: row.timeZone }
      })
      const mayStill = async (): Promise<void> => {
        const now = await principalNow()
        if (now !== principal)
          await store.read((tx) => organizationFor(tx, now, 'read_money', params.organization))
      }
      const { mediaType, header, lines } = forms[query.format]
      const columns: readonly string[] = columnsOf[list]
      async function* pieces(): AsyncGenerator<string> {
        const head = header(columns)
        if (head !== '') yield head
        for await (const rows of pagesOf(store, turn, exporting.readerOf(list, extent), mayStill))
          if (rows.length > 0) yield lines(columns, rows)
      }
      return {
        fileName: `${fileNameOf(list, extent, timeZone)}.${query.format}`,
        mediaType,
        isCompressed: query.compression === 'gzip',
        pieces: pieces(),
      }
    }

  return {
    exportUsage: listHandler('usage'),
    exportCharges: listHandler('charges'),
    exportEvents: listHandler('events'),
    exportLedger: listHandler('ledger'),
  }
}

import { focusExtentOf, focusReader } from '../billing/focus.ts'
import { focusColumns } from '../billing/focus.rules.ts'
import * as exporting from '../billing/exports.ts'
import { columnsOf, type ExportList } from '../billing/exports.rules.ts'
import type { Bounds } from '../billing/statements.ts'
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
function fileNameOf(what: string, { from, to }: Bounds, timeZone: string): string {
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

/** What a file is made of. */
interface FileParts {
  readonly name: string
  readonly form: Form
  readonly columns: readonly string[]
  readonly reader: exporting.Reader
  readonly compression: 'none' | 'gzip'
}

type ExportRoute = 'exportUsage' | 'exportCharges' | 'exportEvents' | 'exportLedger' | 'exportFocus'

/** The exports: everything about an organization's money as files. */
export function exportHandlers({ store, region }: ApiParts): Pick<Handlers, ExportRoute> {
  const turn = makeTurns(readersAtOnce)

  const fileOf = (
    { principal, principalNow, params }: Call<ExportRoute>,
    { name, form, columns, reader, compression }: FileParts,
  ): Download => {
    const mayStill = async (): Promise<void> => {
      const now = await principalNow()
      if (now !== principal)
        await store.read((tx) => organizationFor(tx, now, 'read_money', params.organization))
    }
    async function* pieces(): AsyncGenerator<string> {
      const head = form.header(columns)
      if (head !== '') yield head
      for await (const rows of pagesOf(store, turn, reader, mayStill))
        if (rows.length > 0) yield form.lines(columns, rows)
    }
    const { mediaType } = form
    return { fileName: name, mediaType, isCompressed: compression === 'gzip', pieces: pieces() }
  }

  // A period up to now makes a boundary: these write.
  const listHandler =
    (list: ExportList) =>
    async (call: Call<'exportUsage'>): Promise<Download> => {
      const { principal, params, query } = call
      const { format, compression } = query
      return store.transact(async (tx) => {
        const { id, timeZone } = await organizationFor(tx, principal, 'read_money', params.organization)
        const extent = await exporting.extentOf(tx, id, periodOf(query, await tx.now(), timeZone))
        return fileOf(call, {
          name: `${fileNameOf(list, extent, timeZone)}.${format}`,
          form: forms[format],
          columns: columnsOf[list],
          reader: exporting.readerOf(list, extent),
          compression,
        })
      })
    }

  return {
    exportUsage: listHandler('usage'),
    exportCharges: listHandler('charges'),
    exportEvents: listHandler('events'),
    exportLedger: listHandler('ledger'),

    exportFocus: async (call) => {
      const { principal, params, query } = call
      const { version, compression } = query
      return store.transact(async (tx) => {
        const row = await organizationFor(tx, principal, 'read_money', params.organization)
        const { id: organization, name, currency, timeZone } = row
        const asker = { organization, name, currency, timeZone, region }
        const extent = await focusExtentOf(tx, asker, periodOf(query, await tx.now(), timeZone))
        return fileOf(call, {
          name: `${fileNameOf(`focus-${version}`, extent, timeZone)}.csv`,
          form: forms.csv,
          columns: focusColumns[version],
          reader: focusReader(extent),
          compression,
        })
      })
    },
  }
}

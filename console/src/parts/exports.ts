import { addressOf } from '@gpuhour/sdk/client'
import type { DownloadRoute } from '@gpuhour/sdk/contract'
import { api } from './api.ts'

/** What can be taken along as a file. */
export const exportKinds = ['usage', 'charges', 'events', 'ledger', 'focus'] as const
export type ExportKind = (typeof exportKinds)[number]

/** The forms of a file: FOCUS has versions, everything else formats. */
export const formsOf = (kind: ExportKind) =>
  kind === 'focus' ? (['1.2', '1.4', '1.0'] as const) : (['csv', 'jsonl'] as const)
export type ExportForm = ReturnType<typeof formsOf>[number]

/** A file that is asked for. */
export interface AskedExport {
  readonly kind: ExportKind
  readonly form: ExportForm
  readonly isCompressed: boolean
  readonly period: { readonly from?: string; readonly to?: string }
}

const routeOf = {
  usage: 'exportUsage',
  charges: 'exportCharges',
  events: 'exportEvents',
  ledger: 'exportLedger',
  focus: 'exportFocus',
} as const satisfies Record<ExportKind, DownloadRoute>

function queryOf({ kind, form, isCompressed, period }: AskedExport): Record<string, string> {
  return {
    ...period,
    [kind === 'focus' ? 'version' : 'format']: form,
    ...(isCompressed ? { compression: 'gzip' } : {}),
  }
}

/**
 * Lets the browser fetch the file, as large as it may be; rejects with the platform's reason where it would
 * not be given.
 */
export async function downloadExport(organization: string, asked: AskedExport): Promise<void> {
  const name = routeOf[asked.kind]
  const call = { params: { organization }, query: queryOf(asked) }
  // The browser tells nobody why a download was refused: the beginning of the answer is asked for first.
  const { chunks } = await api[name](call)
  await chunks[Symbol.asyncIterator]().return?.()
  const link = document.createElement('a')
  link.href = addressOf({ baseUrl: '' }, name, call)
  link.download = ''
  link.click()
}

/** The same as a command: what the console does, the CLI can do. */
export function exportCommand({ kind, form, isCompressed, period }: AskedExport): string {
  const { from, to } = period
  const ending = kind === 'focus' || form === 'csv' ? 'csv' : 'jsonl'
  return [
    `gpuhour export ${kind}`,
    ...(from === undefined ? [] : [`--from ${from}`]),
    ...(to === undefined ? [] : [`--to ${to}`]),
    kind === 'focus' ? `--version ${form}` : `--format ${form}`,
    isCompressed ? `| gzip > ${kind}.${ending}.gz` : `-o ${kind}.${ending}`,
  ].join(' ')
}

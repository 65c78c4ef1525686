import type { Download } from '@gpuhour/sdk/client'
import { argument, type CommandSpec, type Given, textOption, UsageError } from '../command.ts'
import type { Context } from '../context.ts'
import { keep } from '../files.ts'
import { untilLeft } from '../interrupting.ts'
import { writeBytes } from '../output.ts'
import { periodOf, periodOptions, settlePatienceMs } from '../period.ts'
import { size } from '../shown.ts'

const kinds = ['usage', 'charges', 'events', 'ledger', 'focus'] as const
type ExportKind = (typeof kinds)[number]
const formats = ['csv', 'jsonl'] as const
const versions = ['1.0', '1.2', '1.4'] as const

function wordOf<T extends string>(text: string, words: readonly T[], what: string): T {
  const found = words.find((word) => word === text)
  if (found !== undefined) return found
  throw new UsageError(`"${text}" is no ${what}: it is one of ${words.join(', ')}.`)
}

/** What was asked for, once every word of it is one of ours. */
interface Asked {
  readonly kind: ExportKind
  readonly format: (typeof formats)[number]
  readonly version: (typeof versions)[number]
  readonly period: { readonly from?: string; readonly to?: string }
}

function askedOf(context: Context, given: Given): Asked {
  const kind = wordOf(argument(given, 0), kinds, 'list')
  const [format, version] = [textOption(given, 'format'), textOption(given, 'version')]
  if (kind === 'focus' && format !== undefined && format !== 'csv')
    throw new UsageError('FOCUS files are CSV.')
  if (kind !== 'focus' && version !== undefined) throw new UsageError('Only FOCUS files have a --version.')
  return {
    kind,
    format: wordOf(format ?? (context.isJson ? 'jsonl' : 'csv'), formats, 'format'),
    version: wordOf(version ?? '1.2', versions, 'version of FOCUS'),
    period: periodOf(given),
  }
}

function fetchFile(
  context: Context,
  organization: string,
  { kind, format, version, period }: Asked,
  signal: AbortSignal,
): Promise<Download> {
  const client = context.client(settlePatienceMs)
  const params = { organization }
  const list = { params, query: { ...period, format } }
  switch (kind) {
    case 'usage':
      return client.exportUsage(list, { signal })
    case 'charges':
      return client.exportCharges(list, { signal })
    case 'events':
      return client.exportEvents(list, { signal })
    case 'ledger':
      return client.exportLedger(list, { signal })
    case 'focus':
      return client.exportFocus({ params, query: { ...period, version } }, { signal })
  }
}

export const command: CommandSpec = {
  name: 'export',
  summary: 'usage, charges, events or ledger of a period as a file, or its cost and usage for FinOps tools',
  args: [['<what>', `what to take along: ${kinds.join(', ')}`]],
  options: [
    ...periodOptions,
    ['--format <format>', 'csv or jsonl (an object a line); default: csv'],
    ['--version <version>', 'of FOCUS: 1.0, 1.2 or 1.4; default: 1.2'],
    ['-o, --output <file>', 'write it there; default: standard output'],
  ],
  examples: [
    'gpuhour export charges --from 2026-11-01 -o november.csv',
    'gpuhour export events --format jsonl | grep contact_lost',
    'gpuhour export focus --version 1.4 -o focus.csv',
  ],
  async run(context, given) {
    const asked = askedOf(context, given)
    const file = textOption(given, 'output') ?? '-'
    const { id: organization } = await context.organization()
    const bytes = await untilLeft(
      async (signal) => {
        const download = await fetchFile(context, organization, asked, signal)
        if (file !== '-') return keep(download, file)
        for await (const chunk of download.chunks) await writeBytes(chunk)
        return null
      },
      ['The export was left; nothing was kept of it.'],
    )
    if (bytes === null) return
    context.say(`${file}: ${size(bytes)}`)
    if (context.isJson) context.printJson({ file, bytes })
  },
}

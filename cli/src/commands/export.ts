import { open, rename, rm } from 'node:fs/promises'
import type { Download } from '@gpuhour/sdk/client'
import { argument, type CommandSpec, type Given, textOption, UsageError } from '../command.ts'
import type { Context } from '../context.ts'
import { fileTrouble } from '../failures.ts'
import { untilLeft } from '../interrupting.ts'
import { writeBytes } from '../output.ts'
import { periodOf, periodOptions, settlePatienceMs } from '../period.ts'
import { size } from '../shown.ts'

const lists = ['usage', 'charges', 'events', 'ledger'] as const
type List = (typeof lists)[number]
const formats = ['csv', 'jsonl'] as const

function wordOf<T extends string>(text: string, words: readonly T[], what: string): T {
  const found = words.find((word) => word === text)
  if (found !== undefined) return found
  throw new UsageError(`"${text}" is no ${what}: it is one of ${words.join(', ')}.`)
}

function fetchList(
  context: Context,
  list: List,
  call: { params: { organization: string }; query: { from?: string; to?: string; format: 'csv' | 'jsonl' } },
  signal: AbortSignal,
): Promise<Download> {
  const client = context.client(settlePatienceMs)
  switch (list) {
    case 'usage':
      return client.exportUsage(call, { signal })
    case 'charges':
      return client.exportCharges(call, { signal })
    case 'events':
      return client.exportEvents(call, { signal })
    case 'ledger':
      return client.exportLedger(call, { signal })
  }
}

/** Writes a file beside its name, which it gets once it is whole: a part never looks like all of it. */
async function keep({ chunks }: Download, file: string): Promise<number> {
  const draft = `${file}.part`
  const handle = await open(draft, 'w').catch((error: unknown) => {
    throw new UsageError(fileTrouble(error, file, 'written'))
  })
  let bytes = 0
  try {
    for await (const chunk of chunks) {
      await handle.write(chunk)
      bytes += chunk.byteLength
    }
    await handle.close()
    await rename(draft, file)
    return bytes
  } catch (error) {
    await handle.close().catch(() => {})
    await rm(draft, { force: true })
    throw error
  }
}

function formatOf(context: Context, given: Given): 'csv' | 'jsonl' {
  const text = textOption(given, 'format')
  if (text !== undefined) return wordOf(text, formats, 'format')
  return context.isJson ? 'jsonl' : 'csv'
}

export const command: CommandSpec = {
  name: 'export',
  summary: 'usage, charges, events or ledger of a period as a file',
  args: [['<what>', `what to take along: ${lists.join(', ')}`]],
  options: [
    ...periodOptions,
    ['--format <format>', 'csv or jsonl (an object a line); default: csv'],
    ['-o, --output <file>', 'write it there; default: standard output'],
  ],
  examples: [
    'gpuhour export charges --from 2026-11-01 -o november.csv',
    'gpuhour export events --format jsonl | grep contact_lost',
  ],
  async run(context, given) {
    const list = wordOf(argument(given, 0), lists, 'list')
    const [format, file] = [formatOf(context, given), textOption(given, 'output') ?? '-']
    const query = { ...periodOf(given), format }
    const { id: organization } = await context.organization()
    const bytes = await untilLeft(
      async (signal) => {
        const download = await fetchList(context, list, { params: { organization }, query }, signal)
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

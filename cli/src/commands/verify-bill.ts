import { readFileSync } from 'node:fs'
import { exitCodeOf, sentenceOf, verifyBill } from '@gpuhour/sdk/verifier'
import { argument, type CommandSpec, isOn, textOption } from '../command.ts'
import { brief } from '../failures.ts'

/** Its own codes (`bill.md` §4): 0 verified, 1 something is wrong, 2 cannot be read. */
const unreadableCode = 2

function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : null
  if (code === 'ENOENT')
    return 'there is no such file. Get your bill by: gpuhour statement --bundle bill.json.'
  if (code === 'EISDIR') return 'it is a folder. Name the file of the bill in it.'
  if (code === 'EACCES' || code === 'EPERM') return 'you may not read it. Ask its owner.'
  const why = error instanceof Error ? error.message : String(error)
  return `${why}. Get it again by: gpuhour statement --bundle bill.json.`
}

function bytesOf(file: string): Uint8Array | { readonly unreadable: string } {
  try {
    return readFileSync(file === '-' ? 0 : file)
  } catch (error) {
    return { unreadable: whyUnreadable(error) }
  }
}

export const command: CommandSpec = {
  name: 'verify-bill',
  summary: 'recompute an open bill from its events and price books: no server, no login, no network',
  args: [['<file>', 'the bill; "-" is standard input']],
  options: [
    ['--after <file>', 'an earlier bill that this one must follow from'],
    ['--rate', 'only rate the events: charges and total are ignored'],
  ],
  examples: [
    'gpuhour verify-bill bill.json',
    'gpuhour verify-bill november.json --after october.json --json',
  ],
  async run(context, given) {
    const file = argument(given, 0)
    const earlier = textOption(given, 'after')
    const [bytes, after] = [bytesOf(file), earlier === undefined ? undefined : bytesOf(earlier)]
    for (const [name, one] of [[file, bytes] as const, [earlier ?? '', after] as const])
      if (one !== undefined && 'unreadable' in one) {
        if (context.isJson) context.printJson({ unreadable: one.unreadable })
        context.say(brief(`error: ${name} cannot be read: ${one.unreadable}`))
        return unreadableCode
      }
    // Both were looked at above: what is left are bytes.
    const options = { after: after as Uint8Array | undefined, rateOnly: isOn(given, 'rate') }
    const result = await verifyBill(bytes as Uint8Array, options)
    const code = exitCodeOf(result)
    if (context.isJson) context.printJson(result)
    else if (code === 0) context.print(sentenceOf(result))
    else context.say(sentenceOf(result))
    return code
  },
}

import { once } from 'node:events'
import type { Context } from './context.ts'
import { table } from './shown.ts'

/** More than anybody reads while a question is open; what is behind it waits at the platform. */
const heldCharactersMax = 8_000_000

type StreamName = 'stdout' | 'stderr'

/** What came while a question is open. */
interface Held {
  readonly pieces: (readonly [StreamName, string])[]
  characters: number
  readonly answered: Promise<void>
}

let held: Held | null = null

/** Writes it, unless a question is open: then once it is answered. False where the reader is slow. */
export function write(stream: StreamName, text: string): boolean {
  if (!held) return process[stream].write(text)
  held.pieces.push([stream, text])
  held.characters += text.length
  return true
}

/** A terminal that does not know its size, as on a serial line, is one of the usual size. */
function giveSize(): void {
  for (const stream of [process.stdout, process.stderr]) {
    if (!stream.isTTY) continue
    stream.columns ||= 80
    stream.rows ||= 24
  }
}

/** Asks; what is written meanwhile comes after the answer, whole and in its order. */
export async function asking<T>(question: () => Promise<T>): Promise<T> {
  giveSize()
  const { promise, resolve } = Promise.withResolvers<void>()
  const holding: Held = { pieces: [], characters: 0, answered: promise }
  held = holding
  try {
    return await question()
  } finally {
    held = null
    for (const [stream, text] of holding.pieces) write(stream, text)
    resolve()
  }
}

/** Writes a piece of a command's output where it came from; waits while the reader is slow. */
export async function writeLine(line: { readonly stream: StreamName; readonly text: string }): Promise<void> {
  if (held && held.characters > heldCharactersMax) await held.answered
  if (!write(line.stream, line.text)) await once(process[line.stream], 'drain')
}

/** Writes bytes to standard output; waits while the reader is slow. */
export async function writeBytes(bytes: Uint8Array): Promise<void> {
  if (!process.stdout.write(bytes)) await once(process.stdout, 'drain')
}

/** Prints rows as a table; of none, a terminal is told what to do first, and a program gets nothing. */
export function printTable(
  { print, isTerminal }: Pick<Context, 'print' | 'isTerminal'>,
  header: readonly string[],
  rows: readonly (readonly string[])[],
  whenEmpty: string,
): void {
  if (rows.length > 0) print(table(header, rows, isTerminal))
  else if (isTerminal) print(whenEmpty)
}

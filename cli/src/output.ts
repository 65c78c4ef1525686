import { once } from 'node:events'
import type { Context } from './context.ts'
import { table } from './shown.ts'

/** Writes a piece of a command's output where it came from; waits while the reader is slow. */
export async function writeLine(line: {
  readonly stream: 'stdout' | 'stderr'
  readonly text: string
}): Promise<void> {
  const target = line.stream === 'stdout' ? process.stdout : process.stderr
  if (!target.write(line.text)) await once(target, 'drain')
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

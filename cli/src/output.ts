import { once } from 'node:events'

/** Writes a piece of a command's output where it came from; waits while the reader is slow. */
export async function writeLine(line: {
  readonly stream: 'stdout' | 'stderr'
  readonly text: string
}): Promise<void> {
  const target = line.stream === 'stdout' ? process.stdout : process.stderr
  if (!target.write(line.text)) await once(target, 'drain')
}

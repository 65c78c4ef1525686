import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunId } from '../kernel/ids.ts'

/** One piece of a run's output, as the log keeper wrote it. */
export interface LogLine {
  readonly n: number
  readonly stream: 'stdout' | 'stderr'
  readonly text: string
}

/** As much of a log as is read at once, in bytes; a line is never longer. */
const readBytes = 1024 * 1024

/** A log that is being read: it remembers where it stands, so that nothing is read twice. */
export interface LogReader {
  /** The next complete lines; none at the present end. A line without its end is left for the next time. */
  read(): Promise<readonly LogLine[]>
  close(): Promise<void>
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

function lineOf(text: string): LogLine {
  // Written by the log keeper, one object a line.
  const { n, stream, text: content } = JSON.parse(text) as LogLine
  return { n, stream, text: content }
}

/** The first line that begins at or after the offset, and where it ends; null where none is complete. */
async function lineAfter(
  file: FileHandle,
  offset: number,
  size: number,
): Promise<{ n: number; end: number } | null> {
  const from = Math.max(0, offset - 1)
  const buffer = Buffer.alloc(Math.min(2 * readBytes, size - from))
  await file.read(buffer, 0, buffer.length, from)
  // An offset in the middle of a line belongs to the line after it.
  const begin = offset === 0 ? 0 : buffer.indexOf(0x0a) + 1
  if (offset > 0 && begin === 0) return null
  const end = buffer.indexOf(0x0a, begin)
  if (end < 0) return null
  return { n: lineOf(buffer.toString('utf8', begin, end)).n, end: from + end + 1 }
}

/**
 * Where the line after number `after` begins, by halving: the numbers rise along the file. `low` only
 * ever moves to the end of a line that is not wanted, so where it stops a wanted line begins, or the
 * complete lines end.
 */
async function offsetAfter(file: FileHandle, after: number): Promise<number> {
  const { size } = await file.stat()
  let low = 0
  let high = after <= 0 ? 0 : size
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const line = await lineAfter(file, middle, size)
    if (line === null || line.n > after) high = middle
    else low = line.end
  }
  return low
}

/** Opens a run's log after line number `after`. It need not be there yet. */
export function openLog(dataDir: string, run: RunId, after: number): LogReader {
  const path = join(dataDir, 'logs', `${run}.jsonl`)
  let file: FileHandle | null = null
  let offset = 0
  return {
    async read() {
      if (file === null) {
        try {
          file = await open(path, 'r')
        } catch (error) {
          if (isMissing(error)) return []
          throw error
        }
        offset = await offsetAfter(file, after)
      }
      const buffer = Buffer.alloc(readBytes)
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset)
      const end = buffer.subarray(0, bytesRead).lastIndexOf(0x0a) + 1
      if (end === 0) return []
      offset += end
      const lines = buffer
        .toString('utf8', 0, end - 1)
        .split('\n')
        .map(lineOf)
      return lines.filter(({ n }) => n > after)
    },
    async close() {
      await file?.close()
    },
  }
}

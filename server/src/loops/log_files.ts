import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { AllocationId, RunId } from '../kernel/ids.ts'
import type { LogCursor, LogLine } from '../runtime/driver.ts'

/*
 * The log of a run on disk: one JSON object a line, `{ n, stream, text, a, c }`. `n` counts from 1 without a
 * gap; `a` and `c` are the allocation and the driver's cursor after the line. So the file itself says where
 * to go on: whoever is killed between two writes repeats nothing and skips nothing.
 */

/** Where a run's log lies. */
export function logPath(dataDir: string, run: RunId): string {
  return join(dataDir, 'logs', `${run}.jsonl`)
}

/** A log that is being written. */
export interface OpenLog {
  readonly file: FileHandle
  /** Number of the last line; 0 before the first. */
  last: number
  allocation: AllocationId | null
  cursor: LogCursor
}

/** More than the longest line that a driver gives, escaped. */
const tailBytes = 1024 * 1024

/** Opens a run's log, cuts off a line that was half written, and finds where it ends. */
export async function openLog(dataDir: string, run: RunId): Promise<OpenLog> {
  await mkdir(join(dataDir, 'logs'), { recursive: true, mode: 0o700 })
  const file = await open(logPath(dataDir, run), 'a+', 0o600)
  const { size } = await file.stat()
  const from = Math.max(0, size - tailBytes)
  const tail = Buffer.alloc(size - from)
  await file.read(tail, 0, tail.length, from)
  const end = tail.lastIndexOf(0x0a) + 1
  if (end < tail.length) await file.truncate(from + end)
  const begin = end > 1 ? tail.lastIndexOf(0x0a, end - 2) + 1 : 0
  if (end === 0) return { file, last: 0, allocation: null, cursor: 'start' }
  // Written by us, a few lines below.
  const { n, a, c } = JSON.parse(tail.toString('utf8', begin, end)) as {
    n: number
    a: AllocationId
    c: LogCursor
  }
  return { file, last: n, allocation: a, cursor: c }
}

/** Appends lines in one write. */
export async function appendLines(
  log: OpenLog,
  allocation: AllocationId,
  lines: readonly LogLine[],
): Promise<void> {
  if (lines.length === 0) return
  let last = log.last
  const text = lines.map(({ stream, text: t, cursor }) => {
    last += 1
    return `${JSON.stringify({ n: last, stream, text: t, a: allocation, c: cursor })}\n`
  })
  await log.file.appendFile(text.join(''))
  log.last = last
  log.allocation = allocation
  log.cursor = lines.at(-1)?.cursor ?? log.cursor
}

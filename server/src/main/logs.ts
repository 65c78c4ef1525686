import { mkdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import pino, { type Logger } from 'pino'
import { z } from 'zod'

/** Fifty megabytes a role and one older file beside it: weeks of a quiet platform. */
const logBytesMax = 50_000_000

/** The same line is not shown again within this time: while the database is away every pass fails alike. */
const repeatMs = 10_000

const levelWord: Readonly<Record<number, string>> = { 40: 'warning', 50: 'error', 60: 'fatal' }

const entrySchema = z.object({
  level: z.number(),
  msg: z.string().default(''),
  err: z.object({ message: z.string() }).optional(),
})

/** Turns JSON lines into short ones for a person; null for a line that is not to be shown now. */
export function shortForm(role: string, nowMs: () => number): (json: string) => string | null {
  const shownAt = new Map<string, number>()
  return (json) => {
    const entry = entrySchema.parse(JSON.parse(json))
    const cause = entry.err && !entry.msg.includes(entry.err.message) ? `: ${entry.err.message}` : ''
    const line = `${role}: ${levelWord[entry.level] ?? 'note'}: ${entry.msg}${cause}`
    const before = shownAt.get(line)
    if (before !== undefined && nowMs() - before < repeatMs) return null
    // The map would grow with lines that hold ids: forget what is old.
    if (shownAt.size > 100) shownAt.clear()
    shownAt.set(line, nowMs())
    return line
  }
}

function rotate(path: string): void {
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (bytes > logBytesMax) renameSync(path, `${path}.1`)
}

/**
 * The log of one role: everything from `level` up as JSON lines in `<data>/log/<role>.jsonl`, and warnings
 * and errors in short through `show`. Written at once, so that a kill loses nothing.
 */
export function openLog(dataDir: string, role: string, level: string, show: (line: string) => void): Logger {
  const folder = join(dataDir, 'log')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, `${role}.jsonl`)
  rotate(path)
  const shorten = shortForm(role, () => performance.now())
  const file = pino.destination({ dest: path, sync: true, mode: 0o600 })
  const person = {
    write(json: string) {
      const line = shorten(json)
      if (line !== null) show(line)
    },
  }
  // pino's names are the configuration's.
  const streams = pino.multistream([
    { level: level as pino.Level, stream: file },
    { level: 'warn', stream: person },
  ])
  return pino({ level, base: { role }, timestamp: pino.stdTimeFunctions.isoTime }, streams)
}

import { relative } from 'node:path'
import { run } from 'node:test'
import { inspect } from 'node:util'
import { root } from './sources.ts'

// Runs groups of test files with node's own runner and prints one closing summary for all of them.

/** Files that run together. */
export interface Group {
  readonly name: string
  readonly files: readonly string[]
  /** Files at a time. Whatever starts containers or a platform runs alone. */
  readonly concurrency: number
  /** A file that takes longer is ended and counts as failed. */
  readonly minutesMax: number
}

/** What became of tests, counted and named. */
export interface Tally {
  passed: number
  failed: number
  skipped: number
  /** Name, place and what went wrong. */
  readonly failures: string[]
  /** Name, place and reason. */
  readonly skips: string[]
}

/** Nothing run yet. */
export function emptyTally(): Tally {
  return { passed: 0, failed: 0, skipped: 0, failures: [], skips: [] }
}

/** One line on which a machine can read the outcome. */
export function closingLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}

/**
 * The summary as node prints it, then each skip with its reason, each failure again, and the closing line.
 */
export function summaryOf(tally: Tally, elapsedMs: number): string {
  const { passed, failed, skipped } = tally
  return [
    '',
    ...tally.skips.map((skip) => `skipped: ${skip}`),
    ...tally.failures.map((failure) => `\nfailed: ${failure}`),
    '',
    `tests ${passed + failed + skipped}`,
    `pass ${passed}`,
    `fail ${failed}`,
    `skipped ${skipped}`,
    `duration_ms ${Math.round(elapsedMs)}`,
    closingLine(tally),
  ].join('\n')
}

interface Event {
  readonly name: string
  readonly file?: string | undefined
  readonly line?: number | undefined
  readonly skip?: string | boolean | undefined
  readonly todo?: string | boolean | undefined
  readonly details: {
    readonly duration_ms: number
    readonly type?: string | undefined
    readonly error?: unknown
  }
}

function placeOf({ file, line }: Event): string {
  return file ? ` (${relative(root, file)}${line ? `:${line}` : ''})` : ''
}

/** node wraps what was thrown; the cause is what a person wants to read. */
function reasonOf(error: unknown): string {
  const thrown = error instanceof Error && error.cause !== undefined ? error.cause : error
  if (thrown instanceof Error) return thrown.stack ?? thrown.message
  return typeof thrown === 'string' ? thrown : inspect(thrown, { depth: 4, breakLength: 110 })
}

// A suite's failure only repeats that of a test in it.
function isRepetition({ details }: Event): boolean {
  return details.type === 'suite' || /subtests? failed/.test(reasonOf(details.error))
}

interface FileRecord {
  passed: number
  failed: number
  skipped: number
  output: string
  startedAt: number
}

/** Runs one group and adds what became of it; prints a line for each file as it ends. */
export async function runGroup(group: Group, tally: Tally, signal: AbortSignal): Promise<void> {
  if (group.files.length === 0 || signal.aborted) return
  const print = (text: string): void => void process.stdout.write(`${text}\n`)
  print(`\n${group.name}`)
  const records = new Map<string, FileRecord>()
  const recordOf = (file: string | undefined): FileRecord => {
    const name = file ? relative(root, file) : '(unknown file)'
    const fresh = { passed: 0, failed: 0, skipped: 0, output: '', startedAt: performance.now() }
    const record = records.get(name) ?? fresh
    records.set(name, record)
    return record
  }
  const skip = (event: Event): void => {
    recordOf(event.file).skipped += 1
    tally.skipped += 1
    const reason = event.skip ?? event.todo
    tally.skips.push(
      `${event.name}${placeOf(event)}: ${typeof reason === 'string' ? reason : 'no reason given'}`,
    )
  }
  const pass = (event: Event): void => {
    if (event.details.type === 'suite') return
    if (event.skip !== undefined || event.todo !== undefined) return skip(event)
    recordOf(event.file).passed += 1
    tally.passed += 1
  }
  const fail = (event: Event): void => {
    if (event.todo !== undefined) return skip(event)
    if (isRepetition(event)) return
    recordOf(event.file).failed += 1
    tally.failed += 1
    tally.failures.push(`${event.name}${placeOf(event)}\n${reasonOf(event.details.error)}`)
  }
  const stream = run({
    files: group.files.map((file) => `${root}${file}`),
    concurrency: group.concurrency,
    timeout: group.minutesMax * 60_000,
    signal,
  })
  stream.on('test:pass', pass)
  stream.on('test:fail', fail)
  stream.on('test:dequeue', ({ file }) => recordOf(file))
  for (const name of ['test:stdout', 'test:stderr'] as const)
    stream.on(name, ({ file, message }) => (recordOf(file).output += message))
  stream.on('test:summary', ({ file, duration_ms }) => {
    if (!file) return
    const { passed, failed, skipped, output } = recordOf(file)
    const counts = [
      `${passed} passed`,
      ...(failed ? [`${failed} failed`] : []),
      ...(skipped ? [`${skipped} skipped`] : []),
    ]
    print(
      `  ${failed ? '✖' : '✔'} ${relative(root, file)}  ${counts.join(', ')}  ${(duration_ms / 1000).toFixed(1)} s`,
    )
    if (failed && output) print(output.trimEnd().replace(/^/gm, '    │ '))
  })
  // The stream must be read to its end; its events are all we want of it.
  for await (const _ of stream);
}

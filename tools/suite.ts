import { relative, resolve } from 'node:path'
import { run } from 'node:test'
import { inspect } from 'node:util'
import { ownChildren, signalProcess } from '../server/src/store/processes.ts'
import { root } from './sources.ts'

// Runs groups of test files with node's own runner and prints one closing summary for all of them.

/** Files that run together. */
export interface Group {
  readonly files: readonly string[]
  /** Files at a time. Whatever starts containers or a platform runs alone. */
  readonly concurrency: number
  /** A file that takes longer is ended and counts as failed. */
  readonly minutesMax: number
  /** Of node, for the process of each file. Default: none. */
  readonly switches?: readonly string[]
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

// A suite's failure only repeats that of a test in it, unless what went wrong is its own preparation.
function isRepetition({ details }: Event): boolean {
  const { type, error } = details
  if (error instanceof Error && 'failureType' in error && error.failureType === 'hookFailed') return false
  return type === 'suite' || /subtests? failed/.test(reasonOf(error))
}

interface FileRecord {
  passed: number
  failed: number
  skipped: number
  output: string
}

/** Counts events into the tally and into a record for each file. */
function counting(tally: Tally, paths: readonly string[]) {
  const fresh = (): FileRecord => ({ passed: 0, failed: 0, skipped: 0, output: '' })
  const records = new Map(paths.map((path) => [path, fresh()]))
  // Tests that stand in a file which others import: node tells them before the summary of whose they are.
  let imported = fresh()
  const recordOf = (file: string | undefined): FileRecord => records.get(file ?? '') ?? imported
  const skip = (event: Event): void => {
    recordOf(event.file).skipped += 1
    tally.skipped += 1
    const reason = event.skip ?? event.todo
    const why = typeof reason === 'string' ? reason : 'no reason given'
    tally.skips.push(`${event.name}${placeOf(event)}: ${why}`)
  }
  return {
    recordOf,
    /** What became of a file that has just ended. */
    closeRecord(file: string): FileRecord {
      const record = recordOf(file)
      for (const count of ['passed', 'failed', 'skipped'] as const) record[count] += imported[count]
      imported = fresh()
      return record
    },
    pass(event: Event): void {
      // The tests of a suite that is skipped are never told one by one.
      if (event.details.type === 'suite') return event.skip === undefined ? undefined : skip(event)
      // Node passes a file in which nothing was tested: its only test is then the file itself.
      if (event.name === event.file)
        return this.fail({ ...event, details: { ...event.details, error: 'holds no test' } })
      if (event.skip !== undefined || event.todo !== undefined) return skip(event)
      recordOf(event.file).passed += 1
      tally.passed += 1
    },
    fail(event: Event): void {
      if (event.todo !== undefined) return skip(event)
      if (isRepetition(event)) return
      recordOf(event.file).failed += 1
      tally.failed += 1
      tally.failures.push(`${event.name}${placeOf(event)}\n${reasonOf(event.details.error)}`)
    },
  }
}

function lineOf(file: string, { passed, failed, skipped }: FileRecord, elapsedMs: number | null): string {
  const counts = [
    `${passed} passed`,
    ...(failed ? [`${failed} failed`] : []),
    ...(skipped ? [`${skipped} skipped`] : []),
  ]
  const took = elapsedMs === null ? 'did not end by itself' : `${(elapsedMs / 1000).toFixed(1)} s`
  return `  ${failed ? '✖' : '✔'} ${relative(root, file)}  ${counts.join(', ')}  ${took}`
}

/**
 * Ends files that run too long. Node's own limit fails a test, but waits for ever for a process that
 * something keeps alive. The processes are our children whose arguments name the file. Returns what ends
 * the watch.
 */
function watchFiles(group: Group): () => void {
  const paths = new Set(group.files.map(pathOf))
  const seenAt = new Map<number, number>()
  // A test that node has failed in time gets this long to leave.
  const limitMs = group.minutesMax * 60_000 + 1_000
  const look = (): void => {
    for (const { ref, args } of ownChildren()) {
      if (!args.some((one) => paths.has(one))) continue
      const since = seenAt.get(ref.pid) ?? performance.now()
      seenAt.set(ref.pid, since)
      if (performance.now() - since > limitMs) signalProcess(ref, 'SIGKILL')
    }
  }
  const timer = setInterval(look, 1_000)
  return () => clearInterval(timer)
}

function pathOf(file: string): string {
  return resolve(root, file)
}

/**
 * Runs one group and adds what became of it; prints a line for each file as it ends. Groups may run beside
 * each other.
 */
export async function runGroup(group: Group, tally: Tally, signal: AbortSignal): Promise<void> {
  if (group.files.length === 0 || signal.aborted) return
  const print = (text: string): void => void process.stdout.write(`${text}\n`)
  const paths = group.files.map(pathOf)
  const counted = counting(tally, paths)
  const stream = run({
    files: paths,
    concurrency: group.concurrency,
    timeout: group.minutesMax * 60_000,
    execArgv: [...(group.switches ?? [])],
    signal,
  })
  stream.on('test:pass', (event) => counted.pass(event))
  stream.on('test:fail', (event) => counted.fail(event))
  for (const name of ['test:stdout', 'test:stderr'] as const)
    stream.on(name, ({ file, message }) => (counted.recordOf(file).output += message))
  const open = new Set(paths)
  const report = (file: string, elapsedMs: number | null): void => {
    open.delete(file)
    const record = counted.closeRecord(file)
    print(lineOf(file, record, elapsedMs))
    if (record.failed && record.output) print(record.output.trimEnd().replace(/^/gm, '    │ '))
  }
  stream.on('test:summary', ({ file, duration_ms }) => file && report(file, duration_ms))
  const endWatch = watchFiles(group)
  try {
    // The stream must be read to its end; its events are all we want of it.
    for await (const _ of stream);
    // Of a file that crashed there is no summary, but there may be last words.
    for (const file of open) report(file, null)
  } finally {
    endWatch()
  }
}

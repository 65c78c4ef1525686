import * as jobs from '../jobs/jobs.ts'
import type { Clock } from '../kernel/clock.ts'
import type { AllocationId, RunId } from '../kernel/ids.ts'
import * as placement from '../placement/placement.ts'
import { DriverError, type LogLine, type RuntimeDriver } from '../runtime/driver.ts'
import type { Store } from '../store/store.ts'
import { appendLines, openLog, type OpenLog } from './log_files.ts'
import type { Loop, PassReport } from './loop.ts'
import type { World } from './world.ts'

/** What the log keeper works with. */
export interface LogKeeperParts {
  readonly store: Store
  readonly driver: RuntimeDriver
  readonly world: World
  readonly clock: Clock
  readonly dataDir: string
  readonly onTrouble: (subject: string, what: string, error: unknown) => void
}

/** Lines are written to disk in batches of about this many. */
const batchLines = 1000
/** A run that writes without end must not keep the others waiting. */
const readMsMax = 5000

/** Follows each run's log by cursor into the data directory; says when the last line was read. */
export function makeLogKeeper(parts: LogKeeperParts): Loop {
  const logs = new Map<RunId, OpenLog>()
  let life: AbortSignal | null = null
  // When the loops begin again, another keeper opens its own.
  const closeWith = (signal: AbortSignal): void => {
    if (signal === life) return
    life = signal
    signal.addEventListener('abort', () => {
      for (const { file } of logs.values()) void file.close().catch(() => {})
      logs.clear()
    })
  }
  return {
    name: 'log_keeper',
    everyMs: 400,
    async pass(signal): Promise<PassReport> {
      closeWith(signal)
      const open = await parts.store.read((tx) => jobs.runsWithOpenLog(tx))
      const counts = { runs: open.length, lines: 0, complete: 0 }
      for (const [id, log] of logs)
        if (!open.some((run) => run.id === id)) {
          logs.delete(id)
          await log.file.close()
        }
      await Promise.all(
        open.map(async ({ id, allocation }) => {
          if (!allocation) return
          try {
            const log = logs.get(id) ?? (await openLog(parts.dataDir, id))
            logs.set(id, log)
            const { lines, complete } = await readOn(parts, id, allocation, log, signal)
            counts.lines += lines
            counts.complete += complete ? 1 : 0
          } catch (error) {
            // What it wrote may be half a line: the next pass opens it anew, which cuts that off.
            const log = logs.get(id)
            logs.delete(id)
            await log?.file.close().catch(() => {})
            parts.onTrouble(id, 'reading its log', error)
          }
        }),
      )
      return counts
    },
  }
}

/** Reads what is there; where the run had ended before we began, that was all. */
async function readOn(
  parts: LogKeeperParts,
  run: RunId,
  allocation: AllocationId,
  log: OpenLog,
  signal: AbortSignal,
): Promise<{ lines: number; complete: boolean }> {
  const { store, driver, world, clock } = parts
  const row = await store.read((tx) => placement.allocation(tx, allocation))
  const hadEnded = world.ended.has(allocation) || row?.endedAt !== null || row.releasedAt !== null
  const from = log.allocation === allocation ? log.cursor : 'start'
  const began = clock.monotonic()
  const before = log.last
  let batch: LogLine[] = []
  let isAll = true
  let isTorn = false
  const flush = async (): Promise<void> => {
    isTorn = true
    await appendLines(log, allocation, batch)
    isTorn = false
    if (batch.length > 0) await store.transact((tx) => tx.notify('logs', run))
    batch = []
  }
  try {
    for await (const line of driver.logs(allocation, from, signal)) {
      batch.push(line)
      if (batch.length >= batchLines) await flush()
      if (clock.monotonic() - began > readMsMax) {
        isAll = false
        break
      }
    }
  } catch (error) {
    // What could not be written is not written again behind a half of it.
    if (isTorn) throw error
    const isGone = error instanceof DriverError && error.code === 'log_gone'
    // Before its container is made there is no log, and that is no end.
    if (!isGone || !hadEnded) {
      await flush()
      if (isGone) return finishIfNeverStarted(parts, run, allocation)
      throw error
    }
  }
  await flush()
  if (!hadEnded || !isAll) return { lines: log.last - before, complete: false }
  await log.file.sync()
  await complete(store, run)
  return { lines: log.last - before, complete: true }
}

/** A run that was stopped before its container was made has no log to wait for. */
async function finishIfNeverStarted(
  { store }: LogKeeperParts,
  run: RunId,
  allocation: AllocationId,
): Promise<{ lines: number; complete: boolean }> {
  const { row, state } = await store.read(async (tx) => ({
    row: await placement.allocation(tx, allocation),
    state: (await jobs.run(tx, run))?.state,
  }))
  const isOver = state === 'stopping' && row?.nodeStartedAt === null
  if (isOver) await complete(store, run)
  return { lines: 0, complete: isOver }
}

async function complete(store: Store, run: RunId): Promise<void> {
  await store.transact(async (tx) => {
    await jobs.markLogComplete(tx, run)
    await tx.notify('logs', run)
    await tx.notify('compute', run)
  })
}

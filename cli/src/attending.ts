import { finalRunStates, type Run } from '@gpuhour/sdk/contract'
import type { Context } from './context.ts'
import { rungOf } from './ladder.ts'

/** How long nothing else must have come before it is said that a run is being stopped. */
const stoppingQuietMs = 3_000

/** Says where a run stands, in an order that makes sense beside its output. */
export interface RunTeller {
  /** It stands there now. */
  seen(run: Run): void
  /** A piece of its output is about to be written. */
  beforeOutput(): void
  /** Nothing is said from here on. */
  close(): void
}

/**
 * States and output come by two streams, either of which may be ahead. So "running" is said before the first
 * output if it has not been, no earlier rung after it, and "stopping" only where nothing else comes. With
 * `--json` nothing is said.
 */
export function runTeller({ say, isJson }: Pick<Context, 'say' | 'isJson'>, asked: Run): RunTeller {
  let latest = asked
  let last = ''
  let hasRun = false
  let hasOutput = false
  let stopping: NodeJS.Timeout | null = null
  const tell = (run: Run): void => {
    const rung = rungOf(run)
    if (rung !== last && !isJson) say(`${run.name}: ${rung}`)
    last = rung
    hasRun ||= run.state === 'running'
  }
  const quiet = (): void => {
    if (stopping) clearTimeout(stopping)
    stopping = null
  }
  return {
    seen(run) {
      latest = run
      quiet()
      const isLate = hasOutput && (run.state === 'queued' || run.state === 'preparing')
      if (finalRunStates.includes(run.state) || isLate) return
      if (run.state === 'stopping') stopping = setTimeout(() => tell(run), stoppingQuietMs)
      else tell(run)
    },
    beforeOutput() {
      stopping?.refresh()
      if (hasOutput) return
      hasOutput = true
      if (!hasRun) tell({ ...latest, state: 'running' })
    },
    close: quiet,
  }
}

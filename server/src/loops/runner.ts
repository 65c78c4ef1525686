import type { Clock } from '../kernel/clock.ts'
import { messageOf } from '../kernel/errors.ts'
import type { Loop, PassReport } from './loop.ts'

/** How a loop has been doing, for the operator's page. */
export interface LoopHealth {
  readonly name: string
  passes: number
  failures: number
  lastReport: PassReport | null
  lastError: string | null
  /** How long the last pass took, in ms. */
  lastMs: number | null
}

/** A loop that is being run. */
export interface Running {
  readonly health: LoopHealth
  /** The next pass begins at once, or right after the one under way. */
  nudge(): void
  readonly ended: Promise<void>
}

/** Pause after a pass that failed, in ms: a fault that lasts is not asked a thousand times a second. */
const failureMs = 500

/** Runs a loop until the signal fires: a pass, then a wait that a nudge cuts short. */
export function runLoop(
  loop: Loop,
  clock: Clock,
  signal: AbortSignal,
  onFailure: (loop: string, error: unknown) => void,
): Running {
  const health: LoopHealth = {
    name: loop.name,
    passes: 0,
    failures: 0,
    lastReport: null,
    lastError: null,
    lastMs: null,
  }
  let isNudged = false
  let wake = (): void => {}
  const wait = async (ms: number): Promise<void> => {
    if (isNudged) return
    const waiting = new AbortController()
    wake = () => waiting.abort()
    await clock.sleep(ms, AbortSignal.any([signal, waiting.signal])).catch(() => {})
  }
  const passOnce = async (): Promise<void> => {
    const began = clock.monotonic()
    try {
      health.lastReport = await loop.pass(signal)
      health.lastError = null
    } catch (error) {
      if (signal.aborted) return
      health.failures += 1
      health.lastError = messageOf(error)
      onFailure(loop.name, error)
      await clock.sleep(failureMs, signal).catch(() => {})
    }
    health.passes += 1
    health.lastMs = clock.monotonic() - began
  }
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      isNudged = false
      await passOnce()
      if (!signal.aborted) await wait(loop.everyMs)
    }
  }
  return {
    health,
    nudge() {
      isNudged = true
      wake()
    },
    ended: run(),
  }
}

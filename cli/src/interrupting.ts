import { constants } from 'node:os'
import type { Context } from './context.ts'
import { asking } from './output.ts'

/** As a shell answers for a program that ended by Ctrl-C. */
const interruptedCode = 128 + constants.signals.SIGINT

/** Waiting was left by Ctrl-C; what was asked for goes on. */
export class LeftError extends Error {
  readonly exitCode = interruptedCode

  constructor(message: string) {
    super(message)
    this.name = 'LeftError'
  }
}

/** Waits until Ctrl-C, which only ends the waiting and says what goes on; the second ends us at once. */
export async function untilLeft<T>(
  wait: (signal: AbortSignal) => Promise<T>,
  goesOn: readonly string[],
): Promise<T> {
  const leaving = new AbortController()
  const leave = (): void => leaving.abort()
  process.once('SIGINT', leave)
  try {
    return await wait(leaving.signal)
  } catch (error) {
    throw leaving.signal.aborted ? new LeftError(goesOn.join('\n')) : error
  } finally {
    process.off('SIGINT', leave)
  }
}

/** What Ctrl-C can come to. */
export interface Ways {
  /** Ask the platform to stop it; whoever follows it sees it end. */
  readonly stop: () => Promise<void>
  /** Let it run, and go. */
  readonly leave: () => void
}

/** Asks what is meant; once the run is over, nothing is. */
async function askWay(over: AbortSignal): Promise<'stop' | 'leave' | 'stay'> {
  const { isCancel, select } = await import('@clack/prompts')
  const answer = await asking(() =>
    select<'stop' | 'leave' | 'stay'>({
      message: 'Stop the run, or leave it running?',
      options: [
        { value: 'stop', label: 'stop it: free from now' },
        { value: 'leave', label: 'leave it running, and go' },
        { value: 'stay', label: 'neither: go on watching' },
      ],
      output: process.stderr,
      signal: over,
    }),
  )
  if (over.aborted) return 'stay'
  return isCancel(answer) ? 'leave' : answer
}

/**
 * Watches for Ctrl-C: the first asks once what is meant, where somebody can be asked, and else stops the
 * run; the second leaves at once. SIGTERM and SIGHUP leave: whoever ends a terminal does not mean the
 * work. Returns how to stop watching.
 */
export function interruptions(context: Context, { stop, leave }: Ways): () => void {
  let count = 0
  const over = new AbortController()
  const stopIt = async (): Promise<void> => {
    if (!context.isJson) context.say('stopping the run; press Ctrl-C again to leave at once')
    await stop().catch(() => context.say('the platform does not answer: the run was not stopped'))
  }
  const asked = async (): Promise<void> => {
    const way = context.isInteractive ? await askWay(over.signal) : 'stop'
    if (way === 'leave') leave()
    else if (way === 'stop') await stopIt()
    else count = 0
  }
  const onInterrupt = (): void => {
    count += 1
    if (count === 1) void asked()
    else leave()
  }
  process.on('SIGINT', onInterrupt)
  process.on('SIGTERM', leave)
  process.on('SIGHUP', leave)
  return () => {
    over.abort()
    process.off('SIGINT', onInterrupt)
    process.off('SIGTERM', leave)
    process.off('SIGHUP', leave)
  }
}

import { isAppError, messageOf } from '../kernel/errors.ts'
import { aborted } from './context.ts'
import { createPrinter } from './progress.ts'
import { startPlatform, type StartOptions } from './supervisor.ts'

/** An error of ours is a sentence for a person; anything else is a bug, and its stack says where. */
function textOf(error: unknown): string {
  return isAppError(error) ? error.message : (error instanceof Error && error.stack) || messageOf(error)
}

/** Starts the platform, waits for Ctrl-C or TERM, ends it in order; sets the exit code. */
export async function runUntilStopped(
  options: Pick<StartOptions, 'startRoles'> & { readonly config: () => StartOptions['config'] },
): Promise<void> {
  const printer = createPrinter(process.stdout)
  // The reader of our output may go away before us.
  process.stdout.on('error', () => {})
  process.stderr.on('error', () => {})
  // A Ctrl-C reaches us from the terminal and again through npm: the first one counts, the others change
  // nothing.
  const stopping = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => stopping.abort(new Error(`stopped by ${name}`)))
  try {
    const running = await startPlatform({
      ...options,
      config: options.config(),
      printer,
      signal: stopping.signal,
    })
    await aborted(stopping.signal)
    printer.line('Stopping; instances go on running, free of charge until the next start.')
    await running.stop()
    printer.line('Stopped.')
  } catch (error) {
    if (stopping.signal.aborted) {
      printer.line('Stopped before it was ready.')
      process.exitCode = 130
    } else {
      process.stderr.write(`error: ${textOf(error)}\n`)
      process.exitCode = 1
    }
  }
}

import { isAppError, messageOf } from '../kernel/errors.ts'
import { loadConfig } from './config.ts'
import { aborted } from './context.ts'
import { createPrinter } from './progress.ts'
import { startPlatform } from './supervisor.ts'

// `npm start`: starts the platform, watches it, and ends it in order.

const printer = createPrinter(process.stdout)
// The reader of our output may go away before us.
process.stdout.on('error', () => {})
process.stderr.on('error', () => {})

// A Ctrl-C reaches us from the terminal and again through npm: the first one counts, the others change nothing.
const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => stopping.abort(new Error(`stopped by ${signal}`)))

try {
  const running = await startPlatform({ config: loadConfig(), printer, signal: stopping.signal })
  await aborted(stopping.signal)
  printer.line('Stopping; instances go on running, free of charge until the next start.')
  await running.stop()
  printer.line('Stopped.')
} catch (error) {
  if (stopping.signal.aborted) {
    printer.line('Stopped before it was ready.')
    process.exitCode = 130
  } else {
    // An error of ours is a sentence for a person; anything else is a bug and needs its stack.
    const text = isAppError(error) ? error.message : error instanceof Error ? error.stack : messageOf(error)
    process.stderr.write(`error: ${text}\n`)
    process.exitCode = 1
  }
}

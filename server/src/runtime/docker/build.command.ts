import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { AppError } from '../../kernel/errors.ts'

/** One program to run to its end. */
export interface Command {
  readonly program: string
  readonly args: readonly string[]
  /** Beside what the builder was given; a secret goes here or into a file, never into `args`. */
  readonly environment?: ReadonlyMap<string, string>
  readonly cwd?: string
  /** Takes each line of output and of standard error as it comes. */
  readonly onLine?: (line: string) => void
}

/** How it ended. */
export interface Outcome {
  /** Null where a signal ended it. */
  readonly code: number | null
  readonly stdout: string
  /** The last lines of standard error. */
  readonly complaint: string
}

/** Of standard error: enough to understand a fault, not enough to fill a log. */
const linesKept = 40

/**
 * Runs a program; an abort ends it with TERM. Its environment is `inherited` and the command's own, nothing
 * else. Resolves however it ended; throws `unavailable` where it could not be started, rejects with the
 * signal's reason.
 */
export async function run(
  command: Command,
  inherited: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<Outcome> {
  signal.throwIfAborted()
  const child = spawn(command.program, command.args, {
    env: Object.fromEntries([...inherited, ...(command.environment ?? [])]),
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
  })
  const stop = () => child.kill('SIGTERM')
  signal.addEventListener('abort', stop, { once: true })
  const lines: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.push(line)
    if (lines.length > linesKept) lines.shift()
    command.onLine?.(line)
  })
  const said: Buffer[] = []
  child.stdout.on('data', (piece: Buffer) => said.push(piece))
  if (command.onLine) createInterface({ input: child.stdout }).on('line', command.onLine)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
    .catch((error: Error) => {
      throw new AppError('unavailable', `${command.program} cannot be run: ${error.message}`)
    })
    .finally(() => signal.removeEventListener('abort', stop))
  signal.throwIfAborted()
  return { code, stdout: Buffer.concat(said).toString('utf8'), complaint: lines.join('\n') }
}

/** Like `run`, for programs that have to succeed; gives what they printed, without the last line's end. */
export async function succeed(
  command: Command,
  inherited: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<string> {
  const { code, stdout, complaint } = await run(command, inherited, signal)
  if (code === 0) return stdout.trimEnd()
  const name = `${command.program} ${command.args[0] ?? ''}`
  const last = complaint.trimEnd().split('\n').at(-1) ?? ''
  throw new AppError('unavailable', `\`${name}\` ended with ${code ?? 'a signal'}: ${last}`, {
    log: complaint,
  })
}

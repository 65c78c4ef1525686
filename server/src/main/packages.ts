import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { AppError } from '../kernel/errors.ts'
import type { Printer } from './progress.ts'

/** What an installation by `apt-get` needs. */
export interface InstallOptions {
  readonly packages: readonly string[]
  /** What they are for, as it is shown: "Docker Engine". */
  readonly what: string
  readonly printer: Printer
  readonly signal: AbortSignal
}

// Another apt may be at work, on a machine that was just started especially: wait for it, five minutes at
// most.
const waitForOthers = ['-o', 'DPkg::Lock::Timeout=300']

/**
 * `dlstatus:1:20.5:Retrieving file 1 of 12` and `pmstatus:docker.io:60.0:Unpacking` (apt's README.progress-
 * reporting).
 */
export function readStatus(line: string): { percent: number; text: string } | null {
  const match = /^(?:dl|pm)status:[^:]*:([\d.]+):(.*)$/.exec(line)
  return match ? { percent: Number(match[1]), text: match[2] ?? '' } : null
}

function runApt(args: readonly string[], options: InstallOptions, shown: string): Promise<string | null> {
  const { printer, signal } = options
  return new Promise((resolve, reject) => {
    const child = spawn('apt-get', ['-q', ...waitForOthers, '-o', 'APT::Status-Fd=3', ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    })
    // apt is not killed in the middle of its work: dpkg's state would be left half-done. We wait, then stop.
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (bytes: Buffer) => (output = (output + bytes.toString()).slice(-4_000)))
    // stdio[3] was asked for as a pipe above, which is a readable stream on our side.
    createInterface({ input: child.stdio[3] as Readable }).on('line', (line) => {
      const status = readStatus(line)
      if (status) printer.progress('apt', `${shown}: ${Math.round(status.percent)} % ${status.text}`)
    })
    child.once('error', reject)
    child.once('close', (code) => {
      printer.done('apt')
      if (signal.aborted) return reject(signal.reason)
      resolve(code === 0 ? null : output)
    })
  })
}

function sentenceOf(what: string, output: string): string {
  const errors = output.split('\n').filter((line) => /^[EW]: /.test(line))
  if (
    /Could not resolve|Could not connect|Connection (failed|refused|timed out)|Temporary failure/.test(output)
  )
    return `${what} cannot be installed: Debian's mirror does not answer. Check the network.`
  if (/No space left/.test(output)) return `${what} cannot be installed: the disk is full.`
  if (/Could not get lock|is another process using it/.test(output))
    return `${what} cannot be installed: another apt is at work. Wait for it, then start again.`
  return `${what} cannot be installed; apt-get says: ${errors.slice(-3).join(' ') || output.slice(-300)}`
}

/** Installs packages of the distribution, with visible progress. Only for root, on Debian and its like. */
export async function installPackages(options: InstallOptions): Promise<void> {
  const { what, packages, printer } = options
  printer.line(`Installing ${what} (${packages.join(', ')}) …`)
  const updated = await runApt(['update'], options, `Reading the lists of packages`)
  // A list that could not be read may still hold what we need from before.
  const failed = await runApt(
    ['install', '-y', '--no-install-recommends', ...packages],
    options,
    `Installing ${what}`,
  )
  if (failed !== null) throw new AppError('unavailable', sentenceOf(what, `${updated ?? ''}${failed}`))
}

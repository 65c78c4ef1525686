import { type ChildProcess, fork } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import { z } from 'zod'
import type { Clock } from '../kernel/clock.ts'
import { AppError } from '../kernel/errors.ts'
import { isAlive, processOf, signalProcess } from '../store/processes.ts'
import { type Config, environmentOf, secretVariables } from './config.ts'
import { aborted, type RoleName, roleNames } from './context.ts'

/** The wait before a role that died is started again: from this, doubling … */
const backoffMsMin = 100
/** … to this. A person who looks at a dead page waits no longer. */
const backoffMsMax = 5_000
/** A role that lived this long was healthy: its next death counts as its first. */
const healthyMs = 60_000
/** A role that never was ready and died this often will not become so. */
const deathsBeforeReadyMax = 5
/** A role ends itself within 8 s; then it is ended. */
const stopMsMax = 10_000

/** The wait before start number `deaths + 1`. */
export function backoffMs(deaths: number): number {
  return Math.min(backoffMsMax, backoffMsMin * 2 ** Math.max(0, deaths - 1))
}

/** A role that is kept running. */
export interface KeptRole {
  readonly name: RoleName
  /** Resolves when it is ready for the first time; rejects when it will not be. */
  readonly ready: Promise<void>
  /** The pid of its present process; null between two. */
  pid(): number | null
  /** Ends it and starts it no more. */
  stop(): Promise<void>
}

/** How a role is kept. */
export interface KeepOptions {
  readonly config: Config
  readonly consoleDir: string | null
  readonly log: Logger
  readonly clock: Clock
  /** A line for the person at the terminal. */
  readonly say: (line: string) => void
  /** The program; tests give their own. */
  readonly program?: string
}

const programPath = fileURLToPath(new URL('./role.ts', import.meta.url))
const messageSchema = z.object({ kind: z.literal('ready') })
const refSchema = z.object({ pid: z.number(), startTicks: z.number() })

function refPath(config: Config, name: RoleName): string {
  return join(config.dataDir, 'run', `${name}.json`)
}

function remember(config: Config, name: RoleName, pid: number | undefined): void {
  const ref = pid === undefined ? null : processOf(pid)
  if (ref) writeFileSync(refPath(config, name), JSON.stringify(ref), { mode: 0o600 })
}

/**
 * Ends the roles of an earlier start that did not notice the death of their `main`, a hung one say: it would
 * hold our port. Only the very process that was noted, by pid and start time.
 */
export async function endOrphans(config: Config, clock: Clock): Promise<void> {
  mkdirSync(join(config.dataDir, 'run'), { recursive: true, mode: 0o700 })
  for (const name of roleNames) {
    const path = refPath(config, name)
    let ref
    try {
      ref = refSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
    } catch {
      continue
    }
    for (const until = clock.monotonic() + 1_000; isAlive(ref) && clock.monotonic() < until;)
      await clock.sleep(20, AbortSignal.timeout(stopMsMax))
    signalProcess(ref, 'SIGKILL')
    rmSync(path, { force: true })
  }
}

function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
  })
}

/** The gateway, to which strangers talk all day, has no use for the secrets of others. */
function environmentFor(name: RoleName, config: Config): Record<string, string | undefined> {
  const whole = { ...process.env, ...environmentOf(config) }
  if (name !== 'gateway') return whole
  return Object.fromEntries(Object.entries(whole).filter(([variable]) => !secretVariables.includes(variable)))
}

function start(name: RoleName, options: KeepOptions): ChildProcess {
  const child = fork(options.program ?? programPath, [name, options.consoleDir ?? ''], {
    env: environmentFor(name, options.config),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: [],
    // A group of its own: Ctrl-C, or a TERM to the whole group, is for `main` alone, which ends us in order.
    detached: true,
  })
  for (const stream of [child.stdout, child.stderr])
    if (stream) createInterface({ input: stream }).on('line', options.say)
  remember(options.config, name, child.pid)
  return child
}

async function end(child: ChildProcess, exited: Promise<string>, clock: Clock): Promise<void> {
  child.kill('SIGTERM')
  const patience = new AbortController()
  const late = clock.sleep(stopMsMax, patience.signal).then(
    () => child.kill('SIGKILL'),
    () => false,
  )
  await exited
  patience.abort()
  await late
}

/** Starts the role and starts it again whenever it dies, until it is told to stop. */
export function keepRole(name: RoleName, options: KeepOptions): KeptRole {
  const { clock, log, say } = options
  const stopping = new AbortController()
  const ready = Promise.withResolvers<void>()
  let child: ChildProcess | null = null
  let wasReady = false
  const round = async (): Promise<boolean> => {
    const startedAt = clock.monotonic()
    child = start(name, options)
    child.on('message', (message) => {
      if (!messageSchema.safeParse(message).success) return
      log.info({ name, pid: child?.pid }, wasReady ? 'role is back' : 'role is ready')
      if (wasReady) say(`${name}: is back`)
      wasReady = true
      ready.resolve()
    })
    const exited = exitOf(child)
    await Promise.race([exited, aborted(stopping.signal)])
    if (stopping.signal.aborted) await end(child, exited, clock)
    else {
      log.error({ name, how: await exited }, 'a role ended')
      say(`${name}: ended (${await exited}); starting it again`)
    }
    child = null
    return clock.monotonic() - startedAt >= healthyMs
  }
  const keep = async (): Promise<void> => {
    for (let deaths = 0; !stopping.signal.aborted;) {
      const wasHealthy = await round()
      deaths = wasHealthy ? 1 : deaths + 1
      if (!wasReady && deaths >= deathsBeforeReadyMax) break
      await clock.sleep(backoffMs(deaths), stopping.signal).catch(() => {})
    }
    ready.reject(
      new AppError('unavailable', `The role ${name} does not start; ${options.config.dataDir}/log says why.`),
    )
  }
  const kept = keep()
  // Whoever waits for it hears of the rejection; when nobody does, it is no fault of its own.
  ready.promise.catch(() => {})
  return {
    name,
    ready: ready.promise,
    pid: () => child?.pid ?? null,
    async stop() {
      stopping.abort()
      await kept
    },
  }
}

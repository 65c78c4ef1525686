import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { type Clock, systemClock } from '../kernel/clock.ts'
import { AppError, messageOf } from '../kernel/errors.ts'
import { migrate } from '../store/migrator.ts'
import { openStore, type Store } from '../store/store.ts'
import { type Config, unknownVariables } from './config.ts'
import { buildConsole } from './console.ts'
import { aborted, type RoleContext, roleNames } from './context.ts'
import { keepDatabase } from './database.ts'
import { provisionEngine } from './provision.ts'
import { holderOf, tryLock } from './lock.ts'
import { openLog } from './logs.ts'
import { lookAtMachine, requireMachine, sayMachine } from './machine.ts'
import { type Platform, platformOf, readPlatform, writePlatform } from './platform.ts'
import { claimPorts } from './ports.ts'
import type { Printer } from './progress.ts'
import { endOrphans, keepRole } from './roles.ts'
import { hooks } from './wiring.ts'

/** Starts the roles in whatever form; what it adds to `running` is ended in the opposite order. */
export type StartRoles = (
  parts: Omit<RoleContext, 'signal' | 'ids'>,
  running: AsyncDisposableStack,
  printer: Printer,
) => Promise<void>

/** What a start is given. */
export interface StartOptions {
  readonly config: Config
  readonly printer: Printer
  /** Ends the start wherever it is. */
  readonly signal: AbortSignal
  readonly startRoles?: StartRoles
}

/** A platform that is up. */
export interface RunningPlatform {
  readonly platform: Platform
  /** Ends the roles in order, then the database; leaves the instances and the engine alone. */
  stop(): Promise<void>
}

/** Takes the data directory, or refuses when a running platform holds it. */
function claimData(dataDir: string, running: AsyncDisposableStack): void {
  try {
    // Others may pass through (PostgreSQL's user must), but not look around.
    mkdirSync(dataDir, { recursive: true, mode: 0o711 })
    mkdirSync(join(dataDir, 'log'), { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new AppError(
      'invalid_request',
      `Cannot write to the data directory ${dataDir}. Set GPUHOUR_DATA.`,
      {
        cause: error,
      },
    )
  }
  const path = join(dataDir, 'lock')
  const lock = tryLock(path)
  if (!lock)
    throw new AppError(
      'conflict',
      `A platform is already running on ${dataDir} (pid ${holderOf(path) ?? 'unknown'}). ` +
        'Stop it, or set GPUHOUR_DATA to another folder.',
    )
  running.defer(() => lock.release())
}

/** A role is ready within a second or two; whoever waits longer should know for what. */
const noteMs = 10_000

const startProcesses: StartRoles = async (parts, running, printer) => {
  const { config, consoleDir, log, clock } = parts
  const say = (line: string): void => printer.line(line)
  const roles = roleNames.map((name) => keepRole(name, { config, consoleDir, log, clock, say }))
  for (const role of roles) running.defer(() => role.stop())
  const waiting = new Set<string>(roleNames)
  const over = new AbortController()
  const remind = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(noteMs, over.signal)
      say(`Still waiting for: ${[...waiting].join(', ')}`)
    }
  }
  const reminding = remind().catch(() => {})
  running.defer(() => over.abort())
  await Promise.all(roles.map(({ name, ready }) => ready.then(() => waiting.delete(name))))
  over.abort()
  await reminding
}

async function bringUpEngine(
  config: Config,
  options: StartOptions,
  running: AsyncDisposableStack,
): Promise<void> {
  const { printer, signal } = options
  if (config.runtime === 'simulated') return printer.line('Engine: none, the runtime is simulated')
  const engine = await provisionEngine({ config, printer, signal, clock: systemClock })
  running.defer(() => engine.release())
  printer.line(`Engine: ${engine.description}`)
}

/** Gateway, API and bill do not wait for a page that cannot be built: the start says so and goes on. */
async function prepareConsole(
  dataDir: string,
  printer: Printer,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    return await buildConsole({ printer, signal, clock: systemClock, fallbackDir: join(dataDir, 'console') })
  } catch (error) {
    signal.throwIfAborted()
    printer.line(`error: ${messageOf(error)}`)
    return null
  }
}

async function prepareStore(config: Config, url: string, platform: Platform, log: Logger): Promise<Store> {
  const applied = await migrate(url)
  if (applied.length > 0) log.info({ applied }, 'migrated')
  const store = openStore({
    url,
    poolMax: 3,
    onError: (error) => log.warn({ err: error }, 'lost a database connection'),
  })
  await hooks.seed(store, { config, platform, log })
  return store
}

async function bringUp(options: StartOptions, running: AsyncDisposableStack): Promise<Platform> {
  const { printer, signal, startRoles = startProcesses } = options
  const clock: Clock = systemClock
  const say = (line: string): void => printer.line(line)
  const { dataDir } = options.config
  for (const name of unknownVariables()) say(`Note: there is no variable ${name}; it is ignored.`)
  const machine = lookAtMachine(dataDir)
  for (const line of sayMachine(machine, dataDir)) say(line)
  requireMachine(machine, dataDir)
  // Where no folder is, no earlier start holds a port: then one that is taken is refused before we make any.
  const early = existsSync(dataDir) ? null : await claimPorts(options.config, clock)
  claimData(dataDir, running)
  await endOrphans(options.config, clock)
  const claimed = early ?? (await claimPorts(options.config, clock))
  const log = openLog(dataDir, 'main', claimed.logLevel, say)
  const platform = platformOf(claimed, await readPlatform(dataDir))
  writePlatform(dataDir, platform)
  signal.throwIfAborted()
  await bringUpEngine(claimed, options, running)
  const database = await keepDatabase({ config: claimed, clock, log, say })
  running.defer(() => database.stop())
  say(`Database: ${database.description}`)
  signal.throwIfAborted()
  const config = { ...claimed, databaseUrl: database.url }
  const store = await prepareStore(config, database.url, platform, log)
  running.defer(() => store.close())
  const consoleDir = await prepareConsole(dataDir, printer, signal)
  signal.throwIfAborted()
  const started = startRoles({ config, log, store, clock, platform, consoleDir }, running, printer)
  await Promise.race([started, aborted(signal)])
  signal.throwIfAborted()
  say(`Console: ${platform.console}`)
  const link = await hooks.loginLink(store, { platform })
  if (link !== null) say(`Sign in once with: ${link}`)
  say(`ready: ${platform.console}`)
  const watching = new AbortController()
  const shown = hooks.showBuilds(store, printer, watching.signal).catch((error: unknown) => {
    if (!watching.signal.aborted) log.warn({ err: error }, 'cannot show the builds')
  })
  running.defer(async () => {
    watching.abort()
    await shown
  })
  return platform
}

/** Starts everything, or nothing: what was begun is ended again when a later step fails. */
export async function startPlatform(options: StartOptions): Promise<RunningPlatform> {
  const running = new AsyncDisposableStack()
  try {
    const platform = await bringUp(options, running)
    return { platform, stop: () => running.disposeAsync() }
  } catch (error) {
    await running.disposeAsync()
    throw error
  }
}

import { systemClock } from '../kernel/clock.ts'
import { AppError, invariant } from '../kernel/errors.ts'
import { systemIds } from '../kernel/ids.ts'
import { openStore } from '../store/store.ts'
import { startApi } from './api.ts'
import { loadConfig } from './config.ts'
import { aborted, MainIsGone, type RoleName, roleNames, type StartRole } from './context.ts'
import { startController } from './controller.ts'
import { startGateway } from './gateway.ts'
import { openLog } from './logs.ts'
import { readPlatform } from './platform.ts'

// One role as a process of its own: `role.ts <name> [<console folder>]`, started by `main` with an IPC
// channel.

/** How each role is started. */
export const starters: Readonly<Record<RoleName, StartRole>> = {
  api: startApi,
  controller: startController,
  gateway: startGateway,
}

/** What a role may take to end in order: requests are answered, streams closed. */
const endMsMax = 8_000

/** Without `main` there is nobody to be polite for, and the next start wants the ports. */
const orphanMsMax = 500

/** Fires on SIGTERM, and when `main` is gone, however it went. */
function endSignal(): AbortSignal {
  const controller = new AbortController()
  process.on('SIGTERM', () => controller.abort(new Error('told to end')))
  process.on('disconnect', () => controller.abort(new MainIsGone()))
  if (!process.connected) controller.abort(new MainIsGone())
  return controller.signal
}

async function run(name: RoleName, consoleDir: string | null): Promise<void> {
  const signal = endSignal()
  // With `main` its end of the pipe is gone, too.
  process.stderr.on('error', () => {})
  const config = loadConfig()
  const show = (line: string): void => void process.stderr.write(`${line}\n`)
  const log = openLog(config.dataDir, name, config.logLevel, show)
  const fatal = (error: unknown): void => {
    log.fatal({ err: error }, 'ends by a fault')
    process.exit(1)
  }
  process.on('uncaughtException', fatal)
  process.on('unhandledRejection', fatal)
  const platform = await readPlatform(config.dataDir)
  invariant(
    platform && config.databaseUrl,
    'main writes platform.json and names the database before it starts a role',
  )
  const store = openStore({
    url: config.databaseUrl,
    onError: (error) => log.warn({ err: error }, 'lost a database connection'),
  })
  const context = { config, log, store, clock: systemClock, ids: systemIds, signal, platform, consoleDir }
  const running = await starters[name](context)
  process.send?.({ kind: 'ready' })
  log.info('ready')
  await Promise.race([running.ended, aborted(signal)])
  if (!signal.aborted) throw new AppError('internal', 'ended without being told to')
  const waitMs = process.connected ? endMsMax : orphanMsMax
  const closed = running.ended.then(() => store.close())
  await Promise.race([closed, systemClock.sleep(waitMs, new AbortController().signal)])
  log.info('ended')
  process.exit(0)
}

const name = roleNames.find((one) => one === process.argv[2])
// Imported by `dev`, the file starts nothing.
if (name) await run(name, process.argv[3] || null)

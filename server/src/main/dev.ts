import { systemClock } from '../kernel/clock.ts'
import { systemIds } from '../kernel/ids.ts'
import { openStore } from '../store/store.ts'
import { type Config, loadConfig } from './config.ts'
import { roleNames } from './context.ts'
import { openLog } from './logs.ts'
import { starters } from './role.ts'
import { runUntilStopped } from './run.ts'
import type { StartRoles } from './supervisor.ts'

// `npm run dev`: the whole platform in one process on the simulated runtime, with data of its own.

const startInside: StartRoles = async (parts, running, printer) => {
  for (const name of roleNames) {
    const ending = new AbortController()
    const log = openLog(parts.config.dataDir, name, parts.config.logLevel, (line) => printer.line(line))
    const store = openStore({
      url: parts.config.databaseUrl ?? '',
      onError: (error) => log.warn({ err: error }, 'lost a database connection'),
    })
    running.defer(() => store.close())
    const context = { ...parts, log, store, clock: systemClock, ids: systemIds, signal: ending.signal }
    const role = await starters[name](context)
    running.defer(async () => {
      ending.abort()
      await role.ended
    })
  }
}

function devConfig(): Config {
  const { dataDir } = loadConfig()
  const folder = process.env['GPUHOUR_DATA'] ?? `${dataDir}-dev`
  return loadConfig({ ...process.env, GPUHOUR_RUNTIME: 'simulated', GPUHOUR_DATA: folder })
}

await runUntilStopped({ config: devConfig, startRoles: startInside })

import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Clock } from '../kernel/clock.ts'
import { AppError, messageOf } from '../kernel/errors.ts'
import { startServer, withClient } from '../store/server.ts'
import type { Config } from './config.ts'
import { backoffMs } from './roles.ts'

/** The database of the platform, kept running. */
export interface KeptDatabase {
  readonly url: string
  /** In plain words, for the person at the terminal. */
  readonly description: string
  stop(): Promise<void>
}

/** What keeping it needs. */
export interface DatabaseOptions {
  readonly config: Config
  readonly clock: Clock
  readonly log: Logger
  readonly say: (line: string) => void
}

async function outside(url: string): Promise<KeptDatabase> {
  try {
    const version = await withClient(url, async (client) => {
      const { rows } = await client.query<{ server_version: string }>('show server_version')
      return rows[0]?.server_version
    })
    return { url, description: `PostgreSQL ${version} by DATABASE_URL`, stop: async () => {} }
  } catch (error) {
    throw new AppError(
      'unavailable',
      `The database of DATABASE_URL does not answer (${messageOf(error)}). Correct it.`,
    )
  }
}

/**
 * The server that DATABASE_URL names, or the embedded one: started or adopted, and started again whenever it
 * dies. Its address stays the same throughout, so the roles find it again by themselves.
 */
export async function keepDatabase(options: DatabaseOptions): Promise<KeptDatabase> {
  const { config, clock, log, say } = options
  if (config.databaseUrl !== null) return outside(config.databaseUrl)
  const dir = join(config.dataDir, 'postgres')
  const logFile = join(config.dataDir, 'log', 'postgres.log')
  const start = () => startServer({ dir, logFile, clock, say })
  let server = await start()
  const description = `PostgreSQL 18 (embedded), ${server.adopted ? 'still running' : 'started'}`
  const stopping = new AbortController()
  let starting: Promise<void> = Promise.resolve()
  const startAgain = async (): Promise<void> => {
    for (let failures = 1; !stopping.signal.aborted; failures += 1) {
      try {
        server = await start()
        log.warn({ pid: server.pid }, 'PostgreSQL runs again')
        return say('postgres: is back')
      } catch (error) {
        log.error({ err: error }, 'PostgreSQL does not start')
        say(`postgres: does not start: ${messageOf(error)}`)
        await clock.sleep(backoffMs(failures), stopping.signal).catch(() => {})
      }
    }
  }
  const keep = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await server.died
      if (stopping.signal.aborted) return
      log.error('PostgreSQL ended')
      say('postgres: ended; starting it again')
      starting = startAgain()
      await starting
    }
  }
  const kept = keep()
  return {
    url: server.url,
    description,
    async stop() {
      stopping.abort()
      // A start under way may still succeed: its server is then the one to stop.
      await starting
      await server.stop()
      await kept
    },
  }
}

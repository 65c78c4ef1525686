import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'
import { systemClock } from '../kernel/clock.ts'
import { migrate } from './migrator.ts'
import { isAlive, processOf, type ProcessRef, signalProcess } from './processes.ts'
import { type Server, startServer, withClient } from './server.ts'

// Databases for tests. `npm test` starts one server for the whole suite and names it in the environment; a
// test file that is run by hand starts one of its own and ends it with its last database.

/** Names a server for the suite: a URL of its `postgres` database. */
export const testServerVariable = 'GPUHOUR_TEST_DATABASE_URL'

/** The migrated database of which every test file gets a copy. */
export const templateName = 'gpuhour_template'

/** A database of one's own. */
export interface TestDatabase {
  readonly url: string
  /** Ends every connection to it and removes it. */
  drop(): Promise<void>
}

/** A server for tests: in a temporary folder, without durability. */
export interface TestServer {
  /** Of its `postgres` database, from which databases are made and removed. */
  readonly url: string
  readonly pid: number
  readonly dir: string
  stop(): Promise<void>
}

/** The same server, another database. */
export function databaseUrl(url: string, name: string): string {
  const other = new URL(url)
  other.pathname = `/${name}`
  return other.href
}

/** Nothing asynchronous happens any more when a process exits: ask, and wait for the answer in place. */
function endNow(ref: ProcessRef): void {
  signalProcess(ref, 'SIGQUIT')
  const sleeper = new Int32Array(new SharedArrayBuffer(4))
  for (let waits = 0; isAlive(ref) && waits < 200; waits += 1) Atomics.wait(sleeper, 0, 0, 10)
}

/** Starts a server for tests, with the migrated template in it. */
export async function startTestServer(): Promise<TestServer> {
  const dir = mkdtempSync(join(tmpdir(), 'gpuhour-test-'))
  // PostgreSQL's own user must be able to pass.
  chmodSync(dir, 0o711)
  const server: Server = await startServer({
    dir: join(dir, 'postgres'),
    logFile: join(dir, 'postgres.log'),
    durable: false,
  })
  const remove = (): void => rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
  // A test that throws at the top level must not leave a server behind.
  const ref = processOf(server.pid)
  const onExit = (): void => {
    if (ref) endNow(ref)
    remove()
  }
  process.once('exit', onExit)
  const url = databaseUrl(server.url, 'postgres')
  await withClient(url, (client) => client.query(`create database ${templateName}`))
  await migrate(databaseUrl(url, templateName))
  return {
    url,
    pid: server.pid,
    dir,
    async stop() {
      await server.stop()
      process.off('exit', onExit)
      remove()
    },
  }
}

let ownServer: Promise<TestServer> | null = null
let ownDatabases = 0

/** A migrated, empty database; call `drop` when the test is over. */
export function testDatabase(): Promise<TestDatabase> {
  return copyOf(templateName)
}

/** A database in which there is nothing yet; call `drop` when the test is over. */
export function emptyDatabase(): Promise<TestDatabase> {
  return copyOf('template1')
}

/** A connection that was closed takes a moment to go; cut in this moment, it is an error to its owner. */
const leaveMsMax = 1_000

async function untilUnused(client: pg.Client, name: string): Promise<void> {
  const deadline = systemClock.monotonic() + leaveMsMax
  const patience = AbortSignal.timeout(2 * leaveMsMax)
  const sql = 'select count(*)::integer as count from pg_stat_activity where datname = $1'
  while (systemClock.monotonic() < deadline) {
    const { rows } = await client.query<{ count: number }>(sql, [name])
    if (rows[0]?.count === 0) return
    await systemClock.sleep(10, patience)
  }
}

async function copyOf(template: string): Promise<TestDatabase> {
  const ofSuite = process.env[testServerVariable]
  if (!ofSuite) {
    ownDatabases += 1
    ownServer ??= startTestServer()
  }
  const server = ofSuite ?? (await ownServer)?.url ?? ''
  const name = `test_${process.pid}_${randomBytes(4).toString('hex')}`
  await withClient(server, (client) => client.query(`create database ${name} template ${template}`))
  return {
    url: databaseUrl(server, name),
    async drop() {
      await withClient(server, async (client) => {
        await untilUnused(client, name)
        await client.query(`drop database if exists ${name} with (force)`)
      })
      if (ofSuite) return
      ownDatabases -= 1
      if (ownDatabases > 0) return
      const last = await ownServer
      ownServer = null
      await last?.stop()
    },
  }
}

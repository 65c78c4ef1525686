import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import pino from 'pino'
import { systemClock } from '../kernel/clock.ts'
import { processesIn } from '../store/processes.ts'
import { withClient } from '../store/server.ts'
import { loadConfig } from './config.ts'
import { type DatabaseOptions, keepDatabase } from './database.ts'

// A real server, real signals.

const never = new AbortController().signal

describe('the kept database', () => {
  let dir = ''
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'gpuhour-database-'))
    chmodSync(dir, 0o711)
  })
  after(() => rmSync(dir, { recursive: true, force: true }))

  const running = (): number => processesIn(join(dir, 'postgres/data')).length
  const postmaster = (): number =>
    Number(readFileSync(join(dir, 'postgres/data/postmaster.pid'), 'utf8').split('\n')[0])
  const options = (heard: (line: string) => void): DatabaseOptions => ({
    config: { ...loadConfig({ GPUHOUR_DATA: dir }), databaseUrl: null },
    clock: systemClock,
    log: pino({ level: 'silent' }),
    say: heard,
  })

  /** Keeps a database, kills its server, and stops it so long after the word that it is started again. */
  const stopAfterKill = async (waitMs: number): Promise<void> => {
    const ended = Promise.withResolvers<void>()
    const database = await keepDatabase(
      options((line) => {
        if (line.startsWith('postgres: ended')) ended.resolve()
      }),
    )
    await withClient(database.url, (client) => client.query('select 1'))
    process.kill(postmaster(), 'SIGKILL')
    await ended.promise
    await systemClock.sleep(waitMs, never)
    await database.stop()
  }

  for (const waitMs of [0, 10, 30, 100])
    test(`a stop ${waitMs} ms into a new start leaves no server behind`, async () => {
      await stopAfterKill(waitMs)
      assert.equal(running(), 0)
    })
})

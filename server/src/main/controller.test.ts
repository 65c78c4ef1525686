import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import pino from 'pino'
import { systemClock } from '../kernel/clock.ts'
import { systemIds } from '../kernel/ids.ts'
import { withClient } from '../store/server.ts'
import { openStore, type Store } from '../store/store.ts'
import { type TestDatabase, testDatabase } from '../store/testing.ts'
import { loadConfig } from './config.ts'
import { startController } from './controller.ts'
import { loopHealthPath } from './loophealth.ts'
import { platformOf } from './platform.ts'

// The role on a real database and the simulated runtime.

const never = new AbortController().signal

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 20_000; !(await what());) {
    assert.ok(performance.now() < deadline, `waited for ${what.toString()}`)
    await systemClock.sleep(20, never)
  }
}

describe('the controller', () => {
  let database: TestDatabase
  let store: Store
  let dataDir = ''
  let stop: AbortController
  let ended: Promise<void>
  before(async () => {
    database = await testDatabase()
    store = openStore({ url: database.url })
  })
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'gpuhour-controller-'))
    stop = new AbortController()
    ended = Promise.resolve()
  })
  afterEach(async () => {
    stop.abort()
    await ended
    rmSync(dataDir, { recursive: true })
  })
  after(async () => {
    await store.close()
    await database.drop()
  })

  /** Starts it with these warnings and this store. */
  const start = async (warned: (message: string) => void, given: Store): Promise<void> => {
    const config = loadConfig({ GPUHOUR_DATA: dataDir, GPUHOUR_RUNTIME: 'simulated' })
    const log = pino({
      level: 'warn',
      hooks: { logMethod: (args) => warned(args.map(String).at(-1) ?? '') },
    })
    const platform = platformOf(config, null)
    const parts = { config, log, platform, clock: systemClock, ids: systemIds }
    const running = await startController({ ...parts, store: given, signal: stop.signal, consoleDir: null })
    ended = running.ended
  }
  const listeners = (): Promise<number> =>
    withClient(database.url, async (client) => {
      const { rowCount } = await client.query(`select from pg_stat_activity
        where datname = current_database() and query like 'listen %'`)
      return rowCount ?? 0
    })

  test('a disk that is full for a while ends no loop, and is told once', async () => {
    const warnings: string[] = []
    // As good as a full disk: the file cannot be written.
    const obstacle = `${loopHealthPath(dataDir)}.new`
    mkdirSync(obstacle)
    let generations = 0
    const counting: Store = {
      ...store,
      holdLock: (...args) => {
        generations += 1
        return store.holdLock(...args)
      },
    }
    await start((message) => warnings.push(message), counting)
    await systemClock.sleep(2_500, never)
    assert.deepEqual(warnings, ['cannot write how the loops are doing'])
    assert.deepEqual([generations, await listeners()], [1, 1])
    rmdirSync(obstacle)
    await until(() => existsSync(loopHealthPath(dataDir)))
  })

  test('a generation that fails is over, connections and loops, before the next begins', async () => {
    mkdirSync(`${loopHealthPath(dataDir)}.new`)
    let listening = 0
    let inPass = 0
    const seen: (readonly [listening: number, inPass: number])[] = []
    const during = async <T>(work: Promise<T>): Promise<T> => {
      inPass += 1
      return work.finally(() => (inPass -= 1))
    }
    const watched: Store = {
      ...store,
      transact: (run) => during(store.transact(run)),
      read: (run) => during(store.read(run)),
      listen: async (...args) => {
        const unlisten = await store.listen(...args)
        listening += 1
        return async () => {
          await unlisten()
          listening -= 1
        }
      },
      holdLock: (...args) => {
        seen.push([listening, inPass])
        return store.holdLock(...args)
      },
    }
    // Nothing that can be expected fails after `listen` any more: a log that throws stands for it.
    await start((message) => {
      if (message.includes('how the loops are doing')) throw new Error('no log either')
    }, watched)
    await until(() => seen.length >= 4)
    stop.abort()
    await ended
    assert.deepEqual(new Set(seen.map(String)), new Set(['0,0']))
    await until(async () => (await listeners()) === 0)
  })
})

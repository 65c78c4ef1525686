import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { sql } from 'kysely'
import * as catalog from '../catalog/catalog.ts'
import { SimulatedClock } from '../kernel/clock.ts'
import { instant, minuteMs } from '../kernel/time.ts'
import type { BuiltImage, ImageBuilder, ProofResult } from '../runtime/builder.ts'
import { tinyRecipe } from '../runtime/testing.ts'
import { openStore, type Store } from '../store/store.ts'
import { type TestDatabase, testDatabase } from '../store/testing.ts'
import { makeBuilder } from './builder.ts'
import type { Loop } from './loop.ts'

// The loop on a real database; what it builds is said by the test.

const never = new AbortController().signal
const recipe = tinyRecipe
const image: BuiltImage = {
  recipe: 'tiny',
  version: '1',
  sourceDigest: 'd1',
  imageId: 'sha256:1',
  sizeBytes: 5,
}
const proof: ProofResult = { name: 'sums', ok: true, skipped: false, durationMs: 1, detail: {} }

const works = async (): Promise<BuiltImage> => image
const fails = async (): Promise<BuiltImage> => {
  throw new Error('the mirror hiccups')
}
const untilAborted: ImageBuilder['build'] = (_recipe, _show, signal) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
  })

let database: TestDatabase
let store: Store
let clock: SimulatedClock
let build: ImageBuilder['build'] = works

before(async () => {
  database = await testDatabase()
  store = openStore({ url: database.url })
})

after(async () => {
  await store.close()
  await database.drop()
})

beforeEach(async () => {
  clock = new SimulatedClock(instant(Date.UTC(2026, 2, 2)))
  await store.transact((tx) => sql`truncate image cascade`.execute(tx.db))
})

/** The builder of one start. */
function started(): Loop {
  const builder: ImageBuilder = {
    listRecipes: async () => [recipe],
    present: async () => null,
    build: (...args) => build(...args),
    prove: async () => [proof],
  }
  return makeBuilder({ store, builder, clock, onTrouble: () => {} })
}

async function known(): Promise<Pick<catalog.BuildRow, 'state' | 'attempt'>> {
  const [row] = await store.read((tx) => catalog.builds(tx))
  assert.ok(row)
  return { state: row.state, attempt: row.attempt }
}

/** A build that is under way when its controller ends. */
async function interrupted(): Promise<void> {
  const stop = new AbortController()
  build = (...args) => {
    setImmediate(() => stop.abort(new Error('killed')))
    return untilAborted(...args)
  }
  await assert.rejects(started().pass(stop.signal), { message: 'killed' })
}

test('what builds and proves is on offer, at its first attempt', async () => {
  build = works
  await started().pass(never)
  assert.deepEqual(await known(), { state: 'done', attempt: 1 })
})

test('three failures are the end, a minute between two of them, until the next start', async () => {
  build = fails
  const loop = started()
  const seen = []
  for (let pass = 0; pass < 4; pass += 1) {
    await loop.pass(never)
    seen.push(await known())
    // Too early: nothing is tried.
    await loop.pass(never)
    await clock.advance(minuteMs)
  }
  assert.deepEqual(seen, [
    { state: 'waiting', attempt: 2 },
    { state: 'waiting', attempt: 3 },
    { state: 'failed', attempt: 3 },
    { state: 'failed', attempt: 3 },
  ])
  build = works
  await started().pass(never)
  assert.deepEqual(await known(), { state: 'done', attempt: 1 })
})

test('interruptions are no attempts: after any number of them a failure is the first', async () => {
  for (let kills = 0; kills < 4; kills += 1) {
    await interrupted()
    assert.deepEqual(await known(), { state: 'building', attempt: 1 })
  }
  build = fails
  await started().pass(never)
  assert.deepEqual(await known(), { state: 'waiting', attempt: 2 })
})

test('failures of an earlier start do not count in this one', async () => {
  build = fails
  const loop = started()
  await loop.pass(never)
  await clock.advance(minuteMs)
  await loop.pass(never)
  assert.deepEqual(await known(), { state: 'waiting', attempt: 3 })
  await started().pass(never)
  assert.deepEqual(await known(), { state: 'waiting', attempt: 2 })
})

import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { migrate, migrationsFolder } from '../src/store/migrator.ts'
import { schemaFile, schemaText } from '../src/store/schema.ts'
import { withClient } from '../src/store/server.ts'
import { emptyDatabase, type TestDatabase, testDatabase } from '../src/store/testing.ts'

// The files as they lie here, and the migrator's promises about any such files.

const files = readdirSync(migrationsFolder)
  .filter((name) => /^\d.*\.sql$/.test(name))
  .sort()

interface Applied {
  readonly number: number
  readonly name: string
  readonly applied_at: Date
}

const appliedIn = (url: string): Promise<readonly Applied[]> =>
  withClient(url, async (client) => {
    const { rows } = await client.query<Applied>(
      'select number, name, applied_at from migration order by number',
    )
    return rows
  })
const schemaOf = (url: string): Promise<string> => withClient(url, schemaText)
const tablesIn = (url: string): Promise<readonly string[]> =>
  withClient(url, async (client) => {
    const { rows } = await client.query<{ relname: string }>(
      `select relname from pg_class
      where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname`,
    )
    return rows.map(({ relname }) => relname)
  })

// One server for the file, also while none of its databases is open.
let held: TestDatabase
before(async () => {
  held = await emptyDatabase()
})
after(() => held.drop())

describe('the migrations', () => {
  test('every file has a number of its own, by which the migrator knows it', () => {
    for (const name of files) assert.match(name, /^\d{4}_[a-z_]+\.sql$/)
    const numbers = files.map((name) => name.slice(0, 4))
    assert.deepEqual([...new Set(numbers)], numbers, 'two migrations have one number: take the next free one')
  })

  test('schema.sql is what they make', async () => {
    const database = await testDatabase()
    try {
      assert.equal(
        readFileSync(schemaFile, 'utf8'),
        await schemaOf(database.url),
        'the migrations make another schema than schema.sql: `npm run schema`, and look at what changed',
      )
    } finally {
      await database.drop()
    }
  })

  test('a second run finds nothing to do and changes nothing', async () => {
    const database = await emptyDatabase()
    try {
      assert.deepEqual(await migrate(database.url), files)
      const [applied, schema] = [await appliedIn(database.url), await schemaOf(database.url)]
      assert.deepEqual(await migrate(database.url), [])
      assert.deepEqual(await appliedIn(database.url), applied)
      assert.equal(await schemaOf(database.url), schema)
    } finally {
      await database.drop()
    }
  })

  test('of twenty starts at once each file is applied by one', async () => {
    const database = await emptyDatabase()
    try {
      const starts = await Promise.all(Array.from({ length: 20 }, () => migrate(database.url)))
      assert.deepEqual(starts.flat().sort(), files)
      assert.deepEqual(
        (await appliedIn(database.url)).map(({ name }) => name),
        files,
      )
      assert.equal(await schemaOf(database.url), readFileSync(schemaFile, 'utf8'))
    } finally {
      await database.drop()
    }
  })

  for (const [index, last] of files.slice(0, -1).entries())
    test(`a database that ends with ${last} is brought to the same schema`, async () => {
      const older = mkdtempSync(join(tmpdir(), 'gpuhour-migrations-'))
      const database = await emptyDatabase()
      try {
        for (const name of files.slice(0, index + 1)) cpSync(join(migrationsFolder, name), join(older, name))
        await migrate(database.url, older)
        assert.deepEqual(await migrate(database.url), files.slice(index + 1))
        assert.equal(await schemaOf(database.url), readFileSync(schemaFile, 'utf8'))
      } finally {
        await database.drop()
        rmSync(older, { recursive: true })
      }
    })
})

describe('the migrator', () => {
  let folder = ''
  let database: TestDatabase
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'gpuhour-migrations-'))
    database = await emptyDatabase()
    write('0001_one.sql', 'create table one (id text)')
    write('0003_three.sql', 'create table three (id text)')
    assert.deepEqual(await migrate(database.url, folder), ['0001_one.sql', '0003_three.sql'])
  })
  afterEach(async () => {
    await database.drop()
    rmSync(folder, { recursive: true })
  })
  const write = (name: string, sql: string): void => writeFileSync(join(folder, name), sql)

  test('applies what is missing, also below what another branch has landed', async () => {
    write('0004_four.sql', 'create table four (id text)')
    write('0002_two.sql', 'create table two (id text)')
    assert.deepEqual(await migrate(database.url, folder), ['0002_two.sql', '0004_four.sql'])
    assert.deepEqual(await tablesIn(database.url), ['four', 'migration', 'one', 'three', 'two'])
  })

  test('refuses a file that was changed after it was applied, and applies nothing beside it', async () => {
    write('0003_three.sql', 'create table three (id text not null)')
    write('0004_four.sql', 'create table four (id text)')
    await assert.rejects(migrate(database.url, folder), {
      code: 'conflict',
      message: /has the migration 0003_three\.sql, which this version does not have in that form/,
    })
    assert.deepEqual(await tablesIn(database.url), ['migration', 'one', 'three'])
  })

  test('refuses the database of a newer version', async () => {
    rmSync(join(folder, '0003_three.sql'))
    await assert.rejects(migrate(database.url, folder), {
      code: 'conflict',
      message: /Run the newer version/,
    })
  })

  test('leaves nothing of a file that fails, and goes on when it is mended', async () => {
    write('0004_four.sql', 'create table four (id text); create table five (id text references nowhere)')
    await assert.rejects(migrate(database.url, folder), /nowhere/)
    assert.deepEqual(await tablesIn(database.url), ['migration', 'one', 'three'])
    assert.equal((await appliedIn(database.url)).length, 2)
    write('0004_four.sql', 'create table four (id text)')
    assert.deepEqual(await migrate(database.url, folder), ['0004_four.sql'])
  })
})

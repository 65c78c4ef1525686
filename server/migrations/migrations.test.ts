import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import type pg from 'pg'
import { migrate, migrationsFolder } from '../src/store/migrator.ts'
import { schemaFile, schemaText } from '../src/store/schema.ts'
import { withClient } from '../src/store/server.ts'
import { emptyDatabase, type TestDatabase, testDatabase } from '../src/store/testing.ts'

// The files as they lie here, and the migrator's promises about any such files.

const files = readdirSync(migrationsFolder)
  .filter((name) => /^\d.*\.sql$/.test(name))
  .sort()

/** The last file that the rows of populated.test.sql know. */
const populatedAt = '0004_run_names.sql'

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

// Held open, so that there is one server for the file, also while none of its other databases is there.
let migrated: TestDatabase
let schema: string
before(async () => {
  migrated = await testDatabase()
  schema = await schemaOf(migrated.url)
})
after(() => migrated.drop())

describe('the migrations', () => {
  test('every file has a number of its own, by which the migrator knows it', () => {
    for (const name of files) assert.match(name, /^\d{4}_[a-z_]+\.sql$/)
    const numbers = files.map((name) => name.slice(0, 4))
    assert.deepEqual([...new Set(numbers)], numbers, 'two migrations have one number: take the next free one')
  })

  test('schema.sql is what they make', () => {
    assert.equal(
      readFileSync(schemaFile, 'utf8'),
      schema,
      'the migrations make another schema than schema.sql: `npm run schema`, and look at what changed',
    )
  })

  test('a second run finds nothing to do and changes nothing', async () => {
    const database = await emptyDatabase()
    try {
      assert.deepEqual(await migrate(database.url), files)
      const applied = await appliedIn(database.url)
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
      assert.equal(await schemaOf(database.url), schema)
    } finally {
      await database.drop()
    }
  })

  test('a database with rows in every table is brought along with all of them', async () => {
    const database = await emptyDatabase()
    try {
      await migrateUpTo(database.url, populatedAt)
      const populate = readFileSync(join(migrationsFolder, 'populated.test.sql'), 'utf8')
      const before = await withClient(database.url, async (client) => {
        await client.query(populate)
        return rowsIn(client)
      })
      assert.deepEqual(
        [...before].flatMap(([table, rows]) => (rows.length === 0 ? [table] : [])),
        [],
        'tables without a row',
      )
      await migrate(database.url)
      const after = await withClient(database.url, rowsIn)
      for (const [table, rows] of before) {
        const kept = (after.get(table) ?? []).map((row) => only(row, rows[0]))
        assert.deepEqual(kept.map(textOf).sort(), rows.map(textOf).sort(), table)
      }
    } finally {
      await database.drop()
    }
  })

  for (const last of [files[0] ?? '', populatedAt])
    test(`a database that ends with ${last} is brought to the same schema`, async () => {
      const database = await emptyDatabase()
      try {
        await migrateUpTo(database.url, last)
        assert.deepEqual(await migrate(database.url), files.slice(files.indexOf(last) + 1))
        assert.equal(await schemaOf(database.url), schema)
      } finally {
        await database.drop()
      }
    })
})

/** As a version left it that knew no later file. */
async function migrateUpTo(url: string, last: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'gpuhour-migrations-'))
  for (const name of files.slice(0, files.indexOf(last) + 1))
    cpSync(join(migrationsFolder, name), join(folder, name))
  await migrate(url, folder)
  rmSync(folder, { recursive: true })
}

type Row = Readonly<Record<string, unknown>>

/** The columns that the other has. */
const only = (row: Row, other: Row = {}): Row =>
  Object.fromEntries(Object.entries(row).filter(([name]) => name in other))

const textOf = (row: Row): string => JSON.stringify(row)

/** Every row of ours, by table; the migrator's own record is not among them. */
async function rowsIn(client: pg.Client): Promise<ReadonlyMap<string, readonly Row[]>> {
  const { rows: tables } = await client.query<{ name: string }>(
    `select oid::regclass::text as name from pg_class
    where relnamespace in ('public'::regnamespace, 'identity'::regnamespace) and relkind = 'r'
      and relname <> 'migration' order by name`,
  )
  const found = new Map<string, readonly Row[]>()
  for (const { name } of tables) {
    const { rows } = await client.query<{ row: Row }>(`select to_jsonb(t) as row from ${name} as t`)
    found.set(
      name,
      rows.map(({ row }) => row),
    )
  }
  return found
}

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

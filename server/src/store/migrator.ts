import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { systemClock } from '../kernel/clock.ts'
import { AppError } from '../kernel/errors.ts'
import { sha256Hex } from '../kernel/ids.ts'

/** One numbered file of `server/migrations`. */
interface Migration {
  readonly number: number
  readonly name: string
  readonly sql: string
  readonly hash: string
}

/** Where this checkout keeps its migrations. */
export const migrationsFolder = fileURLToPath(new URL('../../migrations', import.meta.url))

/** Serialises migrators of all processes: a constant of ours, not a secret. */
const migratorLock = 7_070_001

/** The numbered files of a folder in order. */
async function listMigrations(folder: string): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{4}_[a-z_]+\.sql$/.test(name)).sort()
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(folder, name), 'utf8')
      return { number: Number(name.slice(0, 4)), name, sql: text, hash: sha256Hex(text) }
    }),
  )
}

/**
 * Brings the database at the url up to date; harmless when it is, and from twenty processes at once.
 * Each file that is missing runs in one transaction with its record, in the order of the numbers: of two
 * branches the later number may have landed first. Returns the names of the files applied. Refuses a database
 * that holds a file this checkout does not know, or knows differently.
 */
export async function migrate(url: string, folder = migrationsFolder): Promise<readonly string[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [migratorLock])
    await client.query(`create table if not exists migration
      (number integer primary key, name text not null, hash text not null, applied_at timestamptz not null)`)
    const { rows } = await client.query<{ number: number; name: string; hash: string }>(
      'select number, name, hash from migration order by number',
    )
    const known = await listMigrations(folder)
    const applied: string[] = []
    for (const row of rows) {
      if (known.find(({ number }) => number === row.number)?.hash !== row.hash)
        throw new AppError(
          'conflict',
          `The database has the migration ${row.name}, which this version does not have in that form. ` +
            'Run the newer version.',
        )
    }
    for (const migration of known) {
      if (rows.some((row) => row.number === migration.number)) continue
      await apply(client, migration)
      applied.push(migration.name)
    }
    return applied
  } finally {
    await client.end()
  }
}

async function apply(client: pg.Client, migration: Migration): Promise<void> {
  await client.query('begin')
  try {
    await client.query(migration.sql)
    await client.query('insert into migration (number, name, hash, applied_at) values ($1, $2, $3, $4)', [
      migration.number,
      migration.name,
      migration.hash,
      new Date(systemClock.now()),
    ])
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  }
}

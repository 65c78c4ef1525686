import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { systemClock } from '../kernel/clock.ts'
import { AppError } from '../kernel/errors.ts'
import { sha256Hex } from '../kernel/ids.ts'

/** One numbered file of `server/migrations`. */
export interface Migration {
  readonly number: number
  readonly name: string
  readonly sql: string
  readonly hash: string
}

const folder = fileURLToPath(new URL('../../migrations/', import.meta.url))

/** Serialises migrators of all processes: a constant of ours, not a secret. */
const migratorLock = 7_070_001

/** The numbered files in order. */
export async function listMigrations(): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{4}_[a-z_]+\.sql$/.test(name)).sort()
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(`${folder}${name}`, 'utf8')
      return { number: Number(name.slice(0, 4)), name, sql: text, hash: sha256Hex(text) }
    }),
  )
}

/**
 * Brings the database at the url up to date; harmless when it is, and from twenty processes at once.
 * Each file runs in one transaction with its record. Returns the names of the files applied.
 * Refuses a database that holds a file this checkout does not know, or knows differently.
 */
export async function migrate(url: string): Promise<readonly string[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [migratorLock])
    await client.query(`create table if not exists migration
      (number integer primary key, name text not null, hash text not null, applied_at timestamptz not null)`)
    const { rows } = await client.query<{ number: number; name: string; hash: string }>(
      'select number, name, hash from migration order by number',
    )
    const known = await listMigrations()
    const applied: string[] = []
    for (const row of rows) {
      if (known.find(({ number }) => number === row.number)?.hash !== row.hash)
        throw new AppError(
          'conflict',
          `The database has the migration ${row.name}, which this version does not have in that form. ` +
            'Run the newer version.',
        )
    }
    for (const migration of known.slice(rows.length)) {
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

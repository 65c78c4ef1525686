import { Kysely, PostgresDialect, sql, type Transaction } from 'kysely'
import pg from 'pg'
import { systemClock } from '../kernel/clock.ts'
import { AppError } from '../kernel/errors.ts'
import { type Id, type Ids, type Kind, systemIds } from '../kernel/ids.ts'
import { type Instant, instant } from '../kernel/time.ts'
import { databaseClock, type TxClock } from './clock.ts'

/** One transaction: its queries, its clock, its ids. */
export interface Tx {
  readonly db: Transaction<unknown>
  /** The time that charges, to the millisecond. Read it after the locks are held. */
  now(): Promise<Instant>
  newId<K extends Kind>(kind: K): Id<K>
  /** Tells listeners, when the transaction commits, that something of this channel changed. */
  notify(channel: Channel, payload?: string): Promise<void>
}

/** What can be listened for. A notification shortens a wait; it never carries a fact. */
export type Channel =
  | 'placement'
  | 'compute'
  | 'billing'
  | 'routes'
  | 'images'
  | 'logs'
  | 'notices'
  | 'invoices'
  | 'nodes'
  | 'payments'

/** The connection to PostgreSQL. */
export interface Store {
  /** Runs the function in one transaction; what it throws rolls everything back. */
  transact<T>(run: (tx: Tx) => Promise<T>): Promise<T>
  /** The same on one snapshot that cannot write: for answers that must agree with themselves. */
  read<T>(run: (tx: Tx) => Promise<T>): Promise<T>
  /** Calls back on each notification of the channel, and once after every reconnection. */
  listen(
    channels: readonly Channel[],
    heard: (channel: Channel, payload: string) => void,
  ): Promise<() => Promise<void>>
  /** Holds a session-level advisory lock until the signal fires; resolves when it is held. */
  holdLock(key: number, signal: AbortSignal): Promise<{ lost: Promise<void> }>
  /** Answers when the database does. */
  ping(): Promise<void>
  close(): Promise<void>
  /** For better-auth and the migrator, which bring their own statements. */
  readonly pool: pg.Pool
}

/** How a store is made; the clock and ids default to the real ones. */
export interface StoreOptions {
  readonly url: string
  readonly clock?: TxClock
  readonly ids?: Ids
  /** Connections at most. Default 20. */
  readonly poolMax?: number
  /** Told of connection losses. Default: nothing. */
  readonly onError?: (error: Error) => void
}

// int8 and numeric as bigint where whole; timestamptz as milliseconds.
const types = new pg.TypeOverrides()
types.setTypeParser(20, (text) => BigInt(text))
types.setTypeParser(1700, (text) => BigInt(text))
types.setTypeParser(1184, (text) => instant(new Date(text).getTime()))

/** An instant as a parameter of SQL. */
export function at(value: Instant): Date
export function at(value: Instant | null): Date | null
export function at(value: Instant | null): Date | null {
  return value === null ? null : new Date(value)
}

const connectionTroubles = /terminat|ECONN|EPIPE|ENOENT|timeout|closed|starting up|shutting down|recovery/i

function translated(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof AppError) return error
  // pg's DatabaseError carries `code`; socket errors do too.
  const code = 'code' in error ? String(error.code) : ''
  if (
    code.startsWith('08') ||
    code.startsWith('57P') ||
    code === '53300' ||
    connectionTroubles.test(`${code} ${error.message}`)
  )
    return new AppError('unavailable', 'The database does not answer just now. Try again in a few seconds.', {
      cause: error.message,
    })
  return error
}

function makeTx(db: Transaction<unknown>, clock: TxClock, ids: Ids): Tx {
  return {
    db,
    now: () => clock(db),
    newId: (kind) => ids.make(kind),
    async notify(channel, payload = '') {
      await sql`select pg_notify(${`gpuhour_${channel}`}, ${payload})`.execute(db)
    },
  }
}

/** Connects lazily to the server at the url. */
export function openStore(options: StoreOptions): Store {
  const { clock = databaseClock, ids = systemIds, onError = () => {} } = options
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.poolMax ?? 20,
    types,
    connectionTimeoutMillis: 10_000,
  })
  pool.on('error', onError)
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  const begin = async <T>(
    level: 'read committed' | 'repeatable read',
    run: (tx: Tx) => Promise<T>,
  ): Promise<T> => {
    try {
      return await db
        .transaction()
        .setIsolationLevel(level)
        .execute((transaction) => run(makeTx(transaction, clock, ids)))
    } catch (error) {
      throw translated(error)
    }
  }
  return {
    pool,
    transact: (run) => begin('read committed', run),
    read: (run) => begin('repeatable read', run),
    listen: (channels, heard) => listen(options.url, channels, heard, onError),
    holdLock: (key, signal) => holdLock(options.url, key, signal),
    async ping() {
      try {
        await pool.query('select 1')
      } catch (error) {
        throw translated(error)
      }
    },
    close: () => db.destroy(),
  }
}

/** Listens on a connection of its own, and makes a new one whenever that is lost. */
async function listen(
  url: string,
  channels: readonly Channel[],
  heard: (channel: Channel, payload: string) => void,
  onError: (error: Error) => void,
): Promise<() => Promise<void>> {
  let closed = false
  let client: pg.Client | null = null
  const retryMs = 250
  const connect = async (): Promise<void> => {
    const next = new pg.Client({ connectionString: url, keepAlive: true })
    next.on('error', onError)
    next.on('end', () => {
      // A connection that never came to be the live one has somebody who is trying again already.
      if (client !== next) return
      client = null
      if (!closed) void reconnect()
    })
    next.on('notification', ({ channel, payload }) => {
      const name = channels.find((one) => `gpuhour_${one}` === channel)
      if (name) heard(name, payload ?? '')
    })
    await next.connect()
    for (const channel of channels) await next.query(`listen gpuhour_${channel}`)
    if (closed) return next.end()
    client = next
  }
  const reconnect = async (): Promise<void> => {
    while (!closed && client === null) {
      try {
        await systemClock.sleep(retryMs, AbortSignal.timeout(60_000))
        await connect()
        for (const channel of channels) heard(channel, '')
      } catch (error) {
        onError(error instanceof Error ? error : new Error(String(error)))
      }
    }
  }
  await connect()
  return async () => {
    closed = true
    await client?.end()
  }
}

async function holdLock(url: string, key: number, signal: AbortSignal): Promise<{ lost: Promise<void> }> {
  const client = new pg.Client({ connectionString: url, keepAlive: true })
  const lost = new Promise<void>((resolve) => {
    client.on('end', () => resolve())
    client.on('error', () => resolve())
  })
  await client.connect()
  signal.addEventListener('abort', () => void client.end().catch(() => {}), { once: true })
  await client.query('select pg_advisory_lock($1)', [key])
  return { lost }
}

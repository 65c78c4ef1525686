import { type Kysely, sql } from 'kysely'
import type { Clock } from '../kernel/clock.ts'
import { type Instant, instant } from '../kernel/time.ts'

/** Where a transaction reads the time that charges. */
export type TxClock = (db: Kysely<unknown>) => Promise<Instant>

/** The database's own clock, cut to the millisecond: one clock for every process of the platform. */
export const databaseClock: TxClock = async (db) => {
  const { rows } = await sql<{ ms: string }>`
    select floor(extract(epoch from clock_timestamp()) * 1000)::text as ms`.execute(db)
  return instant(Number(rows[0]?.ms))
}

/** A given clock instead, so that time can be simulated. */
export function clockOf(clock: Clock): TxClock {
  return async () => clock.now()
}

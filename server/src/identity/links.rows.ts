import { sql } from 'kysely'
import type { PersonId } from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'

/** Keeps the hash of a link. */
export async function insertLink(
  tx: Tx,
  row: { hash: string; person: PersonId; createdAt: Instant; expiresAt: Instant },
): Promise<void> {
  await sql`insert into identity.login_link (hash, person, created_at, expires_at)
    values (${row.hash}, ${row.person}, ${at(row.createdAt)}, ${at(row.expiresAt)})`.execute(tx.db)
}

/** Takes a link away, so that of two who open it one gets in. */
export async function takeLink(
  tx: Tx,
  hash: string,
): Promise<{ readonly person: PersonId; readonly expiresAt: Instant } | null> {
  const { rows } = await sql<{ person: PersonId; expiresAt: Instant }>`
    delete from identity.login_link where hash = ${hash}
    returning person, expires_at as "expiresAt"`.execute(tx.db)
  return rows[0] ?? null
}

/** Forgets links that nobody opened in time. */
export async function deleteLinksBefore(tx: Tx, before: Instant): Promise<void> {
  await sql`delete from identity.login_link where expires_at < ${at(before)}`.execute(tx.db)
}

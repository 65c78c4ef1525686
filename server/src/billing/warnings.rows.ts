import { sql } from 'kysely'
import type { OrganizationId } from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'
import type { Threshold } from './warnings.rules.ts'

/** What an organization that burns money was told of its runway. */
export interface WatchRow {
  readonly organization: OrganizationId
  /** What was recorded before was seen. */
  readonly lookedAt: Instant
  readonly lookAt: Instant
  readonly told: Threshold | null
  readonly runwayUntil: Instant | null
}

/**
 * Organizations that burn money, or of which something is unsettled, and are to be looked at: never yet, due
 * again, or something was recorded since. And those that were warned and burn nothing any more.
 */
export async function selectToWatch(tx: Tx, now: Instant): Promise<readonly OrganizationId[]> {
  const { rows } = await sql<{ organization: OrganizationId }>`
    select head.organization from journal_head head
    left join balance_watch watch on watch.organization = head.organization
    where head.due_since is not null or head.accrues
    group by head.organization, watch.organization
    having bool_or(watch.organization is null or watch.look_at <= ${at(now)}
      or head.recorded_at > watch.looked_at)
    union
    select organization from balance_watch
    where told_minutes is not null and look_at <= ${at(now)}
    order by organization`.execute(tx.db)
  return rows.map(({ organization }) => organization)
}

/** Organizations with a lease that runs. */
export async function selectPaying(tx: Tx): Promise<readonly OrganizationId[]> {
  const { rows } = await sql<{ organization: OrganizationId }>`
    select distinct organization from lease where until is not null order by organization`.execute(tx.db)
  return rows.map(({ organization }) => organization)
}

/** Locks what the organization was told; makes the row where there is none. */
export async function lockWatch(tx: Tx, organization: OrganizationId, now: Instant): Promise<WatchRow> {
  await sql`insert into balance_watch (organization, looked_at, look_at)
    values (${organization}, ${at(now)}, ${at(now)})
    on conflict on constraint balance_watch_pkey do nothing`.execute(tx.db)
  const { rows } = await sql<WatchRow>`
    select organization, looked_at as "lookedAt", look_at as "lookAt", told_minutes as told,
      runway_until as "runwayUntil"
    from balance_watch where organization = ${organization} for update`.execute(tx.db)
  return rows[0] ?? { organization, lookedAt: now, lookAt: now, told: null, runwayUntil: null }
}

/** Writes what it was told, and when to look again. */
export async function updateWatch(tx: Tx, row: WatchRow): Promise<void> {
  await sql`update balance_watch set looked_at = ${at(row.lookedAt)}, look_at = ${at(row.lookAt)},
      told_minutes = ${row.told}, runway_until = ${at(row.runwayUntil)}
    where organization = ${row.organization}`.execute(tx.db)
}

/** What people call these instances and runs. */
export async function selectNames(
  tx: Tx,
  subjects: readonly string[],
): Promise<readonly { readonly id: string; readonly name: string }[]> {
  const { rows } = await sql<{ id: string; name: string }>`
    select id, name from instance where id = any(${subjects}::text[])
    union all select id, name from job_run where id = any(${subjects}::text[])
    order by name, id`.execute(tx.db)
  return rows
}

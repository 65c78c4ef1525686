import { sql } from 'kysely'
import type { OrganizationId } from '../kernel/ids.ts'
import { type Instant, instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'
import type { ResourceId, UsageEvent } from './rules.ts'

/** The floor of an organization's journal, its row locked until the transaction ends. */
export async function lockJournal(tx: Tx, organization: OrganizationId): Promise<Instant | null> {
  const { rows } = await sql<{ floor: Instant }>`
    select floor from journal where organization = ${organization} for update`.execute(tx.db)
  return rows[0]?.floor ?? null
}

export async function insertJournal(tx: Tx, organization: OrganizationId): Promise<void> {
  await sql`
    insert into journal (organization, floor) values (${organization}, ${at(instant(0))})
    on conflict (organization) do nothing`.execute(tx.db)
}

export async function updateFloor(tx: Tx, organization: OrganizationId, floor: Instant): Promise<void> {
  await sql`
    update journal set floor = greatest(floor, ${at(floor)}) where organization = ${organization}`.execute(
    tx.db,
  )
}

/** The end of a resource's chain. */
export interface Head {
  readonly resource: ResourceId
  readonly organization: OrganizationId
  readonly seq: number
  readonly recordedAt: Instant
}

export async function selectHead(tx: Tx, resource: ResourceId): Promise<Head | null> {
  const { rows } = await sql<Head>`
    select resource, organization, seq, recorded_at as "recordedAt" from journal_head
    where resource = ${resource}`.execute(tx.db)
  return rows[0] ?? null
}

/** Moves the end of the chain; the first event since a settlement makes the resource due. */
export async function upsertHead(tx: Tx, organization: OrganizationId, last: UsageEvent): Promise<void> {
  await sql`
    insert into journal_head (resource, organization, seq, hash, recorded_at, due_since, accrues)
    values (${last.resource}, ${organization}, ${last.seq}, ${last.hash}, ${at(last.recordedAt)},
      ${at(last.recordedAt)}, false)
    on conflict (resource) do update set seq = excluded.seq, hash = excluded.hash,
      recorded_at = excluded.recorded_at,
      due_since = coalesce(journal_head.due_since, excluded.recorded_at)`.execute(tx.db)
}

export async function insertEvents(tx: Tx, events: readonly UsageEvent[]): Promise<void> {
  await sql`
    insert into usage_event (resource, seq, type, at, recorded_at, data, prev_hash, hash)
    select * from unnest(
      ${events.map(({ resource }) => resource)}::text[],
      ${events.map(({ seq }) => seq)}::integer[],
      ${events.map(({ type }) => type)}::text[],
      ${events.map((event) => at(event.at))}::timestamptz[],
      ${events.map(({ recordedAt }) => at(recordedAt))}::timestamptz[],
      ${events.map(({ data }) => JSON.stringify(data))}::jsonb[],
      ${events.map(({ prevHash }) => prevHash)}::text[],
      ${events.map(({ hash }) => hash)}::text[])`.execute(tx.db)
}

const columns = sql.raw(
  'resource, seq, type, at, recorded_at as "recordedAt", data, prev_hash as "prevHash", hash',
)

/** All events of the resources, each resource's in its order. */
export async function selectEvents(tx: Tx, resources: readonly ResourceId[]): Promise<readonly UsageEvent[]> {
  const { rows } = await sql<UsageEvent>`
    select ${columns} from usage_event where resource = any(${resources}::text[])
    order by resource collate "C", seq`.execute(tx.db)
  return rows
}

/**
 * A page of an organization's events (or one resource's) in the order of the open bill, after the last one
 * seen.
 */
export async function selectEventPage(
  tx: Tx,
  organization: OrganizationId,
  resource: string | null,
  after: { readonly resource: string; readonly seq: number } | null,
  limit: number,
): Promise<readonly UsageEvent[]> {
  const { rows } = await sql<UsageEvent>`
    select ${columns} from usage_event
    where resource in (select resource from journal_head where organization = ${organization})
      and (${resource}::text is null or resource = ${resource})
      and (${after?.resource ?? null}::text is null
        or (resource collate "C", seq) > (${after?.resource ?? ''} collate "C", ${after?.seq ?? 0}::integer))
    order by resource collate "C", seq limit ${limit}`.execute(tx.db)
  return rows
}

/** Notes that the resources are settled up to the instant; what was recorded later keeps them due. */
export async function updateSettled(
  tx: Tx,
  settled: readonly { readonly resource: ResourceId; readonly accrues: boolean }[],
  upTo: Instant,
): Promise<void> {
  await sql`
    update journal_head head set accrues = settled.accrues,
      due_since = case when head.recorded_at >= ${at(upTo)} then
        (select min(recorded_at) from usage_event
          where usage_event.resource = head.resource and recorded_at >= ${at(upTo)}) end
    from unnest(${settled.map(({ resource }) => resource)}::text[],
      ${settled.map(({ accrues }) => accrues)}::boolean[]) as settled (resource, accrues)
    where head.resource = settled.resource
      and (head.due_since is not null or head.accrues <> settled.accrues)`.execute(tx.db)
}

/** When the first event of the organization was recorded. */
export async function selectFirstRecordedAt(tx: Tx, organization: OrganizationId): Promise<Instant | null> {
  const { rows } = await sql<{ first: Instant | null }>`
    select min(usage_event.recorded_at) as first from journal_head
    join usage_event on usage_event.resource = journal_head.resource and usage_event.seq = 1
    where journal_head.organization = ${organization}`.execute(tx.db)
  return rows[0]?.first ?? null
}

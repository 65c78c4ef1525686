import { sql } from 'kysely'
import type { Id, OrganizationId } from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'
import type { NoticeRow } from './rows.ts'
import type { NoticeType } from './rules.ts'
import type { Outcome } from './webhooks.rules.ts'

export type DeliveryState = 'waiting' | 'delivered' | 'failed'

/** One notice on its way to one webhook. */
export interface DeliveryRow {
  readonly id: Id<'delivery'>
  readonly seq: bigint
  readonly notice: Id<'notice'>
  readonly webhook: Id<'webhook'>
  readonly state: DeliveryState
  /** Attempts of this round; a replay begins another. */
  readonly tries: number
  readonly dueAt: Instant | null
  readonly createdAt: Instant
  readonly endedAt: Instant | null
}

const columns = sql`delivery.id, delivery.seq, delivery.notice, delivery.webhook, delivery.state,
  delivery.tries, delivery.due_at as "dueAt", delivery.created_at as "createdAt",
  delivery.ended_at as "endedAt"`

/** Locks the oldest notices of which it is not settled yet to whom they go. */
export async function lockUnrouted(tx: Tx, limit: number): Promise<readonly Id<'notice'>[]> {
  const { rows } = await sql<{ id: Id<'notice'> }>`
    select id from notice where routed_at is null order by seq limit ${limit}
    for update skip locked`.execute(tx.db)
  return rows.map(({ id }) => id)
}

/** From now on it is settled. */
export async function markRouted(tx: Tx, notices: readonly string[], now: Instant): Promise<void> {
  await sql`update notice set routed_at = ${at(now)} where id = any(${notices}::text[])`.execute(tx.db)
}

/** A notice and a webhook that wants it. */
export interface Wanted {
  readonly notice: Id<'notice'>
  readonly webhook: Id<'webhook'>
}

/** The webhooks that want these notices: enabled ones of the organization, of that type or of every one. */
export async function selectWanted(tx: Tx, notices: readonly string[]): Promise<readonly Wanted[]> {
  const { rows } = await sql<Wanted>`
    select notice.id as notice, webhook.id as webhook
    from notice join webhook on webhook.organization = notice.organization
    where notice.id = any(${notices}::text[])
      and webhook.deleted_at is null and webhook.disabled_at is null
      and (webhook.types = '{}' or notice.type = any(webhook.types))
    order by notice.seq, webhook.id`.execute(tx.db)
  return rows
}

/** Makes deliveries, due at once; those that are there begin another round. */
export async function insertDeliveries(
  tx: Tx,
  fresh: readonly (Wanted & { readonly id: Id<'delivery'> })[],
  now: Instant,
): Promise<void> {
  await sql`
    insert into delivery (id, notice, webhook, state, due_at, created_at)
    select id, notice, webhook, 'waiting', ${at(now)}::timestamptz, ${at(now)}::timestamptz
    from unnest(${fresh.map(({ id }) => id)}::text[], ${fresh.map(({ notice }) => notice)}::text[],
      ${fresh.map(({ webhook }) => webhook)}::text[]) as fresh (id, notice, webhook)
    on conflict on constraint delivery_once do update
      set state = 'waiting', tries = 0, due_at = excluded.due_at, ended_at = null`.execute(tx.db)
}

/** Notices of an organization since an instant, oldest first, that a webhook of these types may be given. */
export async function selectSince(
  tx: Tx,
  organization: OrganizationId,
  asked: { readonly types: readonly NoticeType[]; readonly since: Instant; readonly limit: number },
): Promise<readonly Id<'notice'>[]> {
  const { rows } = await sql<{ id: Id<'notice'> }>`select id from notice
    where organization = ${organization} and at >= ${at(asked.since)}
      and type = any(${asked.types}::text[])
    order by seq limit ${asked.limit}`.execute(tx.db)
  return rows.map(({ id }) => id)
}

/** What is due, of each webhook no more than so many: a slow one must not hold up the others. */
export async function selectDue(tx: Tx, now: Instant, each: number): Promise<readonly DeliveryRow[]> {
  const { rows } = await sql<DeliveryRow>`
    select due.* from webhook cross join lateral (
      select ${columns} from delivery
      where delivery.webhook = webhook.id and state = 'waiting' and due_at <= ${at(now)}
      order by due_at, seq limit ${each}) due
    where webhook.disabled_at is null and webhook.deleted_at is null
    order by due."dueAt", due.seq`.execute(tx.db)
  return rows
}

/** One delivery. */
export async function delivery(tx: Tx, id: string): Promise<DeliveryRow | null> {
  const { rows } = await sql<DeliveryRow>`select ${columns} from delivery where id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}

/** The same, locked. */
export async function lockDelivery(tx: Tx, id: string): Promise<DeliveryRow | null> {
  const { rows } = await sql<DeliveryRow>`
    select ${columns} from delivery where id = ${id} for update`.execute(tx.db)
  return rows[0] ?? null
}

/** Writes how far a delivery is. */
export async function updateDelivery(tx: Tx, row: DeliveryRow): Promise<void> {
  await sql`update delivery set state = ${row.state}, tries = ${row.tries}, due_at = ${at(row.dueAt)},
      ended_at = ${at(row.endedAt)}
    where id = ${row.id}`.execute(tx.db)
}

/** One request of a delivery. */
export interface AttemptRow extends Outcome {
  readonly number: number
  readonly at: Instant
}

/** Writes down an attempt, numbered after those before it. */
export async function insertAttempt(
  tx: Tx,
  deliveryId: Id<'delivery'>,
  startedAt: Instant,
  { status, error, excerpt, durationMs }: Outcome,
): Promise<void> {
  await sql`insert into delivery_attempt (delivery, number, at, duration_ms, status, error, excerpt)
    select ${deliveryId}, coalesce(max(number), 0) + 1, ${at(startedAt)}, ${durationMs}, ${status}, ${error},
      ${excerpt}
    from delivery_attempt where delivery = ${deliveryId}`.execute(tx.db)
}

/** The attempts at a delivery, the oldest first. */
export async function attemptsOf(tx: Tx, deliveryId: Id<'delivery'>): Promise<readonly AttemptRow[]> {
  const { rows } = await sql<AttemptRow>`
    select number, at, duration_ms as "durationMs", status, error, excerpt from delivery_attempt
    where delivery = ${deliveryId} order by number`.execute(tx.db)
  return rows
}

/** A delivery with what it is of and how the last attempt at it went. */
export interface ShownDelivery extends DeliveryRow {
  readonly type: NoticeType
  readonly subject: string
  readonly at: Instant
  readonly attempts: number
  readonly lastAt: Instant | null
  readonly lastStatus: number | null
  readonly lastError: string | null
}

const shownColumns = sql`${columns}, notice.type, notice.subject, notice.at,
  coalesce(last.number, 0) as attempts, last.at as "lastAt", last.status as "lastStatus",
  last.error as "lastError"`
const shownFrom = sql`from delivery join notice on notice.id = delivery.notice
  left join lateral (select number, at, status, error from delivery_attempt
    where delivery = delivery.id order by number desc limit 1) last on true`

/** Deliveries to a webhook, newest first; `before` is the seq of the last one already shown. */
export async function deliveriesOf(
  tx: Tx,
  webhook: Id<'webhook'>,
  asked: {
    readonly state: DeliveryState | null
    readonly before: bigint | null
    readonly limit: number
  },
): Promise<readonly ShownDelivery[]> {
  const { rows } = await sql<ShownDelivery>`select ${shownColumns} ${shownFrom}
    where delivery.webhook = ${webhook} and (${asked.state}::text is null or delivery.state = ${asked.state})
      and (${asked.before}::bigint is null or delivery.seq < ${asked.before})
    order by delivery.seq desc limit ${asked.limit}`.execute(tx.db)
  return rows
}

/** One of them. */
export async function shownDelivery(tx: Tx, id: string): Promise<ShownDelivery | null> {
  const { rows } = await sql<ShownDelivery>`
    select ${shownColumns} ${shownFrom} where delivery.id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}

/** The notice of a delivery. */
export async function noticeOf(tx: Tx, id: Id<'notice'>): Promise<NoticeRow | null> {
  const { rows } = await sql<NoticeRow>`
    select id, seq, organization, project, type, subject, at, data from notice where id = ${id}`.execute(
    tx.db,
  )
  return rows[0] ?? null
}

/** Forgets notices older than the instant, with their deliveries and mails; answers how many of them. */
export async function deleteBefore(tx: Tx, before: Instant, limit: number): Promise<bigint> {
  const { numAffectedRows } = await sql`delete from notice where id in
    (select id from notice where at < ${at(before)} order by at limit ${limit})`.execute(tx.db)
  return numAffectedRows ?? 0n
}

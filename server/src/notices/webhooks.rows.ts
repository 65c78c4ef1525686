import { sql } from 'kysely'
import type { Id, OrganizationId, PersonId } from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'
import type { NoticeType } from './rules.ts'

/** An address of an organization's own program, to which notices are sent. */
export interface WebhookRow {
  readonly id: Id<'webhook'>
  readonly organization: OrganizationId
  readonly url: string
  readonly name: string
  /** None: every type. */
  readonly types: readonly NoticeType[]
  readonly createdBy: PersonId
  readonly createdAt: Instant
  /** The first failure since the last success. */
  readonly failingSince: Instant | null
  readonly disabledAt: Instant | null
  readonly disabledWhy: 'asked' | 'failing' | 'gone' | null
  readonly deletedAt: Instant | null
}

/** One of a webhook's secrets. */
export interface SecretRow {
  readonly number: number
  readonly secret: string
  readonly createdAt: Instant
  readonly expiresAt: Instant | null
}

const columns = sql`id, organization, url, name, types, created_by as "createdBy", created_at as "createdAt",
  failing_since as "failingSince", disabled_at as "disabledAt", disabled_why as "disabledWhy",
  deleted_at as "deletedAt"`

/** Makes a webhook; false where its id is taken already. */
export async function insertWebhook(tx: Tx, row: WebhookRow): Promise<boolean> {
  const { numAffectedRows } = await sql`
    insert into webhook (id, organization, url, name, types, created_by, created_at)
    values (${row.id}, ${row.organization}, ${row.url}, ${row.name}, ${row.types}, ${row.createdBy},
      ${at(row.createdAt)})
    on conflict on constraint webhook_pkey do nothing`.execute(tx.db)
  return (numAffectedRows ?? 0n) > 0n
}

/** One webhook, deleted ones too. */
export async function webhook(tx: Tx, id: string): Promise<WebhookRow | null> {
  const { rows } = await sql<WebhookRow>`select ${columns} from webhook where id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}

/** The same, locked. */
export async function lockWebhook(tx: Tx, id: string): Promise<WebhookRow | null> {
  const { rows } = await sql<WebhookRow>`
    select ${columns} from webhook where id = ${id} for update`.execute(tx.db)
  return rows[0] ?? null
}

/** The webhooks of an organization that are not deleted, oldest first. */
export async function webhooksOf(tx: Tx, organization: OrganizationId): Promise<readonly WebhookRow[]> {
  const { rows } = await sql<WebhookRow>`select ${columns} from webhook
    where organization = ${organization} and deleted_at is null order by id`.execute(tx.db)
  return rows
}

/** Writes what can change of a webhook. */
export async function updateWebhook(tx: Tx, row: WebhookRow): Promise<void> {
  await sql`update webhook set url = ${row.url}, name = ${row.name}, types = ${row.types},
      failing_since = ${at(row.failingSince)}, disabled_at = ${at(row.disabledAt)},
      disabled_why = ${row.disabledWhy}, deleted_at = ${at(row.deletedAt)}
    where id = ${row.id}`.execute(tx.db)
}

/** Adds a secret, numbered after those that are there. */
export async function insertSecret(
  tx: Tx,
  webhookId: Id<'webhook'>,
  secret: string,
  createdAt: Instant,
): Promise<void> {
  await sql`insert into webhook_secret (webhook, number, secret, created_at)
    select ${webhookId}, coalesce(max(number), 0) + 1, ${secret}, ${at(createdAt)}
    from webhook_secret where webhook = ${webhookId}`.execute(tx.db)
}

/** Those that do not expire yet will. */
export async function expireSecrets(tx: Tx, webhookId: Id<'webhook'>, expiresAt: Instant): Promise<void> {
  await sql`update webhook_secret set expires_at = ${at(expiresAt)}
    where webhook = ${webhookId} and expires_at is null`.execute(tx.db)
}

/** The secrets that sign at the instant, newest first. */
export async function secretsOf(
  tx: Tx,
  webhookId: Id<'webhook'>,
  now: Instant,
): Promise<readonly SecretRow[]> {
  const { rows } = await sql<SecretRow>`
    select number, secret, created_at as "createdAt", expires_at as "expiresAt" from webhook_secret
    where webhook = ${webhookId} and (expires_at is null or expires_at > ${at(now)})
    order by number desc`.execute(tx.db)
  return rows
}

/** Forgets the secrets of a webhook that is deleted. */
export async function deleteSecrets(tx: Tx, webhookId: Id<'webhook'>): Promise<void> {
  await sql`delete from webhook_secret where webhook = ${webhookId}`.execute(tx.db)
}

import { AppError, notFound } from '../kernel/errors.ts'
import { type Id, newBase64Secret, type OrganizationId, type PersonId } from '../kernel/ids.ts'
import { type Instant, instant } from '../kernel/time.ts'
import type { Tx } from '../store/store.ts'
import { type AddressPolicy, checkUrl } from './addresses.rules.ts'
import type { NoticeType } from './rules.ts'
import * as rows from './webhooks.rows.ts'
import { overlapMs, refusedUrl, secretPrefix, secretsMax, webhooksMax } from './webhooks.rules.ts'

export type { WebhookRow } from './webhooks.rows.ts'
export { webhook, webhooksOf } from './webhooks.rows.ts'

/** A webhook to be made; the caller makes the id. */
export interface NewWebhook {
  readonly id: Id<'webhook'>
  readonly organization: OrganizationId
  readonly url: string
  readonly name: string
  readonly types: readonly NoticeType[]
  readonly createdBy: PersonId
}

function checkedUrl(url: string, policy: AddressPolicy): string {
  const checked = checkUrl(url, policy)
  if ('refused' in checked) throw refusedUrl(checked.refused)
  return checked.href
}

/** Makes a webhook; its secret is in the first answer only. The same again finds what is there. */
export async function createWebhook(
  tx: Tx,
  fresh: NewWebhook,
  policy: AddressPolicy,
): Promise<{ readonly row: rows.WebhookRow; readonly secret: string | null }> {
  const { id, organization, name, types, createdBy } = fresh
  const url = checkedUrl(fresh.url, policy)
  const there = await rows.webhook(tx, id)
  if (there) {
    requireSame(there, { ...fresh, url })
    return { row: there, secret: null }
  }
  const all = await rows.webhooksOf(tx, organization)
  if (all.length >= webhooksMax)
    throw new AppError(
      'quota_exceeded',
      `An organization has at most ${webhooksMax} webhooks. Delete one that is not needed.`,
    )
  const createdAt = await tx.now()
  const none = { failingSince: null, disabledAt: null, disabledWhy: null, deletedAt: null }
  const row = { id, organization, url, name, types, createdBy, createdAt, ...none }
  if (!(await rows.insertWebhook(tx, row)))
    throw new AppError('conflict', 'The same request is under way. Try again.')
  return { row, secret: await addSecret(tx, id, createdAt) }
}

function requireSame(there: rows.WebhookRow, asked: NewWebhook): void {
  const differing = (['organization', 'url', 'name', 'types'] as const).find(
    (field) => JSON.stringify(there[field]) !== JSON.stringify(asked[field]),
  )
  if (differing === undefined && there.deletedAt === null) return
  const message = 'is not what the webhook of this id was made with'
  throw new AppError('conflict', `The id ${asked.id} names another webhook. Use a new id.`, undefined, [
    { pointer: `/${differing ?? 'id'}`, message },
  ])
}

async function addSecret(tx: Tx, id: Id<'webhook'>, now: Instant): Promise<string> {
  const secret = newBase64Secret(secretPrefix)
  await rows.insertSecret(tx, id, secret, now)
  return secret
}

async function mustLock(tx: Tx, id: string): Promise<rows.WebhookRow> {
  const row = await rows.lockWebhook(tx, id)
  if (!row || row.deletedAt !== null) throw notFound('webhook', id)
  return row
}

/** What can be changed of a webhook; what is left out stays. */
export interface WebhookChange {
  readonly url?: string | undefined
  readonly name?: string | undefined
  readonly types?: readonly NoticeType[] | undefined
  readonly enabled?: boolean | undefined
}

/** Changes a webhook. Enabled again, it is given what waited for it in the meantime. */
export async function changeWebhook(
  tx: Tx,
  id: string,
  change: WebhookChange,
  policy: AddressPolicy,
): Promise<rows.WebhookRow> {
  const row = await mustLock(tx, id)
  const now = await tx.now()
  const isEnabled = change.enabled ?? row.disabledAt === null
  const wasDisabled = {
    disabledAt: row.disabledAt ?? now,
    disabledWhy: row.disabledWhy ?? ('asked' as const),
  }
  const next = {
    ...row,
    url: change.url === undefined ? row.url : checkedUrl(change.url, policy),
    name: change.name ?? row.name,
    types: change.types ?? row.types,
    ...(isEnabled ? { disabledAt: null, disabledWhy: null } : wasDisabled),
    // Who enables it again says that it works now: its patience begins anew.
    ...(change.enabled === true ? { failingSince: null } : {}),
  }
  await rows.updateWebhook(tx, next)
  await tx.notify('notices')
  return next
}

/** Deletes a webhook; nothing more is sent to it, what it was sent is remembered. */
export async function deleteWebhook(tx: Tx, id: string): Promise<void> {
  const row = await mustLock(tx, id)
  await rows.updateWebhook(tx, { ...row, deletedAt: await tx.now() })
  await rows.deleteSecrets(tx, row.id)
}

/** A new secret and when the old one stops signing. */
export interface Rotated {
  readonly secret: string
  readonly oldExpiresAt: Instant
}

/** Gives a webhook a new secret; for a day the old one signs beside it. */
export async function rotateSecret(tx: Tx, id: string): Promise<Rotated> {
  const row = await mustLock(tx, id)
  const now = await tx.now()
  const oldExpiresAt = instant(now + overlapMs)
  await rows.expireSecrets(tx, row.id, oldExpiresAt)
  return { secret: await addSecret(tx, row.id, now), oldExpiresAt }
}

/** What signs a message to a webhook now, the newest first. */
export async function signingSecrets(tx: Tx, id: Id<'webhook'>): Promise<readonly string[]> {
  const all = await rows.secretsOf(tx, id, await tx.now())
  return all.slice(0, secretsMax).map(({ secret }) => secret)
}

import { AppError, invariant, notFound } from '../kernel/errors.ts'
import { derivedId, type Id } from '../kernel/ids.ts'
import { formatInstant, hourMs, type Instant, instant } from '../kernel/time.ts'
import type { Tx } from '../store/store.ts'
import * as rows from './deliveries.rows.ts'
import { addressMails } from './mails.ts'
import { emit } from './notices.ts'
import { insertNotice } from './rows.ts'
import { noticeTypes } from './rules.ts'
import { lockWebhook, updateWebhook, webhook, type WebhookRow } from './webhooks.rows.ts'
import { headersOf, messageOf, nextTryAt, type Outcome, patienceMs, verdictOf } from './webhooks.rules.ts'
import { signingSecrets } from './webhooks.ts'

export type { AttemptRow, DeliveryRow, DeliveryState, ShownDelivery } from './deliveries.rows.ts'
export { attemptsOf, deliveriesOf, selectDue as dueDeliveries, shownDelivery } from './deliveries.rows.ts'

/** How long notices are kept, and can be replayed. */
export const keptMs = 90 * 24 * hourMs

/** At most so many are routed or forgotten in one transaction: none of them should be a long one. */
const batch = 1000
const replayMax = 10_000

/**
 * Settles to which webhooks, and where mail is sent at all to whom by mail, the oldest unsettled notices go;
 * answers how many notices those were.
 */
export async function routeNotices(tx: Tx, options: { readonly sendsMail: boolean }): Promise<number> {
  const notices = await rows.lockUnrouted(tx, batch)
  if (notices.length === 0) return 0
  const now = await tx.now()
  await addDeliveries(tx, await rows.selectWanted(tx, notices), now)
  if (options.sendsMail) await addressMails(tx, notices)
  await rows.markRouted(tx, notices, now)
  return notices.length
}

async function addDeliveries(tx: Tx, wanted: readonly rows.Wanted[], now: Instant): Promise<void> {
  if (wanted.length === 0) return
  const fresh = wanted.map((one) => ({ ...one, id: deliveryId(one) }))
  await rows.insertDeliveries(tx, fresh, now)
}

function deliveryId({ notice, webhook: to }: rows.Wanted): Id<'delivery'> {
  return derivedId('delivery', notice, to)
}

/** Everything that one attempt needs. */
export interface Attempt {
  readonly delivery: Id<'delivery'>
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly startedAt: Instant
}

/** Reads what an attempt at a delivery sends; null where it is not waiting any more. */
export async function attemptOf(tx: Tx, id: Id<'delivery'>, installation: string): Promise<Attempt | null> {
  const found = await rows.delivery(tx, id)
  if (found?.state !== 'waiting') return null
  const to = await webhook(tx, found.webhook)
  if (!to || to.disabledAt !== null || to.deletedAt !== null) return null
  const body = await bodyOfDelivery(tx, found, installation)
  const startedAt = await tx.now()
  const headers = headersOf(found.notice, body, await signingSecrets(tx, to.id), startedAt)
  return { delivery: id, url: to.url, headers, body, startedAt }
}

/** The body that every attempt at a delivery sends. */
export async function bodyOfDelivery(
  tx: Tx,
  { notice }: Pick<rows.DeliveryRow, 'notice'>,
  installation: string,
): Promise<string> {
  const row = await rows.noticeOf(tx, notice)
  invariant(row, 'a delivery goes with its notice', { notice })
  return messageOf(row, installation)
}

/** Writes down an attempt and what follows from it: taken, another try, or the end of the round. */
export async function recordAttempt(
  tx: Tx,
  { delivery: id, startedAt }: Pick<Attempt, 'delivery' | 'startedAt'>,
  outcome: Outcome,
): Promise<void> {
  const found = await rows.lockDelivery(tx, id)
  if (!found) return
  await rows.insertAttempt(tx, id, startedAt, outcome)
  const to = await lockWebhook(tx, found.webhook)
  invariant(to, 'webhooks stay', { webhook: found.webhook })
  const verdict = verdictOf(outcome)
  const now = await tx.now()
  if (verdict === 'taken') {
    await rows.updateDelivery(tx, { ...found, state: 'delivered', dueAt: null, endedAt: now })
    if (to.failingSince !== null) await updateWebhook(tx, { ...to, failingSince: null })
    return
  }
  if (found.state === 'waiting') {
    const tries = found.tries + 1
    const dueAt = verdict === 'gone' ? null : nextTryAt(id, tries, now)
    const end = dueAt === null ? { state: 'failed' as const, endedAt: now } : {}
    await rows.updateDelivery(tx, { ...found, tries, dueAt, ...end })
  }
  await noteFailure(tx, to, verdict === 'gone' ? 'gone' : 'failing', startedAt)
}

/** One more failure of a webhook: after days of nothing else it is disabled, and its owners are told. */
async function noteFailure(tx: Tx, to: WebhookRow, why: 'gone' | 'failing', at: Instant): Promise<void> {
  const failingSince = to.failingSince ?? at
  const isHopeless = why === 'gone' || at - failingSince >= patienceMs
  if (!isHopeless || to.disabledAt !== null || to.deletedAt !== null) {
    if (to.failingSince === null) await updateWebhook(tx, { ...to, failingSince })
    return
  }
  const disabledAt = await tx.now()
  await updateWebhook(tx, { ...to, failingSince, disabledAt, disabledWhy: why })
  const { organization, id: subject, url } = to
  const data = { url, why, failingSince: formatInstant(failingSince) }
  await emit(tx, { organization, type: 'webhook.disabled', subject, data })
}

/** Begins another round of a delivery, whatever became of it. */
export async function replayDelivery(tx: Tx, id: string): Promise<rows.DeliveryRow> {
  const found = await rows.lockDelivery(tx, id)
  if (!found) throw notFound('delivery', id)
  await requireReceiving(tx, found.webhook)
  const next = { ...found, state: 'waiting' as const, tries: 0, dueAt: await tx.now(), endedAt: null }
  await rows.updateDelivery(tx, next)
  await tx.notify('notices')
  return next
}

async function requireReceiving(tx: Tx, id: Id<'webhook'>): Promise<WebhookRow> {
  const to = await webhook(tx, id)
  if (!to || to.deletedAt !== null) throw notFound('webhook', id)
  if (to.disabledAt !== null) throw new AppError('invalid_state', 'The webhook is disabled. Enable it first.')
  return to
}

/**
 * Sends a webhook again everything of its types since the instant, also what it never wanted before; answers
 * how many notices those are. Refuses more than ten thousand at once.
 */
export async function replaySince(tx: Tx, id: Id<'webhook'>, since: Instant): Promise<number> {
  const to = await requireReceiving(tx, id)
  const types = (to.types.length > 0 ? to.types : noticeTypes).filter((type) => type !== 'webhook.tested')
  const asked = { types, since, limit: replayMax + 1 }
  const notices = await rows.selectSince(tx, to.organization, asked)
  if (notices.length > replayMax)
    throw new AppError('invalid_request', `That is more than ${replayMax} notices. Begin later.`, undefined, [
      { pointer: '/since', message: `leaves more than ${replayMax} notices` },
    ])
  await addDeliveries(
    tx,
    notices.map((notice) => ({ notice, webhook: to.id })),
    await tx.now(),
  )
  await tx.notify('notices')
  return notices.length
}

/** Sends a test to this webhook and to no other; answers its delivery. */
export async function testWebhook(tx: Tx, id: Id<'webhook'>): Promise<Id<'delivery'>> {
  const { organization, url } = await requireReceiving(tx, id)
  const [notice, now] = [tx.newId('notice'), await tx.now()]
  const row = {
    id: notice,
    organization,
    project: null,
    type: 'webhook.tested' as const,
    subject: id,
    at: now,
  }
  await insertNotice(tx, { ...row, data: { url } })
  await rows.markRouted(tx, [notice], now)
  await addDeliveries(tx, [{ notice, webhook: id }], now)
  await tx.notify('notices')
  return deliveryId({ notice, webhook: id })
}

/** Forgets what is older than ninety days, some of it at a time; answers how many notices. */
export async function forgetOld(tx: Tx): Promise<number> {
  const now = await tx.now()
  return Number(await rows.deleteBefore(tx, instant(now - keptMs), batch))
}

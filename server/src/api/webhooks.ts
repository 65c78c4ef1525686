import type { Delivery, Webhook } from '@gpuhour/sdk/contract'
import { notFound } from '../kernel/errors.ts'
import { asId, isId, type OrganizationId } from '../kernel/ids.ts'
import { parseInstant } from '../kernel/time.ts'
import * as deliveries from '../notices/deliveries.ts'
import { noticeTypes, type NoticeType } from '../notices/rules.ts'
import * as webhooks from '../notices/webhooks.ts'
import type { Tx } from '../store/store.ts'
import type { Principal } from '../tenancy/rules.ts'
import * as tenancy from '../tenancy/tenancy.ts'
import { organizationFor, require } from './access.ts'
import { type Handlers, made, ok } from './calls.ts'
import { decodeCursor, pageOf, pageOfAll } from './pages.rules.ts'
import type { ApiParts } from './parts.ts'
import { shown } from './views.rules.ts'

function webhookView(row: webhooks.WebhookRow): Webhook {
  const { id, organization, name, url, types, disabledWhy } = row
  return {
    id,
    organization,
    name,
    url,
    types: [...types],
    enabled: row.disabledAt === null,
    disabledWhy,
    disabledAt: shown(row.disabledAt),
    failingSince: shown(row.failingSince),
    createdAt: shown(row.createdAt),
  }
}

function deliveryView(row: deliveries.ShownDelivery): Delivery {
  const { id, webhook, notice, type, subject, state, attempts, lastStatus, lastError } = row
  return {
    id,
    webhook,
    notice,
    type,
    subject,
    at: shown(row.at),
    state,
    attempts,
    lastAt: shown(row.lastAt),
    lastStatus,
    lastError,
    nextAt: shown(row.dueAt),
    createdAt: shown(row.createdAt),
    endedAt: shown(row.endedAt),
  }
}

function requireManage(principal: Principal, organization: OrganizationId, what: string, id: string): void {
  require(principal, 'manage', { kind: 'organization', organization }, what, id)
}

/** The webhook, if the principal manages its organization. */
async function webhookFor(tx: Tx, principal: Principal, id: string): Promise<webhooks.WebhookRow> {
  const row = isId('webhook', id) ? await webhooks.webhook(tx, id) : null
  if (!row || row.deletedAt !== null) throw notFound('webhook', id)
  requireManage(principal, row.organization, 'webhook', id)
  return row
}

/** The delivery, if the principal manages the organization of its webhook. */
async function deliveryFor(tx: Tx, principal: Principal, id: string): Promise<deliveries.ShownDelivery> {
  const row = isId('delivery', id) ? await deliveries.shownDelivery(tx, id) : null
  const to = row ? await webhooks.webhook(tx, row.webhook) : null
  if (!row || !to || to.deletedAt !== null) throw notFound('delivery', id)
  requireManage(principal, to.organization, 'delivery', id)
  return row
}

/** In the order of the list, so that the same choice looks the same. */
function inOrder(types: readonly NoticeType[]): readonly NoticeType[] {
  return noticeTypes.filter((type) => types.includes(type))
}

type WebhookRoutes =
  | 'listWebhooks'
  | 'createWebhook'
  | 'getWebhook'
  | 'changeWebhook'
  | 'deleteWebhook'
  | 'rotateWebhookSecret'

function endpointHandlers({ store, webhookPolicy }: ApiParts): Pick<Handlers, WebhookRoutes> {
  return {
    listWebhooks: async ({ principal, params, query }) =>
      ok(
        await store.read(async (tx) => {
          const { id } = await organizationFor(tx, principal, 'manage', params.organization)
          return pageOfAll(await webhooks.webhooksOf(tx, id), query, (row) => row.id, webhookView)
        }),
      ),

    createWebhook: async ({ principal, params, body, requestId }) => {
      const { row, secret } = await store.transact(async (tx) => {
        const { id: organization } = await organizationFor(tx, principal, 'manage', params.organization)
        const { name, url } = body
        const id = asId('webhook', body.id)
        const fresh = { id, organization, name, url, types: inOrder(body.types), createdBy: principal.person }
        const answer = await webhooks.createWebhook(tx, fresh, webhookPolicy)
        const change = { organization, principal, action: 'webhook.create', target: id, requestId }
        if (answer.secret !== null) await tenancy.audit(tx, { ...change, after: body })
        return answer
      })
      return made(secret !== null, { ...webhookView(row), secret })
    },

    getWebhook: async ({ principal, params }) =>
      ok(webhookView(await store.read((tx) => webhookFor(tx, principal, params.webhook)))),

    changeWebhook: async ({ principal, params, body, requestId }) =>
      ok(
        await store.transact(async (tx) => {
          const before = webhookView(await webhookFor(tx, principal, params.webhook))
          const types = body.types && inOrder(body.types)
          const change = { name: body.name, url: body.url, enabled: body.enabled, types }
          const after = await webhooks.changeWebhook(tx, before.id, change, webhookPolicy)
          const { organization, id: target } = after
          const told = { organization, principal, action: 'webhook.change', target, requestId }
          await tenancy.audit(tx, { ...told, before, after: webhookView(after) })
          return webhookView(after)
        }),
      ),

    deleteWebhook: async ({ principal, params, requestId }) =>
      ok(
        await store.transact(async (tx) => {
          const row = await webhookFor(tx, principal, params.webhook)
          await webhooks.deleteWebhook(tx, row.id)
          const { organization, id: target } = row
          const told = { organization, principal, action: 'webhook.delete', target, requestId }
          await tenancy.audit(tx, { ...told, before: webhookView(row) })
          return {}
        }),
      ),

    rotateWebhookSecret: async ({ principal, params, requestId }) =>
      ok(
        await store.transact(async (tx) => {
          const { id: target, organization } = await webhookFor(tx, principal, params.webhook)
          const { secret, oldExpiresAt } = await webhooks.rotateSecret(tx, target)
          const told = { organization, principal, action: 'webhook.rotate', target, requestId }
          await tenancy.audit(tx, told)
          return { secret, oldExpiresAt: shown(oldExpiresAt) }
        }),
      ),
  }
}

type DeliveryRoutes = 'testWebhook' | 'replayWebhook' | 'listDeliveries' | 'getDelivery' | 'replayDelivery'

function deliveryHandlers({ store, installation }: ApiParts): Pick<Handlers, DeliveryRoutes> {
  return {
    testWebhook: async ({ principal, params, requestId }) =>
      ok(
        await store.transact(async (tx) => {
          const { id: target, organization } = await webhookFor(tx, principal, params.webhook)
          const id = await deliveries.testWebhook(tx, target)
          const told = { organization, principal, action: 'webhook.test', target, requestId }
          await tenancy.audit(tx, told)
          return deliveryView(await deliveryFor(tx, principal, id))
        }),
      ),

    replayWebhook: async ({ principal, params, body, requestId }) =>
      ok(
        await store.transact(async (tx) => {
          const { id: target, organization } = await webhookFor(tx, principal, params.webhook)
          const notices = await deliveries.replaySince(tx, target, parseInstant(body.since))
          const told = { organization, principal, action: 'webhook.replay', target, requestId }
          await tenancy.audit(tx, { ...told, after: { ...body, notices } })
          return { notices }
        }),
      ),

    listDeliveries: async ({ principal, params, query }) =>
      ok(
        await store.read(async (tx) => {
          const { id } = await webhookFor(tx, principal, params.webhook)
          const after = decodeCursor(query.cursor, /^\d{1,18}$/)
          const rows = await deliveries.deliveriesOf(tx, id, {
            state: query.state ?? null,
            before: after === null ? null : BigInt(after),
            limit: query.limit + 1,
          })
          return pageOf(rows, query.limit, ({ seq }) => String(seq), deliveryView)
        }),
      ),

    getDelivery: async ({ principal, params }) =>
      ok(
        await store.read(async (tx) => {
          const row = await deliveryFor(tx, principal, params.delivery)
          const all = await deliveries.attemptsOf(tx, row.id)
          const tries = all.map(({ at, ...rest }) => ({ ...rest, at: shown(at) }))
          const body = await deliveries.bodyOfDelivery(tx, row, installation)
          return { ...deliveryView(row), body, tries }
        }),
      ),

    replayDelivery: async ({ principal, params, requestId }) =>
      ok(
        await store.transact(async (tx) => {
          const { id: target, webhook } = await deliveryFor(tx, principal, params.delivery)
          const { organization } = await webhookFor(tx, principal, webhook)
          await deliveries.replayDelivery(tx, target)
          const told = { organization, principal, action: 'delivery.replay', target, requestId }
          await tenancy.audit(tx, told)
          return deliveryView(await deliveryFor(tx, principal, target))
        }),
      ),
  }
}

/** Webhooks of an organization and what was sent to them. */
export function webhookHandlers(parts: ApiParts): Pick<Handlers, WebhookRoutes | DeliveryRoutes> {
  return { ...endpointHandlers(parts), ...deliveryHandlers(parts) }
}

import { type RouteName, routes } from '@gpuhour/sdk/contract'
import { Hono } from 'hono'
import { sessionCookie } from '../identity/sessions.ts'
import { AppError, httpStatusOf, isAppError, messageOf } from '../kernel/errors.ts'
import { systemIds } from '../kernel/ids.ts'
import { isSilent } from '../placement/nodes.rules.ts'
import * as placement from '../placement/placement.ts'
import type { Principal } from '../tenancy/rules.ts'
import { budgetHandlers } from './budgets.ts'
import { type Callers, makeCallers } from './callers.ts'
import type { Answer, Download, Handlers } from './calls.ts'
import { serveConsole } from './console.ts'
import { downloadResponse } from './downloads.ts'
import { exportHandlers } from './exports.ts'
import { instanceHandlers } from './instances.ts'
import { invoiceHandlers } from './invoices.ts'
import { makeMetrics, type Metrics } from './metrics.ts'
import { moneyHandlers } from './money.ts'
import { noticeHandlers } from './notices.ts'
import { offerHandlers } from './offers.ts'
import { nodeHandlers } from './nodes.ts'
import { operatorHandlers } from './operator.ts'
import { isOurHost, isOwnOrigin } from './origins.rules.ts'
import type { ApiParts } from './parts.ts'
import { partyHandlers } from './parties.ts'
import { eventsPath, makeEventReceiver } from './payment_events.ts'
import { paymentHandlers } from './payments.ts'
import { peopleHandlers } from './people.ts'
import { priceHandlers } from './prices.ts'
import { isRace, problemResponse, publicErrorOf } from './problems.ts'
import { projectHandlers } from './projects.ts'
import { promoCodeHandlers } from './promo_codes.ts'
import { checkRequest } from './requests.ts'
import { runHandlers } from './runs.ts'
import { serveSigning } from './signing.ts'
import { streamResponse, type WireEvent } from './streams.ts'
import { volumeHandlers } from './volumes.ts'
import { walletHandlers } from './wallet.ts'
import { webhookHandlers } from './webhooks.ts'

/** What the server hands over beside a request; in tests nothing does. */
interface Connection {
  readonly incoming?: {
    readonly socket: { readonly remoteAddress?: string | undefined; destroy?: () => unknown }
  }
}

/** One request on its way through. */
interface Variables {
  requestId: string
  address: string
  /** For log and metrics: the route's name, never the path. */
  route: string
  principal: Principal | null
  /** What is left of the limit that applied, for the answer. */
  limits: Headers | null
}

type Environment = { Bindings: Connection; Variables: Variables }

/** The whole API as one function from request to answer, so that a test needs no port. */
export interface App {
  fetch(request: Request, connection?: Connection): Promise<Response>
}

/** Every handler, by the names of the contract. */
export function allHandlers(parts: ApiParts): Handlers {
  return {
    ...peopleHandlers(parts),
    ...projectHandlers(parts),
    ...offerHandlers(parts),
    ...instanceHandlers(parts),
    ...runHandlers(parts),
    ...volumeHandlers(parts),
    ...moneyHandlers(parts),
    ...invoiceHandlers(parts),
    ...partyHandlers(parts),
    ...paymentHandlers(parts),
    ...promoCodeHandlers(parts),
    ...walletHandlers(parts),
    ...noticeHandlers(parts),
    ...exportHandlers(parts),
    ...budgetHandlers(parts),
    ...webhookHandlers(parts),
    ...priceHandlers(parts),
    ...operatorHandlers(parts),
    ...nodeHandlers(parts),
  }
}

// The handlers differ in type by route; what reaches each was checked against that route's own schemas.
type AnyHandler = (call: object) => Promise<Answer<unknown> | Download | AsyncIterable<readonly WireEvent[]>>

const idPattern = /^[A-Za-z0-9_.-]{1,80}$/

/** The parts of the path; what cannot be an id of anything is not found, without asking the database. */
function pathParams(params: Record<string, string>): Record<string, string> {
  for (const [name, value] of Object.entries(params))
    if (!idPattern.test(value))
      throw new AppError('not_found', `There is no such ${name} here. Check the id.`)
  return params
}

interface Serving {
  readonly parts: ApiParts
  readonly callers: Callers
}

function jsonResponse({ status, body }: Answer<unknown>): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  })
}

function isRefusal(error: unknown): boolean {
  return isAppError(error) && httpStatusOf[error.code] < 500
}

/** Serves one route of the contract. */
function addRoute(app: Hono<Environment>, name: RouteName, handler: AnyHandler, serving: Serving): void {
  const { method, path } = routes[name]
  const { parts, callers } = serving
  app.on(method, path.replaceAll(/\{(\w+)\}/g, ':$1'), async (c) => {
    c.set('route', name)
    const { raw } = c.req
    const { headers } = raw
    const tell = (limits: Headers): void => c.set('limits', limits)
    const principal = await callers.identify(headers, c.get('address'), tell)
    c.set('principal', principal)
    const params = pathParams(c.req.param())
    const checked = await checkRequest(name, raw)
    const ending = new AbortController()
    const signal = AbortSignal.any([ending.signal, parts.signal, raw.signal])
    const requestId = c.get('requestId')
    const lastEventId = headers.get('last-event-id')
    const principalNow = callers.watch(headers, principal)
    const call = { ...checked, principal, principalNow, params, requestId, lastEventId, signal }
    const answer = await handler(call).catch((error: unknown) => {
      if (isRace(error)) return handler(call)
      throw error
    })
    if ('status' in answer) return jsonResponse(answer)
    const onError = (error: unknown): void => {
      const detail = { requestId, route: name, cause: messageOf(error) }
      if (isRefusal(error)) parts.log.info(detail, 'a stream ended with the right to it')
      else parts.log.warn(detail, 'a stream ended by a fault')
    }
    const { incoming } = c.env
    const tear = incoming ? (): void => void incoming.socket.destroy?.() : null
    if ('pieces' in answer) return downloadResponse(answer, { clock: parts.clock, ending, onError, tear })
    return streamResponse(answer, parts.clock, ending, onError)
  })
}

/** Is everything there that an answer needs? The page of an operator's monitor reads this. */
async function readiness({ store }: ApiParts): Promise<Response> {
  const facts = await store
    .read(async (tx) => ({ now: await tx.now(), nodes: await placement.allNodes(tx) }))
    .catch(() => null)
  const isSeen = facts?.nodes.some((node) => !isSilent(node, facts.now)) ?? false
  const body = { database: facts ? 'answers' : 'silent', driver: isSeen ? 'answers' : 'silent' }
  return new Response(JSON.stringify(body), {
    status: facts && isSeen ? 200 : 503,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  })
}

/** Before anything else: who may name us so, and who may change something from where. */
function refuseForeign({ consoleUrl }: ApiParts, request: Request): void {
  const { headers, method } = request
  const host = headers.get('host') ?? new URL(request.url).host
  if (!isOurHost(host, consoleUrl))
    throw new AppError('invalid_request', `This is not ${host.slice(0, 80)}. Use ${consoleUrl}.`)
  const hasCookie = headers.get('cookie')?.includes(`${sessionCookie}=`) ?? false
  const [origin, fetchSite] = [headers.get('origin'), headers.get('sec-fetch-site')]
  if (!isOwnOrigin({ method, host, origin, fetchSite, hasCookie }))
    throw new AppError(
      'forbidden',
      'The request comes from a page of another origin. Use the console itself.',
    )
}

function secure(response: Response, requestId: string, limits: Headers | null): void {
  response.headers.set('x-request-id', requestId)
  for (const [name, value] of limits ?? []) response.headers.set(name, value)
  response.headers.set('x-content-type-options', 'nosniff')
  response.headers.set('referrer-policy', 'no-referrer')
  response.headers.set('x-frame-options', 'DENY')
}

function addEdges(app: Hono<Environment>, parts: ApiParts, metrics: Metrics): void {
  const { clock, log } = parts
  app.use('*', async (c, next) => {
    const began = clock.monotonic()
    c.set('requestId', systemIds.make('request'))
    c.set('address', c.env.incoming?.socket.remoteAddress ?? 'unknown')
    c.set('route', 'none')
    c.set('principal', null)
    c.set('limits', null)
    refuseForeign(parts, c.req.raw)
    await next()
    const ms = clock.monotonic() - began
    const [route, principal] = [c.get('route'), c.get('principal')]
    const { method } = c.req
    metrics.observe(route, method, c.res.status, ms)
    const who = { person: principal?.person, key: principal?.key?.id }
    const detail = {
      requestId: c.get('requestId'),
      route,
      method,
      status: c.res.status,
      ms: Math.round(ms),
      ...who,
    }
    // What is wrong with one of 5xx was said where it was found.
    log.info(detail, 'request')
  })
  app.onError((error, c) => {
    const told = publicErrorOf(error)
    const requestId = c.get('requestId')
    if (told.code === 'internal') log.error({ requestId, err: error, ...told.detail }, 'a fault of ours')
    const response = problemResponse(told, requestId)
    secure(response, requestId, c.get('limits'))
    return response
  })
}

/**
 * Makes the app: the contract's routes, signing in, the console, and the three addresses that monitors
 * read.
 */
export function createApp(parts: ApiParts): App {
  const app = new Hono<Environment>()
  const metrics = makeMetrics()
  const serving: Serving = { parts, callers: makeCallers(parts) }
  addEdges(app, parts, metrics)
  app.use('*', async (c, next) => {
    await next()
    secure(c.res, c.get('requestId'), c.get('limits'))
  })
  const handlers = allHandlers(parts)
  // Object.keys forgets that the keys of `routes` are its names, and a union of handlers has no common call.
  for (const name of Object.keys(routes) as RouteName[])
    addRoute(app, name, handlers[name] as AnyHandler, serving)
  app.on(['GET', 'POST'], '/api/auth/*', (c) => {
    c.set('route', 'auth')
    return serveSigning(parts, c.req.raw, { address: c.get('address'), requestId: c.get('requestId') })
  })
  const receiveEvent = makeEventReceiver(parts)
  app.post(eventsPath, (c) => {
    c.set('route', 'payment_events')
    return receiveEvent(c.req.raw, c.get('address'))
  })
  app.get('/healthz', () => new Response('ok\n', { headers: { 'cache-control': 'no-store' } }))
  app.get('/readyz', () => readiness(parts))
  app.get(
    '/metrics',
    async () => new Response(await metrics.text(), { headers: { 'content-type': metrics.contentType } }),
  )
  app.all('*', async (c) => {
    const { method, path } = c.req
    const isOurs = path === '/v1' || path.startsWith('/v1/') || path.startsWith('/api/')
    const isRead = method === 'GET' || method === 'HEAD'
    const page = isRead && !isOurs ? await serveConsole(parts.consoleDir, c.req.raw) : null
    if (page) return page
    throw new AppError('not_found', `There is no ${method} ${path.slice(0, 80)} here. Check the address.`)
  })
  return { fetch: async (request, connection = {}) => app.fetch(request, connection) }
}

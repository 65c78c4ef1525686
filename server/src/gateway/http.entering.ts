import type { IncomingMessage, ServerResponse } from 'node:http'
import { type DoorInstance, type DoorSession, redeemDoorCode } from '../identity/doors.ts'
import { messageOf } from '../kernel/errors.ts'
import { hourMs, secondMs } from '../kernel/time.ts'
import type { Store } from '../store/store.ts'
import { type AppHost, cookieSecret, safeTarget, setCookie } from './http.rules.ts'
import { languageOf, type Subject, subjectOf, wordsOf } from './http.words.ts'
import type { GatewayLog, Routes } from './routes.ts'

/** As long as the session itself (identity/doors.ts). */
const cookieMaxAgeS = (12 * hourMs) / secondMs

/** What entering an app needs. */
export interface Entering {
  readonly store: Store
  readonly routes: Routes
  readonly log: GatewayLog
}

function goTo(response: ServerResponse, target: string, cookie: string | null): void {
  response.writeHead(303, {
    Location: target,
    'Cache-Control': 'no-store',
    // The address that led here holds the code.
    'Referrer-Policy': 'no-referrer',
    'Content-Length': '0',
    ...(cookie === null ? {} : { 'Set-Cookie': cookie }),
  })
  response.end()
}

/**
 * `GET /.gpuhour/enter?code=…[&to=/path]`: exchanges the code for the cookie of this host, and goes on to a
 * clean address. A code that was used up, by somebody who is already in, goes on too: it is the browser's
 * Back button.
 */
export function enter(
  message: IncomingMessage,
  response: ServerResponse,
  { app, instance }: { readonly app: AppHost; readonly instance: DoorInstance },
  { store, routes, log }: Entering,
  refuse: (subject: Subject, status: number) => void,
): void {
  const query = new URLSearchParams((message.url ?? '').split('?').slice(1).join('?'))
  const target = safeTarget(query.get('to'), app.port)
  const secret = cookieSecret(message.headers.cookie)
  const isIn = secret !== null && routes.session(secret, instance.id, app.port) !== null
  const refuseOrGoOn = (): void => (isIn ? goTo(response, target, null) : refuse('code_used', 401))
  const code = query.get('code') ?? ''
  if (!/^gpd_[0-9a-z]{40,80}$/.test(code)) return refuseOrGoOn()
  const host = { instance: instance.id, port: app.port }
  store
    .transact((tx) => redeemDoorCode(tx, code, host))
    .then((redeemed) => {
      if (response.destroyed) return
      if (!redeemed || !routes.mayConnect(redeemed.session.person, instance)) return refuseOrGoOn()
      routes.remember(redeemed.session)
      log.info({ instance: instance.id, port: app.port, person: redeemed.session.person }, 'entered an app')
      goTo(response, target, setCookie(redeemed.secret, cookieMaxAgeS))
    })
    .catch((error: unknown) => {
      log.warn({ instance: instance.id, cause: messageOf(error) }, 'a code could not be exchanged')
      refuse('stale', 503)
    })
}

/** `GET /.gpuhour/state`: the state of the instance, once as JSON, or as events for as long as it is read. */
export function followState(
  message: IncomingMessage,
  response: ServerResponse,
  session: DoorSession,
  { routes }: Entering,
): void {
  const language = languageOf(message.headers['accept-language'])
  const stateNow = (): string => {
    const state = routes.instance(session.instance)?.state ?? 'deleting'
    return JSON.stringify({ state, ...wordsOf(subjectOf(state), language) })
  }
  const headers = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' }
  if (!(message.headers.accept ?? '').includes('text/event-stream')) {
    response.writeHead(200, { ...headers, 'Content-Type': 'application/json' })
    return void response.end(stateNow())
  }
  response.writeHead(200, { ...headers, 'Content-Type': 'text/event-stream' })
  let told = ''
  const tell = (): void => {
    if (!routes.isGood(session)) return void response.end()
    const state = stateNow()
    if (state !== told) response.write(`data: ${state}\n\n`)
    told = state
  }
  response.on('close', routes.onChange(tell))
  tell()
}

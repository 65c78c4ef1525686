import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { DoorInstance, DoorSession } from '../identity/doors.ts'
import type { Clock } from '../kernel/clock.ts'
import type { AllocationId, Ids } from '../kernel/ids.ts'
import { secondMs } from '../kernel/time.ts'
import type { Activities } from './activity.ts'
import type { Connections } from './connections.ts'
import { type Entering, enter, followState } from './http.entering.ts'
import { type Answer, pageOf, plainOf, problemOf } from './http.pages.ts'
import { forward, forwardUpgrade, openPools, type Passage, type Pools } from './http.proxy.ts'
import {
  type AppHost,
  cookieSecret,
  framingFault,
  isForeign,
  isNavigation,
  jupyterPort,
  ownPath,
  parseAppHost,
  type Provenance,
} from './http.rules.ts'
import { languageOf, type Subject, subjectOf } from './http.words.ts'

/** A client that needs longer for its header lines is holding the connection, not asking. */
const headersMs = 10 * secondMs

/** Header lines and address together; a browser with a hundred cookies stays below. */
const headerBytesMax = 32 * 1024

/** How long a connection may wait for its next request. */
const keepAliveMs = 75 * secondMs

/** Open connections at most; more are refused at once instead of slowing everybody down. */
const connectionsMax = 20_000

/** What the HTTP door needs. */
export interface HttpDoorOptions extends Entering {
  /** The address to listen on. */
  readonly host: string
  /** 0: a free one. */
  readonly port: number
  /** Apps stand at `<instance>--<port>.apps.<domain>`. */
  readonly domain: string
  /** How browsers reach the door: `https` where TLS is, or ends before it. */
  readonly scheme: 'http' | 'https'
  /** Where the console is: `http://localhost:7070`. */
  readonly consoleUrl: string
  readonly activities: Activities
  readonly connections: Connections
  readonly ids: Ids
  readonly clock: Clock
}

/** A door that listens. */
export interface Door {
  readonly port: number
  /** Ends it, and everything that is open. */
  close(): Promise<void>
}

/** What is to be done with a request. */
type Verdict =
  | { readonly kind: 'fault'; readonly answer: Answer }
  | {
      readonly kind: 'refused'
      readonly subject: Subject
      readonly status: number
      readonly known: DoorInstance | null
    }
  | { readonly kind: 'enter'; readonly app: AppHost; readonly instance: DoorInstance }
  | { readonly kind: 'state'; readonly session: DoorSession }
  | {
      readonly kind: 'pass'
      readonly app: AppHost
      readonly instance: DoorInstance
      readonly allocation: AllocationId
      readonly session: DoorSession
      readonly target: { readonly host: string; readonly port: number }
    }

function provenanceOf(message: IncomingMessage, isUpgrade: boolean): Provenance {
  // Node joins repeated lines of these names, so each is one text; a joined one equals nothing that is let
  // in.
  const one = (name: string): string | undefined => message.headers[name]?.toString()
  return {
    method: message.method ?? '',
    isUpgrade,
    origin: one('origin'),
    site: one('sec-fetch-site'),
    mode: one('sec-fetch-mode'),
    destination: one('sec-fetch-dest'),
  }
}

/** Everything that is decided about a request before it is handed on; in this order, first refusal wins. */
function judge(message: IncomingMessage, isUpgrade: boolean, options: HttpDoorOptions): Verdict {
  const { routes, domain, scheme } = options
  const { method = '', url = '', httpVersion, rawHeaders } = message
  const refused = (subject: Subject, status: number, known: DoorInstance | null = null): Verdict => ({
    kind: 'refused',
    subject,
    status,
    known,
  })
  const fault = framingFault({ httpVersion, method, url, rawHeaders, isUpgrade })
  if (fault) return { kind: 'fault', answer: plainOf(fault.status, fault.why) }
  const ownHost = (message.headers.host ?? '').toLowerCase()
  const app = parseAppHost(ownHost, domain)
  const instance = app && routes.labelled(app.label)
  if (!app || !instance) return refused('unknown_host', 404)
  if (isForeign(provenanceOf(message, isUpgrade), `${scheme}://${ownHost}`)) return refused('foreign', 403)
  const path = url.split('?', 1)[0] ?? ''
  if (path === `${ownPath}enter` && method === 'GET' && !isUpgrade) return { kind: 'enter', app, instance }
  const secret = cookieSecret(message.headers.cookie)
  const session = secret === null ? null : routes.session(secret, instance.id, app.port)
  if (!session) return refused('not_entered', 401)
  if (path === `${ownPath}state` && method === 'GET' && !isUpgrade) return { kind: 'state', session }
  if (path.startsWith(ownPath)) return refused('unknown_host', 404)
  if (routes.isStale()) return refused('stale', 503)
  if (instance.state !== 'running' || instance.allocation === null)
    return refused(subjectOf(instance.state), 503, instance)
  const target = instance.ports.get(app.port)
  if (!target) return refused('no_port', 404, instance)
  return { kind: 'pass', app, instance, allocation: instance.allocation, session, target }
}

/** Our answer to a refusal: a page for a person, a problem document for a program. */
function answerOf(
  message: IncomingMessage,
  isUpgrade: boolean,
  refusal: {
    readonly subject: Subject
    readonly status: number
    readonly known: DoorInstance | null
  },
  options: HttpDoorOptions,
): Answer {
  const { subject, status, known } = refusal
  const provenance = provenanceOf(message, isUpgrade)
  if (!isNavigation(provenance, message.headers.accept))
    return problemOf(subject, status, options.ids.make('request'))
  const app = parseAppHost(message.headers.host ?? '', options.domain)
  const console = options.consoleUrl
  return pageOf({
    subject,
    status,
    language: languageOf(message.headers['accept-language']),
    name: known?.name ?? null,
    consoleUrl: app && subject !== 'unknown_host' ? `${console}/instances/${app.instance}` : console,
    isFollowing: known !== null && status === 503,
  })
}

function send(message: IncomingMessage, response: ServerResponse, answer: Answer, isLast: boolean): void {
  if (response.headersSent || response.destroyed) return
  // A request whose end is in doubt, or whose body nobody read, is the last one of its connection.
  const isClosing = isLast || !message.complete
  response.writeHead(answer.status, {
    ...answer.headers,
    ...(isClosing ? { Connection: 'close' } : {}),
  })
  response.end(message.method === 'HEAD' ? undefined : answer.body)
}

function sendRaw(client: Duplex, answer: Answer): void {
  const body = Buffer.from(answer.body)
  const headers = { ...answer.headers, 'Content-Length': String(body.length), Connection: 'close' }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  client.end(Buffer.concat([Buffer.from(`HTTP/1.1 ${answer.status} Refused\r\n${lines.join('')}\r\n`), body]))
}

type Pass = Extract<Verdict, { kind: 'pass' }>

/** Registers what goes through, and says where; null where the instance has too much open. */
function passageOf(
  message: IncomingMessage,
  carrier: Duplex | ServerResponse,
  verdict: Pass,
  options: HttpDoorOptions,
  pools: Pools,
  failed: (subject: Subject, status: number) => void,
): Passage | null {
  const { instance, allocation, session, app, target } = verdict
  const leave = options.connections.add({
    instance: instance.id,
    allocation,
    isGood: () => options.routes.isGood(session),
    end: () => carrier.destroy(),
  })
  if (leave === null) {
    failed('crowded', 503)
    return null
  }
  const meter = options.activities.meter(instance.id)
  meter.opened()
  carrier.once('close', () => {
    leave()
    meter.closed()
  })
  return {
    ...target,
    agent: pools.agentOf(instance.id, allocation),
    token: app.port === jupyterPort ? instance.jupyterToken : null,
    ownHost: message.headers.host ?? '',
    scheme: options.scheme,
    meter,
    clock: options.clock,
    failed: (why) => failed(why, 502),
  }
}

/** A server that has no time limit on what is under way, and little patience with what does not begin. */
function patientServer(): Server {
  const server = createServer({
    maxHeaderSize: headerBytesMax,
    headersTimeout: headersMs,
    requestTimeout: 0,
    keepAliveTimeout: keepAliveMs,
    connectionsCheckingInterval: secondMs,
    noDelay: true,
    keepAlive: true,
    insecureHTTPParser: false,
    // Any other upgrade is declined by answering the request as it stands.
    shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
  })
  // Zero: Node would silently leave out what is above a limit, and a length among it; we count and refuse.
  server.maxHeadersCount = 0
  server.maxConnections = connectionsMax
  return server
}

/** Opens the HTTP door. Rejects where the port is taken. */
export async function openHttpDoor(options: HttpDoorOptions): Promise<Door> {
  const pools = openPools()
  // After a request in doubt, what follows on its connection is nobody's request.
  const doubted = new WeakSet<Duplex>()

  const onRequest = (message: IncomingMessage, response: ServerResponse): void => {
    if (doubted.has(message.socket)) return void message.socket.destroy()
    const refuse = (subject: Subject, status: number, known: DoorInstance | null = null): void =>
      send(message, response, answerOf(message, false, { subject, status, known }, options), false)
    const verdict = judge(message, false, options)
    switch (verdict.kind) {
      case 'fault':
        doubted.add(message.socket)
        return send(message, response, verdict.answer, true)
      case 'refused':
        return refuse(verdict.subject, verdict.status, verdict.known)
      case 'enter':
        return enter(message, response, verdict, options, (subject, status) => refuse(subject, status))
      case 'state':
        return followState(message, response, verdict.session, options)
      case 'pass': {
        const passage = passageOf(message, response, verdict, options, pools, refuse)
        if (passage) forward(message, response, passage)
      }
    }
  }
  const onUpgrade = (message: IncomingMessage, client: Duplex, early: Buffer): void => {
    client.on('error', () => client.destroy())
    if (doubted.has(message.socket)) return void client.destroy()
    const refuse = (subject: Subject, status: number, known: DoorInstance | null = null): void =>
      sendRaw(client, answerOf(message, true, { subject, status, known }, options))
    const verdict = judge(message, true, options)
    if (verdict.kind === 'fault') return sendRaw(client, verdict.answer)
    if (verdict.kind === 'refused') return refuse(verdict.subject, verdict.status, verdict.known)
    if (verdict.kind !== 'pass') return refuse('unknown_host', 404)
    const passage = passageOf(message, client, verdict, options, pools, refuse)
    if (passage) forwardUpgrade(message, client, early, passage)
  }

  const server = patientServer()
  server.on('request', onRequest)
  server.on('upgrade', onUpgrade)
  server.on('connect', (_, client: Duplex) => sendRaw(client, plainOf(405, 'CONNECT is not served here.')))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  return {
    // A TCP server's address is an object.
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      pools.close()
      await closed
    },
  }
}

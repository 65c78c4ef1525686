import { Agent, type ClientRequest, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { pipeline, Transform } from 'node:stream'
import type { Clock } from '../kernel/clock.ts'
import type { InstanceId } from '../kernel/ids.ts'
import { secondMs } from '../kernel/time.ts'
import type { Meter } from './activity.ts'
import { connectWithin } from './dialling.ts'
import { headerLines, isPage, onwardHeaders, returnHeaders } from './http.rules.ts'

/** A container on the same machine or network answers in a millisecond; this long is never. */
const connectMs = 5 * secondMs

/** More than a browser opens; what is above it waits for its turn. */
const socketsMax = 256

/** Idle connections kept to one instance. */
const idleSocketsMax = 16

/** Where a request goes, and what is said about it. */
export interface Passage {
  readonly host: string
  readonly port: number
  readonly agent: Agent
  readonly token: string | null
  readonly ownHost: string
  readonly scheme: 'http' | 'https'
  readonly meter: Meter
  readonly clock: Clock
  /** Answers for an app that gave none; only called while nothing was sent. */
  readonly failed: (why: 'no_listener' | 'no_answer') => void
}

/**
 * Connections to apps: a pool for each allocation, never shared, so that no answer can reach another's
 * reader.
 */
export interface Pools {
  agentOf(instance: InstanceId, allocation: string): Agent
  close(): void
}

/** Makes pools on demand; an instance's old pool is closed when its allocation is another. */
export function openPools(): Pools {
  const pools = new Map<InstanceId, { readonly allocation: string; readonly agent: Agent }>()
  return {
    agentOf(instance, allocation) {
      const found = pools.get(instance)
      if (found?.allocation === allocation) return found.agent
      found?.agent.destroy()
      const agent = new Agent({
        keepAlive: true,
        maxSockets: socketsMax,
        maxFreeSockets: idleSocketsMax,
      })
      pools.set(instance, { allocation, agent })
      return agent
    },
    close() {
      for (const { agent } of pools.values()) agent.destroy()
    },
  }
}

function open(message: IncomingMessage, passage: Passage, isUpgrade: boolean): ClientRequest {
  const { host, port, agent, token, ownHost, scheme } = passage
  const remoteAddress = message.socket.remoteAddress ?? ''
  const isSearched = token !== null && (message.headers.accept ?? '').includes('text/html')
  const onward = { host: ownHost, scheme, token, isUpgrade, remoteAddress, isSearched }
  const upstream = request({
    host,
    port,
    // What becomes a WebSocket is no request any more: its connection belongs to no pool.
    agent: isUpgrade ? false : agent,
    method: message.method ?? 'GET',
    path: message.url ?? '/',
    headers: onwardHeaders(message.rawHeaders, onward),
    setHost: false,
  })
  upstream.on('socket', (socket) => {
    if (socket.connecting) connectWithin(socket, connectMs, passage.clock)
  })
  return upstream
}

function reasonOf(error: Error): 'no_listener' | 'no_answer' {
  return 'code' in error && error.code === 'ECONNREFUSED' ? 'no_listener' : 'no_answer'
}

/** Hands a request to the app and its answer back, both as they come. */
export function forward(message: IncomingMessage, response: ServerResponse, passage: Passage): void {
  const { meter } = passage
  const hasBody = message.headers['content-length'] !== undefined || 'transfer-encoding' in message.headers
  const isReplayable = !hasBody && (message.method === 'GET' || message.method === 'HEAD')
  const attempt = (): void => {
    let upstream: ClientRequest
    try {
      upstream = open(message, passage, false)
    } catch {
      return passage.failed('no_answer')
    }
    const abandon = (): void => {
      if (!response.writableFinished) upstream.destroy()
    }
    response.on('close', abandon)
    upstream.on('response', (answer) => {
      const { token } = passage
      response.sendDate = false
      response.writeHead(
        answer.statusCode ?? 502,
        answer.statusMessage,
        returnHeaders(answer.rawHeaders, token),
      )
      answer.on('data', (chunk: Buffer) => meter.out(chunk.length))
      // A broken answer breaks ours: the reader must not take half of it for the whole.
      const isHidden = token !== null && isPage(answer.rawHeaders)
      if (isHidden) pipeline(answer, withoutToken(token), response, () => {})
      else pipeline(answer, response, () => {})
    })
    upstream.on('error', (error) => {
      response.off('close', abandon)
      if (response.headersSent || response.destroyed) return void response.destroy()
      // The app closed an idle connection just as we took it: nothing was done with this request yet.
      if (upstream.reusedSocket && isReplayable) return attempt()
      passage.failed(reasonOf(error))
    })
    if (!hasBody) return void upstream.end()
    message.on('data', (chunk: Buffer) => meter.in(chunk.length))
    // Not pipeline(): an app that answers before it has read all would cost the reader that answer.
    message.pipe(upstream)
  }
  if (!isReplayable) meter.in(0)
  attempt()
}

/**
 * Writes "x" over the token wherever a page has it, so that lengths stay as they are. Images of ours keep
 * it out of JupyterLab's page; Jupyter's error pages, and other people's images, do not.
 */
function withoutToken(token: string): Transform {
  const wanted = Buffer.from(token)
  let held: Buffer = Buffer.alloc(0)
  return new Transform({
    transform(chunk: Buffer, _, done) {
      const text = Buffer.concat([held, chunk])
      for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at))
        text.fill('x', at, at + wanted.length)
      // Its beginning may stand at the end of this chunk.
      const sure = Math.max(0, text.length - wanted.length + 1)
      held = text.subarray(sure)
      done(null, text.subarray(0, sure))
    },
    flush(done) {
      done(null, held)
    },
  })
}

function head(line: string, headers: readonly string[]): string {
  const lines = [...headerLines(headers)].map(([name, value]) => `${name}: ${value}\r\n`)
  return `${line}\r\n${lines.join('')}\r\n`
}

/**
 * Asks the app for a WebSocket and, if it agrees, joins the two connections. Nothing of the client's
 * reaches the app before that: otherwise what follows a refused upgrade would be a request that nobody
 * checked.
 */
export function forwardUpgrade(
  message: IncomingMessage,
  client: Duplex,
  early: Buffer,
  passage: Passage,
): void {
  let upstream: ClientRequest
  try {
    upstream = open(message, passage, true)
  } catch {
    return passage.failed('no_answer')
  }
  const abandon = (): void => void upstream.destroy()
  client.on('close', abandon)
  upstream.on('upgrade', (answer, server, first) => {
    client.off('close', abandon)
    const headers = ['Connection', 'Upgrade', 'Upgrade', 'websocket']
    const returned = returnHeaders(answer.rawHeaders, passage.token)
    client.write(head('HTTP/1.1 101 Switching Protocols', [...headers, ...returned]), 'latin1')
    if (first.length > 0) server.unshift(first)
    if (early.length > 0) client.unshift(early)
    splice(client, server, passage.meter)
  })
  upstream.on('response', (answer) => {
    client.off('close', abandon)
    const headers = ['Connection', 'close', ...returnHeaders(answer.rawHeaders, passage.token)]
    const line = `HTTP/1.1 ${answer.statusCode ?? 502} ${answer.statusMessage ?? ''}`
    client.write(head(line, withoutLength(headers)), 'latin1')
    pipeline(answer, client, () => {})
  })
  upstream.on('error', (error) => {
    client.off('close', abandon)
    if (!client.destroyed) passage.failed(reasonOf(error))
  })
  upstream.end()
}

// A refusal's body ends with its connection; a length that the app gave for a chunked one would be another's.
function withoutLength(headers: readonly string[]): readonly string[] {
  return [...headerLines(headers)].filter(([name]) => name.toLowerCase() !== 'content-length').flat()
}

function splice(client: Duplex, server: Duplex, meter: Meter): void {
  client.on('data', (chunk: Buffer) => meter.in(chunk.length))
  server.on('data', (chunk: Buffer) => meter.out(chunk.length))
  pipeline(client, server, () => client.destroy())
  pipeline(server, client, () => server.destroy())
}

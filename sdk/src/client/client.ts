import type {
  BodyOf,
  DownloadRoute,
  EventOf,
  JsonRoute,
  ParamsOf,
  QueryOf,
  ReplyOf,
  StreamRoute,
} from '../contract/contract.ts'
import { pathOf, type RouteName, routes } from '../contract/routes.ts'
import { ApiError, errorOf, unreachableError } from './errors.ts'
import { chunksOf, readEvents } from './sse.ts'
import type { Reply, Transport } from './transport.ts'

export { ApiError } from './errors.ts'
export { makeId } from './ids.ts'
export type { Reply, Sent, Transport } from './transport.ts'

/** How a client reaches the platform. */
export interface ClientOptions {
  /** Such as `http://localhost:7070`, no slash at the end; empty in a browser on the console's own host. */
  readonly baseUrl: string
  /** Default: the platform's own. In tests it is the app itself. */
  readonly fetch?: (request: Request) => Promise<Response>
  /** How requests are sent where even loading `fetch` costs more than the answer: the CLI brings its own. */
  readonly transport?: Transport
  /** A `gph_…` secret, or a session token; sent as `Authorization: Bearer`. */
  readonly apiKey?: string
  /** Default `same-origin`: a browser's session cookie goes along. */
  readonly credentials?: 'omit' | 'same-origin' | 'include'
  /**
   * How long, in ms, a request is repeated while nobody answers, or the answer says to come back. Default 0.
   * Every request of this API may be repeated: who creates brings the id.
   */
  readonly patienceMs?: number
  /** Told when the platform stops answering, once, and with null when it is back. */
  readonly onTrouble?: (trouble: ApiError | null) => void
}

/** What a call may say beside its content. */
export interface CallOptions {
  readonly signal?: AbortSignal
}

/** What following a stream may say beside its content. */
export interface FollowOptions extends CallOptions {
  /** Go on after this event. */
  readonly lastEventId?: string
  /** How long, in ms, a lost stream is sought again before the loss is thrown. Default: 150 s. */
  readonly patienceMs?: number
}

// A part that a route does not have is left out; one whose fields are all optional may be.
type Part<Name extends string, T> = [T] extends [never]
  ? unknown
  : Record<never, never> extends T
    ? { readonly [K in Name]?: T }
    : { readonly [K in Name]: T }

/** What a route is called with: `params` of the path, `query`, `body`. */
export type InputOf<N extends RouteName> = Part<
  'params',
  [keyof ParamsOf<N>] extends [never] ? never : ParamsOf<N>
> &
  Part<'query', QueryOf<N>> &
  Part<'body', BodyOf<N>>

type Arguments<N extends RouteName, O> =
  Record<never, never> extends InputOf<N>
    ? [input?: InputOf<N>, options?: O]
    : [input: InputOf<N>, options?: O]

/** An event of a stream, with the id after which it can be resumed where it has one. */
export type Followed<N extends StreamRoute> = EventOf<N> & { readonly id: string | null }

/** A file as it comes. */
export interface Download {
  /** The name that the platform gives it. */
  readonly fileName: string
  readonly mediaType: string
  /** Its bytes; throws `unreachable` where the file was torn off: what came so far is no whole file. */
  readonly chunks: AsyncIterable<Uint8Array>
}

/** One function per route. A stream reconnects by itself and never repeats an event that has an id. */
export type Client = {
  readonly [N in JsonRoute]: (...args: Arguments<N, CallOptions>) => Promise<ReplyOf<N>>
} & {
  readonly [N in StreamRoute]: (...args: Arguments<N, FollowOptions>) => AsyncGenerator<Followed<N>, void>
} & {
  readonly [N in DownloadRoute]: (...args: Arguments<N, CallOptions>) => Promise<Download>
}

interface LooseInput {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, unknown>>
  readonly body?: unknown
}

/** Waits between two attempts: doubling from a quarter of a second to four. */
const firstPauseMs = 250
const longestPauseMs = 4_000
const streamPatienceMs = 150_000

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const ended = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', ended)
      resolve()
    }, ms)
    signal?.addEventListener('abort', ended, { once: true })
  })
}

/** Counts how long nothing worked, and says when to give up. */
function makePatience(
  patienceMs: number,
  signal: AbortSignal | undefined,
  onTrouble: ClientOptions['onTrouble'],
) {
  let since: number | null = null
  let pauseMs = firstPauseMs
  return {
    worked() {
      if (since !== null) onTrouble?.(null)
      since = null
      pauseMs = firstPauseMs
    },
    /** Waits before the next attempt, or throws the error when there must not be one. */
    async afterFailure(error: unknown) {
      signal?.throwIfAborted()
      if (!(error instanceof ApiError) || !error.retryable || patienceMs === 0) throw error
      const now = performance.now()
      if (since === null) onTrouble?.(error)
      since ??= now
      if (now - since >= patienceMs) throw error
      await sleep(error.retryAfter === null ? pauseMs : Math.min(error.retryAfter * 1000, 30_000), signal)
      pauseMs = Math.min(pauseMs * 2, longestPauseMs)
    },
  }
}

/** Where a route is asked, for what a browser fetches by itself: a download. */
export function addressOf(
  options: Pick<ClientOptions, 'baseUrl'>,
  name: RouteName,
  input: LooseInput,
): string {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(input.query ?? {})) {
    if (value !== undefined) query.set(key, String(value))
  }
  const search = query.size > 0 ? `?${query.toString()}` : ''
  return `${options.baseUrl}${pathOf(name, input.params)}${search}`
}

async function send(
  options: ClientOptions,
  name: RouteName,
  input: LooseInput,
  accept: Record<string, string>,
  signal: AbortSignal | undefined,
): Promise<Reply> {
  const headers = {
    ...accept,
    ...(options.apiKey === undefined ? {} : { authorization: `Bearer ${options.apiKey}` }),
    ...(input.body === undefined ? {} : { 'content-type': 'application/json' }),
  }
  let reply: Reply
  try {
    reply = await transportOf(options)(addressOf(options, name, input), {
      method: routes[name].method,
      headers,
      body: input.body === undefined ? undefined : JSON.stringify(input.body),
      signal,
    })
  } catch (error) {
    signal?.throwIfAborted()
    throw unreachableError(options.baseUrl, error)
  }
  if (reply.status < 200 || reply.status > 299) throw await errorOf(reply)
  return reply
}

/** By the platform's `fetch`, or by the one that was given. */
function transportOf({
  transport,
  fetch: given = fetch,
  credentials = 'same-origin',
}: ClientOptions): Transport {
  return (
    transport ??
    ((url, { method, headers, body, signal }) => {
      const rest = { ...(body === undefined ? {} : { body }), ...(signal ? { signal } : {}) }
      return given(new Request(url, { method, headers, credentials, ...rest }))
    })
  )
}

async function call(
  options: ClientOptions,
  name: RouteName,
  input: LooseInput,
  { signal }: CallOptions,
): Promise<unknown> {
  const patience = makePatience(options.patienceMs ?? 0, signal, options.onTrouble)
  for (;;) {
    try {
      const response = await send(options, name, input, { accept: 'application/json' }, signal)
      const reply: unknown = await response.json().catch((error: unknown) => {
        signal?.throwIfAborted()
        throw unreachableError(options.baseUrl, error)
      })
      patience.worked()
      return reply
    } catch (error) {
      await patience.afterFailure(error)
    }
  }
}

async function download(
  options: ClientOptions,
  name: RouteName,
  input: LooseInput,
  { signal }: CallOptions,
): Promise<Download> {
  const patience = makePatience(options.patienceMs ?? 0, signal, options.onTrouble)
  for (;;) {
    try {
      const { headers, body } = await send(options, name, input, { accept: '*/*' }, signal)
      if (!body) throw unreachableError(options.baseUrl, new Error('an empty answer'))
      patience.worked()
      return {
        fileName: /filename="([^"]+)"/.exec(headers.get('content-disposition') ?? '')?.[1] ?? name,
        mediaType: headers.get('content-type') ?? 'application/octet-stream',
        chunks: lossesNamed(options, chunksOf(body), signal),
      }
    } catch (error) {
      await patience.afterFailure(error)
    }
  }
}

async function* follow(
  options: ClientOptions,
  name: RouteName,
  input: LooseInput,
  { signal, lastEventId, patienceMs = streamPatienceMs }: FollowOptions,
): AsyncGenerator<{ event: string; data: unknown; id: string | null }, void> {
  const patience = makePatience(patienceMs, signal, options.onTrouble)
  let last = lastEventId
  for (;;) {
    try {
      const headers = {
        accept: 'text/event-stream',
        ...(last === undefined ? {} : { 'last-event-id': last }),
      }
      const response = await send(options, name, input, headers, signal)
      if (!response.body) throw unreachableError(options.baseUrl, new Error('an empty stream'))
      patience.worked()
      const events = readEvents(response.body)
      for await (const { event, data, id } of lossesNamed(options, events, signal)) {
        if (id !== null) last = id
        yield { event, data: JSON.parse(data), id }
        // The only event after which a stream of ours is over.
        if (event === 'end') return
      }
      throw unreachableError(options.baseUrl, new Error('the stream was closed'))
    } catch (error) {
      await patience.afterFailure(error)
    }
  }
}

/** What comes of a body; a torn connection becomes `unreachable`. */
async function* lossesNamed<T>(
  options: ClientOptions,
  parts: AsyncGenerator<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void> {
  try {
    for (;;) {
      const next = await parts.next().catch((error: unknown) => {
        signal?.throwIfAborted()
        throw unreachableError(options.baseUrl, error)
      })
      if (next.done) return
      yield next.value
    }
  } finally {
    await parts.return(undefined)
  }
}

/** Makes a client of the API. It holds no connection and no state. */
export function createClient(options: ClientOptions): Client {
  const how = { json: call, stream: follow, download } as const
  const entries = Object.entries(routes).map(([key, { kind }]) => {
    // Object.entries forgets that the keys of `routes` are its names.
    const name = key as RouteName
    return [
      name,
      (input: LooseInput = {}, callOptions: FollowOptions = {}) =>
        how[kind](options, name, input, callOptions),
    ]
  })
  // One function per route by construction; the types of each are those of the contract.
  return Object.fromEntries(entries) as Client
}

import type {
  contract,
  DownloadRoute,
  EventOf,
  JsonRoute,
  ParamsOf,
  ReplyOf,
  RouteName,
  StreamRoute,
} from '@gpuhour/sdk/contract'
import type { z } from 'zod'
import type { Principal } from '../tenancy/rules.ts'

type Contract = typeof contract

/** The query of a route, checked, with its defaults. */
export type CheckedQuery<N extends RouteName> = Contract[N] extends { query: infer S extends z.ZodType }
  ? z.output<S>
  : undefined
/** The body of a route, checked, with its defaults. */
export type CheckedBody<N extends RouteName> = Contract[N] extends { body: infer S extends z.ZodType }
  ? z.output<S>
  : undefined

/** A request that was read, checked and identified; whether it may is for the handler to ask. */
export interface Call<N extends RouteName> {
  readonly principal: Principal
  /** Of a stream: who is asking by now. Throws what a new request would get where that is nobody. */
  readonly principalNow: () => Promise<Principal>
  readonly params: ParamsOf<N>
  readonly query: CheckedQuery<N>
  readonly body: CheckedBody<N>
  /** Digest of the checked body: the same request twice finds what the first one made. */
  readonly requestHash: string
  readonly requestId: string
  /** Of a stream: go on after this event. */
  readonly lastEventId: string | null
  /** Fires when the client went away, or the role ends. */
  readonly signal: AbortSignal
}

/** What a route answers. */
export interface Answer<T> {
  readonly status: 200 | 201
  readonly body: T
}

/** One server-sent event; with an id it can be resumed after. */
export type StreamEvent<N extends StreamRoute> = EventOf<N> & { readonly id?: string }

/** A file to be sent as it is read. */
export interface Download {
  readonly fileName: string
  readonly mediaType: string
  readonly isCompressed: boolean
  /** Its text or bytes, piece by piece; what throws in the midst tears the file off. */
  readonly pieces: AsyncIterable<string | Uint8Array>
}

/**
 * One handler per route. A stream or a download first answers whether it may (by throwing), then yields
 * batches of events, or pieces of the file.
 */
export type Handlers = {
  readonly [N in JsonRoute]: (call: Call<N>) => Promise<Answer<ReplyOf<N>>>
} & {
  readonly [N in StreamRoute]: (call: Call<N>) => Promise<AsyncIterable<readonly StreamEvent<N>[]>>
} & {
  readonly [N in DownloadRoute]: (call: Call<N>) => Promise<Download>
}

/** Answered as asked. */
export function ok<T>(body: T): Answer<T> {
  return { status: 200, body }
}

/** Made now, or found as it was made before. */
export function made<T>(isNew: boolean, body: T): Answer<T> {
  return { status: isNew ? 201 : 200, body }
}

/** A request as the client sends it. */
export interface Sent {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  readonly signal: AbortSignal | undefined
}

/** As much of an answer as the client reads; a `Response` is one. */
export interface Reply {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  readonly body: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | null
  json(): Promise<unknown>
}

/** Sends a request; rejects where nobody answers. */
export type Transport = (url: string, sent: Sent) => Promise<Reply>

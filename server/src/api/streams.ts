import type { Clock } from '../kernel/clock.ts'

/** An event as it goes over the wire. */
export interface WireEvent {
  readonly event: PropertyKey
  readonly data: unknown
  readonly id?: string
}

/** Proxies and browsers drop what is silent for a minute; a comment costs nothing. */
const heartbeatMs = 15_000

/** Events as text (the HTML standard, §9.2). */
export function eventText({ event, data, id }: WireEvent): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${String(event)}\ndata: ${JSON.stringify(data)}\n\n`
}

/**
 * The answer that streams batches of events. It reads the next batch only when the last was taken, so a
 * slow reader holds nothing in memory; an error in the middle ends the connection, and the client comes
 * back after its last id.
 */
export function streamResponse(
  batches: AsyncIterable<readonly WireEvent[]>,
  clock: Clock,
  ending: AbortController,
  onError: (error: unknown) => void,
): Response {
  const iterator = batches[Symbol.asyncIterator]()
  const encoder = new TextEncoder()
  let pending: ReturnType<typeof iterator.next> | null = null
  const stop = async (): Promise<void> => {
    ending.abort()
    await pending?.catch(() => {})
    await iterator.return?.()
  }
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        pending ??= iterator.next()
        const beat = new AbortController()
        const silence = clock.sleep(heartbeatMs, beat.signal).then(
          () => 'silence' as const,
          () => 'silence' as const,
        )
        try {
          const next = await Promise.race([pending, silence])
          if (next === 'silence') return controller.enqueue(encoder.encode(': still here\n\n'))
          pending = null
          if (next.done) return controller.close()
          controller.enqueue(encoder.encode(next.value.map(eventText).join('')))
        } catch (error) {
          pending = null
          if (!ending.signal.aborted) onError(error)
          controller.close()
          await stop()
        } finally {
          beat.abort()
        }
      },
      cancel: stop,
    },
    { highWaterMark: 0 },
  )
  return new Response(body, {
    headers: {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    },
  })
}

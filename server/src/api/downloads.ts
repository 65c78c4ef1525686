import type { Clock } from '../kernel/clock.ts'
import { AppError } from '../kernel/errors.ts'
import type { Download } from './calls.ts'

/** A reader that takes nothing for so long is gone, in ms: longer than any line of today sleeps. */
const untakenMs = 120_000

/** How a file is sent. */
export interface Sending {
  readonly clock: Clock
  /** Aborted when the reader is gone, or the file cannot be finished. */
  readonly ending: AbortController
  readonly onError: (error: unknown) => void
  /** Tears the connection; null where there is none, as in tests. */
  readonly tear: (() => void) | null
}

/**
 * The answer that sends a file as it is read. A piece is made only when the last was taken, so a slow reader
 * holds nothing in memory; who goes away stops the reading. An error in the midst tears the connection: a
 * part of a file never looks like a whole one.
 */
export function downloadResponse(
  { fileName, mediaType, isCompressed, pieces }: Download,
  sending: Sending,
): Response {
  const body = streamOf(pieces, sending)
  return new Response(isCompressed ? body.pipeThrough(new CompressionStream('gzip')) : body, {
    headers: {
      'content-type': isCompressed ? 'application/gzip' : mediaType,
      'content-disposition': `attachment; filename="${fileName}${isCompressed ? '.gz' : ''}"`,
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    },
  })
}

function streamOf(
  pieces: AsyncIterable<string | Uint8Array>,
  { clock, ending, onError, tear }: Sending,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const iterator = pieces[Symbol.asyncIterator]()
  const encoder = new TextEncoder()
  let taken = new AbortController()
  const stop = async (): Promise<void> => {
    taken.abort()
    ending.abort()
    await iterator.return?.()
  }
  const breakOff = async (controller: ReadableStreamDefaultController, error: unknown): Promise<void> => {
    if (!ending.signal.aborted) onError(error)
    // The server under us would end an answer whose stream fails, with the error's text: as if it were whole.
    if (tear) tear()
    else controller.error(error)
    await stop()
  }
  /** Ends the download unless the next piece is asked for in time. */
  const watch = (controller: ReadableStreamDefaultController): void => {
    taken = new AbortController()
    void clock.sleep(untakenMs, taken.signal).then(
      () => breakOff(controller, new AppError('unavailable', 'Nobody took the file.')),
      () => {},
    )
  }
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start: watch,
      async pull(controller) {
        taken.abort()
        try {
          const next = await iterator.next()
          if (next.done) return controller.close()
          const { value } = next
          controller.enqueue(typeof value === 'string' ? encoder.encode(value) : new Uint8Array(value))
          watch(controller)
        } catch (error) {
          await breakOff(controller, error)
        }
      },
      cancel: stop,
    },
    { highWaterMark: 0 },
  )
}

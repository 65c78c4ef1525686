/** One server-sent event as it came over the wire. */
export interface WireEvent {
  readonly event: string
  readonly data: string
  /** Null where the event brought none: the last id then still holds. */
  readonly id: string | null
}

/**
 * Reads `text/event-stream` (the HTML standard, §9.2.6): lines end with LF, CR LF or CR, an event with an
 * empty line. What stands after the last one is thrown away: a torn event is sent again, never half read.
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<WireEvent> {
  const decoder = new TextDecoder()
  let rest = ''
  let event = ''
  let data: string[] = []
  let id: string | null = null
  for await (const chunk of chunksOf(body)) {
    rest += decoder.decode(chunk, { stream: true })
    const lines = rest.split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { event: event || 'message', data: data.join('\n'), id }
        event = ''
        data = []
        id = null
        continue
      }
      const colon = line.indexOf(':')
      if (colon === 0) continue
      const field = colon < 0 ? line : line.slice(0, colon)
      const text = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
      if (field === 'event') event = text
      else if (field === 'data') data.push(text)
      else if (field === 'id' && !text.includes('\0')) id = text
    }
  }
}

/** A body as an iteration, also in browsers that cannot iterate streams themselves. */
export async function* chunksOf(
  body: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (!('getReader' in body)) {
    yield* body
    return
  }
  const reader = body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}

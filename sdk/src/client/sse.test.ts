import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from './client.ts'
import { readEvents } from './sse.ts'

function bodyOf(...chunks: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk))
      controller.close()
    },
  })
}

test('events survive any cut, any line end, comments and a torn last one', async () => {
  const text =
    ': hello\nevent: line\nid: 1\ndata: {"a":\ndata: 1}\n\r\nevent:end\r\ndata:x\r\r: torn\ndata: y\n'
  for (let size = 1; size < text.length; size += 1) {
    const chunks = Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
      text.slice(index * size, (index + 1) * size),
    )
    const seen: unknown[] = []
    for await (const event of readEvents(bodyOf(...chunks))) seen.push(event)
    assert.deepEqual(
      seen,
      [
        { event: 'line', data: '{"a":\n1}', id: '1' },
        { event: 'end', data: 'x', id: null },
      ],
      `chunks of ${size}`,
    )
  }
})

test('a stream goes on after the last id it saw, through losses, and says so once each way', async () => {
  const asked: (string | null)[] = []
  const troubles: (string | null)[] = []
  const line = (n: number) => `id: ${n}\nevent: line\ndata: {"n":${n},"stream":"stdout","text":"x"}\n\n`
  const client = createClient({
    baseUrl: 'http://platform.test',
    onTrouble: (trouble) => troubles.push(trouble?.code ?? null),
    async fetch(request) {
      asked.push(request.headers.get('last-event-id'))
      if (asked.length === 2) throw new TypeError('fetch failed')
      const last = Number(asked.at(-1) ?? 0)
      const events =
        last < 2 ? line(1) + line(2) + 'id: 3\ndata: {"n"' : `${line(3)}event: end\ndata: {"lines":3}\n\n`
      return new Response(bodyOf(events))
    },
  })
  const seen: unknown[] = []
  for await (const { event, data } of client.followRunLog({ params: { run: 'run_x' } }))
    seen.push(event === 'line' ? data.n : event)
  assert.deepEqual(seen, [1, 2, 3, 'end'])
  assert.deepEqual(asked, [null, '2', '2'])
  assert.deepEqual(troubles, ['unreachable', null])
})

test('without patience a lost stream is an error', async () => {
  const client = createClient({
    baseUrl: 'http://platform.test',
    fetch: async () => Promise.reject(new TypeError()),
  })
  const following = client.followRunLog({ params: { run: 'run_x' } }, { patienceMs: 0 })
  await assert.rejects(following.next(), { name: 'ApiError', code: 'unreachable', retryable: true })
})

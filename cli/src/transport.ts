import { request as requestHttp } from 'node:http'
import type { Transport } from '@gpuhour/sdk/client'

/** More than any answer takes that is not a stream; a stream says something every fifteen seconds. */
const silenceMs = 45_000

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

/** Sends by Node's own client: `fetch` takes longer to load than a listing to come back. */
export const sendByNode: Transport = async (url, { method, headers, body, signal }) => {
  const request = url.startsWith('https:') ? (await import('node:https')).request : requestHttp
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, ...(signal ? { signal } : {}) }, (answer) => {
      const get = (name: string): string | null => {
        const value = answer.headers[name]
        return Array.isArray(value) ? value.join(', ') : (value ?? null)
      }
      const json = async (): Promise<unknown> => JSON.parse(await textOf(answer))
      resolve({ status: answer.statusCode ?? 0, headers: { get }, body: answer, json })
    })
    // A peer that vanished without a word is found by its silence.
    sent.setTimeout(silenceMs, () => sent.destroy(new Error('it has gone silent')))
    sent.once('error', reject)
    sent.end(body)
  })
}

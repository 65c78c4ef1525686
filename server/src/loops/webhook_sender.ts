import { lookup } from 'node:dns/promises'
import http from 'node:http'
import https from 'node:https'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Clock } from '../kernel/clock.ts'
import { messageOf } from '../kernel/errors.ts'
import { secondMs } from '../kernel/time.ts'
import {
  type AddressPolicy,
  addressRefusal,
  type CheckedUrl,
  checkUrl,
  isNamed,
} from '../notices/addresses.rules.ts'
import type { Attempt } from '../notices/deliveries.ts'
import type { Outcome } from '../notices/webhooks.rules.ts'

/** What a sender works with. */
export interface SenderOptions {
  readonly policy: AddressPolicy
  readonly clock: Clock
  readonly version: string
  /** All addresses of a name, the preferred first. Default: as the machine resolves names. */
  readonly resolve?: (name: string) => Promise<readonly string[]>
  /** This machine's own addresses. Default: as its interfaces have them. */
  readonly ownAddresses?: () => readonly string[]
  /** Certificate authorities to trust instead of Node's own (NODE_EXTRA_CA_CERTS adds to those). */
  readonly ca?: string
  /** From the name's resolution to the end of what is read, in ms. Default: fifteen seconds. */
  readonly answerMsMax?: number
}

/** Sends one message to a webhook; never throws but when the signal fires. */
export type SendWebhook = (
  attempt: Pick<Attempt, 'url' | 'headers' | 'body'>,
  signal: AbortSignal,
) => Promise<Outcome>

/** Standard Webhooks asks receivers to answer at once, and senders to wait fifteen to thirty seconds. */
const usualAnswerMs = 15 * secondMs
/** As much of an answer as is read, and kept for the person who has to find out what went wrong. */
const excerptBytes = 2048
const excerptCharacters = 1000
const headerBytesMax = 16_384

async function resolveHere(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true, verbatim: true })
  return found.map(({ address }) => address)
}

function addressesHere(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address) ?? [])
}

/**
 * Makes what sends to webhooks. A name is resolved once for each attempt; every address that it has must be
 * allowed, and exactly one of these is dialled, so that the name cannot lead elsewhere in between. Redirects
 * are not followed, a proxy of the environment is not used, and TLS is verified against the name.
 */
export function makeWebhookSender(options: SenderOptions): SendWebhook {
  const { policy, clock, resolve = resolveHere, answerMsMax = usualAnswerMs } = options
  return async (attempt, signal) => {
    const began = clock.monotonic()
    const outcome = (rest: Partial<Outcome>): Outcome => ({
      status: null,
      error: null,
      excerpt: null,
      ...rest,
      durationMs: Math.round(clock.monotonic() - began),
    })
    const limit = AbortSignal.timeout(answerMsMax)
    try {
      const url = checkUrl(attempt.url, policy)
      if ('refused' in url) return outcome({ error: `The URL ${url.refused}.` })
      const either = AbortSignal.any([signal, limit])
      const addresses = isIP(url.host) ? [url.host] : await unless(either, resolve(url.host))
      const refusal = refusalOf(addresses, url, options)
      if (refusal !== null) return outcome({ error: `The URL ${refusal}.` })
      return outcome(await postToFirst(url, addresses, attempt, options, either))
    } catch (error) {
      signal.throwIfAborted()
      const late = `It did not answer within ${answerMsMax / secondMs} seconds.`
      return outcome({ error: limit.aborted ? late : sayFault(error) })
    }
  }
}

/** Rejects with the signal's reason where that comes first: a resolver cannot be told to stop. */
function unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    work.then(resolve, reject)
  })
}

function refusalOf(
  addresses: readonly string[],
  url: CheckedUrl,
  { policy, ownAddresses = addressesHere }: SenderOptions,
): string | null {
  if (addresses.length === 0) return 'has a name without an address'
  for (const address of addresses) {
    const refusal = addressRefusal(address, url.needsNamed, policy)
    if (refusal !== null) return refusal
    // What listens on an address of this machine may be closed to everybody else.
    const isOurs = ownAddresses().includes(address) && !isNamed(address, policy)
    if (isOurs) return 'leads to the platform itself'
  }
  return null
}

/** The next address is tried only where no connection came about: nothing has been sent then. */
async function postToFirst(
  url: CheckedUrl,
  addresses: readonly string[],
  attempt: Parameters<SendWebhook>[0],
  options: SenderOptions,
  signal: AbortSignal,
): Promise<Partial<Outcome>> {
  for (const [index, address] of addresses.entries()) {
    try {
      return await post(url, address, attempt, options, signal)
    } catch (error) {
      const isLast = index === addresses.length - 1
      if (isLast || signal.aborted || !messageOf(error).startsWith('connect ')) throw error
    }
  }
  return {}
}

function post(
  url: CheckedUrl,
  address: string,
  { headers, body }: Parameters<SendWebhook>[0],
  { version, ca }: SenderOptions,
  signal: AbortSignal,
): Promise<Partial<Outcome>> {
  const { href, host, port, isTls } = url
  const { pathname, search, host: hostHeader } = new URL(href)
  const tls = { ...(isIP(host) ? {} : { servername: host }), ...(ca === undefined ? {} : { ca }) }
  return new Promise((resolve, reject) => {
    const request = (isTls ? https : http).request({
      host: address,
      port,
      method: 'POST',
      path: `${pathname}${search}`,
      // A connection of its own, which asks no proxy and is not used for another customer.
      agent: false,
      maxHeaderSize: headerBytesMax,
      signal,
      headers: {
        ...headers,
        host: hostHeader,
        'content-length': String(Buffer.byteLength(body)),
        'user-agent': `gpuhour/${version}`,
        accept: '*/*',
      },
      ...(isTls ? tls : {}),
    })
    request.on('error', reject)
    request.on('response', (response) => {
      // The answer is there: what happens to the connection from now on changes nothing.
      request.off('error', reject)
      request.on('error', () => {})
      const status = response.statusCode ?? 0
      readExcerpt(response).then((excerpt) => {
        request.destroy()
        const error = status >= 300 && status < 400 ? 'Redirects are not followed. Give the final URL.' : null
        resolve({ status, error, excerpt })
      }, reject)
    })
    request.end(body)
  })
}

/** The beginning of the body as text without control characters; null where there is none. */
async function readExcerpt(response: http.IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of response) {
      // Without an encoding a response gives buffers.
      chunks.push(chunk as Buffer)
      bytes += chunks.at(-1)?.length ?? 0
      if (bytes >= excerptBytes) break
    }
  } catch {
    // The status has been given: a body that breaks off takes nothing from it.
  }
  const text = Buffer.concat(chunks).subarray(0, excerptBytes).toString('utf8')
  const shown = text.replaceAll(/[^\P{Cc}\n\t]/gu, '').slice(0, excerptCharacters)
  return shown.toWellFormed() || null
}

const faults: readonly (readonly [RegExp, string])[] = [
  [/ENOTFOUND|ENODATA|EAI_/, 'Its name does not resolve.'],
  [/ECONNREFUSED/, 'It refuses connections.'],
  [/EHOSTUNREACH|ENETUNREACH|ETIMEDOUT/, 'It cannot be reached.'],
  [/ECONNRESET|EPIPE|socket hang up/, 'It closed the connection without an answer.'],
  [/CERT|certificate|ALTNAME|SELF_SIGNED|UNABLE_TO/i, 'Its certificate is not trusted'],
]

function sayFault(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const message = messageOf(error)
  const known = faults.find(([pattern]) => pattern.test(`${code} ${message}`))?.[1]
  if (known === undefined) return message.slice(0, 200)
  return known.endsWith('.') ? known : `${known}: ${message.slice(0, 150)}`
}

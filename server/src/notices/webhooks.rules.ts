import { createHash, createHmac } from 'node:crypto'
import { AppError } from '../kernel/errors.ts'
import { formatInstant, hourMs, type Instant, instant, minuteMs, secondMs } from '../kernel/time.ts'
import type { NoticeBody } from './rules.ts'

/** At most so many of one organization: each costs a request for every notice. */
export const webhooksMax = 20

/** What a secret begins with (standardwebhooks.com). */
export const secretPrefix = 'whsec_'

/** How long an old secret goes on signing beside the new one: time to deploy it. */
export const overlapMs = 24 * hourMs

/** Of secrets that still sign, the newest so many: more would only make the header long. */
export const secretsMax = 5

/** Failing for so long without one success in between, a webhook is disabled. */
export const patienceMs = 5 * 24 * hourMs

// The pauses before each attempt of a round, as Standard Webhooks recommends them: three days in all.
const pausesMs = [
  0,
  5 * secondMs,
  5 * minuteMs,
  30 * minuteMs,
  2 * hourMs,
  5 * hourMs,
  10 * hourMs,
  14 * hourMs,
  20 * hourMs,
  24 * hourMs,
]

/** A pause is longer or shorter by at most so much: what failed together shall not come back together. */
const jitter = 0.1

/**
 * When to try again after so many attempts of a round, the last of which ended now; null: that was the last.
 * The jitter follows from the id, so that it is the same wherever it is asked.
 */
export function nextTryAt(id: string, tries: number, now: Instant): Instant | null {
  const pause = pausesMs[tries]
  if (pause === undefined) return null
  const [byte = 0] = createHash('sha256').update(`${id}/${tries}`).digest()
  return instant(now + pause * (1 + jitter * ((byte / 255) * 2 - 1)))
}

/** A notice as it is sent. */
export interface Told {
  readonly id: string
  readonly organization: string
  readonly project: string | null
  readonly type: string
  readonly subject: string
  readonly at: Instant
  readonly data: NoticeBody
}

/**
 * The body of a message: CloudEvents 1.0, structured. It follows from the notice alone, byte by byte; the
 * source says which installation it is of, and organization and project are extension attributes.
 */
export function messageOf(notice: Told, installation: string): string {
  const { id, organization, project, type, subject, at, data } = notice
  return JSON.stringify({
    specversion: '1.0',
    id,
    source: `gpuhour://${installation}/${organization}`,
    type: `gpuhour.${type}`,
    subject,
    time: formatInstant(at),
    datacontenttype: 'application/json',
    organization,
    ...(project === null ? {} : { project }),
    data,
  })
}

/** The headers of one attempt (Standard Webhooks 1.0): one signature for each secret that still signs. */
export function headersOf(
  id: string,
  body: string,
  secrets: readonly string[],
  now: Instant,
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(now / secondMs))
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(secretPrefix.length), 'base64')
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
  })
  return {
    'content-type': 'application/cloudevents+json; charset=utf-8',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  }
}

/** What came of one attempt. */
export interface Outcome {
  /** Of the answer; null: none came, and `error` says why. */
  readonly status: number | null
  readonly error: string | null
  /** The beginning of the answer's body. */
  readonly excerpt: string | null
  readonly durationMs: number
}

/** What an attempt means: any 2xx is taken, 410 asks us never to come again. */
export function verdictOf({ status }: Outcome): 'taken' | 'gone' | 'failed' {
  if (status === 410) return 'gone'
  return status !== null && status >= 200 && status < 300 ? 'taken' : 'failed'
}

/** Refuses a URL that a webhook cannot have, naming the field. */
export function refusedUrl(why: string): AppError {
  return new AppError('invalid_request', `The URL ${why}. Correct it.`, undefined, [
    { pointer: '/url', message: why },
  ])
}

import { AppError } from './errors.ts'

/** Milliseconds since 1970-01-01T00:00:00Z. On the wire and on screen: RFC 3339. */
export type Instant = number & { readonly __unit: 'ms since epoch' }

/** A duration in whole or fractional seconds. */
export type Seconds = number & { readonly __unit: 's' }

/** Names a number of milliseconds since the epoch as an instant; cut to the whole millisecond. */
export function instant(ms: number): Instant {
  // A brand only: the value is the number itself.
  return Math.floor(ms) as Instant
}

/** Names a number as seconds. */
export function seconds(value: number): Seconds {
  // A brand only: the value is the number itself.
  return value as Seconds
}

/** `YYYY-MM-DDTHH:MM:SS.mmmZ`, the only way an instant is written. */
export function formatInstant(at: Instant): string {
  return new Date(at).toISOString()
}

/** Reads an RFC 3339 instant; throws `invalid_request` when it is none. */
export function parseInstant(text: string): Instant {
  const ms = Date.parse(text)
  if (Number.isNaN(ms))
    throw new AppError('invalid_request', `"${text.slice(0, 40)}" is not an RFC 3339 instant.`)
  return instant(ms)
}

export const secondMs = 1000
export const minuteMs = 60 * secondMs
export const hourMs = 60 * minuteMs

/** The later of two instants. */
export function later(a: Instant, b: Instant): Instant {
  return a > b ? a : b
}

/** The earlier of two instants. */
export function earlier(a: Instant, b: Instant): Instant {
  return a < b ? a : b
}

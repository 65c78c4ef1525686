/** Milliseconds since 1970 UTC; exact for every year from 1 to 9999. */
export type Instant = number

/**
 * Four-digit years only: ECMAScript's longer form (`+010000-…`) must not slip in. Days are bounded, but
 * whether a month has as many is left to the calendar.
 */
const day = '[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])'
const time = '(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\\.[0-9]{3}'
const written = new RegExp(`^${day}T${time}Z$`)

/** The instant that `text` writes in the one form of bill.md §1, or null. */
export function instantOf(text: string): Instant | null {
  if (!written.test(text) || text.startsWith('0000')) return null
  const instant = Date.parse(text)
  // Every month has 28 days. Beyond them `Date` may refuse or carry over into the next month (30 February):
  // going back and forth shows either.
  if (text.slice(8, 10) <= '28') return instant
  return Number.isFinite(instant) && textOfInstant(instant) === text ? instant : null
}

/** The form that bill.md §1 prescribes. */
export function textOfInstant(instant: Instant): string {
  return new Date(instant).toISOString()
}

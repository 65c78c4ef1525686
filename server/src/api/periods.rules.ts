import { AppError } from '../kernel/errors.ts'
import { type Instant, instant, parseInstant } from '../kernel/time.ts'

/** How far a time zone is ahead of UTC at an instant, in ms. */
function offsetAt(at: Instant, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(at)
  const part = (type: string): number => Number(parts.find((one) => one.type === type)?.value)
  const local = Date.UTC(
    part('year'),
    part('month') - 1,
    part('day'),
    part('hour'),
    part('minute'),
    part('second'),
  )
  return local - Math.floor(at / 1000) * 1000
}

/** The first instant of the month in which `at` lies, by the clocks of the time zone. */
export function monthStart(at: Instant, timeZone: string): Instant {
  const local = new Date(at + offsetAt(at, timeZone))
  const firstByUtc = Date.UTC(local.getUTCFullYear(), local.getUTCMonth(), 1)
  // Twice: the offset on the first may not be that of today, nor that of the same hour by UTC.
  const near = instant(firstByUtc - offsetAt(at, timeZone))
  return instant(firstByUtc - offsetAt(near, timeZone))
}

/** The asked period; by default the month so far. `to` null is now. */
export function periodOf(
  asked: { readonly from?: string | undefined; readonly to?: string | undefined },
  now: Instant,
  timeZone: string,
): { readonly from: Instant; readonly to: Instant | null } {
  const to = asked.to === undefined ? null : parseInstant(asked.to)
  const from = asked.from === undefined ? monthStart(to ?? now, timeZone) : parseInstant(asked.from)
  if (from < (to ?? now)) return { from, to }
  throw new AppError('invalid_request', 'The period ends before it begins. Exchange its ends.', undefined, [
    { pointer: '?from', message: 'must lie before "to", or before now' },
  ])
}

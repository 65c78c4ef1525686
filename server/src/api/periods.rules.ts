import { monthStart } from '../kernel/calendar.ts'
import { AppError } from '../kernel/errors.ts'
import { type Instant, parseInstant } from '../kernel/time.ts'

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

import { type Instant, instant } from './time.ts'

/*
 * Months as the clocks of a place show them. An organization's months are those of its time zone: between
 * zones, and across summer time, they begin at other instants and last other hours.
 */

/** A calendar month: `2026-11`. */
export type MonthName = string & { readonly __form: 'YYYY-MM' }

/** No place is further from UTC than this: 14 hours ahead, 12 behind. */
const zoneHoursMax = 15 * 3_600_000

const formats = new Map<string, Intl.DateTimeFormat>()

/** What the clocks of the zone show at an instant, as `2026-11-01 00:00:00`: later shows greater. */
function localText(at: number, timeZone: string): string {
  let format = formats.get(timeZone)
  if (!format) {
    format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' })
    formats.set(timeZone, format)
  }
  return format.format(at)
}

/** The first instant at which the clocks of the zone show at least this; `text` as `localText` writes it. */
function firstShowing(text: string, nearUtcMs: number, timeZone: string): Instant {
  let low = nearUtcMs - zoneHoursMax
  let high = nearUtcMs + zoneHoursMax
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (localText(middle, timeZone) < text) low = middle
    else high = middle
  }
  return instant(high)
}

/** The month in which an instant lies, by the clocks of the zone. */
export function monthOf(at: Instant, timeZone: string): MonthName {
  // `localText` begins with it.
  return localText(at, timeZone).slice(0, 7) as MonthName
}

/** Reads `2026-11`; null where it is no month. */
export function parseMonth(text: string): MonthName | null {
  // The form was just checked.
  return /^\d{4}-(?:0[1-9]|1[0-2])$/.test(text) ? (text as MonthName) : null
}

/** The month so many months after another; before it, where they are negative. */
export function monthAfter(month: MonthName, months = 1): MonthName {
  const [year = 0, number = 1] = month.split('-').map(Number)
  // The form is that of a month: ISO text begins with it.
  return new Date(Date.UTC(year, number - 1 + months, 1)).toISOString().slice(0, 7) as MonthName
}

/** The first instant of a month in the zone: midnight of its first day, or what the clocks show first. */
export function startOfMonth(month: MonthName, timeZone: string): Instant {
  return firstShowing(`${month}-01 00:00:00`, Date.parse(`${month}-01T00:00:00Z`), timeZone)
}

/** The first instant of the month in which `at` lies, by the clocks of the zone. */
export function monthStart(at: Instant, timeZone: string): Instant {
  return startOfMonth(monthOf(at, timeZone), timeZone)
}

/**
 * The same day and time a month later by the clocks of the zone; where the next month lacks that day, the
 * first instant of the month after it. So it is never sooner than a month.
 */
export function monthLater(at: Instant, timeZone: string): Instant {
  const text = localText(at, timeZone)
  const next = monthAfter(monthOf(at, timeZone))
  const [year = 0, number = 1] = next.split('-').map(Number)
  const daysInNext = new Date(Date.UTC(year, number, 0)).getUTCDate()
  if (Number(text.slice(8, 10)) > daysInNext) return startOfMonth(monthAfter(next), timeZone)
  const wanted = `${next}${text.slice(7)}`
  const shown = firstShowing(wanted, Date.parse(`${wanted.replace(' ', 'T')}Z`), timeZone)
  return instant(shown + (at % 1000))
}

/** A stretch of days by the clocks of a place; a week begins on Monday. */
export type CalendarPeriod = 'day' | 'week' | 'month'

const dayMs = 86_400_000

/**
 * The local midnight with which a day begins, or what the clocks show first; `utcDay` is its date as if by
 * UTC.
 */
function startOfDay(utcDay: number, timeZone: string): Instant {
  return firstShowing(`${new Date(utcDay).toISOString().slice(0, 10)} 00:00:00`, utcDay, timeZone)
}

/** The day, week or month in which an instant lies, by the clocks of the zone; half-open. */
export function calendarPeriod(
  at: Instant,
  period: CalendarPeriod,
  timeZone: string,
): { readonly from: Instant; readonly to: Instant } {
  if (period === 'month') {
    const month = monthOf(at, timeZone)
    return { from: startOfMonth(month, timeZone), to: startOfMonth(monthAfter(month), timeZone) }
  }
  const today = Date.parse(`${localText(at, timeZone).slice(0, 10)}T00:00:00Z`)
  const days = period === 'day' ? 1 : 7
  // 1970-01-01 was a Thursday: three days after a Monday.
  const first = period === 'day' ? today : today - ((Math.floor(today / dayMs) + 3) % 7) * dayMs
  return { from: startOfDay(first, timeZone), to: startOfDay(first + days * dayMs, timeZone) }
}

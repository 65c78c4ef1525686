const secondMs = 1000
const minuteMs = 60 * secondMs
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

/** A length of time in words, cut to its two largest units: "3 hr 20 min", "3小时20分钟". */
export function durationText(ms: number, locale: string): string {
  const whole = Math.max(0, Math.floor(ms / secondMs))
  const [days, hours, minutes, seconds] = [
    Math.floor(whole / 86_400),
    Math.floor((whole % 86_400) / 3600),
    Math.floor((whole % 3600) / 60),
    whole % 60,
  ]
  if (days > 0) return join(locale, [days, 'day'], [hours, 'hour'])
  if (hours > 0) return join(locale, [hours, 'hour'], [minutes, 'minute'])
  if (minutes > 0) return join(locale, [minutes, 'minute'], [seconds, 'second'])
  return join(locale, [seconds, 'second'])
}

function join(locale: string, ...parts: readonly (readonly [number, string])[]): string {
  const shown = parts.filter(([amount], index) => index === 0 || amount > 0)
  return shown.map(([amount, unit]) => unitFormat(locale, unit).format(amount)).join(' ')
}

function unitFormat(locale: string, unit: string): Intl.NumberFormat {
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short' })
}

/** A running clock: "0:07", "1:02:33". Digits keep their places while it runs. */
export function clockText(ms: number): string {
  const whole = Math.max(0, Math.floor(ms / secondMs))
  const two = (part: number) => String(part).padStart(2, '0')
  const [hours, minutes, seconds] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`
}

/** How long a step of the ladder took, with a tenth below ten seconds: "1.4 s". */
export function secondsText(ms: number, locale: string): string {
  if (ms >= minuteMs) return durationText(ms, locale)
  const format = new Intl.NumberFormat(locale, {
    style: 'unit',
    unit: 'second',
    unitDisplay: 'narrow',
    maximumFractionDigits: ms < 10 * secondMs ? 1 : 0,
    roundingMode: 'trunc',
  })
  return format.format(Math.max(0, ms) / secondMs)
}

/** "3 minutes ago", "in 2 hours". */
export function relativeText(atMs: number, nowMs: number, locale: string): string {
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })
  const difference = atMs - nowMs
  const size = Math.abs(difference)
  if (size < minuteMs) return format.format(Math.trunc(difference / secondMs), 'second')
  if (size < hourMs) return format.format(Math.trunc(difference / minuteMs), 'minute')
  if (size < dayMs) return format.format(Math.trunc(difference / hourMs), 'hour')
  return format.format(Math.trunc(difference / dayMs), 'day')
}

/** An instant as short as it can be understood: "14:20", "Fri 14:20", "Dec 3 14:20", "Jan 3, 2027, 14:20". */
export function momentText(atMs: number, nowMs: number, locale: string, timeZone?: string): string {
  const zone = timeZone === undefined ? {} : { timeZone }
  const time = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
  const text = (format: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(locale, { ...zone, ...format }).format(atMs)
  const dayOf = (ms: number) => new Intl.DateTimeFormat('en-CA', zone).format(ms)
  const yearOf = (ms: number) => dayOf(ms).slice(0, 4)
  if (dayOf(atMs) === dayOf(nowMs)) return text(time)
  const day = { month: 'short', day: 'numeric' } as const
  if (yearOf(atMs) !== yearOf(nowMs)) return text({ year: 'numeric', ...day, ...time })
  if (Math.abs(atMs - nowMs) < 6 * dayMs) return `${text({ weekday: 'short' })} ${text(time)}`
  return `${text(day)} ${text(time)}`
}

/** An instant as a field of type `datetime-local` holds it: by the clock of whoever looks, to the second. */
export function fieldText(atMs: number): string {
  const local = new Date(atMs - new Date(atMs).getTimezoneOffset() * minuteMs)
  return local.toISOString().slice(0, 19)
}

/** The exact instant, for hovering: in the zone of whoever looks, to the second, with the zone named. */
export function exactText(atMs: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, {
    dateStyle: 'medium',
    timeStyle: 'long',
    hourCycle: 'h23',
  }).format(atMs)
}

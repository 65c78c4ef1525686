/** The periods that can be picked; each begins at a whole hour or day, where books were balanced. */
export const periodNames = ['month', 'lastMonth', 'week', 'day'] as const
export type PeriodName = (typeof periodNames)[number]

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** How far a time zone is ahead of UTC at an instant, in ms. */
function aheadMs(atMs: number, timeZone: string): number {
  const text = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' }).format(
    atMs,
  )
  return Date.parse(`${text.replace(' ', 'T')}Z`) - Math.floor(atMs / 1000) * 1000
}

/** The instant at which the clocks of the zone show this date at midnight. */
function midnight(year: number, month: number, day: number, timeZone: string): number {
  const utc = Date.UTC(year, month, day)
  const near = utc - aheadMs(utc, timeZone)
  return utc - aheadMs(near, timeZone)
}

/** The whole months before the present one by the clocks of a zone, newest first: `2026-10`. */
export function pastMonths(nowMs: number, timeZone: string, count: number): readonly string[] {
  const local = new Date(nowMs + aheadMs(nowMs, timeZone))
  return Array.from({ length: count }, (_, back) =>
    new Date(Date.UTC(local.getUTCFullYear(), local.getUTCMonth() - 1 - back, 1)).toISOString().slice(0, 7),
  )
}

/** A month as a period: `2026-10`. */
export function monthPeriod(month: string, timeZone: string): { from: string; to: string } {
  const [year = 0, number = 1] = month.split('-').map(Number)
  const begin = (index: number) => new Date(midnight(year, index, 1, timeZone)).toISOString()
  return { from: begin(number - 1), to: begin(number) }
}

/** What to ask for; an end that is left out is now, a beginning that is left out is this month's. */
export function periodOf(name: PeriodName, nowMs: number, timeZone: string): { from?: string; to?: string } {
  const shown = (ms: number) => new Date(ms).toISOString()
  const local = new Date(nowMs + aheadMs(nowMs, timeZone))
  const [year, month] = [local.getUTCFullYear(), local.getUTCMonth()]
  switch (name) {
    case 'month':
      return {}
    case 'lastMonth':
      return {
        from: shown(midnight(year, month - 1, 1, timeZone)),
        to: shown(midnight(year, month, 1, timeZone)),
      }
    case 'week':
      return { from: shown(Math.floor(nowMs / hourMs) * hourMs - 7 * dayMs) }
    case 'day':
      return { from: shown(Math.floor(nowMs / hourMs) * hourMs - dayMs) }
  }
}

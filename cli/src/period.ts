import { type Given, textOption, UsageError } from './command.ts'

/** A silent machine is recorded within a minute; until then a period up to now cannot be settled. */
export const settlePatienceMs = 90_000

/** The options that name a period. */
export const periodOptions = [
  ['--from <date>', 'its beginning; default: the start of the month'],
  ['--to <date>', 'its end; default: now'],
] as const

/** An option that is a date or an instant, as RFC 3339; a date alone is its midnight by UTC. */
export function instantOption(given: Given, name: string): string | undefined {
  const text = textOption(given, name)
  if (text === undefined) return undefined
  const ms = Date.parse(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text)
  if (Number.isNaN(ms))
    throw new UsageError(`--${name} ${text} is no date such as 2026-11-01 or 2026-11-01T00:00:00Z.`)
  return new Date(ms).toISOString()
}

/** The period that was asked for; what is left out is the platform's to say. */
export function periodOf(given: Given): { from?: string; to?: string } {
  const [from, to] = [instantOption(given, 'from'), instantOption(given, 'to')]
  return { ...(from ? { from } : {}), ...(to ? { to } : {}) }
}

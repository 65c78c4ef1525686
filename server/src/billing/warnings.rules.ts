import { earlier, hourMs, type Instant, instant, minuteMs, secondMs } from '../kernel/time.ts'

/** Minutes of runway at which people are warned: time to decide, to save, to hurry; then the end. */
export const thresholds = [0, 2, 10, 60] as const
/** One of them; 0: the money is used up. */
export type Threshold = (typeof thresholds)[number]

/** Well above a threshold: half as much again, and three minutes at least. */
function rearmed(threshold: Threshold): number {
  return Math.max(threshold * 1.5, threshold + 3)
}

/** What is to be said of a runway, and what has then been said of it. */
export interface Verdict {
  /** The tightest warning since the runway was last well above it; null: none is in force. */
  readonly told: Threshold | null
  /** To be told now; null: nothing new. */
  readonly tell: Threshold | null
  /** The runway is well above every warning again. */
  readonly hasRecovered: boolean
}

/**
 * Each warning once for each falling below: the tightest that applies, and again only after the runway was
 * well above it. `minutes` is null where the money lasts for ever. Where nothing costs anything any more a
 * warning is over, and that is no recovery.
 */
export function verdictOn(told: Threshold | null, minutes: number | null, isBurning: boolean): Verdict {
  if (!isBurning) return { told: null, tell: null, hasRecovered: false }
  const reached = minutes === null ? undefined : thresholds.find((one) => minutes <= one)
  if (reached !== undefined && (told === null || reached < told))
    return { told: reached, tell: reached, hasRecovered: false }
  const held =
    told === null || minutes === null
      ? undefined
      : thresholds.find((one) => one >= told && minutes <= rearmed(one))
  return { told: held ?? null, tell: null, hasRecovered: told !== null && held === undefined }
}

/** A warning that is in force is looked at so often: money that arrives ends it. */
const lookMsWarned = 10 * secondMs
/** Money that leaves an account by itself, a chargeback say, is seen after so long at the latest. */
const lookMsUsual = minuteMs
/** The same where the money lasts for more than a day. */
const lookMsCalm = 10 * minuteMs
const calmMs = 24 * hourMs

/**
 * When to look again if nothing is recorded in the meantime: when the next warning would be due, and no later
 * than changes without a record may be missed.
 */
export function lookAgainAt(asOf: Instant, runwayUntil: Instant | null, isWatchedClosely: boolean): Instant {
  const left = runwayUntil === null ? Infinity : runwayUntil - asOf
  const most = isWatchedClosely ? lookMsWarned : left > calmMs ? lookMsCalm : lookMsUsual
  const latest = instant(asOf + most)
  const next = thresholds.toReversed().find((one) => left > one * minuteMs)
  const due = runwayUntil === null || next === undefined ? latest : instant(runwayUntil - next * minuteMs)
  return instant(Math.max(asOf + secondMs, earlier(due, latest)))
}

/** The end of what pays for an allocation, near enough to be told inside it. */
export interface Ending {
  readonly at: Instant
  readonly minutes: Exclude<Threshold, 0>
  /** The budget or limit that is used up then; null: the balance is. */
  readonly why: string | null
}

/** The furthest ahead that a machine is told of its end. */
export const endingMsMax = Math.max(...thresholds) * minuteMs

/** An end as it is told: its second, and the threshold that was reached; null: too far ahead. */
export function endingAt(at: Instant, now: Instant, why: string | null): Ending | null {
  const left = Math.floor((at - now) / secondMs) * secondMs
  const minutes = thresholds.find((one) => one > 0 && left <= one * minuteMs)
  const second = instant(Math.floor(at / secondMs) * secondMs)
  return minutes === undefined || minutes === 0 ? null : { at: second, minutes, why }
}

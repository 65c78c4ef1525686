import type { Currency } from '../kernel/money.ts'
import { hourMs, type Instant, instant, minuteMs } from '../kernel/time.ts'
import { english } from './mails.en.rules.ts'
import { chinese } from './mails.zh.rules.ts'
import { type NoticeBody, type NoticeData, type NoticeType, noticeWays } from './rules.ts'

/** A language that mails are written in. */
export type Language = 'en' | 'zh'

/** What is told by mail. */
export type MailedType = Exclude<
  NoticeType,
  'instance.changed' | 'run.changed' | 'lease.ended' | 'balance.recovered' | 'webhook.tested'
>

/** What a notice says, as it is kept: amounts are decimal strings. */
export type Kept<D> = {
  readonly [F in keyof D]: D[F] extends bigint ? string : D[F]
}

/** A mail before it is addressed. */
export interface Written {
  readonly subject: string
  readonly text: string
}

/** What every mail knows beside its notice. */
export interface Letterhead {
  readonly organization: string
  /** Where the console shows it, such as `http://localhost:7070`. */
  readonly console: string
  readonly money: (nanos: string, currency: Currency) => string
  readonly when: (instantText: string) => string
}

/** How each type is told in one language: the subject, then paragraphs. */
export type Words = {
  readonly [T in MailedType]: (data: Kept<NoticeData[T]>, head: Letterhead) => readonly [string, ...string[]]
}

const symbols: Readonly<Record<Currency, string>> = { USD: '$', EUR: '€' }

/** Nano-units as money with two decimals, cut: what is shown is never more than there is. */
function sayMoney(nanos: string, currency: Currency): string {
  const value = BigInt(nanos)
  const cents = (value < 0n ? -value : value) / 10_000_000n
  const sign = value < 0n && cents > 0n ? '-' : ''
  return `${sign}${symbols[currency]}${cents / 100n}.${String(cents % 100n).padStart(2, '0')}`
}

function sayWhen(language: Language, timeZone: string): (text: string) => string {
  const format = new Intl.DateTimeFormat(language === 'zh' ? 'zh-CN' : 'en-GB', {
    timeZone,
    dateStyle: 'long',
    timeStyle: 'short',
    hourCycle: 'h23',
  })
  return (text) => `${format.format(Date.parse(text))} (${timeZone})`
}

/** What a mail is written from. */
export interface MailFacts {
  readonly type: NoticeType
  readonly data: NoticeBody
  readonly language: Language
  readonly organization: string
  readonly timeZone: string
  readonly console: string
}

function isMailed(type: NoticeType): type is MailedType {
  return noticeWays[type].mailedTo.length > 0
}

/** Writes the mail of a notice; null where its type is not told by mail. */
export function writeMail(facts: MailFacts): Written | null {
  const { type, data, language, organization, timeZone, console } = facts
  if (!isMailed(type)) return null
  const words: Words = language === 'zh' ? chinese : english
  const head = { organization, console, money: sayMoney, when: sayWhen(language, timeZone) }
  // The data was written from that of this very type (`bodyOf`).
  const write = words[type] as (kept: NoticeBody, head: Letterhead) => readonly [string, ...string[]]
  const [subject, ...paragraphs] = write(data, head)
  return { subject, text: `${paragraphs.join('\n\n')}\n` }
}

// The pauses before each attempt at handing a mail over: a server that is down comes back within a day, and
// what greylists wants a few minutes.
const pausesMs = [0, minuteMs, 5 * minuteMs, 15 * minuteMs, hourMs, 4 * hourMs, 12 * hourMs]

/** When to try again after so many attempts; null: that was the last. */
export function nextMailAt(tries: number, now: Instant): Instant | null {
  const pause = pausesMs[tries]
  return pause === undefined ? null : instant(now + pause)
}

/** Is it too late for this mail? A warning is of no use once its time has come. */
export function isStale(type: NoticeType, data: NoticeBody, now: Instant): boolean {
  const until = type === 'balance.low' ? data['runwayUntil'] : null
  return typeof until === 'string' && Date.parse(until) <= now
}

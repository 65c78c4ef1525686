/** What the platform gives as a reason, in words of its own: a word, or a sentence with something in it. */
const words = {
  customer: 'customer',
  idle: 'idle',
  schedule: 'schedule',
  time_limit: 'time_limit',
  operator: 'operator',
  'the money for it was used up': 'used_up',
  'the platform was stopped': 'platform_stopped',
  'the record was completed later': 'completed_later',
} as const

const instant = String.raw`(?<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)`

const sentences = {
  fault: new RegExp(`^fault since ${instant}: (?<what>.+)$`),
  machine_off: /^its machine (?<what>\S+) is off$/,
  not_seen: new RegExp(`^not seen after ${instant}$`),
  ended: new RegExp(`^ended at ${instant}$`),
  stopped: new RegExp(`^stop accepted for ${instant}$`),
  used_up_at: new RegExp(`^the money was used up at ${instant}$`),
  deleted: new RegExp(`^deleted at ${instant}$`),
} as const

type Word = (typeof words)[keyof typeof words]
type Sentence = keyof typeof sentences

/** A reason that has words in every language, with what stands in it. */
export interface KnownReason {
  readonly key: Word | Sentence
  /** When it became so. */
  readonly at: string | null
  /** What somebody wrote, or what something is called. */
  readonly what: string | null
}

const isWord = (text: string): text is keyof typeof words => Object.hasOwn(words, text)

/** What a reason says; null: a sentence that has no words but its own. */
export function reasonOf(text: string): KnownReason | null {
  if (isWord(text)) return { key: words[text], at: null, what: null }
  // Object.entries forgets that the keys are those of `sentences`.
  for (const [key, form] of Object.entries(sentences) as [Sentence, RegExp][]) {
    const found = form.exec(text)
    if (found) return { key, at: found.groups?.['at'] ?? null, what: found.groups?.['what'] ?? null }
  }
  return null
}

/** How a simulated allocation behaves. Durations in ms of the world's time. */
export interface Character {
  /** What `ensure` answers instead of making it; null: it is made. */
  readonly refusal: 'spec_refused' | 'no_such_device' | 'image_unavailable' | null
  readonly pullMs: number
  readonly createMs: number
  /** From start to readiness, where doors are asked; null: they never answer. */
  readonly answerMs: number | null
  /** How and how long after its start it ends by itself; null: it runs until it is ended. */
  readonly end: { readonly afterMs: number; readonly exitCode: number; readonly outOfMemory: boolean } | null
  /** Is gone, without a trace, so long after its start. */
  readonly vanishesAfterMs: number | null
  /** Is paused, by nobody we know, so long after its start. */
  readonly pausesAfterMs: number | null
  readonly ignoresTerm: boolean
  /** Lines of output, all at its start. */
  readonly lines: number
}

const ordinary: Character = {
  refusal: null,
  pullMs: 0,
  createMs: 200,
  answerMs: 300,
  end: null,
  vanishesAfterMs: null,
  pausesAfterMs: null,
  ignoresTerm: false,
  lines: 1,
}

/** When what happens by itself happens, where the name does not say. */
const soonMs = 5000
/** A job that says nothing else ends well after this. */
const jobMs = 2000

type Trait = (numbers: readonly number[], so: Character) => Partial<Character>

const ends = (so: Character) => so.end ?? { afterMs: 1000, exitCode: 0, outOfMemory: false }

/** The words of an image's name, `N` standing for a whole number. Read from left to right, joined by `+`. */
const traits: Readonly<Record<string, Trait>> = {
  ok: () => ({}),
  'never-starts': () => ({ answerMs: null }),
  'exits-with-N': ([exitCode = 0], so) => ({ end: { ...ends(so), exitCode } }),
  'exits-after-Ns': ([seconds = 0], so) => ({ end: { ...ends(so), afterMs: seconds * 1000 } }),
  oom: (_, so) => ({ end: { ...ends(so), exitCode: 137, outOfMemory: true } }),
  vanishes: () => ({ vanishesAfterMs: soonMs }),
  'vanishes-after-Ns': ([seconds = 0]) => ({ vanishesAfterMs: seconds * 1000 }),
  pauses: () => ({ pausesAfterMs: soonMs }),
  'pauses-after-Ns': ([seconds = 0]) => ({ pausesAfterMs: seconds * 1000 }),
  'slow-pull-Ns': ([seconds = 0]) => ({ pullMs: seconds * 1000 }),
  'slow-start-Ns': ([seconds = 0]) => ({ answerMs: seconds * 1000 }),
  'ignores-term': () => ({ ignoresTerm: true }),
  'prints-N-lines': ([lines = 0]) => ({ lines }),
  'runs-for-ever': () => ({ end: null }),
  'fails-elsewhere': () => ({ refusal: 'no_such_device' }),
  refuses: () => ({ refusal: 'spec_refused' }),
  'no-image': () => ({ refusal: 'image_unavailable' }),
}

/** Every word an image's name may be made of, for the person who mistypes one. */
export const characterWords: readonly string[] = Object.keys(traits)

/**
 * Reads an image's name such as `sim/ok` or `sim/slow-start-3s+exits-with-7`. Null where a word is none of
 * `characterWords`. A job (`isJob`) that names no end exits with 0 after two seconds.
 */
export function characterOf(image: string, isJob: boolean): Character | null {
  if (!image.startsWith('sim/')) return null
  const start = { ...ordinary, end: isJob ? { afterMs: jobMs, exitCode: 0, outOfMemory: false } : null }
  let character: Character = start
  for (const word of image.slice('sim/'.length).split('+')) {
    const pattern = word.replaceAll(/\d+/g, 'N')
    // A capital is the table's own placeholder, not something that a person may write.
    const trait = Object.hasOwn(traits, pattern) && !word.includes('N') ? traits[pattern] : undefined
    if (!trait) return null
    const numbers = [...word.matchAll(/\d+/g)].map((match) => Number(match[0]))
    character = { ...character, ...trait(numbers, character) }
  }
  return character
}

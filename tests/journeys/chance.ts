import { randomInt } from 'node:crypto'

/** Names the seed of a run that is to be seen again. */
const seedVariable = 'GPUHOUR_TEST_SEED'

/** Random numbers that can be had again from their seed. */
export interface Chance {
  readonly seed: number
  /** Evenly from `least` to just below `most`. */
  between(least: number, most: number): number
}

/** Chance from the environment's seed, or from a new one; whoever uses it prints the seed. */
export function chance(): Chance {
  const seed = Number(process.env[seedVariable] ?? randomInt(2 ** 31))
  let state = seed
  // mulberry32, public domain.
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return { seed, between: (least, most) => least + next() * (most - least) }
}

import { createHash } from 'node:crypto'

/**
 * Chance that a seed determines: the same seed and name draw the same numbers, whatever other streams draw.
 */
export class Chance {
  readonly #name: string
  #state: number

  constructor(seed: string, name: string) {
    this.#name = `${seed}/${name}`
    this.#state = createHash('sha256').update(this.#name).digest().readUInt32BE()
  }

  /** A number in [0, 1). */
  next(): number {
    // mulberry32: small, well mixed, and the same on every machine.
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  /** True as often as the probability says. */
  happens(probability: number): boolean {
    return this.next() < probability
  }

  /** One of them; the list is not empty. */
  pick<T>(list: readonly T[]): T {
    const picked = list[Math.floor(this.next() * list.length)]
    if (picked === undefined) throw new Error(`${this.#name}: there is nothing to pick from`)
    return picked
  }

  /** The same things in another order. */
  shuffled<T>(list: readonly T[]): readonly T[] {
    return list
      .map((one) => ({ one, key: this.next() }))
      .sort((a, b) => a.key - b.key)
      .map(({ one }) => one)
  }
}

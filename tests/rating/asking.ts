import type { Life } from './histories.ts'

/** The rating core: the modules that decide what a history costs. */
export interface Rating {
  readonly metering: typeof import('../../server/src/metering/rules.ts')
  readonly pricing: typeof import('../../server/src/pricing/rules.ts')
  readonly billing: typeof import('../../server/src/billing/rules.ts')
  readonly leases: typeof import('../../server/src/compute/leases.rules.ts')
  readonly purses: typeof import('../../server/src/compute/purses.rules.ts')
}

/** A question, what the rating answers and what the oracle does. */
export interface Difference {
  readonly about: string
  readonly rated: unknown
  readonly oracle: unknown
}

/** Compares answers about a life; throws the first difference. */
export class Asking {
  readonly life: Life

  constructor(life: Life) {
    this.life = life
  }

  same(about: string, rated: unknown, expected: unknown): void {
    if (rated === expected) return
    throw new Differs({ about, rated, oracle: expected })
  }
}

export class Differs extends Error {
  readonly difference: Difference

  constructor(difference: Difference) {
    super(`${difference.about}: ${String(difference.rated)} instead of ${String(difference.oracle)}`)
    this.difference = difference
  }
}

import { canonical } from './canonical.ts'
import type { JsonValue } from './parse.ts'

/** What can be wrong with a bill, in the order in which it is looked for (bill.md §4). */
export type DifferenceKind = 'schema' | 'sequence' | 'hash' | 'price_book' | 'charge' | 'total' | 'after'

/** The first thing that is wrong. Only `kind` is comparable between verifiers; the rest is for people. */
export interface Difference {
  readonly kind: DifferenceKind
  /** A path into the document, as in `charges[3].amount`, or the words for a thing that is not there. */
  readonly where: string
  /** What stands there. */
  readonly found: string
  /** What is right. */
  readonly expected: string
}

/** A note may be megabytes long; a message need not be. */
const shownLengthMax = 200

/** A value as a message shows it: strings as they are, everything else as JSON, cut where it gets long. */
export function shown(value: JsonValue | undefined): string {
  if (value === undefined) return 'nothing'
  const whole = typeof value === 'string' ? value : canonical(value)
  return whole.length <= shownLengthMax ? whole : `${whole.slice(0, shownLengthMax)}…`
}

import { messageOf } from '../kernel/errors.ts'

/** Counts of what a pass did, shown on the operator's page. */
export type PassReport = Readonly<Record<string, number>>

/** Something that makes the record and the world agree. Takes no argument: it looks again each time. */
export interface Loop {
  readonly name: string
  /** The longest wait between two passes, in ms; a nudge shortens it. */
  readonly everyMs: number
  /** One pass. Must be safe to run at any moment, twice at once, and never to have run. */
  pass(signal: AbortSignal): Promise<PassReport>
}

/** What went wrong in a pass with one of many: its trouble is not the others'. */
export class Troubles {
  readonly #errors: unknown[] = []

  /** Does it; false where it failed, and then the pass goes on and fails at its end. */
  async spare(work: () => Promise<void>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (error) {
      this.#errors.push(error)
      return false
    }
  }

  /** At the end of a pass: throws what went wrong. */
  report(what: string): void {
    const [first, ...others] = this.#errors
    if (others.length > 0) throw new AggregateError(this.#errors, `${what}: ${messageOf(first)}, and others`)
    if (this.#errors.length > 0) throw first
  }
}

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

/**
 * The platform's time as far as its answers told it. A reply that says "as of 12:00:00" was written before we
 * read it, so each one bounds the difference of the two clocks from below, and the largest is the best.
 */
export function makeServerClock(local: () => number) {
  let aheadMs: number | null = null
  return {
    /** Hears an instant that the platform's clock showed before now. */
    hear(instant: string) {
      const difference = Date.parse(instant) - local()
      if (Number.isFinite(difference) && (aheadMs === null || difference > aheadMs)) aheadMs = difference
    },
    /** Milliseconds since 1970 by the platform's clock; never ahead of it. */
    now(): number {
      return local() + (aheadMs ?? 0)
    },
  }
}

/** One for the page. It runs on the monotonic clock: a laptop's time may be set while we look. */
export const serverClock = makeServerClock(() => performance.timeOrigin + performance.now())

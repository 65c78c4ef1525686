import type { Clock } from '../kernel/clock.ts'

/** How many requests somebody may send at once, and how many are given back each second. */
export interface Limit {
  readonly burst: number
  readonly perSecond: number
}

/** Generous: a console with every page open stays far below it, a loop without a pause meets it at once. */
export const callerLimit: Limit = { burst: 300, perSecond: 100 }

/**
 * Requests from one address by nobody who is known: a guesser is slowed to nothing. As many at once as a
 * caller may send, whose first requests are all a stranger's until one of them is answered.
 */
export const addressLimit: Limit = { burst: callerLimit.burst, perSecond: 10 }

/** Beyond so many callers the oldest are forgotten: they had not been seen for longest. */
const callersMax = 10_000

/** What became of a request for a token. */
export interface Taken {
  readonly allowed: boolean
  readonly remaining: number
  /** Whole seconds until at least one is there. */
  readonly retryAfter: number
}

/** Token buckets by caller, in memory: a restart forgives. */
export function makeLimiter(limit: Limit, clock: Clock) {
  const buckets = new Map<string, { tokens: number; at: number }>()
  return {
    take(caller: string): Taken {
      const now = clock.monotonic()
      const before = buckets.get(caller) ?? { tokens: limit.burst, at: now }
      const tokens = Math.min(limit.burst, before.tokens + ((now - before.at) / 1000) * limit.perSecond)
      const allowed = tokens >= 1
      // Deleted first, so that the map stays ordered by last use.
      buckets.delete(caller)
      buckets.set(caller, { tokens: allowed ? tokens - 1 : tokens, at: now })
      const [oldest] = buckets.keys()
      if (buckets.size > callersMax && oldest !== undefined) buckets.delete(oldest)
      const remaining = Math.floor(allowed ? tokens - 1 : tokens)
      return { allowed, remaining, retryAfter: Math.max(1, Math.ceil((1 - tokens) / limit.perSecond)) }
    },
    /** As if it had not been taken. */
    giveBack(caller: string): void {
      const bucket = buckets.get(caller)
      if (bucket) bucket.tokens = Math.min(limit.burst, bucket.tokens + 1)
    },
  }
}

import { setTimeout as delay } from 'node:timers/promises'
import { type Instant, instant } from './time.ts'

/** The time of day, elapsed time, and waiting. Production has one, the simulation another. */
export interface Clock {
  /** The time of day, for records. It may jump. */
  now(): Instant
  /** For measuring how long something took, in ms. Never goes back; meaningless across restarts. */
  monotonic(): number
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => instant(Date.now()),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    signal.throwIfAborted()
    await delay(ms, undefined, { signal }).catch((error: unknown) => {
      signal.throwIfAborted()
      throw error
    })
  },
}

interface Sleeper {
  readonly wakeAt: number
  readonly wake: () => void
}

/** A clock that moves only when told to. */
export class SimulatedClock implements Clock {
  #nowMs: number
  #elapsedMs = 0
  #sleepers: Sleeper[] = []

  constructor(start: Instant) {
    this.#nowMs = start
  }

  now(): Instant {
    return instant(this.#nowMs)
  }

  monotonic(): number {
    return this.#elapsedMs
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const sleeper = { wakeAt: this.#elapsedMs + ms, wake: resolve }
      this.#sleepers.push(sleeper)
      signal.addEventListener('abort', () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper)
        reject(signal.reason)
      })
    })
  }

  /** Moves time forward; resolves when everything that came due on the way has run. */
  async advance(ms: number): Promise<void> {
    const until = this.#elapsedMs + ms
    for (;;) {
      this.#sleepers.sort((a, b) => a.wakeAt - b.wakeAt)
      const next = this.#sleepers[0]
      if (!next || next.wakeAt > until) break
      this.#sleepers.shift()
      this.#move(next.wakeAt - this.#elapsedMs)
      next.wake()
      // A turn of the event loop lets what was woken run, and sleep again, before time moves on.
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.#move(until - this.#elapsedMs)
  }

  /** Moves the time of day alone, as an administrator or NTP may. */
  step(ms: number): void {
    this.#nowMs += ms
  }

  #move(ms: number): void {
    this.#elapsedMs += ms
    this.#nowMs += ms
  }
}

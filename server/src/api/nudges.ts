import type { Clock } from '../kernel/clock.ts'
import type { Channel, Store } from '../store/store.ts'

/** Somebody who waits for something to change. */
export interface Nudged {
  /** Resolves at the next nudge since the last call, or after the time; rejects with the signal's reason. */
  wait(ms: number, signal: AbortSignal): Promise<void>
  close(): void
}

/**
 * One listening connection for all streams of this process. A nudge shortens a wait; it never carries a
 * fact.
 */
export interface Nudges {
  /** Of these subjects only; a nudge without a subject is everybody's. */
  follow(channels: readonly Channel[], concerns: (subject: string) => boolean): Nudged
  close(): Promise<void>
}

const channels: readonly Channel[] = ['compute', 'logs', 'images', 'billing']

/** Begins to listen. */
export async function openNudges(store: Store, clock: Clock): Promise<Nudges> {
  const heard = new Set<(channel: Channel, subject: string) => void>()
  const close = await store.listen(channels, (channel, payload) => {
    for (const one of heard) one(channel, payload)
  })
  return {
    close,
    follow(wanted, concerns) {
      let isDirty = false
      let wake: (() => void) | null = null
      const listener = (channel: Channel, subject: string): void => {
        if (!wanted.includes(channel) || (subject !== '' && !concerns(subject))) return
        isDirty = true
        wake?.()
      }
      heard.add(listener)
      return {
        close: () => void heard.delete(listener),
        async wait(ms, signal) {
          signal.throwIfAborted()
          if (!isDirty) {
            const nudged = new AbortController()
            wake = () => nudged.abort()
            // Woken early or late: either way there is something to look at.
            await clock.sleep(ms, AbortSignal.any([signal, nudged.signal])).catch(() => {})
            wake = null
          }
          isDirty = false
          signal.throwIfAborted()
        },
      }
    },
  }
}

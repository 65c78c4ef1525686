import type { Clock } from '../kernel/clock.ts'
import type { Id } from '../kernel/ids.ts'
import { hourMs, secondMs } from '../kernel/time.ts'
import {
  attemptOf,
  type DeliveryRow,
  dueDeliveries,
  forgetOld,
  recordAttempt,
  routeNotices,
} from '../notices/deliveries.ts'
import type { Store } from '../store/store.ts'
import type { Loop, PassReport } from './loop.ts'
import type { SendWebhook } from './webhook_sender.ts'

/** What the outbox works with. */
export interface OutboxParts {
  readonly store: Store
  readonly send: SendWebhook
  readonly clock: Clock
  readonly installation: string
  /** Asks for another pass at once: something was sent, and more may be waiting behind it. */
  readonly nudge: () => void
  readonly onTrouble: (subject: string, what: string, error: unknown) => void
  /** True: a pass does not wait for answers. False in tests. */
  readonly inBackground: boolean
}

/** Requests to one webhook at a time: a slow one waits for itself. */
const eachMax = 4
/** Requests in all. */
const allMax = 64

/** Settles to whom notices go, and sends what is due to webhooks. */
export function makeOutbox(parts: OutboxParts): Loop {
  const { store, clock, onTrouble } = parts
  const inFlight = new Map<Id<'delivery'>, { readonly webhook: string; readonly done: Promise<void> }>()
  let forgotAt = -hourMs

  const begin = (row: DeliveryRow, signal: AbortSignal): boolean => {
    const { id, webhook } = row
    const same = [...inFlight.values()].filter((one) => one.webhook === webhook)
    if (inFlight.has(id) || same.length >= eachMax || inFlight.size >= allMax) return false
    const done = deliver(parts, id, signal)
      .catch((error: unknown) => {
        if (!signal.aborted) onTrouble(id, 'delivering a notice', error)
      })
      .finally(() => {
        inFlight.delete(id)
        parts.nudge()
      })
    inFlight.set(id, { webhook, done })
    return true
  }

  return {
    name: 'outbox',
    everyMs: secondMs,
    async pass(signal): Promise<PassReport> {
      const counts = { routed: 0, begun: 0, forgotten: 0 }
      counts.routed = await store.transact((tx) => routeNotices(tx))
      const due = await store.read(async (tx) => dueDeliveries(tx, await tx.now(), 2 * eachMax))
      for (const row of due) {
        signal.throwIfAborted()
        if (begin(row, signal)) counts.begun += 1
      }
      if (!parts.inBackground) await Promise.all([...inFlight.values()].map(({ done }) => done))
      if (clock.monotonic() - forgotAt >= hourMs) {
        counts.forgotten = await store.transact((tx) => forgetOld(tx))
        if (counts.forgotten === 0) forgotAt = clock.monotonic()
      }
      return counts
    },
  }
}

/** One attempt. What was not answered because we end is not an attempt: it is made again. */
async function deliver(
  { store, send, installation }: OutboxParts,
  id: Id<'delivery'>,
  signal: AbortSignal,
): Promise<void> {
  const attempt = await store.read((tx) => attemptOf(tx, id, installation))
  if (!attempt) return
  const outcome = await send(attempt, signal)
  await store.transact((tx) => recordAttempt(tx, attempt, outcome))
}

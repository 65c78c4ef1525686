import type { HistoryEvent } from '@gpuhour/sdk/contract'
import * as compute from '../compute/compute.ts'
import type { SubjectId } from '../kernel/ids.ts'
import type { Tx } from '../store/store.ts'
import type { Principal } from '../tenancy/rules.ts'
import type { ApiParts } from './parts.ts'
import { historyView } from './views.rules.ts'

/** Without a nudge a stream looks again after this long, in ms: costs and bytes move without one. */
const lookAgainMs = 2_000

/** Changes read at once; more than a subject has at any moment. */
const eventsAtOnce = 500

/** What is followed, and from where. */
export interface Following {
  readonly subject: SubjectId
  readonly lastEventId: string | null
  readonly signal: AbortSignal
  readonly principalNow: () => Promise<Principal>
}

/** The id after which a stream goes on; anything that is none of ours begins at the beginning. */
export function resumeAfter(lastEventId: string | null): number {
  return lastEventId !== null && /^\d{1,15}$/.test(lastEventId) ? Number(lastEventId) : 0
}

type HistoryBatch = { readonly event: 'event'; readonly data: HistoryEvent; readonly id: string }

/**
 * The history of a subject as events with ids, and a view of it whenever that changed. `look` throws where
 * the principal may look no more.
 */
export async function* followSubject<V extends { readonly event: string; readonly data: object }>(
  { store, nudges }: ApiParts,
  { subject, lastEventId, signal, principalNow }: Following,
  look: (tx: Tx, principal: Principal) => Promise<V>,
): AsyncGenerator<readonly (V | HistoryBatch)[]> {
  const nudged = nudges.follow(['compute', 'logs', 'images', 'billing'], (id) => id === subject)
  let after = BigInt(resumeAfter(lastEventId))
  let lastView = ''
  try {
    while (!signal.aborted) {
      const principal = await principalNow()
      const { events, seen } = await store.read(async (tx) => ({
        events: await compute.eventsOf(tx, subject, after, eventsAtOnce),
        seen: await look(tx, principal),
      }))
      after = events.at(-1)?.seq ?? after
      const batch: (V | HistoryBatch)[] = events.map((row) => {
        const data = historyView(row)
        return { event: 'event', data, id: String(data.seq) }
      })
      const text = withoutClock(seen.data)
      if (text !== lastView) batch.push(seen)
      lastView = text
      if (batch.length > 0) yield batch
      await nudged.wait(lookAgainMs, signal).catch(() => {})
    }
  } finally {
    nudged.close()
  }
}

/** A view without what moves by time alone: a client computes that from `asOf` and the rate. */
export function withoutClock(view: object): string {
  const moving: ReadonlySet<string> = new Set([
    'asOf',
    'amountNanos',
    'allocationNanos',
    'paidMillis',
    'gpuHours',
    'cpuHours',
    'lastSeenAt',
  ])
  return JSON.stringify(view, (key, value: unknown) => (moving.has(key) ? undefined : value))
}

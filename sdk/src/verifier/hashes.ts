import type { Bill, UsageEvent } from './bill.ts'
import { canonicalWithout } from './canonical.ts'
import type { Difference } from './difference.ts'
import type { JsonObject } from './parse.ts'

/** What stands as `prevHash` where nothing stands before. */
const hashBeforeAll = '0'.repeat(64)

/** Digests under way at once: enough to keep the platform's threads busy, few enough to stay small. */
const batchLength = 1024

/** The first event whose `prevHash` or `hash` is not what its resource's history makes it. */
export async function differenceInHashes(bill: Bill): Promise<Difference | null> {
  for (let start = 0; start < bill.events.length; start += batchLength) {
    const batch = bill.events.slice(start, start + batchLength)
    const hashes = await Promise.all(batch.map(({ source }) => hashOf(source)))
    for (const [index, event] of batch.entries()) {
      const found = differenceInHash(event, bill.events[event.index - 1], hashes[index] ?? '')
      if (found !== null) return found
    }
  }
  return null
}

/** SHA-256, lower-case hex, of the canonical form of an event or price book without its `hash`. */
export async function hashOf(source: JsonObject): Promise<string> {
  const bytes = new TextEncoder().encode(canonicalWithout(source, 'hash'))
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest, (byte) => hexOfByte[byte]).join('')
}

const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

function differenceInHash(
  event: UsageEvent,
  before: UsageEvent | undefined,
  hash: string,
): Difference | null {
  const prevHash = before?.resource === event.resource ? before.hash : hashBeforeAll
  const where = `events[${event.index}]`
  if (event.prevHash !== prevHash) {
    return { kind: 'hash', where: `${where}.prevHash`, found: event.prevHash, expected: prevHash }
  }
  if (event.hash !== hash) return { kind: 'hash', where: `${where}.hash`, found: event.hash, expected: hash }
  return null
}

import type { Bill, UsageEvent } from './bill.ts'
import { canonicalWithout } from './canonical.ts'
import type { Difference } from './difference.ts'
import type { JsonObject } from './parse.ts'
import { sha256 } from './sha256.ts'

/** What stands as `prevHash` where nothing stands before. */
const hashBeforeAll = '0'.repeat(64)

/** The first event whose `prevHash` or `hash` is not what its resource's history makes it. */
export function differenceInHashes(bill: Bill): Difference | null {
  for (const event of bill.events) {
    const found = differenceInHash(event, bill.events[event.index - 1])
    if (found !== null) return found
  }
  return null
}

/** SHA-256, lower-case hex, of the canonical form of an event or price book without its `hash`. */
export function hashOf(source: JsonObject): string {
  return sha256(canonicalWithout(source, 'hash'))
}

function differenceInHash(event: UsageEvent, before: UsageEvent | undefined): Difference | null {
  const prevHash = before?.resource === event.resource ? before.hash : hashBeforeAll
  const where = `events[${event.index}]`
  if (event.prevHash !== prevHash) {
    return { kind: 'hash', where: `${where}.prevHash`, found: event.prevHash, expected: prevHash }
  }
  const hash = hashOf(event.source)
  if (event.hash !== hash) return { kind: 'hash', where: `${where}.hash`, found: event.hash, expected: hash }
  return null
}

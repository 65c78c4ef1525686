import { invariant } from '../kernel/errors.ts'
import type { OrganizationId } from '../kernel/ids.ts'
import { type Instant, instant, later } from '../kernel/time.ts'
import type { Tx } from '../store/store.ts'
import * as rows from './rows.ts'
import { chained, type NewEvent, type ResourceId, type UsageEvent } from './rules.ts'

/**
 * Locks the journal of an organization until the transaction ends and returns its floor: nothing is recorded
 * before it. Recording and settling both take this lock, so what a settlement at S did not see is recorded at
 * S or later, and a period's bill stays the same for ever. Comes after leases and before ledger accounts; a
 * transaction that needs two organizations takes them in ascending order.
 */
export async function lock(tx: Tx, organization: OrganizationId): Promise<Instant> {
  const floor = await rows.lockJournal(tx, organization)
  if (floor !== null) return floor
  await rows.insertJournal(tx, organization)
  return (await rows.lockJournal(tx, organization)) ?? instant(0)
}

/** Under the lock: nothing of this organization is recorded before the instant any more. */
export async function raiseFloor(tx: Tx, organization: OrganizationId, floor: Instant): Promise<void> {
  await rows.updateFloor(tx, organization, floor)
}

/**
 * Appends events to the chain of a resource; answers with all its events, the new ones last. Called by
 * metering, which turns them into paid time in the same call. `recordedAt` is read under the lock and never
 * falls.
 */
export async function append(
  tx: Tx,
  resource: ResourceId,
  organization: OrganizationId,
  events: readonly NewEvent[],
): Promise<{ readonly recordedAt: Instant; readonly events: readonly UsageEvent[] }> {
  const floor = await lock(tx, organization)
  const head = await rows.selectHead(tx, resource)
  invariant(head === null || head.organization === organization, 'a resource keeps its organization', {
    resource,
  })
  const before = head === null ? [] : await rows.selectEvents(tx, [resource])
  const recordedAt = later(later(await tx.now(), floor), head?.recordedAt ?? floor)
  const added = chained(resource, before, events, recordedAt)
  const last = added.at(-1)
  if (last) {
    await rows.upsertHead(tx, organization, last)
    await rows.insertEvents(tx, added)
  }
  return { recordedAt, events: [...before, ...added] }
}

/** All events of a resource, oldest first; none where it has no journal. */
export async function eventsOf(tx: Tx, resource: ResourceId): Promise<readonly UsageEvent[]> {
  return rows.selectEvents(tx, [resource])
}

/** All events of the resources, in byte order of resource, then oldest first. */
export async function eventsOfAll(tx: Tx, resources: readonly ResourceId[]): Promise<readonly UsageEvent[]> {
  return resources.length === 0 ? [] : rows.selectEvents(tx, resources)
}

/** What a page of events is asked by. */
export interface EventPage {
  readonly resource?: string | undefined
  /** The last one of the page before. */
  readonly after?: { readonly resource: string; readonly seq: number } | undefined
  readonly limit: number
}

/** A page of an organization's events, in the order of the open bill. */
export async function events(
  tx: Tx,
  organization: OrganizationId,
  page: EventPage,
): Promise<readonly UsageEvent[]> {
  return rows.selectEventPage(tx, organization, page.resource ?? null, page.after ?? null, page.limit)
}

/** When the first event of an organization was recorded; null: none yet. */
export async function firstRecordedAt(tx: Tx, organization: OrganizationId): Promise<Instant | null> {
  return rows.selectFirstRecordedAt(tx, organization)
}

/**
 * Called by billing, under the lock, for resources that it settled up to the instant: they are due again from
 * their first event recorded at or after it, or by time alone where they accrue.
 */
export async function markSettled(
  tx: Tx,
  settled: readonly { readonly resource: ResourceId; readonly accrues: boolean }[],
  upTo: Instant,
): Promise<void> {
  if (settled.length > 0) await rows.updateSettled(tx, settled, upTo)
}

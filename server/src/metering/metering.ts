import { append, eventsOf } from '../journal/journal.ts'
import { isAllocation, type NewEvent, type ResourceId, type UsageEvent } from '../journal/rules.ts'
import { invariant } from '../kernel/errors.ts'
import type { AllocationId, OrganizationId } from '../kernel/ids.ts'
import { type Instant, instant } from '../kernel/time.ts'
import type { Tx } from '../store/store.ts'
import * as rows from './rows.ts'
import { fold, paidMillis, type Spell } from './rules.ts'

/** What is paid of a resource after its newest event. */
export interface Metered {
  /** A spell is open: it is paid now. */
  readonly open: boolean
  /** No spell ever opens again. */
  readonly closedForGood: boolean
  readonly everReady: boolean
  readonly openSince: Instant | null
  /** Paid milliseconds of its closed spells. */
  readonly closedMillis: bigint
  /** When the newest event was recorded. */
  readonly recordedAt: Instant
}

/**
 * Appends events of a resource and refolds its spells, in the caller's transaction (which holds the locks
 * that come before the journal's: its subject, its allocation, its lease). Storage has no spells: what it
 * answers is that nothing of that kind is open.
 */
export async function record(
  tx: Tx,
  resource: ResourceId,
  organization: OrganizationId,
  events: readonly NewEvent[],
): Promise<Metered> {
  const appended = await append(tx, resource, organization, events)
  if (isAllocation(resource)) await refold(tx, resource, appended.events)
  await tx.notify('billing', organization)
  return meteredOf(appended.events)
}

/** What is paid of an allocation as its journal stands; throws where it has none. */
export async function stateOf(tx: Tx, allocation: AllocationId): Promise<Metered> {
  const events = await eventsOf(tx, allocation)
  invariant(events.length > 0, 'an allocation has a journal', { allocation })
  return meteredOf(events)
}

/** The spells of many allocations, oldest first; an allocation without any is absent. */
export async function spellsOfAll(
  tx: Tx,
  allocations: readonly AllocationId[],
): Promise<ReadonlyMap<AllocationId, readonly Spell[]>> {
  const found = new Map<AllocationId, Spell[]>()
  if (allocations.length === 0) return found
  for (const { allocation, from, to } of await rows.selectSpellsOfAll(tx, allocations)) {
    const spells = found.get(allocation)
    if (spells) spells.push({ from, to })
    else found.set(allocation, [{ from, to }])
  }
  return found
}

function meteredOf(events: readonly UsageEvent[]): Metered {
  const { spells, closedForGood, everReady } = fold(events)
  const last = spells.at(-1)
  const openSince = last?.to === null ? last.from : null
  const closed = spells.filter(({ to }) => to !== null)
  return {
    open: openSince !== null,
    closedForGood,
    everReady,
    openSince,
    closedMillis: paidMillis(closed, closed.at(-1)?.to ?? instant(0)),
    recordedAt: events.at(-1)?.recordedAt ?? instant(0),
  }
}

/** Makes the projection what the events say, writing only what differs. */
async function refold(tx: Tx, allocation: AllocationId, events: readonly UsageEvent[]): Promise<void> {
  const wanted = fold(events).spells
  const present = await rows.selectSpells(tx, allocation)
  const isIn = (spells: readonly Spell[], { from, to }: Spell): boolean =>
    spells.some((spell) => spell.from === from && spell.to === to)
  const wrong = present.filter((spell) => !isIn(wanted, spell))
  const missing = wanted.filter((spell) => !isIn(present, spell))
  if (wrong.length > 0) await rows.deleteSpells(tx, allocation, wrong)
  if (missing.length > 0) await rows.insertSpells(tx, allocation, missing)
}

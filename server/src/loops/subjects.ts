import * as allocations from '../compute/allocations.ts'
import type { Look, LookTimes } from '../compute/allocations.rules.ts'
import * as compute from '../compute/compute.ts'
import type { Purse } from '../compute/purses.rules.ts'
import type { FlavorShape } from '../catalog/flavors.rules.ts'
import type { Line } from '../journal/rules.ts'
import * as jobs from '../jobs/jobs.ts'
import type { AllocationId, OrganizationId, PriceBookId, SubjectId } from '../kernel/ids.ts'
import { asId } from '../kernel/ids.ts'
import { invariant } from '../kernel/errors.ts'
import type { Currency } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import type { Choice } from '../placement/rules.ts'
import type { Tx } from '../store/store.ts'
import { organization } from '../tenancy/tenancy.ts'

/*
 * Instances and runs live by the same allocations; these are the verbs of both, told apart by the prefix of
 * the id.
 */

/** Is the subject an instance? Otherwise it is a run. */
export function isInstance(subject: SubjectId): boolean {
  return subject.startsWith('ins_')
}

/** A subject with a live allocation. */
export interface Living {
  readonly subject: SubjectId
  readonly allocation: AllocationId
  readonly state: string
  readonly intent: string
}

/** Every subject with a live allocation, by the allocation's id. */
export async function living(tx: Tx): Promise<ReadonlyMap<AllocationId, Living>> {
  const all = [...(await compute.liveInstances(tx)), ...(await jobs.liveRuns(tx))]
  return new Map(
    all.flatMap(({ id, allocation, state, intent }) =>
      allocation ? [[allocation, { subject: id, allocation, state, intent }] as const] : [],
    ),
  )
}

/** Writes what one look at a live allocation means; answers the state it left the subject in. */
export async function learn(
  tx: Tx,
  { subject, allocation }: Living,
  look: Look,
  times: Omit<LookTimes, 'now'>,
): Promise<string | null> {
  return isInstance(subject)
    ? allocations.learn(tx, compute.instanceLifecycle, subject, allocation, look, times)
    : allocations.learn(tx, jobs.runLifecycle, subject, allocation, look, times)
}

/** The platform is told to stop, and will look again at its next start. */
export async function recordLeave(tx: Tx, { subject, allocation }: Living): Promise<void> {
  return isInstance(subject)
    ? allocations.recordLeave(tx, compute.instanceLifecycle, subject, allocation)
    : allocations.recordLeave(tx, jobs.runLifecycle, subject, allocation)
}

/** Nothing of the allocation is left. */
export async function recordReleased(tx: Tx, { subject, allocation }: Living, actor: string): Promise<void> {
  return isInstance(subject)
    ? allocations.recordReleased(tx, compute.instanceLifecycle, subject, allocation, { actor })
    : allocations.recordReleased(tx, jobs.runLifecycle, subject, allocation, { actor })
}

/** The money of the allocation's lease was used up at this second. */
export async function endLease(
  tx: Tx,
  subject: SubjectId,
  allocation: AllocationId,
  usedUpAt: Instant,
  why: string | null,
): Promise<void> {
  return isInstance(subject)
    ? allocations.endLease(tx, compute.instanceLifecycle, subject, allocation, usedUpAt, why)
    : allocations.endLease(tx, jobs.runLifecycle, subject, allocation, usedUpAt, why)
}

/** A preparation that cannot go on, if it still is one of this allocation. */
export async function prepareFailed(tx: Tx, living: Living, why: string, elsewhere: boolean): Promise<void> {
  const { subject, allocation } = living
  const info = { actor: 'reconciler', detail: why, elsewhere }
  const fail = async <S extends allocations.Subject>(life: allocations.Lifecycle<S>): Promise<void> => {
    const row = await life.lock(tx, subject)
    if (row?.allocation === allocation && row.state === 'preparing')
      await life.advance(tx, row, 'prepare_failed', info)
  }
  return isInstance(subject) ? fail(compute.instanceLifecycle) : fail(jobs.runLifecycle)
}

/** A start that can never succeed. */
export async function refuse(tx: Tx, subject: SubjectId, why: string): Promise<void> {
  return isInstance(subject)
    ? compute.refuse(tx, asId('instance', subject), why)
    : jobs.refuse(tx, asId('run', subject), why)
}

/** What the placer chose for a subject. */
export interface Given {
  readonly choice: Choice
  readonly flavor: FlavorShape
  /** What an hour of it is made of by the book. */
  readonly lines: readonly Line[]
  readonly imageVersion: string
  readonly book: PriceBookId
  /** What budgets and limits still allow. */
  readonly purses: readonly Purse[]
}

/** Locks a subject that still waits for devices; null where it no longer does. */
export async function lockWaiting(
  tx: Tx,
  subject: SubjectId,
): Promise<
  ((given: Given) => Promise<{ ok: true } | { ok: false; shortfall: bigint; purse: Purse['name'] }>) | null
> {
  const waiting = async <S extends allocations.Subject>(life: allocations.Lifecycle<S>) => {
    const row = await life.lock(tx, subject)
    if (row?.state !== 'queued') return null
    return (given: Given) => allocations.allocate(tx, life, row, given)
  }
  return isInstance(subject) ? waiting(compute.instanceLifecycle) : waiting(jobs.runLifecycle)
}

/** The volume that a subject has as its home; null for a run whose home is scratch. */
export async function homeOf(tx: Tx, subject: SubjectId): Promise<string | null> {
  if (isInstance(subject)) return (await compute.instance(tx, asId('instance', subject)))?.home ?? null
  return (await jobs.run(tx, asId('run', subject)))?.volume ?? null
}

/** The currency that an organization pays in. */
export async function currencyOf(tx: Tx, id: OrganizationId): Promise<Currency> {
  const payer = await organization(tx, id)
  invariant(payer, 'everything belongs to an organization', { id })
  return payer.currency
}

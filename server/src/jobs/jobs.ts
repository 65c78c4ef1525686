import { type EventInfo, type Lifecycle, recordStop } from '../compute/allocations.ts'
import { backOff, tell } from '../compute/compute.ts'
import { isLive, type Life, type LifecycleEvent, tellsWhy } from '../compute/rules.ts'
import { AppError, invariant, notFound } from '../kernel/errors.ts'
import { asId, type RunId } from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'
import { emit } from '../notices/notices.ts'
import type { NoticeData } from '../notices/rules.ts'
import * as placement from '../placement/placement.ts'
import * as storage from '../storage/storage.ts'
import type { Tx } from '../store/store.ts'
import * as rows from './rows.ts'
import { type CancelOutcome, hasEnded, type RunEvent, type RunState, stepRun } from './rules.ts'

export type { FreshRun, RunRow } from './rows.ts'
export {
  costLimitedRuns,
  limitedRuns,
  liveRuns,
  markLogComplete,
  run,
  runsOf,
  runsWithOpenLog,
} from './rows.ts'

/**
 * Makes a run that waits for its devices. The same request again answers `created: false` and what is there.
 */
export async function create(
  tx: Tx,
  fresh: rows.FreshRun,
): Promise<{ readonly run: rows.RunRow; readonly created: boolean }> {
  const there = await rows.lockRun(tx, fresh.id)
  if (there) {
    if (there.requestHash === fresh.requestHash && there.project === fresh.project)
      return { run: there, created: false }
    throw new AppError('conflict', `The id ${fresh.id} names another run. Make a new id.`, undefined, [
      { pointer: '/id', message: 'was used for another request' },
    ])
  }
  const now = await tx.now()
  await rows.insertRun(tx, fresh, now)
  const change = { event: 'created', from: null, to: 'queued', intent: 'running' }
  await tell(tx, fresh.id, change, null, { actor: fresh.createdBy })
  await announce(tx, fresh, { ...change, allocation: null, reason: null, exitCode: null })
  await enqueue(tx, fresh, now)
  return { run: await mustLock(tx, fresh.id), created: true }
}

async function mustLock(tx: Tx, id: RunId): Promise<rows.RunRow> {
  const row = await rows.lockRun(tx, id)
  if (!row) throw notFound('run', id)
  return row
}

async function enqueue(tx: Tx, row: rows.FreshRun, requestedAt: Instant): Promise<void> {
  const { id: subject, organization, project, flavor, image, version } = row
  const notBefore = await backOff(tx, project, requestedAt)
  await placement.queue(tx, {
    subject,
    organization,
    project,
    flavor,
    image,
    version,
    requestedAt,
    notBefore,
  })
  await tx.notify('placement')
}

/** Asks a run to end: free from the moment it is accepted. On a run that is over, nothing changes. */
export async function cancel(
  tx: Tx,
  id: RunId,
  actor: string,
  reason: 'customer' | 'time_limit' | 'operator' = 'customer',
  stopAt: Instant | 'now' = 'now',
): Promise<rows.RunRow> {
  const row = await mustLock(tx, id)
  if (row.allocation && row.state !== 'stopping') await recordStop(tx, row.allocation, reason, stopAt)
  const cancelAs: CancelOutcome = reason === 'time_limit' ? 'timed_out' : 'canceled'
  return transition(tx, row, 'stop_requested', { actor, detail: reason, cancelAs })
}

/** What the placer learned for good: a start that can never succeed. */
export async function refuse(tx: Tx, id: RunId, why: string): Promise<void> {
  const row = await mustLock(tx, id)
  if (row.state === 'queued') await transition(tx, row, 'refused_for_good', { actor: 'placer', detail: why })
}

/** How the loops lock and move a run. */
export const runLifecycle: Lifecycle<rows.RunRow> = {
  purpose: 'attempt',
  lock: (tx, id) => rows.lockRun(tx, asId('run', id)),
  advance: (tx, row, event, info) => {
    invariant(isRunEvent(event), `a run knows no ${event}`)
    // The lease keeper asks for a stop without a word of its own: its money was used up.
    const unpaid = info.actor === 'lease_keeper' ? { cancelAs: 'unpaid' as const } : {}
    const exitedCleanly = info.exit?.exitCode === 0 && !info.exit.outOfMemory
    return transition(tx, row, event, { ...info, ...unpaid, exitedCleanly })
  },
  asked: ({ id, project, createdBy, askedKey, name }) => ({
    subject: id,
    project,
    askedBy: createdBy,
    askedKey,
    job: name,
  }),
}

function isRunEvent(event: LifecycleEvent): event is RunEvent {
  return event !== 'start_requested' && event !== 'delete_requested' && event !== 'purged'
}

/** The one place where a run's state is assigned. */
async function transition(
  tx: Tx,
  row: rows.RunRow,
  event: RunEvent,
  info: EventInfo & { readonly cancelAs?: CancelOutcome },
): Promise<rows.RunRow> {
  const step = stepRun(row, event, info)
  invariant(step.kind === 'moved', `a run that is ${row.state} cannot see ${event}`, { run: row.id })
  const now = await tx.now()
  const next = withEffects(row, step.life, event, info, now)
  const isChanged = next.state !== row.state || next.intent !== row.intent || next.outcome !== row.outcome
  // A fault is told of even where it changes nothing any more: it is the customer's money.
  const isTold = isChanged || event === 'fault_found'
  if (!isTold && !info.exit) return row
  await rows.writeRunLife(tx, next)
  if (!isTold) return next
  const change = { event, from: row.state, to: next.state, intent: next.intent }
  const allocation = next.allocation ?? row.allocation
  await tell(tx, row.id, change, allocation, info)
  await announce(tx, row, { ...change, allocation, reason: next.reason, exitCode: next.exitCode })
  if (row.state === 'queued' && next.state !== 'queued') await placement.deleteRequest(tx, row.id)
  if (next.state === 'queued' && row.state !== 'queued') {
    await rows.reopenLog(tx, row.id)
    await enqueue(tx, next, now)
  }
  if (isLive(row.state) && !isLive(next.state)) await storage.detach(tx, row.id)
  await tx.notify('logs', row.id)
  return next
}

/** Tells the organization's own programs. */
async function announce(
  tx: Tx,
  { id, organization, project, name }: Pick<rows.RunRow, 'id' | 'organization' | 'project' | 'name'>,
  change: Omit<NoticeData['run.changed'], 'name'>,
): Promise<void> {
  await emit(tx, { organization, project, type: 'run.changed', subject: id, data: { name, ...change } })
}

function withEffects(
  row: rows.RunRow,
  life: Life<RunState>,
  event: RunEvent,
  info: EventInfo,
  now: Instant,
): rows.RunRow {
  const exit = info.exit
    ? { exitCode: info.exit.exitCode, exitSignal: info.exit.signal, outOfMemory: info.exit.outOfMemory }
    : {}
  const isOver = hasEnded(life.state) && !hasEnded(row.state)
  return {
    ...row,
    ...life,
    // A run has no intent `deleted`: its table knows no such event.
    intent: life.intent === 'stopped' ? 'stopped' : 'running',
    ...exit,
    ...(info.detail && tellsWhy(event, row, life) ? { reason: info.detail } : {}),
    allocation: isLive(life.state) ? row.allocation : null,
    changedAt: now,
    endedAt: isOver ? now : row.endedAt,
  }
}

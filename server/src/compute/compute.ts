import { AppError, notFound } from '../kernel/errors.ts'
import {
  type AllocationId,
  asId,
  type InstanceId,
  newSecret,
  type ProjectId,
  type SubjectId,
} from '../kernel/ids.ts'
import { makeSshKey } from '../kernel/sshkeys.ts'
import { hourMs, type Instant, instant, minuteMs } from '../kernel/time.ts'
import { emit } from '../notices/notices.ts'
import * as placement from '../placement/placement.ts'
import * as storage from '../storage/storage.ts'
import type { Tx } from '../store/store.ts'
import { type EventInfo, type Lifecycle, recordStop } from './allocations.ts'
import * as rows from './rows.ts'
import { isLive, type Life, type LifecycleEvent, stepInstance, tellsWhy } from './rules.ts'

export type { InstanceEventRow, InstanceRow, RouteRow } from './rows.ts'
export {
  anomalies,
  deletingInstances,
  door,
  askedAtOf,
  eventsOf,
  instance,
  instanceByName,
  instancesOf,
  liveInstances,
  upsertRoute,
} from './rows.ts'

/** An instance to be made; the caller makes the id. */
export interface NewInstance {
  readonly id: InstanceId
  readonly organization: rows.InstanceRow['organization']
  readonly project: ProjectId
  readonly name: string
  readonly image: string
  readonly version: string
  readonly flavor: string
  readonly homeGib: number
  readonly createdBy: string
  /** The API key with which it is asked for; null: none. */
  readonly askedKey: string | null
  /** Digest of the request: the same bytes twice find the same instance. */
  readonly requestHash: string
}

/** Makes an instance that wants to run. The same request again answers `created: false` and what is there. */
export async function create(
  tx: Tx,
  fresh: NewInstance,
): Promise<{ readonly instance: rows.InstanceRow; readonly created: boolean }> {
  const there = await rows.lockInstance(tx, fresh.id)
  if (there) {
    if (there.requestHash === fresh.requestHash && there.project === fresh.project)
      return { instance: there, created: false }
    throw differs(there, fresh)
  }
  if (await rows.instanceByName(tx, fresh.project, fresh.name))
    throw new AppError(
      'conflict',
      `An instance "${fresh.name}" exists already. Choose another name.`,
      undefined,
      [{ pointer: '/name', message: 'is taken' }],
    )
  const { homeGib, ...row } = fresh
  const createdAt = await tx.now()
  const home = tx.newId('volume')
  const { organization, project } = fresh
  await storage.request(tx, {
    id: home,
    organization,
    project,
    name: await homeName(tx, fresh),
    sizeGib: homeGib,
    homeOf: fresh.id,
  })
  // Made once, so that known_hosts stays quiet across stop and start.
  const key = makeSshKey(`${fresh.id}@gpuhour`)
  await rows.insertInstance(tx, {
    ...row,
    askedBy: fresh.createdBy,
    home,
    sshHostKey: key.privateKey,
    sshHostPublicKey: key.publicKey,
    createdAt,
  })
  const change = { event: 'created', from: null, to: 'queued', intent: 'running' }
  await tell(tx, fresh.id, change, null, { actor: fresh.createdBy })
  await announce(tx, fresh, change, null, null)
  await enqueue(tx, { ...fresh, requestedAt: createdAt })
  return { instance: await mustLock(tx, fresh.id), created: true }
}

/** A home is named after its instance, or after the id where a volume of that name exists. */
async function homeName(tx: Tx, fresh: NewInstance): Promise<string> {
  return (await storage.volumeByName(tx, fresh.project, fresh.name)) ? `home of ${fresh.id}` : fresh.name
}

function differs(there: rows.InstanceRow, fresh: NewInstance): AppError {
  const field = (['project', 'name', 'image', 'version', 'flavor'] as const).find(
    (one) => there[one] !== fresh[one],
  )
  return new AppError('conflict', `The id ${fresh.id} names another instance. Make a new id.`, undefined, [
    { pointer: `/${field ?? 'homeGib'}`, message: 'differs from what was asked for under this id before' },
  ])
}

async function mustLock(tx: Tx, id: InstanceId): Promise<rows.InstanceRow> {
  const row = await rows.lockInstance(tx, id)
  if (!row) throw notFound('instance', id)
  return row
}

/**
 * Asks for a start, with an API key or without. Where the instance is on its way already, nothing changes.
 */
export async function start(
  tx: Tx,
  id: InstanceId,
  actor: string,
  key: string | null = null,
): Promise<rows.InstanceRow> {
  const row = await mustLock(tx, id)
  const after = await transition(tx, row, 'start_requested', { actor })
  if (after.intent !== row.intent || after.state !== row.state) await rows.writeAsker(tx, id, actor, key)
  return after
}

/** Why an instance is stopped, as the journal says it. */
export type StopReason = 'customer' | 'idle' | 'schedule' | 'operator'

/** Asks for a stop: free from the moment it is accepted. A second stop answers what the first did. */
export async function stop(
  tx: Tx,
  id: InstanceId,
  actor: string,
  reason: StopReason = 'customer',
): Promise<rows.InstanceRow> {
  const row = await mustLock(tx, id)
  if (row.allocation && row.state !== 'stopping' && row.intent !== 'deleted')
    await recordStop(tx, row.allocation, reason)
  return transition(tx, row, 'stop_requested', { actor, detail: reason })
}

/** A stop, then a start: `stopping` with the intent to run returns to the queue. */
export async function restart(
  tx: Tx,
  id: InstanceId,
  actor: string,
  key: string | null = null,
): Promise<rows.InstanceRow> {
  await stop(tx, id, actor)
  return start(tx, id, actor, key)
}

/** Asks for a deletion: compute and storage are free from now on, and the home goes. */
export async function remove(tx: Tx, id: InstanceId, actor: string): Promise<rows.InstanceRow> {
  const row = await mustLock(tx, id)
  await storage.lockVolume(tx, row.home)
  if (row.allocation && row.state !== 'stopping' && row.intent !== 'deleted')
    await recordStop(tx, row.allocation, 'customer')
  const next = await transition(tx, row, 'delete_requested', { actor })
  if (row.intent !== 'deleted') await storage.remove(tx, row.home, true)
  return next
}

/** The home of an instance in `deleting` is gone. */
export async function purged(tx: Tx, id: InstanceId): Promise<void> {
  await transition(tx, await mustLock(tx, id), 'purged', { actor: 'sweeper' })
}

/** What the placer learned for good: a start that can never succeed. */
export async function refuse(tx: Tx, id: InstanceId, why: string): Promise<void> {
  const row = await mustLock(tx, id)
  if (row.state === 'queued') await transition(tx, row, 'refused_for_good', { actor: 'placer', detail: why })
}

/** How the loops lock and move an instance. */
export const instanceLifecycle: Lifecycle<rows.InstanceRow> = {
  purpose: 'instance',
  lock: (tx, id) => rows.lockInstance(tx, asId('instance', id)),
  advance: (tx, row, event, info) => transition(tx, row, event, info),
  asked: ({ id, project, askedBy, askedKey }) => ({ subject: id, project, askedBy, askedKey, job: null }),
}

/** The one place where an instance's state is assigned. */
async function transition(
  tx: Tx,
  row: rows.InstanceRow,
  event: LifecycleEvent,
  info: EventInfo,
): Promise<rows.InstanceRow> {
  const step = stepInstance(row, event, info)
  if (step.kind === 'refused')
    throw new AppError(
      'invalid_state',
      `The instance is ${row.state}: ${askedOf(event)} is not possible any more.`,
    )
  const now = await tx.now()
  if (step.kind === 'anomaly') {
    const detail = info.detail ?? ''
    await rows.insertAnomaly(tx, { subject: row.id, event, state: row.state, detail, at: now })
    return row
  }
  const next = withEffects(row, step.life, event, info, now)
  const isChanged = next.state !== row.state || next.intent !== row.intent || next.outcome !== row.outcome
  // A fault is told of even where it changes nothing any more: it is the customer's money.
  if (!isChanged && event !== 'fault_found') return row
  await rows.writeLife(tx, next)
  const change = { event, from: row.state, to: next.state, intent: next.intent }
  const allocation = next.allocation ?? row.allocation
  await tell(tx, row.id, change, allocation, info)
  await announce(tx, row, change, allocation, next.reason)
  await followUp(tx, row, next)
  return next
}

function askedOf(event: LifecycleEvent): string {
  return event.replace('_requested', '')
}

/**
 * The row after a step, with what the event said of an exit, and without an allocation where none is live.
 */
function withEffects(
  row: rows.InstanceRow,
  life: Life,
  event: LifecycleEvent,
  info: EventInfo,
  now: Instant,
): rows.InstanceRow {
  const exit = info.exit
    ? { exitCode: info.exit.exitCode, exitSignal: info.exit.signal, outOfMemory: info.exit.outOfMemory }
    : {}
  const isFresh = life.state === 'queued' && row.state !== 'queued'
  const forgotten = isFresh ? { exitCode: null, exitSignal: null, outOfMemory: false, reason: null } : {}
  return {
    ...row,
    ...life,
    ...exit,
    ...forgotten,
    ...(info.detail && tellsWhy(event, row, life) ? { reason: info.detail } : {}),
    allocation: isLive(life.state) ? row.allocation : null,
    changedAt: now,
  }
}

/** What a change of state brings with it. */
async function followUp(tx: Tx, before: rows.InstanceRow, after: rows.InstanceRow): Promise<void> {
  const { id } = after
  if (after.state === 'queued' && before.state !== 'queued')
    await enqueue(tx, { ...after, requestedAt: after.changedAt })
  if (before.state === 'queued' && after.state !== 'queued') await placement.deleteRequest(tx, id)
  if (after.state === 'preparing' && after.allocation) await openDoor(tx, after.allocation)
  if (after.state === 'stopping' && before.state !== 'stopping') await rows.deleteRoutes(tx, id)
  if (isLive(before.state) && !isLive(after.state)) {
    await rows.deleteRoutes(tx, id)
    await storage.detach(tx, id)
    if (before.allocation) await rows.deleteDoor(tx, before.allocation)
  }
  await tx.notify('compute', id)
  await tx.notify('routes', id)
}

async function openDoor(tx: Tx, allocation: AllocationId): Promise<void> {
  const key = makeSshKey('gateway@gpuhour')
  await rows.insertDoor(tx, {
    allocation,
    jupyterToken: newSecret(''),
    gatewayKey: key.privateKey,
    gatewayPublicKey: key.publicKey,
  })
}

/** Three failed preparations of a project within an hour: more are not thrown after them at once. */
const failuresTolerated = 3

/**
 * When a subject of this project may next be placed: after a series of failures it waits, doubling from a
 * minute.
 */
export async function backOff(tx: Tx, project: ProjectId, now: Instant): Promise<Instant | null> {
  const failures = await rows.failedPreparations(tx, project, instant(now - hourMs))
  if (failures < failuresTolerated) return null
  return instant(now + minuteMs * 2 ** Math.min(failures - failuresTolerated, 6))
}

/** Puts an instance at the end of the queue. */
async function enqueue(
  tx: Tx,
  row: Pick<rows.InstanceRow, 'id' | 'organization' | 'project' | 'flavor' | 'image' | 'version'> & {
    requestedAt: Instant
  },
): Promise<void> {
  const { id: subject, organization, project, flavor, image, version, requestedAt } = row
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

/** Tells the organization's own programs. */
async function announce(
  tx: Tx,
  { id, organization, project, name }: Pick<rows.InstanceRow, 'id' | 'organization' | 'project' | 'name'>,
  change: Change,
  allocation: AllocationId | null,
  reason: string | null,
): Promise<void> {
  const data = { name, ...change, allocation, reason }
  await emit(tx, { organization, project, type: 'instance.changed', subject: id, data })
}

/** One step of a lifecycle, as it is told. */
interface Change {
  readonly event: string
  readonly from: string | null
  readonly to: string
  readonly intent: string
}

/** Appends what people read. */
export async function tell(
  tx: Tx,
  subject: SubjectId,
  change: Change,
  allocation: AllocationId | null,
  info: Pick<EventInfo, 'actor' | 'detail'>,
): Promise<void> {
  await rows.insertInstanceEvent(tx, {
    subject,
    at: await tx.now(),
    event: change.event,
    fromState: change.from,
    toState: change.to,
    intent: change.intent,
    allocation,
    actor: info.actor,
    detail: info.detail ?? null,
  })
  await tx.notify('compute', subject)
}

import { asId, type AllocationId } from '../../kernel/ids.ts'
import { type Instant, instant, later } from '../../kernel/time.ts'
import type { AllocationFact } from '../driver.ts'
import { signalOf } from '../signals.ts'
import { labels } from './profile.ts'

/** What observing needs of one container, from the engine's list and its inspection. */
export interface Sight {
  readonly containerId: string
  readonly allocation: AllocationId
  readonly state: string
  readonly startedAt: Instant | null
  readonly endedAt: Instant | null
  readonly exitCode: number
  readonly outOfMemory: boolean
  readonly address: string | null
  readonly ports: readonly number[]
  /** Is running alone readiness, as for jobs? */
  readonly isReadyWhenStarted: boolean
}

/** The parts of an inspection that we read. */
export interface Inspection {
  readonly Id: string
  readonly State: {
    readonly Status: string
    readonly StartedAt: string
    readonly FinishedAt: string
    readonly ExitCode: number
    readonly OOMKilled: boolean
  }
  readonly Config: { readonly Labels: Readonly<Record<string, string>> }
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>> }
}

/** Reads the engine's time; its zero, the year 1, means never. Cut to the millisecond. */
export function engineTime(text: string): Instant | null {
  const ms = Date.parse(text)
  return Number.isNaN(ms) || text.startsWith('0001-') ? null : instant(ms)
}

/** Reads an inspection; null for a container that carries no allocation. */
export function sightOf(found: Inspection): Sight | null {
  const allocation = found.Config.Labels[labels.allocation]
  if (allocation === undefined || !allocation.startsWith('alo_')) return null
  const addresses = Object.values(found.NetworkSettings.Networks).map((network) => network.IPAddress)
  const ports = found.Config.Labels[labels.ports] ?? ''
  return {
    containerId: found.Id,
    allocation: asId('allocation', allocation),
    state: found.State.Status,
    startedAt: engineTime(found.State.StartedAt),
    endedAt: engineTime(found.State.FinishedAt),
    exitCode: found.State.ExitCode,
    outOfMemory: found.State.OOMKilled,
    address: addresses.find((address) => address !== '') ?? null,
    ports: ports === '' ? [] : ports.split(',').map(Number),
    isReadyWhenStarted: found.Config.Labels[labels.readiness] === 'started',
  }
}

/** How far a preparation is. */
export type Stage = 'pulling' | 'creating' | 'starting'

const noProgress = { bytesDone: null, bytesTotal: null }

/** A preparation that has no container yet, or one that was never started. */
export function preparing(id: AllocationId, stage: Stage, startedAt: Instant | null = null): AllocationFact {
  return { id, seen: 'preparing', stage, progress: noProgress, startedAt }
}

/** What a sight says of its allocation; null where the engine is just forgetting the container. */
export function factOf(sight: Sight, hasAnswered: boolean): AllocationFact | null {
  const { allocation: id, startedAt } = sight
  switch (sight.state) {
    case 'created':
      return preparing(id, 'starting')
    case 'running':
    case 'restarting':
      // A container that runs was started; the year 1 here would be the engine's own contradiction.
      if (startedAt === null) return preparing(id, 'starting')
      if (!hasAnswered && !sight.isReadyWhenStarted) return preparing(id, 'starting', startedAt)
      return { id, seen: 'ready', startedAt, doors: doorsOf(sight) }
    case 'paused':
      return startedAt === null ? preparing(id, 'starting') : { id, seen: 'paused', startedAt }
    case 'exited':
    case 'dead':
      return endedFact(sight)
    default:
      return null
  }
}

function endedFact(sight: Sight): AllocationFact | null {
  const { allocation: id, startedAt, endedAt, exitCode, outOfMemory } = sight
  if (endedAt === null) return startedAt === null ? preparing(id, 'starting') : null
  return {
    id,
    seen: 'ended',
    startedAt,
    // The engine reads its clock for a start after the process began: a short one may have ended before that.
    endedAt: startedAt === null ? endedAt : later(startedAt, endedAt),
    exitCode,
    signal: signalOf(exitCode, outOfMemory),
    outOfMemory,
  }
}

function doorsOf(sight: Sight): ReadonlyMap<number, { readonly host: string; readonly port: number }> {
  const { address } = sight
  if (address === null) return new Map()
  return new Map(sight.ports.map((port) => [port, { host: address, port }]))
}

import {
  applyCell,
  elsewhereMax,
  type EventContext,
  type Life,
  type LifecycleEvent,
  type Step,
  type Table,
} from '../compute/rules.ts'
import { type Instant, instant } from '../kernel/time.ts'
import type { Spell } from '../metering/rules.ts'

/** What is the case with a run. */
export type RunState =
  | 'queued'
  | 'preparing'
  | 'running'
  | 'unreachable'
  | 'stopping'
  | 'succeeded'
  | 'failed'
  | 'canceled'
  | 'timed_out'

/** Every state, in the order of the table. */
export const runStates = [
  'queued',
  'preparing',
  'running',
  'unreachable',
  'stopping',
  'succeeded',
  'failed',
  'canceled',
  'timed_out',
] as const satisfies readonly RunState[]

/** What can happen to a run: as to an instance, but it is neither started again nor deleted. */
export type RunEvent = Exclude<LifecycleEvent, 'start_requested' | 'delete_requested' | 'purged'>

/** Every event of a run, in the order of the table. */
export const runEvents = [
  'stop_requested',
  'allocated',
  'refused_for_good',
  'seen_ready',
  'seen_ended',
  'prepare_failed',
  'fault_found',
  'contact_lost',
  'released',
] as const satisfies readonly RunEvent[]

/** Why a run was asked to stop: decides under which name it ends. */
export type CancelOutcome = 'canceled' | 'timed_out' | 'unpaid'

const exited = { to: 'stopping', outcome: 'exited' } as const
const failed = { to: 'stopping', outcome: 'failed' } as const

/** The table of a run as data. An end that was seen sets no outcome where a stop was accepted before. */
export const runTable: Table<RunState, RunEvent> = {
  stop_requested: {
    queued: 'canceled',
    preparing: 'stopping',
    running: 'stopping',
    unreachable: 'same',
    stopping: 'same',
    succeeded: 'same',
    failed: 'same',
    canceled: 'same',
    timed_out: 'same',
  },
  allocated: { queued: 'preparing' },
  refused_for_good: { queued: 'failed' },
  seen_ready: { preparing: 'running', running: 'same', unreachable: 'by_return', stopping: 'same' },
  seen_ended: { preparing: exited, running: exited, unreachable: exited, stopping: 'same' },
  prepare_failed: { preparing: 'by_failure', stopping: 'same' },
  fault_found: {
    preparing: failed,
    running: failed,
    unreachable: { stay: true, outcome: 'failed' },
    stopping: 'same',
  },
  contact_lost: { preparing: 'same', running: 'unreachable', unreachable: 'same', stopping: 'same' },
  released: {
    preparing: 'by_release',
    running: 'by_release',
    unreachable: 'by_release',
    stopping: 'by_release',
  },
}

/** Where a released run goes; the first line that fits. */
export function afterRunRelease(life: Life<RunState>): Life<RunState> {
  switch (life.outcome) {
    case 'exited':
      return { ...life, state: life.exitedCleanly ? 'succeeded' : 'failed' }
    case 'timed_out':
      return { ...life, state: 'timed_out' }
    case 'elsewhere':
      return life.intent === 'running' && life.elsewhereCount < elsewhereMax
        ? { ...life, state: 'queued', outcome: null, elsewhereCount: life.elsewhereCount + 1 }
        : { ...life, state: life.intent === 'stopped' ? 'canceled' : 'failed' }
    case 'canceled':
      return { ...life, state: 'canceled' }
    case null:
      return { ...life, state: 'canceled' }
    default:
      return { ...life, state: 'failed' }
  }
}

/** The next life of a run; a run exits cleanly only with status 0. */
export function stepRun(
  life: Life<RunState>,
  event: RunEvent,
  context: EventContext & { readonly cancelAs?: CancelOutcome } = {},
): Step<RunState> {
  const cell = runTable[event][life.state] ?? 'anomaly'
  if (cell === 'refused' || cell === 'anomaly') return { kind: cell }
  const isLiveStop =
    event === 'stop_requested' && ['preparing', 'running', 'unreachable'].includes(life.state)
  const asked: Life<RunState> =
    event === 'stop_requested' && !hasEnded(life.state)
      ? {
          ...life,
          intent: 'stopped',
          ...(isLiveStop && life.outcome === null ? { outcome: context.cancelAs ?? 'canceled' } : {}),
        }
      : life
  return { kind: 'moved', life: applyCell(asked, cell, context, afterRunRelease) }
}

/**
 * The very instant at which paid time reaches a limit; null: it does not. An open spell goes on for ever
 * here.
 */
export function limitReachedAt(spells: readonly Spell[], limitMs: bigint): Instant | null {
  let rest = limitMs
  for (const { from, to } of spells) {
    if (to === null || rest <= BigInt(to - from)) return instant(from + Number(rest))
    rest -= BigInt(to - from)
  }
  return null
}

/** Is the run over? */
export function hasEnded(state: RunState): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'canceled' || state === 'timed_out'
}

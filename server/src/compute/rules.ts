/** What the customer last asked for. */
export type Intent = 'running' | 'stopped' | 'deleted'

/** What is the case with an instance, as far as we have seen. */
export type InstanceState =
  | 'queued'
  | 'preparing'
  | 'running'
  | 'unreachable'
  | 'stopping'
  | 'stopped'
  | 'failed'
  | 'deleting'
  | 'deleted'

/** Every state, in the order of the table of house.md §6. */
export const instanceStates = [
  'queued',
  'preparing',
  'running',
  'unreachable',
  'stopping',
  'stopped',
  'failed',
  'deleting',
  'deleted',
] as const satisfies readonly InstanceState[]

/** Why a `stopping` allocation ends; null where it was asked to. */
export type Outcome = 'failed' | 'elsewhere' | 'exited' | 'lost'

/** What can happen to an instance. */
export type LifecycleEvent =
  | 'start_requested'
  | 'stop_requested'
  | 'delete_requested'
  | 'allocated'
  | 'refused_for_good'
  | 'seen_ready'
  | 'seen_ended'
  | 'prepare_failed'
  | 'fault_found'
  | 'contact_lost'
  | 'released'
  | 'purged'

/** Every event, in the order of the table. */
export const lifecycleEvents = [
  'start_requested',
  'stop_requested',
  'delete_requested',
  'allocated',
  'refused_for_good',
  'seen_ready',
  'seen_ended',
  'prepare_failed',
  'fault_found',
  'contact_lost',
  'released',
  'purged',
] as const satisfies readonly LifecycleEvent[]

/** The three columns that say everything, and what a release needs to know. */
export interface Life<State extends string = InstanceState> {
  readonly intent: Intent
  readonly state: State
  readonly outcome: string | null
  /** How often a node already sent it elsewhere since the last start. */
  readonly elsewhereCount: number
  /** Exited 0, or by a TERM or INT that we did not send, and not for want of memory. */
  readonly exitedCleanly: boolean
}

/** What an event brings that the table cannot know. */
export interface EventContext {
  /** Whether the journal held an event that closes the allocation for good before this one. */
  readonly closedForGood?: boolean
  /** For `prepare_failed`: whether another node may do. */
  readonly elsewhere?: boolean
  /** For `seen_ended`: what became of the process. */
  readonly exitedCleanly?: boolean
}

/** A cell of the table: `same` stays, `refused` is invalid_state, `anomaly` cannot happen. */
export type Cell<State extends string> =
  | State
  | 'same'
  | 'refused'
  | 'anomaly'
  /** To the state, remembering the outcome unless an earlier event closed the allocation for good. */
  | { readonly to: State; readonly outcome: string }
  /** The state stays, and remembers the outcome. */
  | { readonly stay: true; readonly outcome: string }
  | 'by_failure'
  | 'by_return'
  | 'by_release'

/** Event × state → cell. A cell that is left out is an anomaly. */
export type Table<State extends string, Event extends string> = Readonly<
  Record<Event, Readonly<Partial<Record<State, Cell<State>>>>>
>

const exited = { to: 'stopping', outcome: 'exited' } as const
const failed = { to: 'stopping', outcome: 'failed' } as const

/** The table of house.md §6 as data; `by_…` cells are the functions below. */
export const instanceTable: Table<InstanceState, LifecycleEvent> = {
  start_requested: {
    queued: 'same',
    preparing: 'same',
    running: 'same',
    unreachable: 'same',
    stopping: 'same',
    stopped: 'queued',
    failed: 'queued',
    deleting: 'refused',
    deleted: 'refused',
  },
  stop_requested: {
    queued: 'stopped',
    preparing: 'stopping',
    running: 'stopping',
    unreachable: 'same',
    stopping: 'same',
    stopped: 'same',
    failed: 'stopped',
    deleting: 'refused',
    deleted: 'refused',
  },
  delete_requested: {
    queued: 'deleting',
    preparing: 'stopping',
    running: 'stopping',
    unreachable: 'same',
    stopping: 'same',
    stopped: 'deleting',
    failed: 'deleting',
    deleting: 'same',
    deleted: 'same',
  },
  allocated: { queued: 'preparing' },
  refused_for_good: { queued: 'failed' },
  seen_ready: { preparing: 'running', running: 'same', unreachable: 'by_return', stopping: 'same' },
  seen_ended: { preparing: failed, running: exited, unreachable: exited, stopping: 'same' },
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
  purged: { deleting: 'deleted', deleted: 'same' },
}

/** What became of an event. */
export type Step<State extends string> =
  | { readonly kind: 'moved'; readonly life: Life<State> }
  | { readonly kind: 'refused' }
  | { readonly kind: 'anomaly' }

/** Three: a device that is missing on one node may be there on the next, but not for ever. */
export const elsewhereMax = 3

/** Where a released instance goes; the first line that fits, as in house.md §6. */
export function afterRelease(life: Life): Life {
  const { intent, outcome } = life
  if (intent === 'deleted') return { ...life, state: 'deleting' }
  if (intent === 'stopped') return { ...life, state: 'stopped' }
  if (outcome === null) return { ...life, state: 'queued' }
  if (outcome === 'exited' && life.exitedCleanly) return { ...life, state: 'stopped', intent: 'stopped' }
  if (outcome === 'elsewhere' && life.elsewhereCount < elsewhereMax)
    return { ...life, state: 'queued', outcome: null, elsewhereCount: life.elsewhereCount + 1 }
  return { ...life, state: 'failed' }
}

const intentOf: Partial<Record<LifecycleEvent, Intent>> = {
  start_requested: 'running',
  stop_requested: 'stopped',
  delete_requested: 'deleted',
}

/** The next life of an instance; changes nothing by itself. */
export function stepInstance(
  life: Life,
  event: LifecycleEvent,
  context: EventContext = {},
): Step<InstanceState> {
  const asked = intentOf[event]
  // Intent `deleted` is final.
  if (asked && asked !== 'deleted' && life.intent === 'deleted') return { kind: 'refused' }
  const cell = instanceTable[event][life.state] ?? 'anomaly'
  if (cell === 'refused' || cell === 'anomaly') return { kind: cell }
  const askedLife: Life = asked ? { ...life, intent: asked } : life
  return { kind: 'moved', life: settle(applyCell(askedLife, cell, context, afterRelease), event) }
}

/** The cell's effect on a life; shared with runs, whose release leads elsewhere. */
export function applyCell<State extends string>(
  life: Life<State>,
  cell: Exclude<Cell<State>, 'refused' | 'anomaly'>,
  context: EventContext,
  release: (life: Life<State>) => Life<State>,
): Life<State> {
  // Runs and instances both have these two states; the tables name them.
  const named = (state: 'running' | 'stopping'): State => state as State
  const withOutcome = (outcome: string): Partial<Life<State>> =>
    context.closedForGood ? {} : { outcome, exitedCleanly: context.exitedCleanly ?? false }
  if (typeof cell === 'object')
    return { ...life, ...withOutcome(cell.outcome), ...('to' in cell ? { state: cell.to } : {}) }
  switch (cell) {
    case 'same':
      return life
    case 'by_failure':
      return {
        ...life,
        ...withOutcome(context.elsewhere ? 'elsewhere' : 'failed'),
        state: named('stopping'),
      }
    case 'by_return':
      return {
        ...life,
        state: named(life.intent === 'running' && !context.closedForGood ? 'running' : 'stopping'),
      }
    case 'by_release':
      return release(
        isStopping(life.state) || context.closedForGood
          ? life
          : { ...life, outcome: 'lost', exitedCleanly: false },
      )
    default:
      // The words of the table are excluded above: what is left names a state.
      return { ...life, state: cell }
  }
}

function isStopping(state: string): boolean {
  return state === 'stopping'
}

/**
 * Entering `queued` forgets the outcome, and so does a start accepted while it is still being ended or out of
 * sight.
 */
function settle(life: Life, event: LifecycleEvent): Life {
  if (life.state === 'queued') {
    const fresh = event === 'start_requested' ? 0 : life.elsewhereCount
    return { ...life, outcome: null, exitedCleanly: false, elsewhereCount: fresh }
  }
  const started = event === 'start_requested' && (life.state === 'stopping' || life.state === 'unreachable')
  return started ? { ...life, outcome: null, exitedCleanly: false } : life
}

/** Does what an event says tell people why it ended or could not start, so that it is kept as the reason? */
export function tellsWhy(
  event: LifecycleEvent,
  before: { readonly outcome: string | null },
  after: { readonly outcome: string | null },
): boolean {
  switch (event) {
    case 'prepare_failed':
    case 'refused_for_good':
    case 'stop_requested':
      return true
    case 'fault_found':
      return after.outcome === 'failed' && before.outcome !== 'failed'
    case 'released':
      return after.outcome === 'lost'
    default:
      return false
  }
}

/** States in which an allocation is live. */
export function isLive(state: string): boolean {
  return state === 'preparing' || state === 'running' || state === 'unreachable' || state === 'stopping'
}

/** What a customer may ask for now: for the API, and through the contract for the console's buttons. */
export function allowedActions(life: Life): {
  start: boolean
  stop: boolean
  restart: boolean
  delete: boolean
} {
  const can = (event: LifecycleEvent): boolean => stepInstance(life, event).kind === 'moved'
  const off = life.state === 'stopped' || life.state === 'failed'
  return {
    start: can('start_requested') && (off || life.intent === 'stopped'),
    stop: can('stop_requested') && life.intent === 'running' && life.state !== 'failed',
    restart: can('stop_requested') && can('start_requested') && life.state === 'running',
    delete: can('delete_requested') && life.intent !== 'deleted',
  }
}

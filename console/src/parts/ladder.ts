import type { Instance, Run } from '@gpuhour/sdk/contract'

/** The rungs between Launch and the first paid second, in their order. */
export const rungNames = ['queued', 'reserved', 'preparing', 'starting', 'ready'] as const
export type RungName = (typeof rungNames)[number]

/** One rung: where it stands, how long it took or has taken, and whether that time is paid. */
export interface Rung {
  readonly name: RungName
  readonly status: 'done' | 'now' | 'ahead' | 'failed'
  /** Null where it has not begun, or where nobody measured it by itself. */
  readonly ms: number | null
  readonly isPaid: boolean
}

/** What the ladder of an instance or of a run needs to know. */
export type Climbing = Pick<Instance | Run, 'allocation'> & {
  readonly state: string
  readonly requestedAt: string | null
}

const climbingStates: readonly string[] = ['queued', 'preparing']

/** Which rung is being climbed; the ladder's length where it is at the top. */
function currentRung({ state, allocation }: Climbing): number {
  if (state === 'queued') return 0
  if (allocation === null) return 0
  if (allocation.readyAt !== null) return 4
  if (allocation.startedAt !== null) return 3
  switch (allocation.stage) {
    case null:
      return 1
    case 'pulling':
      return 2
    case 'creating':
    case 'starting':
      return 3
  }
}

const between = (from: string | null | undefined, to: string | null | undefined) =>
  from && to ? Math.max(0, Date.parse(to) - Date.parse(from)) : null
const since = (from: string | null | undefined, nowMs: number) =>
  from ? Math.max(0, nowMs - Date.parse(from)) : null

function msOf(name: RungName, { requestedAt, allocation }: Climbing, isNow: boolean, nowMs: number) {
  switch (name) {
    case 'queued':
      return isNow ? since(requestedAt, nowMs) : between(requestedAt, allocation?.allocatedAt)
    case 'reserved':
      return isNow ? since(allocation?.allocatedAt, nowMs) : null
    case 'preparing':
      return isNow
        ? since(allocation?.allocatedAt, nowMs)
        : between(allocation?.allocatedAt, allocation?.startedAt)
    case 'starting':
      return isNow ? since(allocation?.startedAt, nowMs) : between(allocation?.startedAt, allocation?.readyAt)
    case 'ready':
      return null
  }
}

/** The ladder as it is seen now. Everything before readiness is free, whatever became of it. */
export function ladderOf(subject: Climbing, nowMs: number): readonly Rung[] {
  const at = currentRung(subject)
  const isClimbing = climbingStates.includes(subject.state)
  return rungNames.map((name, index) => {
    const isTop = name === 'ready'
    const isNow = index === at && isClimbing
    return {
      name,
      status: statusOf(index, at, isClimbing),
      ms: msOf(name, subject, isNow, nowMs),
      isPaid: isTop,
    }
  })
}

/** Off the ladder, the rung where it fell is marked; a ladder that was climbed is done to the top. */
function statusOf(index: number, at: number, isClimbing: boolean): Rung['status'] {
  if (index < at) return 'done'
  if (index > at) return 'ahead'
  if (isClimbing) return 'now'
  return at === rungNames.length - 1 ? 'done' : 'failed'
}

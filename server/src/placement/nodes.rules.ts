import { type Instant, minuteMs } from '../kernel/time.ts'

/**
 * Whether a machine takes allocations. `ready`: it does. `draining`: it keeps what it has and gets nothing
 * new. `fenced`: an operator vouches that it is off; nobody asks it anything. `returning`: it is looked at
 * again, and is ready once nothing is seen there that does not belong.
 */
export type NodeStatus = 'ready' | 'returning' | 'draining' | 'fenced'

/** Every status, in the order of the table. */
export const nodeStatuses = [
  'ready',
  'returning',
  'draining',
  'fenced',
] as const satisfies readonly NodeStatus[]

/** What an operator asks of a machine, and what a look at it may find. */
export type NodeEvent = 'drain_asked' | 'ready_asked' | 'fence_asked' | 'seen_clean'

/** Every event, in the order of the table. */
export const nodeEvents = [
  'drain_asked',
  'ready_asked',
  'fence_asked',
  'seen_clean',
] as const satisfies readonly NodeEvent[]

/**
 * Event × status → status. Only what is draining is fenced: whoever fences has drained it in a transaction
 * before, so that nothing new arrives in between.
 */
export const nodeTable: Readonly<
  Record<NodeEvent, Readonly<Record<NodeStatus, NodeStatus | 'same' | 'refused'>>>
> = {
  drain_asked: { ready: 'draining', returning: 'draining', draining: 'same', fenced: 'draining' },
  ready_asked: { ready: 'same', returning: 'same', draining: 'returning', fenced: 'returning' },
  fence_asked: { ready: 'refused', returning: 'refused', draining: 'fenced', fenced: 'same' },
  seen_clean: { ready: 'same', returning: 'ready', draining: 'same', fenced: 'same' },
}

/** A machine that has not answered for so long is silent: the observer asks every second. */
export const nodeSilenceMs = minuteMs

/** Has the machine not answered for a minute, although it was asked? */
export function isSilent(node: { readonly seenAt: Instant }, now: Instant): boolean {
  return now - node.seenAt > nodeSilenceMs
}

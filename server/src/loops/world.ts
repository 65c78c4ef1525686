import type { AllocationId, NodeId } from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'

/**
 * What the loops of one controller remember of the world between two passes. Nothing here is a record: after
 * a restart it is empty, and is learned again.
 */
export interface World {
  /**
   * Allocations of which everything was removed, and when by our clock: an absence seen later releases them.
   */
  readonly cleaned: Map<AllocationId, Instant>
  /** Seen on a node, but not an allocation that is live there. */
  readonly strangers: Map<AllocationId, NodeId>
  /** Seen ended in the last look, or never started and asked to end: nothing of it will run any more. */
  readonly ended: Set<AllocationId>
  /** Allocations that were asked to end, and when first by our clock. */
  readonly halted: Map<AllocationId, Instant>
}

/** A world of which nothing is known yet. */
export function emptyWorld(): World {
  return { cleaned: new Map(), strangers: new Map(), ended: new Set(), halted: new Map() }
}

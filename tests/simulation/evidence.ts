/*
 * What the program writes down for the auditor while it runs. Nothing here comes from the platform's tables:
 * it is what the world did, what the platform was told, what the customers asked and were answered, and what
 * is public anyway. All times are true times in milliseconds; the platform's clock is the true one.
 */

/** What a look at a container said; times by the node's clock. */
export interface SeenFact {
  readonly seen: 'preparing' | 'ready' | 'paused' | 'ended'
  readonly startedAt: number | null
  readonly endedAt: number | null
}

/** What a node answered. */
export interface NodeAnswer {
  readonly nodeNow: number
  readonly facts: ReadonlyMap<string, SeenFact>
}

/** One look of the platform at its nodes. */
export interface Look {
  /** Between these two the platform read its clock before it asked. */
  readonly beganAt: number
  readonly askedAt: number
  readonly answeredAt: number
  /** What was learned was written between `answeredAt` and here. */
  endedAt: number
  /** False: the pass broke off, and nobody can say how far it came. */
  isWhole: boolean
  /** By the node's name; null: it was silent. */
  readonly answers: ReadonlyMap<string, NodeAnswer | null>
}

/** One pass of a loop. */
export interface Pass {
  readonly loop: string
  readonly from: number
  readonly to: number
  readonly isWhole: boolean
}

export type AskKind =
  | 'launch'
  | 'start'
  | 'stop'
  | 'restart'
  | 'delete'
  | 'run'
  | 'cancel'
  | 'make volume'
  | 'grow volume'
  | 'delete volume'
  | 'grant'

/** Something a customer or an operator asked for. */
export interface Ask {
  readonly kind: AskKind
  readonly organization: string
  /** The instance, run or volume. */
  readonly subject: string
  readonly from: number
  readonly to: number
  /** `lost`: no answer came, it may have been done or not. */
  readonly answer: 'accepted' | 'refused' | 'lost'
  /** The code of a refusal. */
  readonly code: string | null
  /** What `launch` answered: the volume that is its home. */
  readonly home: string | null
  readonly sizeGib: number | null
  readonly amount: bigint | null
  readonly timeLimitMs: number | null
}

/** Something that the storage was told to do, and did. */
export interface StorageDoing {
  readonly at: number
  readonly volume: string
  readonly what: 'create' | 'remove'
}

/** A balance, as the public answer shows it. */
export interface BalanceAnswer {
  readonly at: number
  readonly organization: string
  readonly posted: bigint
  readonly held: bigint
  readonly available: bigint
  readonly receivable: bigint
  /** Right after the keeper had ended something in this pass; null: asked at another time. */
  readonly afterKeeper: Pass | null
}

/** One line of the world's own log. */
export interface TrueHappening {
  readonly at: number
  readonly node: string
  readonly allocation: string | null
  readonly subject: string | null
  readonly devices: readonly string[]
  readonly what: string
}

/** A stretch of time, both ends included. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** A node's clock was set. */
export interface ClockStep {
  readonly at: number
  readonly node: string
}

/** An open bill, as it was given out. */
export interface GivenBill {
  readonly organization: string
  readonly text: string
}

/** Everything that the auditor is given. */
export interface Evidence {
  readonly beganAt: number
  readonly endedAt: number
  readonly looks: readonly Look[]
  readonly passes: readonly Pass[]
  readonly asks: readonly Ask[]
  readonly storage: readonly StorageDoing[]
  readonly balances: readonly BalanceAnswer[]
  readonly clockSteps: readonly ClockStep[]
  /** When commands arrived that had been delivered before. */
  readonly echoes: readonly Span[]
  readonly happenings: readonly TrueHappening[]
  /** What is in the world when all is over. */
  readonly left: readonly string[]
  /** Bills given out on the way, oldest first; all begin at the beginning. */
  readonly earlierBills: readonly GivenBill[]
  /** The bill of everything, one for each organization. */
  readonly bills: readonly GivenBill[]
  /** The balances when all is over, one for each organization. */
  readonly lastBalances: readonly BalanceAnswer[]
}

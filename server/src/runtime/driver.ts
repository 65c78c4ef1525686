import { AppError } from '../kernel/errors.ts'
import type { AllocationId, NodeId } from '../kernel/ids.ts'
import type { Instant, Seconds } from '../kernel/time.ts'

/**
 * The digest by which an image runs, never a tag: `sha256:` and 64 hex digits (or a `sim/…` name on the
 * simulated runtime).
 */
export type ImageDigest = string
/** A device by the name its maker gave it, such as `GPU-6f3c…`. */
export type DeviceId = string
/** Allocations of one distributed run share a network and a name each. */
export type GroupId = string

/** A device as a node reports it. */
export interface DeviceFact {
  readonly id: DeviceId
  /** As the flavors name it: lower case, such as `v100` or `h100`. */
  readonly model: string
  readonly memoryMib: number
  readonly healthy: boolean
}

/** A machine as a driver sees it now. */
export interface NodeFact {
  /** The name of the machine; with the driver's name it identifies the node. */
  readonly name: string
  readonly engineId: string
  readonly bootId: string
  readonly cpus: number
  readonly memoryGib: number
  readonly diskGib: number
  readonly devices: readonly DeviceFact[]
  /** NVIDIA driver version, such as `550.54.14`; null where there is none. */
  readonly gpuDriver: string | null
  /** CUDA driver API version, such as `12.8`; null where there is no driver. */
  readonly cudaDriver: string | null
  /** Promises of the profile that this machine cannot keep, in plain words, for `doctor`. */
  readonly missing: readonly string[]
}

/** What an allocation sees at a path. */
export interface Mount {
  /** Folder or file on the node, or the claim's name. */
  readonly source: string
  readonly target: string
  readonly readOnly: boolean
}

/** What must answer once before an allocation is ready. */
export type Probe =
  | {
      readonly kind: 'http'
      readonly port: number
      readonly path: string
      readonly headers: ReadonlyMap<string, string>
    }
  /** Connects and waits for the banner's first bytes where `banner` is given. */
  | { readonly kind: 'tcp'; readonly port: number; readonly banner: string | null }
  | { readonly kind: 'started' }

/** Everything a node needs to know to run an allocation. */
export interface AllocationSpec {
  /** Becomes the label by which observe() finds it. */
  readonly id: AllocationId
  /** The instance or run it is for; becomes a label. */
  readonly subject: string
  readonly node: NodeId
  /** Or, where the driver cannot name devices, their number. */
  readonly devices: readonly DeviceId[]
  readonly image: ImageDigest
  /** Null: what the image does by itself (its doors). */
  readonly command: readonly string[] | null
  readonly environment: ReadonlyMap<string, string>
  /** Put read-only under /run/gpuhour: Jupyter's token, keys; never in the environment. Name → text. */
  readonly files: ReadonlyMap<string, string>
  readonly mounts: readonly Mount[]
  /** What the gateway may reach. */
  readonly ports: readonly number[]
  readonly limits: {
    readonly cpus: number
    readonly memoryGib: number
    readonly diskGib: number
    readonly pids: number
  }
  /** All must pass once. */
  readonly readiness: readonly Probe[]
  readonly group: GroupId | null
  readonly purpose: 'instance' | 'attempt' | 'storage' | 'proof'
}

/** How far a preparation is; bytes where what works reports them, never estimated. */
export interface Progress {
  readonly bytesDone: number | null
  readonly bytesTotal: number | null
}

/**
 * What was seen. `startedAt`, `endedAt` are the node's own clock readings; when it was ready is ours to
 * see.
 */
export type AllocationFact =
  | {
      readonly id: AllocationId
      readonly seen: 'preparing'
      readonly stage: 'pulling' | 'creating' | 'starting'
      readonly progress: Progress
      readonly startedAt: Instant | null
    }
  | {
      readonly id: AllocationId
      readonly seen: 'ready'
      readonly startedAt: Instant
      readonly doors: ReadonlyMap<number, { readonly host: string; readonly port: number }>
    }
  | { readonly id: AllocationId; readonly seen: 'paused'; readonly startedAt: Instant }
  | {
      readonly id: AllocationId
      readonly seen: 'ended'
      readonly startedAt: Instant | null
      readonly endedAt: Instant
      readonly exitCode: number | null
      readonly signal: string | null
      readonly outOfMemory: boolean
    }

/** One per registered node: silence and an empty answer are different facts. */
export type NodeObservation =
  | { readonly node: NodeId; readonly answered: false }
  | {
      readonly node: NodeId
      readonly answered: true
      readonly engineId: string
      readonly bootId: string
      readonly nodeNow: Instant
      readonly facts: readonly AllocationFact[]
    }

/** Where a reader of a log stands. `start` is the beginning; anything else is the driver's own word. */
export type LogCursor = string

/** One piece of output. `text` keeps its line end; a very long line may come in pieces. */
export interface LogLine {
  /** Reading from this cursor goes on after this line. */
  readonly cursor: LogCursor
  readonly stream: 'stdout' | 'stderr'
  readonly text: string
}

/** The file under /run/gpuhour that `tell` writes. */
export const noticeFile = 'notice'

/** What a driver can and cannot do. */
export interface DriverCapabilities {
  /** Can it give a particular GPU by UUID? */
  readonly namedDevices: boolean
  readonly volumes: 'none' | 'bind' | 'claim'
  readonly snapshots: boolean
}

/** A node that was registered: how the driver finds it again. */
export interface RegisteredNode {
  readonly id: NodeId
  readonly name: string
  /** An engine that answers with another id than this one counts as not answered. */
  readonly engineId: string
}

/**
 * Runs allocations on nodes. Commands ask; only observe() tells.
 * Every command may be repeated, and may be lost: the reconciler will ask again.
 */
export interface RuntimeDriver {
  readonly name: string
  /** Asked once at start, shown to the operator. */
  capabilities(): DriverCapabilities
  /** The machines and devices it can see now. */
  inventory(signal: AbortSignal): Promise<readonly NodeFact[]>
  /** Make this allocation exist and run as specified; if it already does, do nothing. */
  ensure(spec: AllocationSpec, signal: AbortSignal): Promise<void>
  /** Ask it to end: TERM, wait `grace`, KILL. Ended or absent is success. */
  halt(id: AllocationId, grace: Seconds, signal: AbortSignal): Promise<void>
  /**
   * What its programs are to know now, as the file /run/gpuhour/notice, replaced whole; null takes it away.
   * Absent is success: there is nobody to be told.
   */
  tell(id: AllocationId, notice: string | null, signal: AbortSignal): Promise<void>
  /** Leave nothing of it behind: container, network, scratch, files. Absent is success. */
  remove(id: AllocationId, signal: AbortSignal): Promise<void>
  /**
   * Everything of this installation on every registered node, running or ended, whether we remember it or
   * not.
   */
  observe(nodes: readonly RegisteredNode[], signal: AbortSignal): Promise<readonly NodeObservation[]>
  /**
   * The output of an allocation after `from`, to its present end; ends there (the log keeper asks again).
   * Throws `log_gone` inside a DriverError when the allocation is absent.
   */
  logs(id: AllocationId, from: LogCursor, signal: AbortSignal): AsyncIterable<LogLine>
  /**
   * Calls back whenever something may have changed (engine events, a passed probe): a nudge, never a fact.
   */
  watch(nudge: () => void, signal: AbortSignal): void
}

/** Why a driver could not do what it was asked; closed. */
export type DriverErrorCode =
  | 'node_unreachable'
  | 'runtime_unavailable'
  | 'image_unavailable'
  | 'spec_refused'
  | 'no_such_device'
  | 'log_gone'

/** Thrown by drivers, and by nothing else. `retry` is all the reconciler looks at. */
export class DriverError extends AppError<DriverErrorCode> {
  readonly retry: 'later' | 'elsewhere' | 'never'

  constructor(
    code: DriverErrorCode,
    retry: 'later' | 'elsewhere' | 'never',
    message: string,
    detail?: Record<string, unknown>,
  ) {
    super(code, message, detail)
    this.name = 'DriverError'
    this.retry = retry
  }
}

import { readFileSync } from 'node:fs'
import type Docker from 'dockerode'
import type { Clock } from '../../kernel/clock.ts'
import { type Detail, messageOf } from '../../kernel/errors.ts'
import type { AllocationId } from '../../kernel/ids.ts'
import type { Seconds } from '../../kernel/time.ts'
import {
  type AllocationSpec,
  type DriverCapabilities,
  type LogCursor,
  type LogLine,
  type NodeFact,
  type NodeObservation,
  noticeFile,
  type RegisteredNode,
  type RuntimeDriver,
} from '../driver.ts'
import { Endings } from './ending.ts'
import { Engine } from './engine.ts'
import { Events } from './events.ts'
import { Firewall } from './firewall.ts'
import { Housings } from './housing.ts'
import { deviceWayOf, takeInventory } from './inventory.ts'
import { Janitor } from './janitor.ts'
import { readLogs } from './logs.ts'
import { Makings } from './making.ts'
import { Networks } from './networks.ts'
import { Observing } from './observing.ts'
import { openFilesAllowed } from './openfiles.ts'
import type { EngineFeatures } from './profile.ts'
import { Readiness } from './readiness.ts'
import type { RemoveAsRoot } from './removal.ts'
import { Sweeping } from './sweeping.ts'

/** What the Docker runtime is given; nothing else of its surroundings is read but the machine's own facts. */
export interface DockerRuntimeOptions {
  /** The path of the engine's socket, or a client that has it. */
  readonly engine: string | Docker
  /** `plt_…`, made once for each data directory: everything made here bears it. */
  readonly installation: string
  /** Must be the same path for the engine as for us. */
  readonly dataDirectory: string
  readonly clock: Clock
  /** The name by which this machine is registered. */
  readonly nodeName: string
  /** Private addresses for tenants' networks, a /28 each. Default 10.213.0.0/16. */
  readonly networkRange?: string
  /** Default `libnvidia-ml.so.1`. */
  readonly nvmlLibrary?: string
  /**
   * Default: whether this process is root. Only root may give files to the tenant's uid and close networks.
   */
  readonly isRoot?: boolean
  readonly log: (message: string, detail?: Detail) => void
}

/** Seldom used by home routers, VPNs and clouds; whatever overlaps it on a machine is skipped. */
const defaultRange = '10.213.0.0/16'

/**
 * Docker's default profile without AF_ALG, AF_VSOCK, io_uring and `socketcall`, with the NUMA calls (see
 * README).
 */
const seccomp = JSON.stringify(JSON.parse(readFileSync(new URL('./seccomp.json', import.meta.url), 'utf8')))

/** Runs allocations as containers of the Docker Engine on this machine. */
export class DockerRuntime implements RuntimeDriver {
  readonly name = 'docker'
  readonly #options: DockerRuntimeOptions
  readonly #isRoot: boolean
  readonly #engine: Engine
  readonly #housings: Housings
  readonly #events: Events
  readonly #firewall: Firewall
  readonly #readiness: Readiness
  readonly #sweeping: Sweeping
  readonly #makings: Makings
  readonly #endings: Endings
  readonly #observing: Observing
  readonly #nudges = new Set<() => void>()
  #features: Promise<EngineFeatures> | null = null
  #toldFault: string | null = null

  constructor(options: DockerRuntimeOptions) {
    const { installation, dataDirectory, clock, nodeName } = options
    this.#options = options
    this.#isRoot = options.isRoot ?? process.getuid?.() === 0
    const engine = new Engine(options.engine, clock)
    const networks = new Networks(engine, installation, options.networkRange ?? defaultRange)
    const housings = new Housings(
      dataDirectory,
      this.#isRoot,
      this.#isRoot ? null : removerBy(new Janitor(options.engine, installation, clock)),
    )
    const readiness = new Readiness(clock, () => this.#nudge())
    const sweeping = new Sweeping(engine, networks, housings, (id, error) =>
      options.log(`nothing could be cleared up after ${id}: ${messageOf(error)}`),
    )
    this.#engine = engine
    this.#housings = housings
    this.#sweeping = sweeping
    this.#events = new Events(engine, installation, clock)
    this.#firewall = new Firewall(installation, clock)
    this.#readiness = readiness
    this.#makings = new Makings({
      ...{ engine, installation, housings, networks, readiness, seccomp },
      features: (signal) => this.#askFeatures(signal),
      swept: (id) => sweeping.settled(id),
      guard: () => this.#guard(),
    })
    this.#endings = new Endings({
      ...{ engine, installation, clock, housings, networks },
      cancel: (id) => this.#makings.cancel(id),
    })
    this.#observing = new Observing({
      ...{ engine, installation, nodeName, clock, housings, readiness },
      sweep: (id) => sweeping.begin(id),
      stages: () => this.#makings.stages(),
      hearsChanges: () => this.#events.isConnected,
    })
  }

  capabilities(): DriverCapabilities {
    return { namedDevices: true, volumes: 'bind', snapshots: false }
  }

  async inventory(signal: AbortSignal): Promise<readonly NodeFact[]> {
    const fault = await this.#firewall.install()
    const { nodeName, dataDirectory, nvmlLibrary } = this.#options
    const machine = { nodeName, dataDirectory, nvmlLibrary, isRoot: this.#isRoot }
    return [await takeInventory(this.#engine, machine, fault, signal)]
  }

  async ensure(spec: AllocationSpec, signal: AbortSignal): Promise<void> {
    await this.#makings.ensure(spec, signal)
  }

  async halt(id: AllocationId, grace: Seconds, signal: AbortSignal): Promise<void> {
    await this.#endings.halt(id, grace, signal)
  }

  async tell(id: AllocationId, notice: string | null, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    await this.#housings.put(id, noticeFile, notice)
  }

  async remove(id: AllocationId, signal: AbortSignal): Promise<void> {
    await this.#endings.remove(id, signal)
  }

  async observe(nodes: readonly RegisteredNode[], signal: AbortSignal): Promise<readonly NodeObservation[]> {
    return await this.#observing.observe(nodes, signal)
  }

  logs(id: AllocationId, from: LogCursor, signal: AbortSignal): AsyncIterable<LogLine> {
    return readLogs(this.#engine, this.#options.installation, id, from, signal)
  }

  watch(nudge: () => void, signal: AbortSignal): void {
    if (signal.aborted) return
    this.#nudges.add(nudge)
    signal.addEventListener('abort', () => this.#nudges.delete(nudge), { once: true })
    this.#events.listen((containerId) => {
      this.#observing.changed(containerId)
      nudge()
    }, signal)
  }

  /** Takes this installation's firewall rules out again; for tests and for uninstalling. */
  async removeRules(): Promise<void> {
    await this.#firewall.removeRules()
  }

  /** Stops asking doors and clearing up. Containers are left as they are. */
  close(): void {
    this.#readiness.close()
    this.#sweeping.close()
  }

  #nudge(): void {
    for (const nudge of this.#nudges) nudge()
  }

  async #guard(): Promise<void> {
    const fault = await this.#firewall.install()
    if (fault !== null && fault !== this.#toldFault) this.#options.log(fault)
    this.#toldFault = fault
  }

  /** Asked once; what an engine can do changes only with its restart, and then so do we. */
  #askFeatures(signal: AbortSignal): Promise<EngineFeatures> {
    this.#features ??= Promise.all([deviceWayOf(this.#engine, signal), openFilesAllowed()]).then(
      ([deviceWay, openFiles]) => ({ deviceWay, openFiles }),
      (error: unknown) => {
        this.#features = null
        throw error
      },
    )
    return this.#features
  }
}

/** The janitor's work as a function, which is all that folders need to know of it. */
export function removerBy(janitor: Janitor): RemoveAsRoot {
  return (folder, signal) => janitor.remove(folder, signal)
}

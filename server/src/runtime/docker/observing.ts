import { readFile } from 'node:fs/promises'
import type { Clock } from '../../kernel/clock.ts'
import type { AllocationId } from '../../kernel/ids.ts'
import { type Instant, instant } from '../../kernel/time.ts'
import type { AllocationFact, NodeObservation, RegisteredNode } from '../driver.ts'
import { type Engine, statusOf } from './engine.ts'
import { factOf, preparing, type Sight, sightOf, type Stage } from './facts.ts'
import type { Housings, Leftover } from './housing.ts'
import { labels } from './profile.ts'
import type { Readiness } from './readiness.ts'

/** Longer than an engine under load needs, short beside the minute after which a node counts as silent. */
const silentAfterMs = 2500
/**
 * What was inspected is believed for so long while the event stream stands and said nothing; a belt beside
 * it.
 */
const believedMs = 10_000
/** Every boot of a Linux machine has its own. */
const bootIdFile = '/proc/sys/kernel/random/boot_id'

/** What observing looks through. */
export interface Outlook {
  readonly engine: Engine
  readonly installation: string
  readonly nodeName: string
  readonly clock: Clock
  readonly housings: Housings
  readonly readiness: Readiness
  /** Clears up after an allocation whose container somebody else removed. */
  readonly sweep: (id: AllocationId) => void
  readonly stages: () => ReadonlyMap<AllocationId, Stage>
  /** While it holds, whatever changed was reported to `changed`. */
  readonly hearsChanges: () => boolean
}

interface Identity {
  readonly engineId: string
  /** The engine's clock less ours. */
  readonly aheadMs: number
  readonly readAtMs: number
}

/** Sees what there is: one list a pass, and an inspection of what is new or changed. */
export class Observing {
  readonly #outlook: Outlook
  readonly #sights = new Map<
    string,
    { readonly sight: Sight; readonly listedAs: string; readonly readAtMs: number }
  >()
  #identity: Identity | null = null
  /** Counts changes: an answer that was under way while something changed is used, but not kept. */
  #changes = 0

  constructor(outlook: Outlook) {
    this.#outlook = outlook
  }

  /** A container changed; null: any may have. */
  changed(containerId: string | null): void {
    this.#changes += 1
    if (containerId !== null) {
      this.#sights.delete(containerId)
      return
    }
    this.#sights.clear()
    this.#identity = null
  }

  /** One answer for each node; a node that is not this machine, or is silent, has not answered. */
  async observe(nodes: readonly RegisteredNode[], signal: AbortSignal): Promise<readonly NodeObservation[]> {
    signal.throwIfAborted()
    const seen = await this.#outlook.engine
      .ask(signal, (bounded) => this.#look(bounded), silentAfterMs)
      .catch(() => null)
    signal.throwIfAborted()
    return nodes.map((node) => {
      const isHere = seen !== null && node.name === this.#outlook.nodeName && node.engineId === seen.engineId
      return isHere ? { node: node.id, answered: true, ...seen } : { node: node.id, answered: false }
    })
  }

  async #look(signal: AbortSignal) {
    const [identity, sights, bootId] = await Promise.all([
      this.#identify(signal),
      this.#see(signal),
      readFile(bootIdFile, 'utf8'),
    ])
    // After the list: a folder goes before its container does, so one that is here now without one is
    // half-made.
    const folders = await this.#outlook.housings.list()
    return {
      engineId: identity.engineId,
      bootId: bootId.trim(),
      nodeNow: instant(this.#outlook.clock.now() + identity.aheadMs),
      facts: this.#facts(sights, folders),
    }
  }

  #facts(sights: readonly Sight[], folders: readonly Leftover[]): readonly AllocationFact[] {
    const { readiness, sweep } = this.#outlook
    const stages = this.#outlook.stages()
    const there = new Set(sights.map((sight) => sight.allocation))
    const facts = new Map<AllocationId, AllocationFact>()
    for (const { id, wasMade } of folders) {
      if (!wasMade) facts.set(id, preparing(id, 'creating'))
      else if (!there.has(id) && !stages.has(id)) sweep(id)
    }
    for (const [id, stage] of stages) facts.set(id, preparing(id, stage))
    for (const sight of sights) {
      const fact = factOf(sight, readiness.hasAnswered(sight.containerId, sight.startedAt))
      if (fact) facts.set(sight.allocation, fact)
    }
    return [...facts.values()]
  }

  /**
   * The engine's id and clock. An engine that changes drops the event stream, and with it what is kept
   * here.
   */
  async #identify(signal: AbortSignal): Promise<Identity> {
    const { engine, clock } = this.#outlook
    const kept = this.#identity
    if (kept && this.#isFresh(kept.readAtMs)) return kept
    const changes = this.#changes
    const before = clock.now()
    const { ID, SystemTime } = read(await engine.get(signal, '/info'))
    const aheadMs = Date.parse(SystemTime) - middle(before, clock.now())
    const identity = {
      engineId: ID,
      aheadMs: Number.isNaN(aheadMs) ? 0 : aheadMs,
      readAtMs: clock.monotonic(),
    }
    if (changes === this.#changes) this.#identity = identity
    return identity
  }

  async #see(signal: AbortSignal): Promise<readonly Sight[]> {
    const { engine, installation, readiness } = this.#outlook
    const filters = { label: [`${labels.platform}=${installation}`] }
    const listed = await engine.ask(signal, (abortSignal) =>
      engine.docker.listContainers({ all: true, filters, abortSignal }),
    )
    const here = new Set(listed.map((container) => container.Id))
    for (const id of this.#sights.keys()) if (!here.has(id)) this.#sights.delete(id)
    readiness.keep(
      new Set(listed.filter(({ State }) => State === 'running' || State === 'paused').map(({ Id }) => Id)),
    )
    const sights = await Promise.all(listed.map(({ Id, State }) => this.#sight(Id, State, signal)))
    const there = sights.filter((sight) => sight !== null)
    for (const sight of there) this.#askOn(sight)
    return there
  }

  /** Asks the doors of a container that a controller before us started. */
  #askOn({ allocation, containerId, state, startedAt, address, isReadyWhenStarted }: Sight): void {
    const { readiness, housings } = this.#outlook
    if (state !== 'running' || startedAt === null || address === null || isReadyWhenStarted) return
    if (readiness.knows(containerId, startedAt)) return
    void housings.probesOf(allocation).then((probes) => {
      if (probes) readiness.begin(containerId, startedAt, address, probes)
    })
  }

  async #sight(containerId: string, listedAs: string, signal: AbortSignal): Promise<Sight | null> {
    const kept = this.#sights.get(containerId)
    if (kept && kept.listedAs === listedAs && this.#isFresh(kept.readAtMs)) return kept.sight
    const { engine, clock } = this.#outlook
    const container = engine.docker.getContainer(containerId)
    const readAtMs = clock.monotonic()
    const changes = this.#changes
    try {
      const sight = sightOf(await engine.ask(signal, (abortSignal) => container.inspect({ abortSignal })))
      if (sight && changes === this.#changes) this.#sights.set(containerId, { sight, listedAs, readAtMs })
      return sight
    } catch (error) {
      if (statusOf(error) === 404) return null
      throw error
    }
  }

  #isFresh(readAtMs: number): boolean {
    return this.#outlook.hearsChanges() && this.#outlook.clock.monotonic() - readAtMs < believedMs
  }
}

function middle(a: Instant, b: Instant): number {
  return (a + b) / 2
}

function read(info: unknown): { ID: string; SystemTime: string } {
  if (typeof info !== 'object' || info === null) throw new TypeError('the engine told nothing of itself')
  const { ID, SystemTime } = { ID: '', SystemTime: '', ...info }
  return { ID, SystemTime }
}

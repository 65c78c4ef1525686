import type { SimulatedClock } from '../../server/src/kernel/clock.ts'
import type { AllocationId, VolumeId } from '../../server/src/kernel/ids.ts'
import { type Seconds, seconds } from '../../server/src/kernel/time.ts'
import type {
  AllocationFact,
  AllocationSpec,
  DriverCapabilities,
  LogCursor,
  LogLine,
  NodeFact,
  NodeObservation,
  RegisteredNode,
  RuntimeDriver,
} from '../../server/src/runtime/driver.ts'
import type { VolumePool } from '../../server/src/runtime/volumes.ts'
import type { Chance } from './chance.ts'
import type { Look, NodeAnswer, SeenFact, StorageDoing } from './evidence.ts'
import type { Failable } from './failpoints.ts'

/** What a wire is made of. */
export interface WireParts {
  readonly driver: RuntimeDriver
  readonly clock: SimulatedClock
  readonly chance: Chance
  readonly process: Failable
  readonly beganAt: () => number
  readonly onLook: (look: Look) => void
}

/** An answer takes so long at most, but for one in thirty, which takes seconds. */
const latencyMs = 30
const slowMs = 2500

/** What is on its way for a while. */
interface Held {
  readonly what: 'answer' | 'command' | 'reply' | 'volume'
  readonly reached: () => void
  readonly until: Promise<void>
}

/**
 * The wire between one controller and the runtime: it takes time, delivers twice, holds an answer back, and
 * writes down what was answered. What a dead controller sends never arrives.
 */
export class Wire implements RuntimeDriver {
  readonly name: string
  readonly #parts: WireParts
  #held: Held | null = null
  /** Commands that will arrive once more, later. */
  readonly #echoes: (() => Promise<void>)[] = []

  constructor(parts: WireParts) {
    this.name = parts.driver.name
    this.#parts = parts
  }

  capabilities(): DriverCapabilities {
    return this.#parts.driver.capabilities()
  }

  /**
   * The next answer, or the next command or its reply, is on its way until `until` resolves. What it
   * returns resolves when the question was put or the command sent.
   */
  hold(what: Held['what'], until: Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#held = { what, reached: resolve, until }
    return promise
  }

  /** What was to be held and never came is held no more. */
  holdNothing(): void {
    this.#held = null
  }

  /** Waits where this is to be held. */
  async waitIfHeld(what: Held['what']): Promise<void> {
    const held = this.#held
    if (held?.what !== what) return
    this.#held = null
    held.reached()
    await held.until
  }

  /** Delivers a command that was sent before a second time; whose sender may long be dead. */
  async echo(): Promise<void> {
    const { chance } = this.#parts
    if (this.#echoes.length === 0) return
    const [again] = this.#echoes.splice(chance.between(0, this.#echoes.length - 1), 1)
    await again?.().catch(() => undefined)
  }

  async inventory(signal: AbortSignal): Promise<readonly NodeFact[]> {
    const { driver, process } = this.#parts
    process.requireAlive()
    return driver.inventory(signal)
  }

  async ensure(spec: AllocationSpec, signal: AbortSignal): Promise<void> {
    await this.#send(() => this.#parts.driver.ensure(spec, signal))
  }

  async halt(id: AllocationId, grace: Seconds, signal: AbortSignal): Promise<void> {
    await this.#send(() => this.#parts.driver.halt(id, seconds(grace), signal))
  }

  async tell(id: AllocationId, notice: string | null, signal: AbortSignal): Promise<void> {
    await this.#send(() => this.#parts.driver.tell(id, notice, signal))
  }

  async remove(id: AllocationId, signal: AbortSignal): Promise<void> {
    await this.#send(() => this.#parts.driver.remove(id, signal))
  }

  async observe(nodes: readonly RegisteredNode[], signal: AbortSignal): Promise<readonly NodeObservation[]> {
    const { driver, clock, chance, process, beganAt, onLook } = this.#parts
    process.requireAlive()
    const [began, askedAt] = [beganAt(), clock.now()]
    const isSlow = chance.happens(1 / 30)
    await clock.advance(chance.between(0, isSlow ? slowMs : latencyMs))
    const answers = await driver.observe(nodes, signal)
    const waitMs = chance.between(0, isSlow ? slowMs : latencyMs)
    await this.waitIfHeld('answer')
    await clock.advance(waitMs)
    process.requireAlive()
    const named = answers.map((answer) => [nameOf(nodes, answer), answerOf(answer)] as const)
    const answeredAt = clock.now()
    const isWhole = false
    onLook({ beganAt: began, askedAt, answeredAt, endedAt: answeredAt, isWhole, answers: new Map(named) })
    return answers
  }

  logs(id: AllocationId, from: LogCursor, signal: AbortSignal): AsyncIterable<LogLine> {
    this.#parts.process.requireAlive()
    return this.#parts.driver.logs(id, from, signal)
  }

  watch(): void {
    // The program looks when it decides to; nobody needs to be woken.
  }

  async #send(command: () => Promise<void>): Promise<void> {
    const { clock, chance, process } = this.#parts
    process.requireAlive()
    await clock.advance(chance.between(0, latencyMs))
    if (chance.happens(1 / 25)) this.#echoes.push(command)
    await this.waitIfHeld('command')
    process.requireAlive()
    await command()
    await this.waitIfHeld('reply')
    await clock.advance(chance.between(0, latencyMs))
    process.requireAlive()
  }
}

function nameOf(nodes: readonly RegisteredNode[], { node }: NodeObservation): string {
  return nodes.find(({ id }) => id === node)?.name ?? node
}

function answerOf(answer: NodeObservation): NodeAnswer | null {
  if (!answer.answered) return null
  const facts = answer.facts.map((fact) => [fact.id, seenOf(fact)] as const)
  return { nodeNow: answer.nodeNow, facts: new Map(facts) }
}

function seenOf(fact: AllocationFact): SeenFact {
  const endedAt = fact.seen === 'ended' ? fact.endedAt : null
  return { seen: fact.seen, startedAt: fact.startedAt, endedAt }
}

/** A pool of which everything that was done is written down. */
export function watchedPool(
  pool: VolumePool,
  clock: SimulatedClock,
  process: Failable,
  wire: Wire,
  onDoing: (doing: StorageDoing) => void,
): VolumePool {
  const note = (volume: VolumeId, what: StorageDoing['what']): void =>
    onDoing({ at: clock.now(), volume, what })
  return {
    enforcesSize: pool.enforcesSize,
    async create(id, sizeGib, signal) {
      process.requireAlive()
      const path = await pool.create(id, sizeGib, signal)
      note(id, 'create')
      await wire.waitIfHeld('volume')
      return path
    },
    async remove(id, signal) {
      process.requireAlive()
      await pool.remove(id, signal)
      note(id, 'remove')
    },
    usedBytes: (id, signal) => pool.usedBytes(id, signal),
  }
}

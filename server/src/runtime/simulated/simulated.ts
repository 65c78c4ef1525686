import type { AllocationId, NodeId } from '../../kernel/ids.ts'
import { type Instant, instant, type Seconds } from '../../kernel/time.ts'
import {
  type AllocationFact,
  type AllocationSpec,
  DriverError,
  type DriverCapabilities,
  type LogCursor,
  type LogLine,
  type NodeFact,
  type NodeObservation,
  noticeFile,
  type RegisteredNode,
  type RuntimeDriver,
} from '../driver.ts'
import { specHash } from '../spec.ts'
import { signalOf } from '../signals.ts'
import { characterOf, characterWords } from './characters.ts'
import type { Command, SimulatedContainer, SimulatedNode, SimulatedWorld } from './world.ts'

/** What the simulated runtime is given. */
export interface SimulatedRuntimeOptions {
  readonly world: SimulatedWorld
  /** Everything made here bears it; of others' things nothing is seen. */
  readonly installation: string
  /** Where every door leads, for a platform whose gateway should meet something; default: no doors. */
  readonly doorsAt?: { readonly host: string; readonly port: number }
}

/** The system's clock may be set meanwhile. */
const longestSleepMs = 10_000

/** Runs allocations in a simulated world. It starts no timer unless it is watched. */
export class SimulatedRuntime implements RuntimeDriver {
  readonly name = 'simulated'
  readonly #world: SimulatedWorld
  readonly #installation: string
  readonly #doorsAt: SimulatedRuntimeOptions['doorsAt']
  /** Learned from observing; a world of one machine needs no telling. */
  readonly #nodeNames = new Map<NodeId, string>()
  readonly #lost = new Map<string, number>()
  #delay: { readonly command: Command; readonly ms: number } | null = null

  constructor({ world, installation, doorsAt }: SimulatedRuntimeOptions) {
    this.#world = world
    this.#installation = installation
    this.#doorsAt = doorsAt
  }

  capabilities(): DriverCapabilities {
    return { namedDevices: true, volumes: 'bind', snapshots: false }
  }

  async inventory(signal: AbortSignal): Promise<readonly NodeFact[]> {
    signal.throwIfAborted()
    const awake = this.#world.nodes().filter((node) => !this.#world.isSilent(node))
    return awake.map((node) => ({
      ...{ name: node.name, engineId: node.engineId, bootId: this.#world.bootId(node), cpus: node.cpus },
      ...{ memoryGib: node.memoryGib, diskGib: node.diskGib, devices: node.devices },
      gpuDriver: node.devices.length > 0 ? '550.54.14' : null,
      cudaDriver: node.devices.length > 0 ? '12.8' : null,
      missing: ['simulated: nothing runs here, and nothing should be paid for'],
    }))
  }

  async ensure(spec: AllocationSpec, signal: AbortSignal): Promise<void> {
    await this.#command('ensure', this.#nodeOf(spec.node), signal, (node) => {
      const hash = specHash(spec)
      const found = this.#world.container(spec.id)
      if (found && found.installation !== this.#installation) throw refused('it belongs to another platform')
      if (found && found.hash !== hash) throw refused('it exists with another specification')
      if (found) return
      this.#requireAble(spec, node)
      this.#world.make(spec, this.#installation, node.name, hash)
    })
  }

  async halt(id: AllocationId, grace: Seconds, signal: AbortSignal): Promise<void> {
    const found = this.#own(id)
    if (!found) return
    await this.#command('halt', this.#world.node(found.node), signal, () => this.#world.end(id, grace * 1000))
  }

  async tell(id: AllocationId, notice: string | null, signal: AbortSignal): Promise<void> {
    const found = this.#own(id)
    if (!found) return
    const node = this.#world.node(found.node)
    await this.#command('tell', node, signal, () => this.#world.put(id, noticeFile, notice))
  }

  async remove(id: AllocationId, signal: AbortSignal): Promise<void> {
    const found = this.#own(id)
    if (!found) return
    await this.#command('remove', this.#world.node(found.node), signal, () => this.#world.remove(id))
  }

  async observe(nodes: readonly RegisteredNode[], signal: AbortSignal): Promise<readonly NodeObservation[]> {
    signal.throwIfAborted()
    for (const node of nodes) this.#nodeNames.set(node.id, node.name)
    return nodes.map((node) => this.#look(node))
  }

  async *logs(id: AllocationId, from: LogCursor, signal: AbortSignal): AsyncGenerator<LogLine> {
    const found = this.#own(id)
    if (!found) throw new DriverError('log_gone', 'never', `The log of ${id} is gone with its container.`)
    this.#requireAnswer(this.#world.node(found.node))
    const printed = found.startedAt === null ? 0 : found.lines
    for (let line = from === 'start' ? 1 : Number(from) + 1; line <= printed; line += 1) {
      signal.throwIfAborted()
      yield {
        cursor: String(line),
        stream: 'stdout',
        text: `line ${line} of ${found.lines} by ${found.subject}\n`,
      }
    }
  }

  /** Sleeps until the next thing that is due in the world, or until something else changes there. */
  watch(nudge: () => void, signal: AbortSignal): void {
    const world = this.#world
    let awake = new AbortController()
    world.listen(() => {
      awake.abort()
      nudge()
    }, signal)
    const follow = async () => {
      while (!signal.aborted) {
        awake = new AbortController()
        const waitMs = Math.max(
          1,
          Math.min(longestSleepMs, (world.nextDue() ?? Infinity) - world.clock.now()),
        )
        await world.clock.sleep(waitMs, AbortSignal.any([signal, awake.signal])).catch(() => undefined)
        world.settle()
      }
    }
    void follow()
  }

  /** The next commands of this kind do nothing, and nobody is told. */
  loseCommand(command: Command, times = 1): void {
    this.#lost.set(command, times)
  }

  /** The next commands of this kind are done, and their replies are lost. */
  loseReply(command: Command, times = 1): void {
    this.#lost.set(`reply to ${command}`, times)
  }

  /** The next command of this kind is done at once, and answered after so long. */
  delayReply(command: Command, ms: number): void {
    this.#delay = { command, ms }
  }

  async #command(
    command: Command,
    node: SimulatedNode,
    signal: AbortSignal,
    act: (node: SimulatedNode) => void,
  ): Promise<void> {
    signal.throwIfAborted()
    this.#requireAnswer(node)
    if (this.#isLost(command)) return
    act(node)
    if (this.#isLost(`reply to ${command}`)) throw silent(node.name)
    const delay = this.#delay
    if (delay?.command !== command) return
    this.#delay = null
    await this.#world.clock.sleep(delay.ms, signal)
  }

  #isLost(what: string): boolean {
    const left = this.#lost.get(what) ?? 0
    if (left > 0) this.#lost.set(what, left - 1)
    return left > 0
  }

  #requireAnswer(node: SimulatedNode): void {
    if (this.#world.isSilent(node)) throw silent(node.name)
  }

  #requireAble(spec: AllocationSpec, node: SimulatedNode): void {
    const character = characterOf(spec.image, spec.purpose === 'attempt')
    if (!character) throw noImage(spec.image)
    const missing = spec.devices.find((device) => !node.devices.some(({ id }) => id === device))
    if (missing !== undefined || character.refusal === 'no_such_device') {
      const device = missing ?? 'the device asked for'
      throw new DriverError('no_such_device', 'elsewhere', `Node ${node.name} does not have ${device}.`)
    }
    if (character.refusal === 'image_unavailable') throw noImage(spec.image)
    if (character.refusal === 'spec_refused') throw refused('its character is to be refused')
  }

  #nodeOf(id: NodeId): SimulatedNode {
    const nodes = this.#world.nodes()
    const name = this.#nodeNames.get(id) ?? (nodes.length === 1 ? nodes[0]?.name : undefined)
    if (name === undefined) throw silent(id)
    return this.#world.node(name)
  }

  #own(id: AllocationId): SimulatedContainer | null {
    const found = this.#world.container(id)
    return found && found.installation === this.#installation ? found : null
  }

  #look({ id, name, engineId }: RegisteredNode): NodeObservation {
    const node = this.#world.nodes().find((other) => other.name === name)
    if (!node || this.#world.isSilent(node) || node.engineId !== engineId)
      return { node: id, answered: false }
    const here = this.#world
      .containers()
      .filter((container) => container.node === name && container.installation === this.#installation)
    return {
      node: id,
      answered: true,
      engineId,
      bootId: this.#world.bootId(node),
      nodeNow: instant(this.#world.clock.now() + node.aheadMs),
      facts: here.map((container) => this.#fact(container)),
    }
  }

  #fact(container: SimulatedContainer): AllocationFact {
    const { id, state, exitCode, outOfMemory } = container
    const startedAt = reading(container.startedAt, container.startedAheadMs)
    const endedAt = reading(container.endedAt, container.endedAheadMs)
    if (state === 'ended' && endedAt !== null) {
      const signal = exitCode === null ? null : signalOf(exitCode, outOfMemory)
      return {
        id,
        seen: 'ended',
        startedAt,
        endedAt,
        exitCode,
        signal,
        outOfMemory,
      }
    }
    if (startedAt !== null && state === 'paused') return { id, seen: 'paused', startedAt }
    if (startedAt !== null && state === 'ready')
      return { id, seen: 'ready', startedAt, doors: this.#doors(container) }
    const stage = state === 'pulling' || state === 'creating' ? state : 'starting'
    return { id, seen: 'preparing', stage, progress: { bytesDone: null, bytesTotal: null }, startedAt }
  }

  #doors({
    ports,
  }: SimulatedContainer): ReadonlyMap<number, { readonly host: string; readonly port: number }> {
    const to = this.#doorsAt
    return new Map(to ? ports.map((port) => [port, to]) : [])
  }
}

/** What a machine's clock showed at a moment when it was ahead by so much. */
function reading(at: Instant | null, aheadMs: number): Instant | null {
  return at === null ? null : instant(at + aheadMs)
}

function silent(node: string): DriverError {
  return new DriverError('node_unreachable', 'later', `Node ${node} does not answer.`)
}

function refused(why: string): DriverError {
  return new DriverError('spec_refused', 'never', `The simulated runtime refuses the allocation: ${why}.`)
}

function noImage(image: string): DriverError {
  const known = characterWords.map((word) => `sim/${word}`).join(', ')
  const message = `There is no image ${image.slice(0, 80)} in the simulated world. It knows ${known}.`
  return new DriverError('image_unavailable', 'never', message)
}

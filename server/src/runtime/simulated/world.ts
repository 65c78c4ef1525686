import { createHash } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import { invariant } from '../../kernel/errors.ts'
import { type AllocationId, sha256Hex } from '../../kernel/ids.ts'
import { type Instant, instant } from '../../kernel/time.ts'
import type { AllocationSpec, DeviceFact } from '../driver.ts'
import { type Character, characterOf } from './characters.ts'
import { type Keep, keepNothing } from './keep.ts'

/** A machine of the world, as it is set up. */
export interface NodePlan {
  readonly name: string
  readonly cpus: number
  readonly memoryGib: number
  readonly diskGib: number
  readonly devices: readonly DeviceFact[]
}

/** A machine as it is now. */
export interface SimulatedNode extends NodePlan {
  engineId: string
  boots: number
  /** What its clock shows less the true time. */
  aheadMs: number
  /** Answers nothing before this true time. */
  silentUntil: Instant
}

/** Something that is to happen to a container by itself. */
interface Due {
  at: Instant
  readonly what: 'created' | 'started' | 'ready' | 'paused' | 'ended' | 'vanished'
  readonly exitCode?: number
  readonly outOfMemory?: boolean
}

/** A container of the world; all of it is JSON. Times are true times. */
export interface SimulatedContainer {
  readonly id: AllocationId
  readonly installation: string
  readonly subject: string
  readonly node: string
  readonly hash: string
  readonly image: string
  readonly command: readonly string[] | null
  readonly devices: readonly string[]
  readonly ports: readonly number[]
  readonly environment: Readonly<Record<string, string>>
  files: Readonly<Record<string, string>>
  readonly limits: AllocationSpec['limits']
  readonly lines: number
  readonly ignoresTerm: boolean
  state: 'pulling' | 'creating' | 'starting' | 'ready' | 'paused' | 'ended'
  startedAt: Instant | null
  endedAt: Instant | null
  /** What its machine's clock was ahead by at those two moments: an engine keeps what it read then. */
  startedAheadMs: number
  endedAheadMs: number
  /** Whether its doors had answered before it was paused. */
  wasReady: boolean
  pausedAt: Instant | null
  exitCode: number | null
  outOfMemory: boolean
  due: Due[]
}

/** One line of what truly happened; nobody but the world writes it. */
export interface Happening {
  readonly at: Instant
  readonly node: string
  readonly allocation: AllocationId | null
  readonly subject: string | null
  readonly devices: readonly string[]
  readonly what:
    | 'made'
    | 'started'
    | 'ready'
    | 'paused'
    | 'resumed'
    | 'ended'
    | 'removed'
    | 'vanished'
    | 'rebooted'
    | 'silenced'
    | 'device given twice'
}

/** What outlives the process. */
export interface WorldState {
  readonly nodes: readonly SimulatedNode[]
  readonly containers: readonly SimulatedContainer[]
}

/** The commands that can be lost on their way, or their replies on the way back. */
export type Command = 'ensure' | 'halt' | 'tell' | 'remove'

/** How the world is made. */
export interface WorldOptions {
  readonly clock: Clock
  /** Small differences of durations follow from it, and from nothing else. */
  readonly seed: string
  /** Ignored where `keep` remembers a world. */
  readonly nodes: readonly NodePlan[]
  /** Where the world is kept, so that it outlives us; default: nowhere. */
  readonly keep?: Keep
}

/** A TERM is obeyed so fast. */
const obeyMs = 50

/**
 * Machines and containers that exist only as numbers. It starts no timer: whatever is due by the clock
 * happens when somebody looks. Its log says what truly ran when, whatever the platform believes.
 */
export class SimulatedWorld {
  readonly clock: Clock
  readonly #seed: string
  readonly #keep: Keep
  readonly #nodes = new Map<string, SimulatedNode>()
  readonly #containers = new Map<AllocationId, SimulatedContainer>()
  readonly #happenings: Happening[] = []
  readonly #listeners = new Set<() => void>()

  constructor({ clock, seed, nodes, keep }: WorldOptions) {
    this.clock = clock
    this.#seed = seed
    this.#keep = keep ?? keepNothing
    const state = this.#keep.load()
    for (const node of state?.nodes ?? nodes.map((plan) => this.#newNode(plan)))
      this.#nodes.set(node.name, node)
    // A world that was kept before machines' clocks could be set knows of no difference.
    for (const container of state?.containers ?? [])
      this.#containers.set(container.id, {
        ...container,
        startedAheadMs: container.startedAheadMs ?? 0,
        endedAheadMs: container.endedAheadMs ?? 0,
      })
  }

  /** What truly happened since this object was made, oldest first. */
  get happenings(): readonly Happening[] {
    this.settle()
    return this.#happenings
  }

  /** Calls back after anything has happened. */
  listen(happened: () => void, signal: AbortSignal): void {
    this.#listeners.add(happened)
    signal.addEventListener('abort', () => this.#listeners.delete(happened), { once: true })
  }

  /** The machines, as they are. */
  nodes(): readonly SimulatedNode[] {
    return [...this.#nodes.values()]
  }

  /** A machine by name; a wrong name is a mistake of the caller's. */
  node(name: string): SimulatedNode {
    const node = this.#nodes.get(name)
    invariant(node, 'the simulated world has a node of that name', { name })
    return node
  }

  /** Everything on every machine, of every platform. */
  containers(): readonly SimulatedContainer[] {
    this.settle()
    return [...this.#containers.values()]
  }

  /** A container by its allocation. */
  container(id: AllocationId): SimulatedContainer | null {
    this.settle()
    return this.#containers.get(id) ?? null
  }

  /** The identity of a machine's present boot. */
  bootId(node: SimulatedNode): string {
    return sha256Hex(`${this.#seed}/${node.name}/boot/${node.boots}`).slice(0, 32)
  }

  /** Is the machine silent now? */
  isSilent(node: SimulatedNode): boolean {
    return this.clock.now() < node.silentUntil
  }

  /** When the next thing is due by itself; null: nothing is. */
  nextDue(): Instant | null {
    const times = this.containers().flatMap((container) => (container.pausedAt === null ? container.due : []))
    return times.length === 0 ? null : instant(Math.min(...times.map((due) => due.at)))
  }

  /** Makes a container and plans its life. */
  make(spec: AllocationSpec, installation: string, nodeName: string, hash: string): void {
    const character = characterOf(spec.image, spec.purpose === 'attempt')
    invariant(character, 'only an image that is a character is made')
    const { id, subject, image, command, devices, ports, limits } = spec
    const container: SimulatedContainer = {
      ...{ id, installation, subject, node: nodeName, hash, image, command, devices, ports, limits },
      environment: Object.fromEntries(spec.environment),
      files: Object.fromEntries(spec.files),
      lines: character.lines,
      ignoresTerm: character.ignoresTerm,
      state: character.pullMs > 0 ? 'pulling' : 'creating',
      ...{
        startedAt: null,
        endedAt: null,
        startedAheadMs: 0,
        endedAheadMs: 0,
        wasReady: false,
        pausedAt: null,
        exitCode: null,
        outOfMemory: false,
      },
      due: this.#plan(spec, character),
    }
    this.#containers.set(id, container)
    this.#note('made', container, this.clock.now())
    this.settle()
    this.#save()
  }

  /** Writes a file that the container sees, or takes it away. */
  put(id: AllocationId, name: string, text: string | null): void {
    const container = this.container(id)
    if (!container) return
    const { [name]: _, ...others } = container.files
    container.files = text === null ? others : { ...others, [name]: text }
    this.#save()
  }

  /** TERM now, KILL after the grace. What has not started yet never will. */
  end(id: AllocationId, graceMs: number): void {
    const container = this.container(id)
    if (!container || container.state === 'ended') return
    const now = this.clock.now()
    if (container.startedAt === null) container.due = []
    else {
      this.resume(id)
      const obeys = !container.ignoresTerm && graceMs > 0
      const at = instant(now + (obeys ? Math.min(obeyMs, graceMs) : graceMs))
      container.due = [...container.due, { at, what: 'ended', exitCode: obeys ? 143 : 137 }]
    }
    this.settle()
    this.#save()
  }

  /** Takes a container away, killing it first where it runs. */
  remove(id: AllocationId): void {
    const container = this.container(id)
    if (!container) return
    const now = this.clock.now()
    if (container.startedAt !== null && container.state !== 'ended') this.#note('ended', container, now)
    this.#containers.delete(id)
    this.#note('removed', container, now)
    this.#save()
  }

  /** Pauses a container that runs, as somebody with rights on the machine may. */
  pause(id: AllocationId): void {
    const container = this.container(id)
    if (container) this.#pause(container, this.clock.now())
    this.#save()
  }

  /** Lets a paused container go on; what was due by itself is due as much later. */
  resume(id: AllocationId): void {
    const container = this.container(id)
    if (!container || container.pausedAt === null) return
    const now = this.clock.now()
    const pausedMs = now - container.pausedAt
    for (const due of container.due) due.at = instant(due.at + pausedMs)
    container.pausedAt = null
    container.state = container.wasReady ? 'ready' : 'starting'
    this.#note('resumed', container, now)
    this.#save()
  }

  /** Ends a container behind our back, with any exit code. */
  kill(id: AllocationId, exitCode = 137): void {
    const container = this.container(id)
    if (container) this.#end(container, this.clock.now(), exitCode, false)
    this.#save()
  }

  /** Starts a container again, as a stranger may: the same name, another process. */
  restart(id: AllocationId): void {
    const container = this.container(id)
    if (!container) return
    const now = this.clock.now()
    if (container.startedAt !== null && container.state !== 'ended') this.#end(container, now, 137, false)
    container.due = []
    ;[container.endedAt, container.exitCode, container.wasReady] = [null, null, false]
    this.#start(container, now)
    container.due = [{ at: instant(now + 300), what: 'ready' }]
    this.#save()
  }

  /** The machine answers nothing for a while; what runs on it runs on. */
  silence(nodeName: string, ms: number): void {
    const node = this.node(nodeName)
    node.silentUntil = instant(this.clock.now() + ms)
    this.#noteNode('silenced', node)
    this.#save()
  }

  /** The machine starts anew: everything on it has ended, as an engine finds it then, with exit code 255. */
  reboot(nodeName: string): void {
    const node = this.node(nodeName)
    const now = this.clock.now()
    for (const container of this.containers()) {
      if (container.node === nodeName && container.startedAt !== null) this.#end(container, now, 255, false)
    }
    node.boots += 1
    this.#noteNode('rebooted', node)
    this.#save()
  }

  /** Sets a machine's clock: it shows the true time and so much more. */
  setClock(nodeName: string, aheadMs: number): void {
    // What is due by now happened by the clock as it was.
    this.settle()
    this.node(nodeName).aheadMs = aheadMs
    this.#save()
  }

  /** Another engine answers at this machine's address. */
  changeEngine(nodeName: string): void {
    const node = this.node(nodeName)
    node.engineId = `${node.engineId}'`
    this.#save()
  }

  /** Lets everything happen that is due by now, in the order in which it is due. */
  settle(): void {
    const now = this.clock.now()
    let hasChanged = false
    for (;;) {
      let first: { readonly container: SimulatedContainer; readonly due: Due } | null = null
      for (const container of this.#containers.values()) {
        if (container.pausedAt !== null) continue
        for (const due of container.due)
          if (due.at <= now && (!first || due.at < first.due.at)) first = { container, due }
      }
      if (!first) break
      const { container, due } = first
      container.due = container.due.filter((other) => other !== due)
      this.#happen(container, due)
      hasChanged = true
    }
    if (hasChanged) this.#save()
  }

  #happen(container: SimulatedContainer, due: Due): void {
    switch (due.what) {
      case 'created':
        container.state = 'creating'
        break
      case 'started':
        this.#start(container, due.at)
        break
      case 'ready':
        container.state = 'ready'
        container.wasReady = true
        this.#note('ready', container, due.at)
        break
      case 'paused':
        this.#pause(container, due.at)
        break
      case 'ended':
        this.#end(container, due.at, due.exitCode ?? 0, due.outOfMemory ?? false)
        break
      case 'vanished':
        this.#containers.delete(container.id)
        this.#note('vanished', container, due.at)
    }
  }

  #start(container: SimulatedContainer, at: Instant): void {
    for (const other of this.#containers.values()) {
      const shared = other.devices.filter((device) => container.devices.includes(device))
      const holds = other !== container && other.node === container.node && other.startedAt !== null
      // A machine would let both use the device; the log tells the auditor.
      if (holds && other.state !== 'ended' && shared.length > 0)
        this.#note('device given twice', container, at)
    }
    container.state = 'starting'
    container.startedAt = at
    container.startedAheadMs = this.node(container.node).aheadMs
    this.#note('started', container, at)
  }

  #pause(container: SimulatedContainer, at: Instant): void {
    if (container.startedAt === null || container.state === 'ended' || container.pausedAt !== null) return
    container.pausedAt = at
    container.state = 'paused'
    this.#note('paused', container, at)
  }

  #end(container: SimulatedContainer, at: Instant, exitCode: number, outOfMemory: boolean): void {
    if (container.state === 'ended') return
    ;[container.due, container.pausedAt] = [[], null]
    ;[container.state, container.endedAt] = ['ended', at]
    container.endedAheadMs = this.node(container.node).aheadMs
    ;[container.exitCode, container.outOfMemory] = [exitCode, outOfMemory]
    this.#note('ended', container, at)
  }

  #plan(spec: AllocationSpec, character: Character): Due[] {
    const now = this.clock.now()
    const createdAt = now + this.#about(character.pullMs, spec.id, 'pull')
    const startedAt = instant(createdAt + this.#about(character.createMs, spec.id, 'create'))
    const due: Due[] = [{ at: startedAt, what: 'started' }]
    if (character.pullMs > 0) due.unshift({ at: instant(createdAt), what: 'created' })
    const isReadyWhenStarted = spec.readiness.every((probe) => probe.kind === 'started')
    const answerMs = isReadyWhenStarted ? 0 : character.answerMs
    if (answerMs !== null) due.push({ at: instant(startedAt + answerMs), what: 'ready' })
    const { end, vanishesAfterMs, pausesAfterMs } = character
    if (pausesAfterMs !== null) due.push({ at: instant(startedAt + pausesAfterMs), what: 'paused' })
    if (vanishesAfterMs !== null) due.push({ at: instant(startedAt + vanishesAfterMs), what: 'vanished' })
    if (end) due.push({ at: instant(startedAt + end.afterMs), what: 'ended', ...end })
    return due
  }

  /** Within a tenth, by the seed and the name alone: the order of calls changes nothing. */
  #about(ms: number, ...names: readonly string[]): number {
    const digest = createHash('sha256')
      .update([this.#seed, ...names].join('/'))
      .digest()
    return Math.floor(ms * (0.95 + (digest.readUInt32BE() / 2 ** 32) * 0.1))
  }

  #newNode(plan: NodePlan): SimulatedNode {
    const engineId = `SIM:${sha256Hex(`${this.#seed}/${plan.name}`).slice(0, 16).toUpperCase()}`
    return { ...plan, engineId, boots: 1, aheadMs: 0, silentUntil: instant(0) }
  }

  #note(what: Happening['what'], container: SimulatedContainer, at: Instant): void {
    const { node, id: allocation, subject, devices } = container
    this.#append({ at, node, allocation, subject, devices, what })
  }

  #noteNode(what: Happening['what'], node: SimulatedNode): void {
    this.#append({
      at: this.clock.now(),
      node: node.name,
      allocation: null,
      subject: null,
      devices: [],
      what,
    })
  }

  #append(happening: Happening): void {
    this.#happenings.push(happening)
    this.#keep.append(happening)
  }

  #save(): void {
    this.#keep.save({ nodes: this.nodes(), containers: [...this.#containers.values()] })
    for (const happened of this.#listeners) happened()
  }
}

import type Docker from 'dockerode'
import { messageOf } from '../../kernel/errors.ts'
import type { AllocationId } from '../../kernel/ids.ts'
import { type AllocationSpec, DriverError } from '../driver.ts'
import { specHash } from '../spec.ts'
import { driverErrorOf, type Engine, statusOf } from './engine.ts'
import { type Sight, sightOf, type Stage } from './facts.ts'
import type { Housings } from './housing.ts'
import type { Networks } from './networks.ts'
import {
  checkSpec,
  containerName,
  createRequest,
  type EngineFeatures,
  type Housing,
  labels,
} from './profile.ts'
import type { Readiness } from './readiness.ts'

/** What making a container needs beside the spec. */
export interface Workshop {
  readonly engine: Engine
  readonly installation: string
  readonly housings: Housings
  readonly networks: Networks
  readonly readiness: Readiness
  /** Our seccomp profile, as JSON text. */
  readonly seccomp: string
  readonly features: (signal: AbortSignal) => Promise<EngineFeatures>
  /** Resolves when nothing of the allocation is being cleared up. */
  readonly swept: (id: AllocationId) => Promise<void>
  /** Closes the tenants' networks; does not throw where the machine cannot. */
  readonly guard: (signal: AbortSignal) => Promise<void>
}

interface Making {
  readonly hash: string
  readonly controller: AbortController
  readonly finished: Promise<void>
  stage: Stage
  waiting: number
}

/**
 * Allocations that are being made now. Asked twice, one is made once; given up when nobody waits for it any
 * more.
 */
export class Makings {
  readonly #workshop: Workshop
  readonly #under = new Map<AllocationId, Making>()

  constructor(workshop: Workshop) {
    this.#workshop = workshop
  }

  /** Makes what is missing of the allocation and starts it, once in its life. */
  async ensure(spec: AllocationSpec, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const hash = specHash(spec)
    let making = this.#under.get(spec.id)
    while (making?.controller.signal.aborted) {
      await making.finished.catch(() => undefined)
      making = this.#under.get(spec.id)
    }
    if (making && making.hash !== hash) throw otherSpec(spec.id)
    making ??= this.#begin(spec, hash)
    await join(making, signal)
  }

  /** What is being made, and how far it is. */
  stages(): ReadonlyMap<AllocationId, Stage> {
    return new Map([...this.#under].map(([id, making]) => [id, making.stage]))
  }

  /** Gives up making it; resolves when that has stopped. */
  async cancel(id: AllocationId): Promise<void> {
    const making = this.#under.get(id)
    if (!making) return
    making.controller.abort(new DriverError('runtime_unavailable', 'later', 'The allocation is being ended.'))
    await making.finished.catch(() => undefined)
  }

  #begin(spec: AllocationSpec, hash: string): Making {
    const controller = new AbortController()
    // One turn later, so that the record below stands before the work begins.
    const finished = Promise.resolve()
      .then(() => make(this.#workshop, spec, (stage) => (making.stage = stage), controller.signal))
      .catch((error: unknown) => {
        controller.signal.throwIfAborted()
        throw driverErrorOf(error)
      })
      .finally(() => this.#under.delete(spec.id))
    // Those who wait hear of a fault; where nobody waits any more, nobody needs to.
    finished.catch(() => undefined)
    const making: Making = { hash, controller, finished, stage: 'pulling', waiting: 0 }
    this.#under.set(spec.id, making)
    return making
  }
}

async function join(making: Making, signal: AbortSignal): Promise<void> {
  making.waiting += 1
  let stop = () => {}
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    await Promise.race([making.finished, stopped])
  } finally {
    signal.removeEventListener('abort', stop)
    making.waiting -= 1
    if (making.waiting === 0) making.controller.abort(signal.reason)
  }
}

type ToStage = (stage: Stage) => void

async function make(
  workshop: Workshop,
  spec: AllocationSpec,
  toStage: ToStage,
  signal: AbortSignal,
): Promise<void> {
  checkSpec(spec)
  await workshop.swept(spec.id)
  let found = await inspect(workshop, spec, signal)
  if (!found) {
    await requireImage(workshop, spec, signal)
    toStage('creating')
    found = await create(workshop, spec, signal)
  } else if (found.state === 'created') {
    toStage('creating')
    await furnish(workshop, spec, signal)
    await workshop.housings.markMade(spec.id)
  }
  if (found.state === 'created') {
    toStage('starting')
    found = await start(workshop, spec, found, signal)
  }
  if (found.state === 'running' && found.startedAt !== null && found.address !== null) {
    workshop.readiness.begin(found.containerId, found.startedAt, found.address, spec.readiness)
  }
}

/**
 * The allocation's container; null where there is none. Refuses one that is not this platform's, or not of
 * this spec.
 */
async function inspect(workshop: Workshop, spec: AllocationSpec, signal: AbortSignal): Promise<Sight | null> {
  const { engine, installation } = workshop
  const container = engine.docker.getContainer(containerName(spec.id))
  try {
    const found = await engine.ask(signal, (abortSignal) => container.inspect({ abortSignal }))
    if (found.Config.Labels[labels.platform] !== installation) throw notOurs(spec.id)
    if (found.Config.Labels[labels.spec] !== specHash(spec)) throw otherSpec(spec.id)
    if (found.State.Dead || found.State.Status === 'removing') throw goingAway()
    return sightOf(found)
  } catch (error) {
    if (statusOf(error) === 404) return null
    throw error
  }
}

async function requireImage({ engine }: Workshop, spec: AllocationSpec, signal: AbortSignal): Promise<void> {
  try {
    await engine.get(signal, `/images/${spec.image}/json`)
  } catch (error) {
    if (statusOf(error) === 404) throw noImage(spec.image)
    throw error
  }
}

/** Everything the container stands on: its folders and files, its network, and the rules around that. */
async function furnish(workshop: Workshop, spec: AllocationSpec, signal: AbortSignal): Promise<Housing> {
  // The folder comes first: observing finds by it what a crash left half-made.
  const housing = await workshop.housings.make(spec.id, spec.files)
  await workshop.housings.keepProbes(spec.id, spec.readiness)
  // The rules match bridges by name, so they may come before the bridge or with it, but not after the start.
  await Promise.all([workshop.guard(signal), workshop.networks.make(spec, signal)])
  return housing
}

async function create(workshop: Workshop, spec: AllocationSpec, signal: AbortSignal): Promise<Sight> {
  const { engine, installation, seccomp } = workshop
  const housing = await furnish(workshop, spec, signal)
  const features = await workshop.features(signal)
  const request = createRequest(spec, installation, housing, seccomp, features)
  try {
    await engine.ask(signal, (abortSignal) => engine.docker.createContainer({ ...request, abortSignal }))
  } catch (error) {
    // A replay of a request whose answer was lost conflicts by name; what stands there is then adopted.
    if (statusOf(error) !== 409) throw createFault(error, spec)
  }
  const made = await inspect(workshop, spec, signal)
  if (!made) throw goingAway()
  await workshop.housings.markMade(spec.id)
  return made
}

async function start(
  workshop: Workshop,
  spec: AllocationSpec,
  made: Sight,
  signal: AbortSignal,
): Promise<Sight> {
  const { engine } = workshop
  try {
    await startOnce(engine, made.containerId, signal)
  } catch (error) {
    // Its network was removed and made again under the same name: the container holds on to the old one's id.
    if (!/network .* not found/i.test(messageOf(error))) throw startFault(error)
    const container = engine.docker.getContainer(made.containerId)
    await engine.ask(signal, (abortSignal) => container.remove({ force: true, v: true, abortSignal }))
    const again = await create(workshop, spec, signal)
    await startOnce(engine, again.containerId, signal).catch((second: unknown) => {
      throw startFault(second)
    })
  }
  const started = await inspect(workshop, spec, signal)
  if (!started) throw goingAway()
  return started
}

async function startOnce(engine: Engine, containerId: string, signal: AbortSignal): Promise<void> {
  const container: Docker.Container = engine.docker.getContainer(containerId)
  try {
    await engine.ask(signal, (abortSignal) => container.start({ abortSignal }))
  } catch (error) {
    // 304: it was started already.
    if (statusOf(error) !== 304) throw error
  }
}

function createFault(error: unknown, spec: AllocationSpec): unknown {
  const message = messageOf(error).trim()
  if (statusOf(error) === 404 && /no such image/i.test(message)) return noImage(spec.image)
  if (statusOf(error) === 400) {
    // Another node may have more CPUs or memory, or the folder that this one lacks.
    const retry = /range of cpus|memory limit|minimum memory/i.test(message) ? 'elsewhere' : 'never'
    return new DriverError('spec_refused', retry, `Docker Engine refused the container: ${message}`)
  }
  return error
}

/** What the engine says when a device that was asked for is not there, or nothing here can hand one out. */
const deviceFault =
  /select device driver|unresolvable CDI|nvidia-container-cli|unknown device|unknown or invalid runtime/i
/** Faults of the machine that pass, though they come from the container runtime. */
const passingFault =
  /cannot allocate memory|no space left|resource temporarily unavailable|too many open files/i

function startFault(error: unknown): unknown {
  const message = messageOf(error).trim()
  if (statusOf(error) === null) return error
  if (deviceFault.test(message)) {
    return new DriverError(
      'no_such_device',
      'elsewhere',
      `This machine could not give the devices: ${message}`,
    )
  }
  if (passingFault.test(message)) return error
  if (/OCI runtime|runc|invalid mount|executable file not found|bind source path/i.test(message)) {
    return new DriverError('spec_refused', 'never', `The container could not be started: ${message}`)
  }
  return error
}

function noImage(image: string): DriverError {
  const message = `Image ${image} is not on this machine. Build it again, or choose another version.`
  return new DriverError('image_unavailable', 'never', message)
}

function otherSpec(id: AllocationId): DriverError {
  const message = `Allocation ${id} exists with another specification. Nothing changes one: make a new one.`
  return new DriverError('spec_refused', 'never', message)
}

function notOurs(id: AllocationId): DriverError {
  const message = `The container of allocation ${id} belongs to another platform here. Remove it there first.`
  return new DriverError('spec_refused', 'never', message)
}

function goingAway(): DriverError {
  return new DriverError(
    'runtime_unavailable',
    'later',
    'The container is being removed. It is made again after that.',
  )
}

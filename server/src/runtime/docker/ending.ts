import type Docker from 'dockerode'
import type { Clock } from '../../kernel/clock.ts'
import type { AllocationId } from '../../kernel/ids.ts'
import { type Seconds, seconds } from '../../kernel/time.ts'
import { DriverError } from '../driver.ts'
import { driverErrorOf, type Engine, statusOf } from './engine.ts'
import type { Housings } from './housing.ts'
import type { Networks } from './networks.ts'
import { containerName, labels } from './profile.ts'

/** What ending needs. */
export interface Exit {
  readonly engine: Engine
  readonly installation: string
  readonly clock: Clock
  readonly housings: Housings
  readonly networks: Networks
  /** Stops making it, if it is being made. */
  readonly cancel: (id: AllocationId) => Promise<void>
}

/** How long a killed container may take to be gone: the kernel may have to give back much memory. */
const killedWithinMs = 15_000

/** Ends and removes allocations. */
export class Endings {
  readonly #exit: Exit
  readonly #halting = new Map<AllocationId, Promise<void>>()

  constructor(exit: Exit) {
    this.#exit = exit
  }

  /** TERM, then KILL after the grace. Asked twice at once, it is done once, with the first one's grace. */
  async halt(id: AllocationId, grace: Seconds, signal: AbortSignal): Promise<void> {
    const under = this.#halting.get(id)
    if (under) return await under
    const halting = this.#halt(id, grace, signal)
      .catch((error: unknown) => {
        signal.throwIfAborted()
        throw driverErrorOf(error)
      })
      .finally(() => this.#halting.delete(id))
    this.#halting.set(id, halting)
    await halting
  }

  /**
   * Kills what still runs and leaves nothing; the container itself goes last, so that a crash leaves it to
   * be seen.
   */
  async remove(id: AllocationId, signal: AbortSignal): Promise<void> {
    try {
      await this.#halt(id, seconds(0), signal)
      await this.#exit.networks.remove(id, signal)
      await this.#exit.housings.remove(id, signal)
      await this.#removeContainer(id, signal)
    } catch (error) {
      signal.throwIfAborted()
      throw driverErrorOf(error)
    }
  }

  async #halt(id: AllocationId, grace: Seconds, signal: AbortSignal): Promise<void> {
    await this.#exit.cancel(id)
    const found = await this.#find(id, signal)
    if (!found || !found.State.Running) return
    const container = this.#exit.engine.docker.getContainer(found.Id)
    if (grace > 0) {
      await this.#kill(container, 'SIGTERM', signal)
      if (await this.#endsWithin(container, grace * 1000, signal)) return
    }
    await this.#kill(container, 'SIGKILL', signal)
    if (await this.#endsWithin(container, killedWithinMs, signal)) return
    throw new DriverError(
      'runtime_unavailable',
      'later',
      `Allocation ${id} was killed but has not ended yet.`,
    )
  }

  async #find(id: AllocationId, signal: AbortSignal): Promise<Docker.ContainerInspectInfo | null> {
    const { engine, installation } = this.#exit
    const container = engine.docker.getContainer(containerName(id))
    try {
      const found = await engine.ask(signal, (abortSignal) => container.inspect({ abortSignal }))
      return found.Config.Labels[labels.platform] === installation ? found : null
    } catch (error) {
      if (statusOf(error) === 404) return null
      throw error
    }
  }

  async #kill(container: Docker.Container, word: 'SIGTERM' | 'SIGKILL', signal: AbortSignal): Promise<void> {
    try {
      await this.#exit.engine.ask(signal, (abortSignal) => container.kill({ signal: word, abortSignal }))
    } catch (error) {
      // 404: gone; 409: not running any more.
      if (statusOf(error) !== 404 && statusOf(error) !== 409) throw error
    }
  }

  async #endsWithin(
    container: Docker.Container,
    ms: number,
    signal: AbortSignal,
    condition: 'not-running' | 'removed' = 'not-running',
  ): Promise<boolean> {
    const ended = new AbortController()
    const given = AbortSignal.any([signal, ended.signal])
    const waiting = container.wait({ condition, abortSignal: given }).then(
      () => true,
      (error: unknown) => {
        if (statusOf(error) === 404) return true
        throw error
      },
    )
    // Lost to the sleep, it fails with our own abort, which is no news.
    waiting.catch(() => undefined)
    const tooLong = this.#exit.clock.sleep(ms, given).then(() => false)
    tooLong.catch(() => undefined)
    try {
      return await Promise.race([waiting, tooLong])
    } finally {
      ended.abort()
    }
  }

  async #removeContainer(id: AllocationId, signal: AbortSignal): Promise<void> {
    const found = await this.#find(id, signal)
    if (!found) return
    const container = this.#exit.engine.docker.getContainer(found.Id)
    try {
      await this.#exit.engine.ask(signal, (abortSignal) =>
        container.remove({ force: true, v: true, abortSignal }),
      )
    } catch (error) {
      if (statusOf(error) === 404) return
      // 409: its removal is under way, by somebody else.
      if (statusOf(error) !== 409 || !(await this.#endsWithin(container, killedWithinMs, signal, 'removed')))
        throw error
    }
  }
}

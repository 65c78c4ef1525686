import { type AllocationId } from '../../kernel/ids.ts'
import { type Engine, statusOf } from './engine.ts'
import type { Housings } from './housing.ts'
import type { Networks } from './networks.ts'
import { containerName } from './profile.ts'

/**
 * Clears up after containers that somebody else removed. Such an allocation is absent and has ended, so
 * nobody asks for its removal any more; its network, scratch and secrets would stay for ever.
 */
export class Sweeping {
  readonly #engine: Engine
  readonly #networks: Networks
  readonly #housings: Housings
  readonly #failed: (id: AllocationId, error: unknown) => void
  readonly #closed = new AbortController()
  readonly #under = new Map<AllocationId, Promise<void>>()

  constructor(
    engine: Engine,
    networks: Networks,
    housings: Housings,
    failed: (id: AllocationId, error: unknown) => void,
  ) {
    this.#engine = engine
    this.#networks = networks
    this.#housings = housings
    this.#failed = failed
  }

  /** Begins to clear up, unless the container is there after all. */
  begin(id: AllocationId): void {
    if (this.#under.has(id) || this.#closed.signal.aborted) return
    const sweeping = this.#sweep(id, this.#closed.signal)
      .catch((error: unknown) => {
        if (!this.#closed.signal.aborted) this.#failed(id, error)
      })
      .finally(() => this.#under.delete(id))
    this.#under.set(id, sweeping)
  }

  /** Resolves when nothing of this allocation is being cleared up. */
  async settled(id: AllocationId): Promise<void> {
    await this.#under.get(id)
  }

  /** Begins no more, and gives up what is under way: the next controller sees it again. */
  close(): void {
    this.#closed.abort()
  }

  async #sweep(id: AllocationId, signal: AbortSignal): Promise<void> {
    try {
      await this.#engine.ask(signal, (abortSignal) =>
        this.#engine.docker.getContainer(containerName(id)).inspect({ abortSignal }),
      )
      return
    } catch (error) {
      if (statusOf(error) !== 404) throw error
    }
    await this.#networks.remove(id, signal)
    await this.#housings.remove(id, signal)
  }
}

import { createInterface } from 'node:readline'
import type { Clock } from '../../kernel/clock.ts'
import type { Engine } from './engine.ts'
import { labels } from './profile.ts'

/** Between two attempts to listen again. */
const pauseMs = 1000

/** The events after which an observation may differ; commands run inside a container tell nothing. */
const telling = ['create', 'start', 'die', 'oom', 'pause', 'unpause', 'destroy', 'restart']

/**
 * The engine's event stream of one installation's containers: says that something changed, never what is
 * so.
 */
export class Events {
  readonly #engine: Engine
  readonly #installation: string
  readonly #clock: Clock
  readonly #listeners = new Set<(containerId: string | null) => void>()
  #listening: { readonly controller: AbortController } | null = null
  #isConnected = false

  constructor(engine: Engine, installation: string, clock: Clock) {
    this.#engine = engine
    this.#installation = installation
    this.#clock = clock
  }

  /** While this is so, nothing changed without a call to every listener. */
  get isConnected(): boolean {
    return this.#isConnected
  }

  /**
   * Calls back with the container that changed, or null when any may have. Connects with the first
   * listener.
   */
  listen(changed: (containerId: string | null) => void, signal: AbortSignal): void {
    if (signal.aborted) return
    this.#listeners.add(changed)
    if (!this.#listening) {
      this.#listening = { controller: new AbortController() }
      void this.#run(this.#listening.controller.signal)
    }
    signal.addEventListener(
      'abort',
      () => {
        this.#listeners.delete(changed)
        if (this.#listeners.size > 0) return
        this.#listening?.controller.abort()
        this.#listening = null
        this.#isConnected = false
      },
      { once: true },
    )
  }

  #tell(containerId: string | null): void {
    for (const changed of this.#listeners) changed(containerId)
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#follow(signal).catch(() => undefined)
      this.#isConnected = false
      if (signal.aborted) return
      this.#tell(null)
      await this.#clock.sleep(pauseMs, signal).catch(() => undefined)
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const label = [`${labels.platform}=${this.#installation}`]
    const filters = { type: ['container'], label, event: telling }
    const input = await this.#engine.open(signal, '/events', { filters: JSON.stringify(filters) })
    signal.addEventListener('abort', () => input.destroy(), { once: true })
    input.on('error', () => undefined)
    this.#isConnected = true
    this.#tell(null)
    for await (const line of createInterface({ input, signal })) this.#tell(containerOf(line))
  }
}

function containerOf(line: string): string | null {
  try {
    const event: unknown = JSON.parse(line)
    if (typeof event !== 'object' || event === null || !('id' in event)) return null
    return typeof event.id === 'string' ? event.id : null
  } catch {
    return null
  }
}

import { basename, dirname } from 'node:path'
import type Docker from 'dockerode'
import type { Clock } from '../../kernel/clock.ts'
import { DriverError } from '../driver.ts'
import { Engine } from './engine.ts'
import { labels } from './profile.ts'

/** What the images of the platform are named, whichever recipe they come from. */
const ownImages = 'gpuhour/*'
/** A home of millions of files takes its time. */
const removalMs = 600_000

/**
 * Removes folders that belong to tenants' uid where we are not root: by a short container that is, with no
 * network and nothing in sight but the folder above. Any image of ours has the program for it.
 */
export class Janitor {
  readonly #engine: Engine
  readonly #installation: string
  readonly #image: string | null

  /** `image` defaults to the smallest on the engine that is named `gpuhour/…`. */
  constructor(engine: string | Docker, installation: string, clock: Clock, image: string | null = null) {
    this.#engine = new Engine(engine, clock)
    this.#installation = installation
    this.#image = image
  }

  /** Removes the folder and everything in it; absent is success. */
  async remove(folder: string, signal: AbortSignal): Promise<void> {
    const Image = this.#image ?? (await this.#smallestImage(signal))
    const container = await this.#engine.ask(signal, (abortSignal) =>
      this.#engine.docker.createContainer({
        Image,
        User: '0:0',
        Entrypoint: ['rm', '-rf', '--', `/above/${basename(folder)}`],
        Cmd: [],
        WorkingDir: '/',
        Labels: { [labels.platform]: this.#installation },
        HostConfig: {
          AutoRemove: true,
          NetworkMode: 'none',
          ReadonlyRootfs: true,
          CapDrop: ['ALL'],
          CapAdd: ['DAC_OVERRIDE', 'FOWNER'],
          SecurityOpt: ['no-new-privileges:true'],
          Mounts: [{ Type: 'bind', Source: dirname(folder), Target: '/above', ReadOnly: false }],
        },
        abortSignal,
      }),
    )
    // Asked before the start: it may be gone as soon as it has begun.
    const ended = this.#engine.ask(
      signal,
      (abortSignal) => container.wait({ condition: 'removed', abortSignal }),
      removalMs,
    )
    ended.catch(() => undefined)
    await this.#engine.ask(signal, (abortSignal) => container.start({ abortSignal }))
    const { StatusCode } = await ended
    if (StatusCode !== 0) throw unable(`a container could not remove ${folder} (exit ${StatusCode})`)
  }

  async #smallestImage(signal: AbortSignal): Promise<string> {
    const filters = JSON.stringify({ reference: [ownImages] })
    const images = await this.#engine.ask(signal, (abortSignal) =>
      this.#engine.docker.listImages({ filters, abortSignal }),
    )
    const [smallest] = images.toSorted((a, b) => a.Size - b.Size)
    if (!smallest) throw unable('no image of the platform is on the engine to do it with')
    return smallest.Id
  }
}

function unable(why: string): DriverError {
  const message = `Files of a tenant cannot be removed without root: ${why}. It is tried again.`
  return new DriverError('runtime_unavailable', 'later', message)
}

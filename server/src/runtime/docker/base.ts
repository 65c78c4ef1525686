import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../kernel/clock.ts'
import { AppError } from '../../kernel/errors.ts'
import type { DockerClient } from './build.client.ts'
import { run, succeed } from './build.command.ts'

/** What the base image needs of its surroundings. */
export interface BaseSettings {
  /** A folder with room for 200 MB for a few seconds. */
  readonly scratch: string
  /** For programs that it starts: PATH, proxies. */
  readonly environment: ReadonlyMap<string, string>
  readonly clock: Clock
  /** May it install Debian packages on this machine? */
  readonly mayInstall: boolean
}

const suite = 'trixie'
const registryImage = `debian:${suite}-slim`
/**
 * Every platform on this engine uses the one base that is there: layers, and BuildKit's cache, are then
 * shared.
 */
const localTag = `gpuhour/debian:${suite}`
/**
 * A registry that is there begins to answer at once; one behind a silent firewall would be waited for for
 * minutes.
 */
const registryPatienceMs = 20_000

/**
 * The Debian image that recipes stand on, as a name that the engine knows: what is there already, else from
 * the registry (kept by its digest), else made from a Debian mirror in 10–30 s. Throws `unavailable`, saying
 * what to do.
 */
export async function ensureBase(
  client: DockerClient,
  settings: BaseSettings,
  onStep: (title: string) => void,
  signal: AbortSignal,
): Promise<string> {
  const there = await client.run({ args: ['image', 'inspect', '--format', '{{.Id}}', localTag] }, signal)
  if (there.code === 0) return localTag
  onStep('Debian from the registry')
  if (await pull(client, settings.clock, signal)) return localTag
  onStep('Debian from a mirror')
  await make(client, settings, onStep, signal)
  return localTag
}

async function pull(client: DockerClient, clock: Clock, signal: AbortSignal): Promise<boolean> {
  const silence = new AbortController()
  const heard = new AbortController()
  const patience = clock.sleep(registryPatienceMs, AbortSignal.any([signal, heard.signal])).then(
    () => silence.abort(new AppError('unavailable', 'the registry does not answer')),
    () => undefined,
  )
  const pulling = { args: ['pull', registryImage], onLine: () => heard.abort() }
  const pulled = await client
    .run(pulling, AbortSignal.any([signal, silence.signal]))
    .catch((error: unknown) => {
      signal.throwIfAborted()
      if (silence.signal.aborted) return null
      throw error
    })
  heard.abort()
  await patience
  if (pulled?.code !== 0) return false
  const digest = await client.succeed(
    ['image', 'inspect', '--format', '{{index .RepoDigests 0}}', registryImage],
    signal,
  )
  await client.succeed(['tag', digest, localTag], signal)
  return true
}

async function make(
  client: DockerClient,
  settings: BaseSettings,
  onStep: (title: string) => void,
  signal: AbortSignal,
): Promise<void> {
  await ensureMmdebstrap(settings, onStep, signal)
  const folder = await mkdtemp(join(settings.scratch, 'gpuhour-base-'))
  try {
    // By way of a file: a pipe would import the first half of an archive whose making was cut off.
    const archive = join(folder, 'root.tar')
    onStep('Debian from a mirror: packages')
    const args = ['--variant=minbase', suite, archive]
    await succeed(
      { program: 'mmdebstrap', args, environment: new Map([['TMPDIR', folder]]) },
      settings.environment,
      signal,
    )
    onStep('Debian from a mirror: importing')
    await client.succeed(['import', archive, localTag], signal)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function ensureMmdebstrap(
  settings: BaseSettings,
  onStep: (title: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const has = await run({ program: 'mmdebstrap', args: ['--version'] }, settings.environment, signal).catch(
    (error: unknown) => {
      if (signal.aborted) throw error
      return null
    },
  )
  if (has?.code === 0) return
  if (!settings.mayInstall) {
    throw new AppError(
      'unavailable',
      'No registry answers, and mmdebstrap, which would make the base image from a Debian mirror, is not ' +
        'installed. Run `apt-get install mmdebstrap`, or let this machine reach a registry.',
    )
  }
  onStep('Debian from a mirror: installing mmdebstrap')
  const apt = (...args: string[]) => {
    const environment = new Map([['DEBIAN_FRONTEND', 'noninteractive']])
    return succeed({ program: 'apt-get', args, environment }, settings.environment, signal)
  }
  const install = ['install', '--yes', '--no-install-recommends', 'mmdebstrap']
  await apt(...install).catch(async () => {
    signal.throwIfAborted()
    await apt('update')
    await apt(...install)
  })
}

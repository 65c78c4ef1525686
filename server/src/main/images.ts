import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ImageBuilder } from '../runtime/builder.ts'
import { usualClients } from '../runtime/docker/build.client.ts'
import { hostFactsOf } from '../runtime/docker/build.host.ts'
import { DockerImageBuilder } from '../runtime/docker/build.ts'
import type { RoleContext } from './context.ts'

/** Recipes, proofs and templates of this checkout. */
const imagesFolder = fileURLToPath(new URL('../../../images', import.meta.url))

function pipFiles(): readonly string[] {
  // pip's own order, the most general first.
  const paths = [
    '/etc/pip.conf',
    join(homedir(), '.pip', 'pip.conf'),
    join(homedir(), '.config', 'pip', 'pip.conf'),
  ]
  return paths.filter((path) => existsSync(path)).map((path) => readFileSync(path, 'utf8'))
}

/** What builds and proves the images on this machine. */
export function imageBuilderOf({
  config,
  platform,
  clock,
}: Pick<RoleContext, 'config' | 'platform' | 'clock'>): ImageBuilder {
  const scratch = join(config.dataDir, 'builds')
  // A builder that was killed left its working folders here, with the host's pip settings in them.
  rmSync(scratch, { recursive: true, force: true })
  mkdirSync(scratch, { recursive: true, mode: 0o700 })
  const environment = new Map(
    Object.entries(process.env).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    ),
  )
  return new DockerImageBuilder({
    images: imagesFolder,
    socketPath: new URL(config.dockerHost).pathname,
    clients: usualClients,
    scratch,
    environment,
    host: hostFactsOf(environment, pipFiles(), existsSync),
    mayInstall: process.getuid?.() === 0 && config.installEngine === 'auto',
    clock,
    installation: platform.installation,
  })
}

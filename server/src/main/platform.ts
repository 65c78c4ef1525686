import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { AppError } from '../kernel/errors.ts'
import { asId, type Id, newSecret, systemIds } from '../kernel/ids.ts'
import type { Config } from './config.ts'

/** The version of this checkout, from package.json. */
export const version: string = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))).version

const door = z.object({ host: z.string(), port: z.number() })

const platformSchema = z.object({
  installation: z.string().transform((text) => asId('platform', text)),
  operatorSecret: z.string().startsWith('gph_'),
  console: z.string(),
  api: z.string(),
  apps: door,
  ssh: door,
  pid: z.number(),
  version: z.string(),
})

/**
 * `<data>/platform.json`, mode 0600: where the platform answers, and the secret by which its operator signs
 * in on this machine. Installation id and secret are made once for a data directory.
 */
export interface Platform {
  readonly installation: Id<'platform'>
  /** An API key of the operator (`gph_…`). */
  readonly operatorSecret: string
  /** `http://localhost:7070` */
  readonly console: string
  /** Where the CLI and the SDK send their requests: the same server by its address. */
  readonly api: string
  /** Apps stand at `http://<instance>--<port>.<host>:<port>`. */
  readonly apps: { readonly host: string; readonly port: number }
  readonly ssh: { readonly host: string; readonly port: number }
  /** Of `main`. */
  readonly pid: number
  readonly version: string
}

/** The file's path. */
export function platformPath(dataDir: string): string {
  return join(dataDir, 'platform.json')
}

/** What the data directory says of itself; null where no platform was ever started. */
export async function readPlatform(dataDir: string): Promise<Platform | null> {
  const path = platformPath(dataDir)
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  })
  if (text === null) return null
  try {
    return platformSchema.parse(JSON.parse(text))
  } catch (error) {
    // It holds the installation's id: making a new one would disown every container and volume.
    throw new AppError(
      'internal',
      `${path} is damaged. Restore it: without it the platform does not know its own containers.`,
      { cause: error },
    )
  }
}

/** The platform of this start: addresses from the configuration, identity as it was, or new. */
export function platformOf(config: Config, before: Platform | null): Platform {
  // A wildcard cannot be dialled.
  const dialled = /^(0\.0\.0\.0|::)$/.test(config.host) ? '127.0.0.1' : config.host
  const address = dialled.includes(':') ? `[${dialled}]` : dialled
  return {
    installation: before?.installation ?? systemIds.make('platform'),
    operatorSecret: before?.operatorSecret ?? newSecret('gph_'),
    console: `http://${config.domain}:${config.port}`,
    api: `http://${address}:${config.port}`,
    apps: { host: `apps.${config.domain}`, port: config.appsPort },
    ssh: { host: config.domain, port: config.sshPort },
    pid: process.pid,
    version,
  }
}

/** Writes the file whole or not at all. */
export function writePlatform(dataDir: string, platform: Platform): void {
  const path = platformPath(dataDir)
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, `${JSON.stringify(platform, null, 2)}\n`, { mode: 0o600, flush: true })
  chmodSync(draft, 0o600)
  renameSync(draft, path)
}

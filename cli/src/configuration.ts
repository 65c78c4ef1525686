import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { UsageError } from './command.ts'
import { SignInError } from './failures.ts'

/** How this person reaches a platform: by its data directory on this machine, or by address and key. */
export type Profile =
  | { readonly kind: 'local'; readonly dataDir: string }
  | { readonly kind: 'remote'; readonly url: string; readonly apiKey: string }

/** Where the platform answers, and by which secret. */
export interface Access {
  readonly url: string
  readonly apiKey: string
}

/** Our folder below $XDG_CONFIG_HOME, for our eyes only. */
export function configurationDir(): string {
  return join(process.env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'gpuhour')
}

function configurationPath(): string {
  return join(configurationDir(), 'config.json')
}

/** Writes a file of ours whole or not at all, readable by nobody else. */
export function writePrivately(name: string, text: string): string {
  mkdirSync(configurationDir(), { recursive: true, mode: 0o700 })
  const path = join(configurationDir(), name)
  writeFileSync(`${path}.new`, text, { mode: 0o600 })
  chmodSync(`${path}.new`, 0o600)
  renameSync(`${path}.new`, path)
  return path
}

/** Remembers how to reach the platform. */
export function writeProfile(profile: Profile): string {
  return writePrivately('config.json', `${JSON.stringify({ profile }, null, 2)}\n`)
}

/** Forgets it. */
export function removeProfile(): void {
  rmSync(configurationPath(), { force: true })
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw new UsageError(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function textOf(value: unknown, name: string): string | null {
  if (value === null || typeof value !== 'object') return null
  const found = Object.entries(value).find(([key]) => key === name)?.[1]
  return typeof found === 'string' ? found : null
}

function parsed(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const why = error instanceof Error ? error.message : ''
    throw new UsageError(`${path} is not JSON (${why}). Correct it, or sign in again: gpuhour login.`)
  }
}

/**
 * How to reach the platform, as the last `login` said; null before the first. Warns where others can read
 * a key.
 */
export function readProfile(warn: (line: string) => void): Profile | null {
  const path = configurationPath()
  const text = readOrNull(path)
  if (text === null) return null
  const whole = parsed(path, text)
  const profile = whole !== null && typeof whole === 'object' && 'profile' in whole ? whole.profile : null
  const [kind, dataDir] = [textOf(profile, 'kind'), textOf(profile, 'dataDir')]
  const [url, apiKey] = [textOf(profile, 'url'), textOf(profile, 'apiKey')]
  if (kind === 'local' && dataDir) return { kind, dataDir }
  if (kind !== 'remote' || !url || !apiKey)
    throw new UsageError(`${path} names no platform. Sign in again: gpuhour login.`)
  if (statSync(path).mode & 0o077) warn(`warning: others can read the key in ${path}: chmod 600 ${path}`)
  return { kind, url, apiKey }
}

/** What `<data>/platform.json` says; it changes when the platform is started on another port. */
export function readPlatform(dataDir: string): Access {
  const path = join(dataDir, 'platform.json')
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    throw new SignInError(
      isMissing
        ? `No platform was started here: ${path} is missing. Start one: npm start.`
        : `${path} is for the platform's operator only. Use the account that runs npm start.`,
    )
  }
  const whole = parsed(path, text)
  const [url, apiKey] = [textOf(whole, 'api'), textOf(whole, 'operatorSecret')]
  if (!url || !apiKey) throw new SignInError(`${path} is damaged. Start the platform again: npm start.`)
  return { url, apiKey }
}

/** Where a platform of this machine keeps its data, the likeliest first. */
export function likelyDataDirs(): readonly string[] {
  const own = join(homedir(), '.gpuhour')
  const given = process.env['GPUHOUR_DATA']
  if (given) return [given]
  return process.getuid?.() === 0 ? ['/var/lib/gpuhour', own] : [own, '/var/lib/gpuhour']
}

import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { constants, homedir, hostname } from 'node:os'
import { join } from 'node:path'
import { ApiError, type Client, makeId } from '@gpuhour/sdk/client'
import type { Instance } from '@gpuhour/sdk/contract'
import { configurationDir, writePrivately } from './configuration.ts'
import type { Context } from './context.ts'
import { everyItem } from './pick.ts'

/** What the system's ssh and scp are told, so that they ask nothing and trust nobody else. */
export interface SshSetting {
  readonly host: string
  readonly port: number
  readonly knownHosts: string
  readonly identity: string
}

/** Type and base64 of a public key, without its comment. */
function keyText(line: string): string {
  return line.trim().split(/\s+/).slice(0, 2).join(' ')
}

/** Public keys of the person's own ~/.ssh that have their private half beside them. */
function ownKeys(): readonly { readonly identity: string; readonly text: string }[] {
  const folder = join(homedir(), '.ssh')
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith('.pub') && existsSync(join(folder, name.slice(0, -4))))
    .map((name) => ({
      identity: join(folder, name.slice(0, -4)),
      text: keyText(readFileSync(join(folder, name), 'utf8')),
    }))
}

function makeKey(path: string): void {
  mkdirSync(configurationDir(), { recursive: true, mode: 0o700 })
  const args = ['-q', '-t', 'ed25519', '-N', '', '-C', `gpuhour on ${hostname()}`, '-f', path]
  try {
    execFileSync('ssh-keygen', args, { stdio: ['ignore', 'ignore', 'inherit'] })
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    const what = 'ssh-keygen is not installed here. Install it: apt-get install openssh-client.'
    throw isMissing ? new Error(what, { cause: error }) : error
  }
}

/**
 * A private key that the platform knows the public half of; where there is none, one is made and
 * registered.
 */
async function knownIdentity(context: Context, client: Client): Promise<string> {
  const registered = await everyItem((cursor) => client.listSshKeys({ query: cursor ? { cursor } : {} }))
  const isKnown = (text: string): boolean => registered.some(({ publicKey }) => keyText(publicKey) === text)
  const own = ownKeys().find(({ text }) => isKnown(text))
  if (own) return own.identity
  const path = join(configurationDir(), 'id_ed25519')
  if (!existsSync(path)) makeKey(path)
  const publicKey = readFileSync(`${path}.pub`, 'utf8').trim()
  if (isKnown(keyText(publicKey))) return path
  const body = { id: makeId('sshKey'), name: `gpuhour on ${hostname()}`.slice(0, 80), publicKey }
  const { fingerprint } = await client.createSshKey({ body })
  context.say(`Made the SSH key ${path} (${fingerprint}) and registered it.`)
  return path
}

/** Everything that ssh needs to reach instances of this platform. */
export async function sshSetting(context: Context, client: Client): Promise<SshSetting> {
  const { ssh } = await client.getPlatform()
  if (ssh.hostKeys.length === 0)
    throw new ApiError(
      'unavailable',
      503,
      'The SSH door has not been opened yet. Try again in a few seconds.',
    )
  const identity = await knownIdentity(context, client)
  const name = ssh.port === 22 ? ssh.host : `[${ssh.host}]:${ssh.port}`
  const knownHosts = writePrivately('known_hosts', ssh.hostKeys.map((key) => `${name} ${key}\n`).join(''))
  return { host: ssh.host, port: ssh.port, knownHosts, identity }
}

/** The options that ssh, scp and rsync share. */
export function sshOptions({ knownHosts, identity }: SshSetting): string[] {
  return [
    ...['-o', `UserKnownHostsFile=${knownHosts}`, '-o', 'GlobalKnownHostsFile=/dev/null'],
    ...['-o', 'StrictHostKeyChecking=yes', '-o', 'IdentitiesOnly=yes', '-i', identity],
  ]
}

/** Runs a program in our place; its exit code, or 128 and the signal's number. */
export function runInPlace(program: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit' })
    // The terminal sends these to both of us; it is for the program to answer.
    const ignore = (): void => {}
    process.on('SIGINT', ignore)
    child.once('error', (error) => {
      const isMissing = 'code' in error && error.code === 'ENOENT'
      reject(
        isMissing ? new Error(`${program} is not installed here: apt-get install openssh-client.`) : error,
      )
    })
    child.once('exit', (code, signal) => {
      process.off('SIGINT', ignore)
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0))
    })
  })
}

/** The Host entry of an instance. */
export function hostEntry(instance: Instance, setting: SshSetting): string {
  return [
    `Host ${instance.name}.gpuhour`,
    `  HostName ${setting.host}`,
    `  Port ${setting.port}`,
    `  User ${instance.id}`,
    `  IdentityFile ${setting.identity}`,
    '  IdentitiesOnly yes',
    `  UserKnownHostsFile ${setting.knownHosts}`,
    '  StrictHostKeyChecking yes',
    '',
  ].join('\n')
}

import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ssh2 from 'ssh2'
import { makeSshKey } from '../kernel/sshkeys.ts'
import { fingerprintOf } from './ssh.keys.ts'

/** What a command did. */
export interface Ran {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: Buffer
  readonly stderr: string
}

/** Runs a program to its end. */
export function run(command: string, args: readonly string[], input?: string | Uint8Array): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    child.on('error', reject)
    child.stdin.on('error', () => {})
    child.on('close', (code, signal) =>
      resolve({
        code,
        signal,
        stdout: Buffer.concat(stdout),
        stderr: Buffer.concat(stderr).toString('utf8'),
      }),
    )
    child.stdin.end(input)
  })
}

/** A person's own folder: a key, and the door's key pinned. */
export interface Home {
  readonly folder: string
  readonly keyFile: string
  readonly privateKey: string
  readonly fingerprint: string
  /** Options that ssh, scp, sftp (and rsync's -e) take, for the door on the port with that key. */
  options(port: number, hostKey: string): Promise<string[]>
  remove(): Promise<void>
}

function makeRsaKey(): string {
  const encoding = { type: 'pkcs1', format: 'pem' } as const
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(encoding).toString()
}

/** Makes one. */
export async function makeHome(type: 'ed25519' | 'rsa' = 'ed25519'): Promise<Home> {
  const folder = await mkdtemp(join(tmpdir(), 'gpuhour-ssh-'))
  const privateKey = type === 'rsa' ? makeRsaKey() : makeSshKey('test').privateKey
  const parsed = ssh2.utils.parseKey(privateKey)
  if (parsed instanceof Error) throw parsed
  const keyFile = join(folder, 'key')
  await writeFile(keyFile, privateKey)
  await chmod(keyFile, 0o600)
  return {
    folder,
    keyFile,
    privateKey,
    fingerprint: fingerprintOf(parsed.getPublicSSH()),
    async options(port, hostKey) {
      const knownHosts = join(folder, 'known_hosts')
      await writeFile(knownHosts, `[127.0.0.1]:${port} ${hostKey}\n`)
      const wanted = {
        UserKnownHostsFile: knownHosts,
        GlobalKnownHostsFile: '/dev/null',
        StrictHostKeyChecking: 'yes',
        UpdateHostKeys: 'no',
        IdentityFile: keyFile,
        IdentitiesOnly: 'yes',
        IdentityAgent: 'none',
        BatchMode: 'yes',
        ConnectTimeout: '10',
        Port: String(port),
      }
      return ['-F', 'none', ...Object.entries(wanted).flatMap(([name, value]) => ['-o', `${name}=${value}`])]
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

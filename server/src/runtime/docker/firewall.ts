import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { messageOf } from '../../kernel/errors.ts'
import type { Clock } from '../../kernel/clock.ts'
import { bridgePrefix } from './profile.ts'

/**
 * Addresses that no tenant may reach: private, shared, link-local (metadata among them), loopback,
 * multicast, reserved.
 */
export const closedRanges = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/4',
  '240.0.0.0/4',
] as const

/** SMTP and its two submission ports: nobody sends mail from here. */
const mailPorts = '25,465,587'

/** The two chains of an installation; chains of two platforms never have the same name. */
export interface Chains {
  readonly forward: string
  readonly input: string
}

/** Chain names of an installation, within the 28 characters that the kernel allows. */
export function chainsOf(installation: string): Chains {
  const mark = createHash('sha256').update(installation).digest('hex').slice(0, 10)
  return { forward: `GPUHOUR-FWD-${mark}`, input: `GPUHOUR-IN-${mark}` }
}

/**
 * The resolvers of a resolv.conf that a container asks by itself; loopback ones are asked by the engine for
 * it.
 */
export function resolversOf(resolvConf: string): readonly string[] {
  return [...resolvConf.matchAll(/^\s*nameserver\s+(\d+\.\d+\.\d+\.\d+)\s*$/gm)]
    .map((match) => match[1] ?? '')
    .filter((address) => !address.startsWith('127.'))
}

/** What `iptables-restore --noflush` is given: both chains, emptied and filled in one step. */
export function rulesOf(installation: string, resolvers: readonly string[]): string {
  const { forward, input } = chainsOf(installation)
  const bridges = `${bridgePrefix(installation)}+`
  const dns = resolvers.flatMap((address) => [
    `-d ${address}/32 -p udp --dport 53 -j RETURN`,
    `-d ${address}/32 -p tcp --dport 53 -j RETURN`,
  ])
  const answers = '-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN'
  const lines = [
    ...[answers, ...dns].map((rule) => `-A ${forward} ${rule}`),
    // Toward a tenant nothing is begun from elsewhere: the gateway's own connections do not pass here.
    `-A ${forward} -o ${bridges} -j DROP`,
    ...closedRanges.map((range) => `-A ${forward} -d ${range} -j REJECT --reject-with icmp-admin-prohibited`),
    `-A ${forward} -p tcp -m multiport --dports ${mailPorts} -j REJECT --reject-with icmp-admin-prohibited`,
    ...[answers, ...dns].map((rule) => `-A ${input} ${rule}`),
    `-A ${input} -j DROP`,
  ]
  return ['*filter', `:${forward} - [0:0]`, `:${input} - [0:0]`, ...lines, 'COMMIT', ''].join('\n')
}

/** The same in IPv6, which tenants' networks do not have: nothing passes. */
export function rulesOf6(installation: string): string {
  const { forward, input } = chainsOf(installation)
  const drop = [`-A ${forward} -j DROP`, `-A ${input} -j DROP`]
  return ['*filter', `:${forward} - [0:0]`, `:${input} - [0:0]`, ...drop, 'COMMIT', ''].join('\n')
}

/** A flushed table is noticed within this time, at the next start of a container or pass of the inventory. */
const believedMs = 10_000
const commandMs = 10_000

/** The rules of one installation in the machine's own tables; others' rules are left as they are. */
export class Firewall {
  readonly #installation: string
  readonly #clock: Clock
  #installed: { readonly atMs: number; readonly fault: string | null } | null = null
  #turn: Promise<unknown> = Promise.resolve()

  constructor(installation: string, clock: Clock) {
    this.#installation = installation
    this.#clock = clock
  }

  /**
   * Installs the rules, or finds them in place; the reason where this machine or person cannot, else null.
   */
  async install(): Promise<string | null> {
    const turn = this.#turn.then(() => this.#install())
    this.#turn = turn.catch(() => undefined)
    return await turn
  }

  /**
   * Takes the rules out again; tenants that run lose their protection, so this is for tests and for
   * uninstalling.
   */
  async removeRules(): Promise<void> {
    this.#installed = null
    for (const family of ['iptables', 'ip6tables'] as const) {
      for (const [from, rule] of await this.#jumps(family)) {
        while (await succeeds(family, ['-D', from, ...rule])) {
          // Each pass removes one copy.
        }
      }
      const { forward, input } = chainsOf(this.#installation)
      for (const chain of [forward, input]) {
        await succeeds(family, ['-F', chain])
        await succeeds(family, ['-X', chain])
      }
    }
  }

  async #install(): Promise<string | null> {
    const last = this.#installed
    if (last && this.#clock.monotonic() - last.atMs < believedMs) return last.fault
    const fault = await this.#restore().then(
      () => null,
      (error: unknown) => `tenants' networks are not closed: ${messageOf(error).split('\n')[0] ?? ''}`,
    )
    this.#installed = { atMs: this.#clock.monotonic(), fault }
    return fault
  }

  async #restore(): Promise<void> {
    const resolvers = resolversOf(await resolvConf())
    await run('iptables-restore', ['--noflush', '-w', '5'], rulesOf(this.#installation, resolvers))
    await this.#hook('iptables')
    // A kernel without IPv6 has no such table, and nothing to close.
    const hasIpv6 = await readFile('/proc/net/if_inet6', 'utf8').then(
      (table) => table !== '',
      () => false,
    )
    if (!hasIpv6) return
    await run('ip6tables-restore', ['--noflush', '-w', '5'], rulesOf6(this.#installation))
    await this.#hook('ip6tables')
  }

  async #hook(family: Family): Promise<void> {
    for (const [from, rule] of await this.#jumps(family)) {
      if (!(await succeeds(family, ['-C', from, ...rule])))
        await run(family, ['-w', '5', '-I', from, '1', ...rule])
    }
  }

  /**
   * DOCKER-USER stands before the engine's own rules and survives its restarts; where it is missing,
   * FORWARD.
   */
  async #jumps(family: Family): Promise<readonly (readonly [string, readonly string[]])[]> {
    const { forward, input } = chainsOf(this.#installation)
    const bridges = `${bridgePrefix(this.#installation)}+`
    const from = (await succeeds(family, ['-S', 'DOCKER-USER'])) ? 'DOCKER-USER' : 'FORWARD'
    return [
      [from, ['-i', bridges, '-j', forward]],
      [from, ['-o', bridges, '-j', forward]],
      ['INPUT', ['-i', bridges, '-j', input]],
    ]
  }
}

type Family = 'iptables' | 'ip6tables'

/**
 * The file that the engine hands to containers: systemd's real one where the visible one points at its
 * stub.
 */
async function resolvConf(): Promise<string> {
  const visible = await readFile('/etc/resolv.conf', 'utf8').catch(() => '')
  if (resolversOf(visible).length > 0) return visible
  return await readFile('/run/systemd/resolve/resolv.conf', 'utf8').catch(() => visible)
}

async function succeeds(command: Family, args: readonly string[]): Promise<boolean> {
  return await run(command, ['-w', '5', ...args]).then(
    () => true,
    () => false,
  )
}

/** Where distributions keep system programs, for a person whose PATH leaves them out. */
const systemFolders = '/usr/sbin:/sbin:/usr/bin:/bin'

function run(command: string, args: readonly string[], input = ''): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = { timeout: commandMs, env: { PATH: systemFolders, LC_ALL: 'C' } }
    const child = execFile(command, args, options, (error, _, stderr) => {
      if (error) reject(new Error(`${command}: ${stderr.trim() || error.message}`))
      else resolve()
    })
    // A command that ends before it has read everything breaks the pipe; its exit code says why.
    child.stdin?.on('error', () => undefined).end(input)
  })
}

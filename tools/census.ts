import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { request } from 'node:http'
import { z } from 'zod'
import { chainsOf } from '../server/src/runtime/docker/firewall.ts'
import { bridgePrefix } from '../server/src/runtime/docker/profile.ts'
import { isAlive, processOf, type ProcessRef } from '../server/src/store/processes.ts'

// What the suite must leave as it found it. Each thing is a name that a person can look for.

/** What there is of the machine, each by name. */
export interface HostCensus {
  readonly interfaces: readonly string[]
  readonly loopDevices: readonly string[]
  readonly firewallRules: readonly string[]
}

/** What there is in the engine. */
export interface EngineCensus {
  readonly things: readonly EngineThing[]
}

interface EngineThing {
  readonly name: string
  /** Of the label `gpuhour.platform`; null where there is none. */
  readonly installation: string | null
}

/** The label that everything of a platform on an engine bears. */
export const platformLabel = 'gpuhour.platform'
/** The container of a proof bears this one instead: it is no allocation of the platform. */
const proofLabel = 'gpuhour.proof'

function lines(command: string, args: readonly string[]): readonly string[] {
  const { stdout, status } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 50_000_000 })
  return status === 0 ? stdout.split('\n').filter((line) => line !== '') : []
}

// A built-in chain that lets everything pass appears with the first look at its table.
const openChain = /^:(?:INPUT|FORWARD|OUTPUT|PREROUTING|POSTROUTING) ACCEPT/

/**
 * `iptables-save` as rules, each with its table; counters, comments and open built-in chains are no rules.
 */
export function readRules(saved: readonly string[]): readonly string[] {
  let table = ''
  return saved.flatMap((line) => {
    if (line.startsWith('*')) table = line.slice(1)
    if (!/^(:|-A)/.test(line) || openChain.test(line)) return []
    return [`${table} ${line.replace(/\s*\[\d+:\d+\]/, '')}`]
  })
}

function loopDevices(): readonly string[] {
  return readdirSync('/sys/block')
    .filter((name) => name.startsWith('loop'))
    .flatMap((name) => {
      const path = `/sys/block/${name}/loop/backing_file`
      return existsSync(path) ? [`${name} on ${readFileSync(path, 'utf8').trim()}`] : []
    })
}

/** Looks at the machine. */
export function hostCensus(): HostCensus {
  return {
    interfaces: readdirSync('/sys/class/net').sort(),
    loopDevices: existsSync('/sys/block') ? loopDevices() : [],
    firewallRules: ['iptables-save', 'ip6tables-save'].flatMap((command) =>
      readRules(lines(command, [])).map((rule) => (command === 'iptables-save' ? rule : `ipv6 ${rule}`)),
    ),
  }
}

const labels = z.record(z.string(), z.string()).nullish()
const containersSchema = z.array(z.object({ Names: z.array(z.string()), Labels: labels }))
const networksSchema = z.array(z.object({ Name: z.string(), Labels: labels }))
const volumesSchema = z.object({
  Volumes: z.array(z.object({ Name: z.string(), Labels: labels })).nullable(),
})

function askEngine(socketPath: string, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, timeout: 10_000 }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => (text += part))
      response.on('end', () => resolve(JSON.parse(text)))
    })
    asked.on('timeout', () => asked.destroy(new Error('the engine is silent')))
    asked.on('error', reject)
    asked.end()
  })
}

/** Looks into the engine. */
export async function engineCensus(socket: string): Promise<EngineCensus> {
  const installationOf = (found: z.output<typeof labels>): string | null =>
    found?.[platformLabel] ?? (found?.[proofLabel] || null)
  const containers = containersSchema.parse(await askEngine(socket, '/containers/json?all=1'))
  const networks = networksSchema.parse(await askEngine(socket, '/networks'))
  const volumes = volumesSchema.parse(await askEngine(socket, '/volumes'))
  return {
    things: [
      ...containers.map(({ Names, Labels }) => ({
        name: `container ${Names[0]?.slice(1)}`,
        installation: installationOf(Labels),
      })),
      ...networks.map(({ Name, Labels }) => ({
        name: `network ${Name}`,
        installation: installationOf(Labels),
      })),
      ...(volumes.Volumes ?? []).map(({ Name, Labels }) => ({
        name: `volume ${Name}`,
        installation: installationOf(Labels),
      })),
    ],
  }
}

/** What is new in the engine, but for what belongs to a platform that runs beside the suite. */
export function newInEngine(
  before: EngineCensus,
  after: EngineCensus,
  others: ReadonlySet<string>,
): readonly string[] {
  const known = new Set(before.things.map(({ name }) => name))
  return after.things
    .filter(({ installation }) => installation === null || !others.has(installation))
    .map(({ name }) => name)
    .filter((name) => !known.has(name))
}

/**
 * Names in the kernel's tables by which things of other platforms are known: their chains and their bridges.
 */
export function foreignNames(others: ReadonlySet<string>): readonly string[] {
  return [...others].flatMap((installation) => [
    ...Object.values(chainsOf(installation)),
    bridgePrefix(installation),
  ])
}

/** What is new on the machine. With a platform beside us its bridges and rules come and go. */
export function newOnHost(
  before: HostCensus,
  after: HostCensus,
  foreign: readonly string[],
): readonly string[] {
  const isForeign = (text: string): boolean =>
    // A veth goes with its container, which is compared by name.
    foreign.some((name) => text.includes(name)) || text.startsWith('veth')
  const added = (what: string, old: readonly string[], now: readonly string[]): readonly string[] => {
    const known = new Set(old)
    return now.filter((one) => !known.has(one) && !isForeign(one)).map((one) => `${what} ${one}`)
  }
  return [
    ...added('network interface', before.interfaces, after.interfaces),
    ...added('loop device', before.loopDevices, after.loopDevices),
    ...added('firewall rule', before.firewallRules, after.firewallRules),
  ]
}

function argumentsOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim()
  } catch {
    return ''
  }
}

function bears(pid: number, mark: string, folder: string): boolean {
  try {
    if (readlinkSync(`/proc/${pid}/cwd`).startsWith(`${folder}/`)) return true
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(mark)
  } catch {
    return false
  }
}

/** The data directories of platforms beside the suite: their roles have the variable, not our mark. */
export function foldersBeside(mark: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && /\/main\/role\.ts /.test(argumentsOf(Number(name))))
    .flatMap((name) => {
      try {
        const environment = readFileSync(`/proc/${name}/environ`, 'utf8').split('\0')
        const folder = environment.find((one) => one.startsWith('GPUHOUR_DATA='))?.split('=')[1]
        return folder && !environment.includes(mark) ? [folder] : []
      } catch {
        return []
      }
    })
}

/** A process that the suite started and that still runs. */
export interface Leftover {
  readonly ref: ProcessRef
  /** With its ports, as in `process 123 (node main.ts), listening on 7070`. */
  readonly name: string
}

/** TCP ports on which the machine listens, by the inode of the socket. */
function listeningPorts(): ReadonlyMap<string, number> {
  const ports = new Map<string, number>()
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6'])
    for (const line of existsSync(table) ? readFileSync(table, 'utf8').split('\n').slice(1) : []) {
      // sl local_address rem_address st … inode; 0A is LISTEN (proc(5)).
      const fields = line.trim().split(/\s+/)
      const port = Number.parseInt(fields[1]?.split(':')[1] ?? '', 16)
      if (fields[3] === '0A' && fields[9]) ports.set(fields[9], port)
    }
  return ports
}

function portsOf(pid: number, listening: ReadonlyMap<string, number>): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1]
      return (inode && listening.get(inode)) || []
    })
  } catch {
    return []
  }
}

/**
 * Processes that bear the suite's mark in their environment, wherever they were handed on to, or stand in its
 * folder (PostgreSQL's, whose environment is its own).
 */
export function leftoverProcesses(mark: string, folder: string): readonly Leftover[] {
  const listening = listeningPorts()
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid && Number(name) !== process.ppid)
    .flatMap((name) => {
      const ref = processOf(Number(name))
      if (!ref || !bears(ref.pid, mark, folder)) return []
      const ports = portsOf(ref.pid, listening)
      const doors = ports.length > 0 ? `, listening on ${ports.join(', ')}` : ''
      return [{ ref, name: `process ${ref.pid} (${argumentsOf(ref.pid).slice(0, 120)})${doors}` }]
    })
}

/** Those of them that are still there. */
export function stillAlive(leftovers: readonly Leftover[]): readonly Leftover[] {
  return leftovers.filter(({ ref }) => isAlive(ref))
}

/** Takes back what an engine left in the kernel when it was stopped: the rules it added, and its bridge. */
export function removeEngineTraces(before: HostCensus): void {
  const after = hostCensus()
  const known = new Set(before.firewallRules)
  const added = after.firewallRules.filter((rule) => !known.has(rule) && !rule.startsWith('ipv6 '))
  const ofEngine = added.filter((rule) =>
    /DOCKER|docker0|br-[0-9a-f]{12}|172\.(1[7-9]|2\d|3[01])\./.test(rule),
  )
  const run = (table: string, ...args: string[]): void =>
    void spawnSync('iptables', ['-w', '-t', table, ...args], { stdio: 'ignore' })
  const parsed = ofEngine.map((rule) => rule.split(' '))
  for (const [table = '', kind = '', chain = '', ...rest] of parsed)
    if (kind === '-A') run(table, '-D', chain, ...rest)
  for (const [table = '', kind = ''] of parsed) if (kind.startsWith(':')) run(table, '-F', kind.slice(1))
  for (const [table = '', kind = ''] of parsed) if (kind.startsWith(':')) run(table, '-X', kind.slice(1))
  // The engine closes forwarding where it was open before.
  if (added.includes('filter :FORWARD DROP')) run('filter', '-P', 'FORWARD', 'ACCEPT')
  if (!before.interfaces.includes('docker0'))
    spawnSync('ip', ['link', 'delete', 'docker0'], { stdio: 'ignore' })
}

import { networkInterfaces } from 'node:os'
import { readFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { invariant, messageOf } from '../../kernel/errors.ts'
import { DriverError, type AllocationSpec } from '../driver.ts'
import { type Engine, statusOf } from './engine.ts'
import { bridgeName, labels, labelsOf, networkName } from './profile.ts'

/** A range of IPv4 addresses: its first address as a number, and how many bits are fixed. */
export interface Range {
  readonly first: number
  readonly bits: number
}

/** Reads `10.0.0.0/8`; a bare address is a range of one. Null when it is none. */
export function parseRange(text: string): Range | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/.exec(text)
  if (!match) return null
  const parts = match.slice(1, 5).map(Number)
  const bits = match[5] === undefined ? 32 : Number(match[5])
  if (parts.some((part) => part > 255) || bits > 32) return null
  const address = parts.reduce((sum, part) => sum * 256 + part, 0)
  return { first: address - (address % sizeOf(bits)), bits }
}

function sizeOf(bits: number): number {
  return 2 ** (32 - bits)
}

/** Writes a range as `10.0.0.0/8`. */
export function formatRange(range: Range): string {
  const parts = [24, 16, 8, 0].map((shift) => Math.floor(range.first / 2 ** shift) % 256)
  return `${parts.join('.')}/${range.bits}`
}

/** Do the two have an address in common? */
export function overlap(a: Range, b: Range): boolean {
  return a.first < b.first + sizeOf(b.bits) && b.first < a.first + sizeOf(a.bits)
}

/** Sixteen addresses: the bridge, a container, and room for a group later. */
const subnetBits = 28

/**
 * The first free /28 of a range, beginning to look at a place that the seed names: two platforms that share
 * an engine then seldom try the same one. Null when all are taken.
 */
export function chooseSubnet(range: Range, taken: readonly Range[], seed: string): Range | null {
  const count = sizeOf(range.bits) / sizeOf(subnetBits)
  const offset = createHash('sha256').update(seed).digest().readUInt32BE() % count
  for (let step = 0; step < count; step += 1) {
    const first = range.first + ((offset + step) % count) * sizeOf(subnetBits)
    const candidate = { first, bits: subnetBits }
    if (!taken.some((other) => overlap(candidate, other))) return candidate
  }
  return null
}

/** The destinations of /proc/net/route: little-endian hexadecimal words; the default route takes nothing. */
export function parseRoutes(table: string): Range[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, destination, , , , , , mask] = line.trim().split(/\s+/)
      if (destination === undefined || mask === undefined) return []
      const bits = littleEndian(mask).toString(2).replaceAll('0', '').length
      return bits === 0 ? [] : [{ first: littleEndian(destination), bits }]
    })
}

function littleEndian(word: string): number {
  return Buffer.from(word, 'hex').readUInt32LE()
}

async function takenOnThisHost(): Promise<Range[]> {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const local = addresses.filter((address) => address.family === 'IPv4').map((address) => address.cidr ?? '')
  const routes = parseRoutes(await readFile('/proc/net/route', 'utf8').catch(() => ''))
  return [...local.map(parseRange).filter((range) => range !== null), ...routes]
}

/** The bridges of one installation: one network, a /28, for each allocation. */
export class Networks {
  readonly #engine: Engine
  readonly #installation: string
  readonly #range: Range
  /** One at a time: two that look at once would choose the same subnet. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(engine: Engine, installation: string, range: string) {
    const parsed = parseRange(range)
    invariant(parsed && parsed.bits <= subnetBits, 'the network range is an IPv4 range of at least a /28', {
      range,
    })
    this.#engine = engine
    this.#installation = installation
    this.#range = parsed
  }

  /** Makes the allocation's network, unless it is there. */
  async make(spec: AllocationSpec, signal: AbortSignal): Promise<void> {
    const turn = this.#turn.then(() => this.#make(spec, signal))
    this.#turn = turn.catch(() => undefined)
    await turn
  }

  /** Removes every network that carries the allocation's label, whoever hangs on it. */
  async remove(id: string, signal: AbortSignal): Promise<void> {
    const label = [`${labels.platform}=${this.#installation}`, `${labels.allocation}=${id}`]
    const found = await this.#engine.ask(signal, (abortSignal) =>
      this.#engine.docker.listNetworks({ filters: { label }, abortSignal }),
    )
    for (const { Id } of found) await this.#removeOne(Id, signal)
  }

  async #make(spec: AllocationSpec, signal: AbortSignal): Promise<void> {
    const name = networkName(spec.id)
    const all = await this.#engine.ask(signal, (abortSignal) =>
      this.#engine.docker.listNetworks({ abortSignal }),
    )
    if (all.some((network) => network.Name === name && isOurs(network.Labels, this.#installation))) return
    const taken = await takenOnThisHost()
    for (const network of all) {
      for (const { Subnet } of network.IPAM?.Config ?? []) {
        const range = parseRange(Subnet ?? '')
        if (range) taken.push(range)
      }
    }
    for (;;) {
      const subnet = chooseSubnet(this.#range, taken, spec.id)
      if (!subnet) throw noSubnet()
      try {
        await this.#create(spec, subnet, signal)
        return
      } catch (error) {
        // Somebody else took it between our look and our request, or the engine knows of a reason that we
        // do not.
        if (statusOf(error) === null || !/overlap|already/i.test(messageOf(error))) throw error
        taken.push(subnet)
      }
    }
  }

  async #create(spec: AllocationSpec, subnet: Range, signal: AbortSignal): Promise<void> {
    await this.#engine.ask(signal, (abortSignal) =>
      this.#engine.docker.createNetwork({
        Name: networkName(spec.id),
        CheckDuplicate: true,
        Driver: 'bridge',
        EnableIPv6: false,
        IPAM: { Driver: 'default', Config: [{ Subnet: formatRange(subnet) }] },
        Options: {
          'com.docker.network.bridge.name': bridgeName(this.#installation, spec.id),
          'com.docker.network.bridge.enable_icc': 'false',
        },
        Labels: labelsOf(spec, this.#installation),
        abortSignal,
      }),
    )
  }

  async #removeOne(id: string, signal: AbortSignal): Promise<void> {
    const network = this.#engine.docker.getNetwork(id)
    try {
      await this.#engine.ask(signal, (abortSignal) => network.remove({ abortSignal }))
    } catch (error) {
      if (statusOf(error) === 404) return
      if (statusOf(error) !== 403) throw error
      await this.#disconnectAll(id, signal)
      await this.#engine.ask(signal, (abortSignal) => network.remove({ abortSignal }))
    }
  }

  async #disconnectAll(id: string, signal: AbortSignal): Promise<void> {
    const network = this.#engine.docker.getNetwork(id)
    for (const Container of connectedTo(await this.#engine.get(signal, `/networks/${id}`))) {
      await this.#engine.ask(signal, (abortSignal) =>
        network.disconnect({ Container, Force: true, abortSignal }),
      )
    }
  }
}

function isOurs(found: Record<string, string> | undefined, installation: string): boolean {
  return found?.[labels.platform] === installation
}

function noSubnet(): DriverError {
  const message =
    'No subnet of the network range is free. Remove unused networks, or configure a larger range.'
  return new DriverError('runtime_unavailable', 'later', message)
}

function connectedTo(network: unknown): readonly string[] {
  if (typeof network !== 'object' || network === null || !('Containers' in network)) return []
  return Object.keys(network.Containers ?? {})
}

import { createHash } from 'node:crypto'
import type Docker from 'dockerode'
import { type AllocationSpec, DriverError, type Mount } from '../driver.ts'
import { specHash } from '../spec.ts'

/** The labels by which everything of ours is found again on an engine that outlives us. */
export const labels = {
  platform: 'gpuhour.platform',
  allocation: 'gpuhour.allocation',
  instance: 'gpuhour.instance',
  run: 'gpuhour.run',
  subject: 'gpuhour.subject',
  spec: 'gpuhour.spec',
  /** Comma-separated numbers of the doors, so that a restarted controller can name them. */
  ports: 'gpuhour.ports',
  /** `started` where running alone is readiness, `probed` where doors must answer. */
  readiness: 'gpuhour.readiness',
} as const

/** The person inside every image that keeps the contract: uid and gid. */
export const tenantUid = 1000
const home = '/home/user'

/** Where the node keeps what an allocation sees beside its volumes. */
export interface Housing {
  readonly network: string
  /** Bound read-only at /run/gpuhour. */
  readonly filesFolder: string
  readonly tmpFolder: string
  readonly varTmpFolder: string
  /** The home of an allocation that was given no volume there. */
  readonly homeFolder: string
}

/** How the engine hands out devices: CDI, or NVIDIA's older runtime hook in one of its two shapes. */
export type DeviceWay = 'cdi' | 'runtime' | 'hook'

/** The container's name: a replayed create conflicts with it, it never doubles. */
export function containerName(id: string): string {
  return `gpuhour-${id}`
}

/** The network's name; one network for each allocation. */
export function networkName(id: string): string {
  return `gpuhour-${id}`
}

/**
 * What every bridge of an installation begins with. The firewall's rules match on it, so it is short:
 * an interface name holds fifteen characters.
 */
export function bridgePrefix(installation: string): string {
  return `gh${createHash('sha256').update(installation).digest('hex').slice(0, 5)}`
}

/** The bridge of an allocation's network. */
export function bridgeName(installation: string, id: string): string {
  return bridgePrefix(installation) + createHash('sha256').update(id).digest('hex').slice(0, 8)
}

function refuse(why: string): never {
  throw new DriverError('spec_refused', 'never', `This machine cannot run the allocation: ${why}.`)
}

/** Refuses what would not mean the same on the engine as in the spec. */
export function checkSpec(spec: AllocationSpec): void {
  if (!/^sha256:[0-9a-f]{64}$/.test(spec.image)) refuse(`"${spec.image}" is no image digest`)
  if (spec.group !== null) refuse('groups of allocations are not offered by this driver yet')
  for (const name of spec.environment.keys()) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) refuse(`"${name}" is no name of an environment variable`)
  }
  for (const name of spec.files.keys()) {
    if (!/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(name))
      refuse(`"${name}" is no name of a file under /run/gpuhour`)
  }
  for (const mount of spec.mounts) {
    if (!mount.source.startsWith('/') || !mount.target.startsWith('/'))
      refuse('a mount needs two absolute paths')
  }
  const { cpus, memoryGib, pids } = spec.limits
  if (!(cpus > 0) || !(memoryGib > 0) || !(pids > 0)) refuse('every limit must be greater than zero')
}

/** The labels of the container and of its network. */
export function labelsOf(spec: AllocationSpec, installation: string): Record<string, string> {
  const subjectLabel = spec.subject.startsWith('ins_')
    ? labels.instance
    : spec.subject.startsWith('run_')
      ? labels.run
      : labels.subject
  return {
    [labels.platform]: installation,
    [labels.allocation]: spec.id,
    [subjectLabel]: spec.subject,
    [labels.spec]: specHash(spec),
    [labels.ports]: spec.ports.join(','),
    [labels.readiness]: spec.readiness.every((probe) => probe.kind === 'started') ? 'started' : 'probed',
  }
}

function bind(mount: Mount): Docker.MountSettings {
  return {
    Type: 'bind',
    Source: mount.source,
    Target: mount.target,
    ReadOnly: mount.readOnly,
    BindOptions: { Propagation: 'rprivate' },
  }
}

function mountsOf(spec: AllocationSpec, housing: Housing): Docker.MountSettings[] {
  const ours: Mount[] = [
    { source: housing.filesFolder, target: '/run/gpuhour', readOnly: true },
    { source: housing.tmpFolder, target: '/tmp', readOnly: false },
    { source: housing.varTmpFolder, target: '/var/tmp', readOnly: false },
    { source: housing.homeFolder, target: home, readOnly: false },
  ]
  const given = new Set(spec.mounts.map((mount) => mount.target))
  return [...ours.filter((mount) => !given.has(mount.target)), ...spec.mounts].map(bind)
}

/**
 * An image's own settings of these names would reach into privileged hooks, or hand out devices nobody paid
 * for.
 */
function environmentOf(spec: AllocationSpec, way: DeviceWay): string[] {
  const visible = spec.devices.length > 0 && way !== 'cdi' ? spec.devices.join(',') : 'void'
  const environment = new Map([['HOME', home], ...spec.environment])
  environment.set('LD_PRELOAD', '').set('LD_AUDIT', '').set('NVIDIA_VISIBLE_DEVICES', visible)
  if (visible !== 'void') environment.set('NVIDIA_DRIVER_CAPABILITIES', 'compute,utility')
  return [...environment].map(([name, value]) => `${name}=${value}`)
}

function devicesOf(spec: AllocationSpec, way: DeviceWay): Docker.HostConfig {
  if (spec.devices.length === 0) return {}
  const ids = [...spec.devices]
  if (way === 'cdi') {
    return { DeviceRequests: [{ Driver: 'cdi', DeviceIDs: ids.map((id) => `nvidia.com/gpu=${id}`) }] }
  }
  if (way === 'runtime') return { Runtime: 'nvidia' }
  return {
    DeviceRequests: [{ Driver: 'nvidia', DeviceIDs: ids, Capabilities: [['gpu', 'compute', 'utility']] }],
  }
}

/**
 * Logs are bounded, blocking (the other mode loses lines for ever) and not compressed (every read would
 * unpack them again). A run keeps at least the last 30 MB that nobody has read yet, an instance's doors say
 * little.
 */
function logConfigOf(spec: AllocationSpec): Docker.HostConfig {
  const size = spec.purpose === 'instance' ? '5m' : '30m'
  const config = { mode: 'blocking', 'max-size': size, 'max-file': '3', compress: 'false' }
  return { LogConfig: { Type: 'local', Config: config } }
}

const gib = 1024 ** 3

/** What this machine's engine can do, as far as the profile depends on it. */
export interface EngineFeatures {
  readonly deviceWay: DeviceWay
  readonly openFiles: number
}
/** The client's types know every field but this one. */
type ContainerRequest = Docker.ContainerCreateOptions & { HostConfig: { CgroupnsMode: 'private' } }

/** The request that creates an allocation's container in the profile `locked` (design: runtime, §2). */
export function createRequest(
  spec: AllocationSpec,
  installation: string,
  housing: Housing,
  seccomp: string,
  { deviceWay, openFiles }: EngineFeatures,
): ContainerRequest {
  const memory = Math.floor(spec.limits.memoryGib * gib)
  return {
    name: containerName(spec.id),
    Image: spec.image,
    Hostname: spec.subject.replaceAll('_', '-').slice(0, 63),
    User: `${tenantUid}:${tenantUid}`,
    WorkingDir: home,
    Env: environmentOf(spec, deviceWay),
    ...(spec.command === null ? {} : { Cmd: ['/opt/gpuhour/init', 'run', '--', ...spec.command] }),
    Labels: labelsOf(spec, installation),
    StopSignal: 'SIGTERM',
    Healthcheck: { Test: ['NONE'] },
    HostConfig: {
      Privileged: false,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges:true', `seccomp=${seccomp}`],
      IpcMode: 'private',
      CgroupnsMode: 'private',
      ReadonlyRootfs: true,
      NetworkMode: housing.network,
      PublishAllPorts: false,
      Mounts: mountsOf(spec, housing),
      Memory: memory,
      // Memory and swap together: the same number means no swap.
      MemorySwap: memory,
      ShmSize: Math.floor(memory / 2),
      NanoCpus: Math.round(spec.limits.cpus * 1e9),
      PidsLimit: spec.limits.pids,
      OomScoreAdj: 500,
      Ulimits: [
        { Name: 'nofile', Soft: openFiles, Hard: openFiles },
        { Name: 'core', Soft: 0, Hard: 0 },
      ],
      RestartPolicy: { Name: 'no' },
      AutoRemove: false,
      ...devicesOf(spec, deviceWay),
      ...logConfigOf(spec),
    },
  }
}

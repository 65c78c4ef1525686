import { readFile, statfs } from 'node:fs/promises'
import { DriverError, type NodeFact } from '../driver.ts'
import { type GpuReading, readGpus } from '../nvml.ts'
import type { Engine } from './engine.ts'
import { openFilesAllowed, openFilesWanted } from './openfiles.ts'
import type { DeviceWay } from './profile.ts'

/** The parts of `GET /info` that we read. */
interface EngineInfo {
  readonly ID: string
  readonly NCPU: number
  readonly MemTotal: number
  readonly ServerVersion: string
  readonly CgroupVersion: string
  readonly LiveRestoreEnabled: boolean
  readonly SecurityOptions: readonly string[]
  readonly Runtimes: Readonly<Record<string, unknown>>
  readonly CDISpecDirs: readonly string[]
}

const nothingKnown: EngineInfo = {
  ID: '',
  NCPU: 0,
  MemTotal: 0,
  ServerVersion: '',
  CgroupVersion: '',
  LiveRestoreEnabled: false,
  SecurityOptions: [],
  Runtimes: {},
  CDISpecDirs: [],
}

async function infoOf(engine: Engine, signal: AbortSignal): Promise<EngineInfo> {
  const info: unknown = await engine.get(signal, '/info')
  // What an older engine leaves out keeps its default; an engine that answers with nothing is none.
  if (typeof info !== 'object' || info === null)
    throw new DriverError('runtime_unavailable', 'later', 'No answer.')
  return { ...nothingKnown, ...info }
}

/** CDI where the engine knows it, otherwise NVIDIA's runtime if registered, otherwise its hook. */
export async function deviceWayOf(engine: Engine, signal: AbortSignal): Promise<DeviceWay> {
  const info = await infoOf(engine, signal)
  // Null on engines that know the word but have it switched off.
  if ((info.CDISpecDirs ?? []).length > 0) return 'cdi'
  return 'nvidia' in info.Runtimes ? 'runtime' : 'hook'
}

/** Below these, ways out of a container are public (reliability-security, §3.1). */
const floor = { engine: '29.7.0' }

function isOlder(version: string, than: string): boolean {
  const parts = (text: string) => text.split(/[.+~-]/).map((part) => Number.parseInt(part, 10) || 0)
  const [a, b] = [parts(version), parts(than)]
  for (let index = 0; index < 3; index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return false
}

/** Promises of the profile that this machine cannot keep, in plain words. */
type Security = Pick<EngineInfo, 'ServerVersion' | 'CgroupVersion' | 'LiveRestoreEnabled' | 'SecurityOptions'>

export function missingOf(info: Security): readonly string[] {
  const security = info.SecurityOptions.join(' ')
  const lines: [boolean, string][] = [
    [
      isOlder(info.ServerVersion, floor.engine),
      `Docker Engine ${info.ServerVersion} is older than ${floor.engine}: ways out of a container are known`,
    ],
    [!security.includes('name=seccomp'), 'seccomp is off: system calls are not filtered'],
    [!/name=(apparmor|selinux)/.test(security), 'neither AppArmor nor SELinux is active'],
    [
      !security.includes('name=userns'),
      'user namespaces are not remapped: uid 1000 inside is uid 1000 outside',
    ],
    [
      info.CgroupVersion !== '2',
      'cgroup v1: a child killed for want of memory is known from the engine alone',
    ],
    [!info.LiveRestoreEnabled, 'live-restore is off: a restart of Docker Engine ends what runs'],
    [true, 'volumes and scratch are plain folders: their sizes are not enforced'],
  ]
  return linesOf(lines)
}

function linesOf(lines: readonly [boolean, string][]): readonly string[] {
  return lines.filter(([isMissing]) => isMissing).map(([, line]) => line)
}

const gib = 1024 ** 3

/** The machine as its driver knows it. */
export interface Machine {
  readonly nodeName: string
  readonly dataDirectory: string
  readonly nvmlLibrary: string | undefined
  readonly isRoot: boolean
}

/** What this machine has. `firewallFault` is why tenants' networks could not be closed, or null. */
export async function takeInventory(
  engine: Engine,
  machine: Machine,
  firewallFault: string | null,
  signal: AbortSignal,
): Promise<NodeFact> {
  const [info, bootId, disk, openFiles] = await Promise.all([
    infoOf(engine, signal),
    readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    statfs(machine.dataDirectory),
    openFilesAllowed(),
  ])
  const gpus: GpuReading = readGpus(machine.nvmlLibrary)
  const ownLines: [boolean, string][] = [
    [firewallFault !== null, firewallFault ?? ''],
    [
      !machine.isRoot,
      "not root: a tenant's files are kept from others of this machine by closed folders alone",
    ],
    [
      openFiles < openFilesWanted,
      `a container may have ${openFiles} files open instead of ${openFilesWanted}`,
    ],
  ]
  return {
    name: machine.nodeName,
    engineId: info.ID,
    bootId: bootId.trim(),
    cpus: info.NCPU,
    memoryGib: hundredths(info.MemTotal / gib),
    diskGib: hundredths((disk.blocks * disk.bsize) / gib),
    devices: gpus.devices,
    gpuDriver: gpus.driverVersion,
    cudaDriver: gpus.cudaVersion,
    missing: [...linesOf(ownLines), ...missingOf(info), ...gpus.missing],
  }
}

function hundredths(value: number): number {
  return Math.floor(value * 100) / 100
}

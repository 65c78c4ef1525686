import { existsSync, readFileSync, statfsSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { dirname } from 'node:path'
import { AppError } from '../kernel/errors.ts'

/** What a start finds out about the machine. */
export interface Machine {
  readonly cpus: number
  readonly cpuModel: string
  readonly memoryBytes: number
  readonly diskFreeBytes: number
  /** The version of the kernel's NVIDIA driver; null where there is none. */
  readonly nvidiaDriver: string | null
}

/**
 * Database, logs and console fit into this with room to run; images need more, and say so when they are
 * built.
 */
const diskFreeBytesMin = 2 * 1024 ** 3

/** What the full image takes while it is built: layers, build cache and downloads. */
const imageBytesWanted = 30 * 1024 ** 3

function nvidiaDriver(): string | null {
  try {
    // "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  …" (NVIDIA's driver README, chapter /proc).
    const text = readFileSync('/proc/driver/nvidia/version', 'utf8')
    return /Module(?: for \S+)?\s+(\d+\.\d+(?:\.\d+)?)/.exec(text)?.[1] ?? 'of unknown version'
  } catch {
    return null
  }
}

/** Looks at the machine; `dataDir` need not exist yet. */
export function lookAtMachine(dataDir: string): Machine {
  let existing = dataDir
  while (!existsSync(existing)) existing = dirname(existing)
  const { bavail, bsize } = statfsSync(existing)
  return {
    cpus: availableParallelism(),
    cpuModel: cpus()[0]?.model.trim() ?? 'unknown',
    memoryBytes: totalmem(),
    diskFreeBytes: bavail * bsize,
    nvidiaDriver: nvidiaDriver(),
  }
}

/** Bytes as a person reads them, in GiB. */
export function inGib(bytes: number): string {
  const gib = bytes / 1024 ** 3
  return `${gib < 10 ? gib.toFixed(1) : Math.round(gib)} GiB`
}

/** The machine in plain words, one line a fact. */
export function sayMachine(machine: Machine, dataDir: string): readonly string[] {
  const gpu =
    machine.nvidiaDriver === null
      ? 'no NVIDIA driver here: CPU flavors are on offer'
      : `NVIDIA driver ${machine.nvidiaDriver}`
  const short =
    machine.diskFreeBytes < imageBytesWanted
      ? `; building the images wants about ${inGib(imageBytesWanted)}`
      : ''
  return [
    `Machine: ${machine.cpus} CPUs (${machine.cpuModel}), ${inGib(machine.memoryBytes)} memory`,
    `Disk: ${inGib(machine.diskFreeBytes)} free at ${dataDir}${short}`,
    `GPU: ${gpu}`,
  ]
}

/** Refuses a machine that a start would only fill up. */
export function requireMachine(machine: Machine, dataDir: string): void {
  if (machine.diskFreeBytes < diskFreeBytesMin)
    throw new AppError(
      'unavailable',
      `Only ${inGib(machine.diskFreeBytes)} are free at ${dataDir}; ${inGib(diskFreeBytesMin)} are needed. ` +
        'Free some space, or set GPUHOUR_DATA to a folder on another disk.',
    )
}

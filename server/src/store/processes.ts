import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** A process that cannot be mistaken for a later one with the same pid. */
export interface ProcessRef {
  readonly pid: number
  /** The kernel's start time in clock ticks since boot. */
  readonly startTicks: number
}

interface Stat {
  readonly state: string
  readonly startTicks: number
}

function statOf(pid: number): Stat | null {
  try {
    // The name in parentheses may itself hold spaces and parentheses: read after the last one (proc(5)).
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const rest = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { state: rest[0] ?? 'X', startTicks: Number(rest[19]) }
  } catch {
    return null
  }
}

/** The process of that pid as it is now; null when there is none or only its zombie. */
export function processOf(pid: number): ProcessRef | null {
  const stat = statOf(pid)
  return stat && !/[ZX]/.test(stat.state) ? { pid, startTicks: stat.startTicks } : null
}

/** Does it still run? A zombie does not. */
export function isAlive(ref: ProcessRef): boolean {
  return processOf(ref.pid)?.startTicks === ref.startTicks
}

/** Sends the signal if it still runs. */
export function signalProcess(ref: ProcessRef, signal: NodeJS.Signals): void {
  if (!isAlive(ref)) return
  try {
    process.kill(ref.pid, signal)
  } catch {
    // It ended in between.
  }
}

/**
 * The processes whose working directory is exactly this one. Only our own user's, or all when we are root.
 */
export function processesIn(folder: string): readonly ProcessRef[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        if (readlinkSync(`/proc/${name}/cwd`) !== folder) return []
      } catch {
        return []
      }
      return processOf(Number(name)) ?? []
    })
}

/** The program a process runs, as a path; null where it cannot be known. */
export function programOf(ref: ProcessRef): string | null {
  try {
    return readlinkSync(`/proc/${ref.pid}/exe`)
  } catch {
    return null
  }
}

/** A child process with its arguments. */
export interface ChildProcessRef {
  readonly ref: ProcessRef
  readonly args: readonly string[]
}

/** The children of this process. */
export function ownChildren(): readonly ChildProcessRef[] {
  // Children belong to the thread that started them; Node starts them from its main one, whose id is the pid.
  const pids = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ')
  return pids.flatMap((pid) => {
    const ref = processOf(Number(pid))
    if (!ref) return []
    try {
      return [{ ref, args: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') }]
    } catch {
      return []
    }
  })
}

import { request } from 'node:http'
import { existsSync, readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { z } from 'zod'
import { AppError } from '../kernel/errors.ts'

/** What is known before anything is done about the engine. */
export interface EngineFacts {
  /** What came of asking it. */
  readonly answer: EngineAnswer
  readonly socket: string
  /** `DOCKER_HOST` names an engine that is not the machine's usual one. */
  readonly isNamed: boolean
  readonly isRoot: boolean
  /** Debian, or built on it: `apt-get` is there. */
  readonly isDebian: boolean
  readonly isInstalled: boolean
  readonly hasSystemd: boolean
  /** GPUHOUR_INSTALL_ENGINE */
  readonly mayInstall: boolean
  readonly userName: string
}

/** An engine's own word, or why there is none. */
export type EngineAnswer = { readonly version: string } | { readonly version: null; readonly code: string }

/** What to do about the engine. */
export type EnginePlan =
  | { readonly act: 'use'; readonly version: string }
  | { readonly act: 'start'; readonly by: 'systemd' | 'hand' }
  | { readonly act: 'install'; readonly by: 'systemd' | 'hand' }
  /** One sentence: what is missing, and what to do. */
  | { readonly act: 'refuse'; readonly why: string }

/** The oldest engine whose API and BuildKit we rely on: Debian 12's. */
const versionMin = [20, 10] as const

/** The usual place of the engine's socket. */
export const usualSocket = '/var/run/docker.sock'

function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major < versionMin[0] || (major === versionMin[0] && minor < versionMin[1])
}

/** Decides, from facts alone, how this machine comes to a Docker Engine. */
export function planEngine(facts: EngineFacts): EnginePlan {
  const { answer, socket, userName } = facts
  const joinGroup = `sudo usermod -aG docker ${userName}`
  if (answer.version !== null) {
    if (!isTooOld(answer.version)) return { act: 'use', version: answer.version }
    const wanted = versionMin.join('.')
    return {
      act: 'refuse',
      why: `Docker Engine ${answer.version} is too old: ${wanted} or newer is needed. Upgrade it.`,
    }
  }
  if (answer.code === 'EACCES')
    return {
      act: 'refuse',
      why: `${userName} may not use the Docker Engine at ${socket}: run "${joinGroup}", log in again.`,
    }
  if (facts.isNamed)
    return {
      act: 'refuse',
      why: `No Docker Engine answers at ${socket} (${answer.code}): start it, or unset DOCKER_HOST.`,
    }
  const by = facts.hasSystemd ? 'systemd' : 'hand'
  if (!facts.mayInstall)
    return {
      act: 'refuse',
      why: 'No Docker Engine answers here, and GPUHOUR_INSTALL_ENGINE=never: start one.',
    }
  if (facts.isRoot && facts.isInstalled) return { act: 'start', by }
  if (facts.isRoot && facts.isDebian) return { act: 'install', by }
  if (facts.isRoot)
    return {
      act: 'refuse',
      why: 'No Docker Engine here: install it with the package manager of this system, then start again.',
    }
  const how = facts.isInstalled
    ? 'start it ("sudo systemctl start docker")'
    : 'install it ("sudo apt-get install docker.io")'
  return {
    act: 'refuse',
    why: `No Docker Engine answers here: ${how} and run "${joinGroup}", or run npm start as root.`,
  }
}

const versionSchema = z.object({ Version: z.string() })

function readVersion(text: string): EngineAnswer {
  try {
    return { version: versionSchema.parse(JSON.parse(text)).Version }
  } catch {
    return { version: null, code: 'no engine' }
  }
}

/** Asks the engine behind the socket for its version. */
export function askEngine(socket: string): Promise<EngineAnswer> {
  return new Promise((resolve) => {
    const fail = (error: NodeJS.ErrnoException): void =>
      resolve({ version: null, code: error.code ?? error.message })
    const asked = request({ socketPath: socket, path: '/version', timeout: 5_000 }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => (text += part))
      response.on('error', fail)
      response.on('end', () => resolve(readVersion(text)))
    })
    asked.on('timeout', () => asked.destroy(Object.assign(new Error('silent'), { code: 'ETIMEDOUT' })))
    asked.on('error', fail)
    asked.end()
  })
}

function isDebian(): boolean {
  try {
    return /^ID(_LIKE)?=.*debian/m.test(readFileSync('/etc/os-release', 'utf8'))
  } catch {
    return false
  }
}

/** The program of Debian's package, and of Docker's own. */
export const daemonProgram = '/usr/sbin/dockerd'
const otherDaemonProgram = '/usr/bin/dockerd'

/** Where the daemon's program lies; null where it is not installed. */
export function findDaemon(): string | null {
  return [daemonProgram, otherDaemonProgram].find((path) => existsSync(path)) ?? null
}

/** Gathers the facts about this machine. */
export async function engineFacts(socket: string, mayInstall: boolean): Promise<EngineFacts> {
  return {
    answer: await askEngine(socket),
    socket,
    isNamed: socket !== usualSocket && socket !== '/run/docker.sock',
    isRoot: process.getuid?.() === 0,
    isDebian: isDebian(),
    isInstalled: findDaemon() !== null,
    // sd_booted(3)
    hasSystemd: existsSync('/run/systemd/system'),
    mayInstall,
    userName: userInfo().username,
  }
}

/** The plan, or its refusal thrown. */
export function requirePlan(facts: EngineFacts): Exclude<EnginePlan, { act: 'refuse' }> {
  const plan = planEngine(facts)
  if (plan.act === 'refuse') throw new AppError('unavailable', plan.why)
  return plan
}

import { spawn, spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Clock } from '../kernel/clock.ts'
import { AppError } from '../kernel/errors.ts'
import { isAlive, processOf, type ProcessRef, programOf, signalProcess } from '../store/processes.ts'
import { type Config, dockerSocketOf } from './config.ts'
import { askEngine, type EnginePlan, engineFacts, findDaemon, planEngine, requirePlan } from './engine.ts'
import { type FileLock, tryLock } from './lock.ts'
import { installPackages } from './packages.ts'
import type { Printer } from './progress.ts'

/** What provisioning needs. */
export interface ProvisionOptions {
  readonly config: Config
  readonly printer: Printer
  readonly signal: AbortSignal
  readonly clock: Clock
}

/** An engine that answers, and our hold on it. */
export interface ProvisionedEngine {
  /** In plain words, for the person at the terminal. */
  readonly description: string
  /** It was down, and this call started it. */
  readonly startedHere: boolean
  /** Others may stop it from now on. */
  release(): void
}

/** One at a time installs, starts or stops the engine. Only root does, so /run is ours to write. */
const workLock = '/run/gpuhour-engine.lock'
/** Everyone who uses the engine holds this shared; who can have it alone may stop the engine. */
const usersLock = '/run/gpuhour-engine.users'
const daemonConfig = '/etc/docker/daemon.json'
const daemonPidFile = '/var/run/docker.pid'

/** dockerd answers within two seconds on an idle machine; a loaded disk may take far longer. */
const startMsMax = 60_000
/** It ends its own parts first; with live-restore containers stay. */
const stopMsMax = 30_000

/**
 * Programs that the image builder calls, and the packages they come from; Debian 13 parted client and
 * BuildKit.
 */
const tools = [
  { program: '/usr/bin/mmdebstrap', packages: ['mmdebstrap'], before13: ['mmdebstrap'] },
  { program: '/usr/bin/docker', packages: ['docker-cli', 'docker-buildx'], before13: ['docker.io'] },
] as const

async function holdWorkLock(options: ProvisionOptions): Promise<FileLock> {
  for (let isFirst = true; ; isFirst = false) {
    const lock = tryLock(workLock)
    if (lock) return lock
    if (isFirst) options.printer.line('Another start is preparing the Docker Engine; waiting for it …')
    await options.clock.sleep(200, options.signal)
  }
}

/**
 * With it, tenants' containers outlive every restart of the engine. A configuration that is there is the
 * operator's.
 */
function writeDaemonConfig(): void {
  if (existsSync(daemonConfig)) return
  mkdirSync(dirname(daemonConfig), { recursive: true })
  writeFileSync(daemonConfig, `${JSON.stringify({ 'live-restore': true }, null, 2)}\n`)
}

/** The option may stand in the file or on the command line, but not in both: dockerd refuses that. */
function daemonArguments(): readonly string[] {
  const isConfigured =
    existsSync(daemonConfig) && readFileSync(daemonConfig, 'utf8').includes('"live-restore"')
  return isConfigured ? [] : ['--live-restore']
}

function runningDaemon(): ProcessRef | null {
  if (!existsSync(daemonPidFile)) return null
  const ref = processOf(Number.parseInt(readFileSync(daemonPidFile, 'utf8'), 10))
  return ref && basename(programOf(ref) ?? '') === 'dockerd' ? ref : null
}

// What pulling from a registry may need; nothing else of our environment is the engine's business.
const passedOn = /^(PATH|HOME|SSL_CERT_FILE|SSL_CERT_DIR|(HTTP|HTTPS|NO|ALL)_PROXY)$/i

/** Starts the daemon in a session of its own: it shall outlive us. */
function spawnDaemon(logFile: string): void {
  // A pid file whose process is another program by now would stop dockerd.
  if (!runningDaemon()) rmSync(daemonPidFile, { force: true })
  mkdirSync(dirname(logFile), { recursive: true })
  const output = openSync(logFile, 'a', 0o600)
  const environment = Object.entries(process.env).filter(([name]) => passedOn.test(name))
  const program = findDaemon()
  if (program === null) throw new AppError('unavailable', 'The package docker.io brought no dockerd.')
  const child = spawn(program, daemonArguments(), {
    cwd: '/',
    env: Object.fromEntries(environment),
    stdio: ['ignore', output, output],
    detached: true,
  })
  child.unref()
  closeSync(output)
}

async function waitForEngine(options: ProvisionOptions, hint: string): Promise<string> {
  const { clock, signal } = options
  for (const until = clock.monotonic() + startMsMax; clock.monotonic() < until;) {
    const { version } = await askEngine(dockerSocketOf(options.config))
    if (version !== null) return version
    await clock.sleep(100, signal)
  }
  throw new AppError('unavailable', `Docker Engine was started but does not answer; ${hint}`)
}

async function startDaemon(by: 'systemd' | 'hand', options: ProvisionOptions): Promise<string> {
  options.printer.line('Starting Docker Engine …')
  if (by === 'systemd') {
    spawnSync('systemctl', ['start', 'docker'], { stdio: 'ignore' })
    return waitForEngine(options, 'see: journalctl -u docker')
  }
  const logFile = join(options.config.dataDir, 'log', 'dockerd.log')
  // The package's own scripts may have started it already.
  if (!runningDaemon()) spawnDaemon(logFile)
  return waitForEngine(options, `see ${logFile}`)
}

async function carryOut(plan: EnginePlan, options: ProvisionOptions): Promise<string> {
  switch (plan.act) {
    case 'use':
      return plan.version
    case 'start':
      return startDaemon(plan.by, options)
    case 'install':
      writeDaemonConfig()
      await installPackages({
        ...options,
        what: 'Docker Engine',
        packages: ['docker.io', 'iptables', 'ca-certificates'],
      })
      return startDaemon(plan.by, options)
    case 'refuse':
      throw new AppError('unavailable', plan.why)
  }
}

/**
 * What builds images beside the engine; without it the platform runs, and the builder says what is missing.
 */
async function installTools(options: ProvisionOptions): Promise<void> {
  const missing = tools.filter(({ program }) => !existsSync(program))
  if (missing.length === 0) return
  const isBefore13 = spawnSync('apt-cache', ['show', 'docker-cli'], { stdio: 'ignore' }).status !== 0
  const packages = missing.flatMap((tool): readonly string[] => (isBefore13 ? tool.before13 : tool.packages))
  const facts = await engineFacts(dockerSocketOf(options.config), options.config.installEngine === 'auto')
  if (!facts.isRoot || !facts.isDebian || !facts.mayInstall)
    return options.printer.line(
      `Note: building images needs ${packages.join(' and ')}: sudo apt-get install ${packages.join(' ')}`,
    )
  try {
    await installPackages({ ...options, what: 'what builds images', packages })
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    options.printer.line(`Note: ${error.message}`)
  }
}

/**
 * Comes to a Docker Engine: uses the one that answers, or, as root on Debian, installs it from the
 * distribution and starts it. Otherwise refuses with one sentence that says what to do. Safe from several
 * processes at once.
 */
export async function provisionEngine(options: ProvisionOptions): Promise<ProvisionedEngine> {
  const { config, printer } = options
  const socket = dockerSocketOf(config)
  const isRoot = process.getuid?.() === 0
  // Held before the question is put, so that nobody stops between our question and our use.
  const held = isRoot ? await holdWorkLock(options) : null
  try {
    const plan = requirePlan(await engineFacts(socket, config.installEngine === 'auto'))
    const version = await carryOut(plan, options)
    await installTools(options)
    const users = isRoot ? tryLock(usersLock, 'shared') : null
    const startedHere = plan.act !== 'use'
    if (startedHere) printer.line('Docker Engine runs; it stays when the platform stops.')
    return {
      description: `Docker Engine ${version} at ${socket}`,
      startedHere,
      release: () => users?.release(),
    }
  } finally {
    held?.release()
  }
}

/**
 * Stops the usual engine, for who had to start it and is done (the test suite). False when somebody else uses
 * it by now: then it stays. Containers are left as they are.
 */
export async function stopEngine(options: ProvisionOptions): Promise<boolean> {
  const work = await holdWorkLock(options)
  const alone = tryLock(usersLock)
  try {
    if (!alone) return false
    const facts = await engineFacts(dockerSocketOf(options.config), false)
    if (planEngine(facts).act !== 'use') return true
    if (facts.hasSystemd) spawnSync('systemctl', ['stop', 'docker.socket', 'docker'], { stdio: 'ignore' })
    const daemon = runningDaemon()
    if (!daemon) return true
    signalProcess(daemon, 'SIGTERM')
    const { clock, signal } = options
    for (const until = clock.monotonic() + stopMsMax; isAlive(daemon) && clock.monotonic() < until;)
      await clock.sleep(100, signal)
    return !isAlive(daemon)
  } finally {
    alone?.release()
    work.release()
  }
}

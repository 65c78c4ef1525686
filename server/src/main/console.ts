import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import type { Clock } from '../kernel/clock.ts'
import { AppError } from '../kernel/errors.ts'
import { tryLock } from './lock.ts'
import type { Printer } from './progress.ts'

/** What a build needs. */
export interface BuildOptions {
  readonly printer: Printer
  readonly signal: AbortSignal
  readonly clock: Clock
  /** Where builds are kept when the checkout cannot be written to. */
  readonly fallbackDir: string
  /** The checkout; tests give their own. */
  readonly root?: string
}

/** Platforms that still serve an older build go on doing so; builds beyond these are removed. */
const buildsKept = 3

/** What makes the console what it is: its sources, the contract, the versions of what it is built from. */
function sourcesOf(root: string): readonly string[] {
  const files = [join(root, 'package-lock.json')]
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (['node_modules', 'dist'].includes(entry.name)) continue
      const path = join(folder, entry.name)
      if (entry.isDirectory()) walk(path)
      else if (entry.isFile()) files.push(path)
    }
  }
  for (const folder of ['console', 'sdk']) walk(join(root, folder))
  return files.sort()
}

/** A fingerprint of the sources: a build of the same ones is the same. */
export function hashOfSources(root: string): string {
  const hash = createHash('sha256')
  for (const path of sourcesOf(root)) hash.update(`${relative(root, path)}\n`).update(readFileSync(path))
  return hash.digest('hex').slice(0, 16)
}

function runVite(root: string, outDir: string, signal: AbortSignal): Promise<void> {
  const args = [
    join(root, 'node_modules/vite/bin/vite.js'),
    'build',
    '--outDir',
    outDir,
    '--logLevel',
    'warn',
  ]
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: join(root, 'console'),
      env: { ...process.env, NODE_ENV: 'production' },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (output += bytes))
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) return resolve()
      const said = stripVTControlCharacters(output).trim().slice(0, 1_500)
      reject(new AppError('internal', `The console cannot be built; vite says:\n${said}`))
    })
  })
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

function removeOldBuilds(dist: string): void {
  const age = (name: string): number => statSync(join(dist, name)).mtimeMs
  const builds = readdirSync(dist).filter((name) => /^[0-9a-f]{16}$/.test(name))
  for (const name of builds.sort((a, b) => age(b) - age(a)).slice(buildsKept))
    rmSync(join(dist, name), { recursive: true, force: true })
}

/**
 * Builds the console if its sources changed, into a folder of its own for each state of them, whole or not
 * at all.
 * Returns the folder; null where this checkout has no console.
 */
export async function buildConsole(options: BuildOptions): Promise<string | null> {
  const {
    printer,
    signal,
    clock,
    fallbackDir,
    root = fileURLToPath(new URL('../../../', import.meta.url)),
  } = options
  if (!existsSync(join(root, 'console/index.html'))) return null
  const dist = isWritable(join(root, 'console')) ? join(root, 'console/dist') : fallbackDir
  const built = join(dist, hashOfSources(root))
  if (!existsSync(built)) {
    // Another start, or the test suite, may be building the same.
    mkdirSync(dist, { recursive: true })
    let lock = tryLock(join(dist, '.lock'))
    while (!lock && !existsSync(built)) {
      await clock.sleep(100, signal)
      lock = tryLock(join(dist, '.lock'))
    }
    try {
      if (!existsSync(built)) await build(root, built, printer, signal)
    } finally {
      lock?.release()
    }
  }
  const now = new Date(clock.now())
  utimesSync(built, now, now)
  removeOldBuilds(dist)
  return built
}

async function build(root: string, built: string, printer: Printer, signal: AbortSignal): Promise<void> {
  printer.progress('console', 'Building the console …')
  // Always the same name: what a killed build left behind is replaced by the next one, which holds the lock.
  const draft = join(dirname(built), 'draft')
  try {
    await runVite(root, draft, signal)
    renameSync(draft, built)
  } finally {
    rmSync(draft, { recursive: true, force: true })
    printer.done('console')
  }
}

import { execFile } from 'node:child_process'
import { chmod, chown, mkdir, readdir, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { isId, type VolumeId } from '../../kernel/ids.ts'
import type { VolumePool } from '../volumes.ts'
import { type RemoveAsRoot, removeFolder } from './removal.ts'
import { tenantUid } from './profile.ts'

const run = promisify(execFile)

/** Where a removed volume waits for its files to go; the name says so to whoever looks. */
const removed = 'removed'

/**
 * Volumes as plain folders under `<data>/pool/volumes`. A removal first moves the folder out of sight in
 * one step, so that no crash leaves a volume with half its files; what such a crash leaves behind goes with
 * the next removal.
 */
export class FolderPool implements VolumePool {
  readonly enforcesSize = false
  readonly #root: string
  readonly #isRoot: boolean

  readonly #removeAsRoot: RemoveAsRoot | null

  /**
   * `isRoot` defaults to whether this process is: only root may give the folder to the tenant's uid.
   * Without it, `removeAsRoot` removes what tenants wrote (a `Janitor`); default: nobody does.
   */
  constructor(
    dataDirectory: string,
    isRoot: boolean = process.getuid?.() === 0,
    removeAsRoot: RemoveAsRoot | null = null,
  ) {
    this.#removeAsRoot = removeAsRoot
    this.#root = join(dataDirectory, 'pool')
    this.#isRoot = isRoot
  }

  async create(id: VolumeId, _sizeGib: number, signal: AbortSignal): Promise<string> {
    const folder = this.#folderOf(id)
    signal.throwIfAborted()
    await mkdir(this.#root, { recursive: true, mode: 0o700 })
    await mkdir(folder, { recursive: true, mode: 0o700 })
    if (this.#isRoot) await chown(folder, tenantUid, tenantUid)
    // Without root the tenant's uid is a stranger here: the closed parent keeps the others of the machine
    // out.
    await chmod(folder, this.#isRoot ? 0o700 : 0o777)
    return folder
  }

  async remove(id: VolumeId, signal: AbortSignal): Promise<void> {
    const waiting = join(this.#root, removed)
    signal.throwIfAborted()
    await mkdir(waiting, { recursive: true, mode: 0o700 })
    // First what an interrupted removal left: it may even be of the same volume.
    await this.#clear(waiting, signal)
    await rename(this.#folderOf(id), join(waiting, id)).catch((error: unknown) => {
      if (!isAbsence(error)) throw error
    })
    await this.#clear(waiting, signal)
  }

  async usedBytes(id: VolumeId, signal: AbortSignal): Promise<bigint | null> {
    const folder = this.#folderOf(id)
    try {
      await stat(folder)
    } catch (error) {
      if (isAbsence(error)) return null
      throw error
    }
    // A file that vanishes while it counts makes `du` complain and count on: what it printed is what there
    // was.
    const { stdout } = await run('du', ['-s', '-x', '--block-size=1', '--', folder], { signal }).catch(partly)
    return BigInt(/^\d+/.exec(stdout)?.[0] ?? '0')
  }

  async #clear(folder: string, signal: AbortSignal): Promise<void> {
    for (const name of await readdir(folder))
      await removeFolder(join(folder, name), this.#removeAsRoot, signal)
  }

  #folderOf(id: VolumeId): string {
    if (!isId('volume', id)) throw new TypeError(`"${String(id)}" is no id of a volume`)
    return join(this.#root, 'volumes', id)
  }
}

function isAbsence(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

function partly(error: unknown): { stdout: string } {
  if (
    error instanceof Error &&
    'stdout' in error &&
    typeof error.stdout === 'string' &&
    error.stdout !== ''
  ) {
    return { stdout: error.stdout }
  }
  throw error
}

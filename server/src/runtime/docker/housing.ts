import { access, chmod, chown, mkdir, readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isId, type AllocationId } from '../../kernel/ids.ts'
import type { Probe } from '../driver.ts'
import { type RemoveAsRoot, removeFolder } from './removal.ts'
import { type Housing, networkName, tenantUid } from './profile.ts'

/** An allocation that has a folder. */
export interface Leftover {
  readonly id: AllocationId
  /** Had it a container once? */
  readonly wasMade: boolean
}

/** The file that says that a container was made. */
const made = 'made'
/** The file that says what its doors are to be asked; outside what the allocation sees. */
const probesFile = 'probes.json'

/** What a folder that is being removed is named with. */
const goingPrefix = 'going-'

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

/** A probe as JSON has it. */
type KeptProbe =
  | Exclude<Probe, { kind: 'http' }>
  | (Omit<Extract<Probe, { kind: 'http' }>, 'headers'> & { readonly headers: [string, string][] })

/**
 * The folders of allocations under the data directory:
 *
 *     allocations/<id>/files    bound read-only at /run/gpuhour
 *     allocations/<id>/made     once there was a container
 *     allocations/<id>/probes.json  what its doors are asked
 *     allocations/<id>/scratch  /tmp, /var/tmp and, where no volume was given, the home
 *
 * The folder is the first thing that is made of an allocation and goes before its container does: so whatever
 * is left by a crash has either of the two to be seen by.
 */
export class Housings {
  readonly #root: string
  /** May we hand files to the tenant's uid? Otherwise they are readable by all below a folder that is not. */
  readonly #isRoot: boolean

  readonly #removeAsRoot: RemoveAsRoot | null

  constructor(dataDirectory: string, isRoot: boolean, removeAsRoot: RemoveAsRoot | null) {
    this.#removeAsRoot = removeAsRoot
    this.#root = join(dataDirectory, 'allocations')
    this.#isRoot = isRoot
  }

  /** Makes the folders and writes the files; may be repeated. */
  async make(id: AllocationId, files: ReadonlyMap<string, string>): Promise<Housing> {
    const housing = this.#of(id)
    const scratch = join(this.#root, id, 'scratch')
    await mkdir(this.#root, { recursive: true, mode: 0o700 })
    await mkdir(housing.filesFolder, { recursive: true, mode: 0o755 })
    await mkdir(scratch, { recursive: true, mode: 0o755 })
    for (const folder of [housing.tmpFolder, housing.varTmpFolder]) await this.#open(folder, 0o1777)
    await this.#open(housing.homeFolder, 0o700)
    for (const [name, text] of files) await this.#write(housing.filesFolder, name, text)
    return housing
  }

  /** Writes one file that the allocation sees from now on, or takes it away; without a folder, nothing. */
  async put(id: AllocationId, name: string, text: string | null): Promise<void> {
    const { filesFolder } = this.#of(id)
    try {
      if (text === null) await unlink(join(filesFolder, name))
      else await this.#write(filesFolder, name, text)
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  }

  /**
   * Leaves nothing. A tenant can nest folders deeper than a path is long, which `rm` can undo and Node
   * cannot.
   */
  async remove(id: AllocationId, signal: AbortSignal): Promise<void> {
    // In one step out of sight: a folder that is half gone would look half made.
    await rename(join(this.#root, id), join(this.#root, `${goingPrefix}${id}`)).catch((error: unknown) => {
      if (!isMissing(error)) throw error
    })
    // Ours, and those of whoever was cut off here before us.
    const names = await readdir(this.#root).catch((): string[] => [])
    for (const name of names.filter((one) => one.startsWith(goingPrefix)))
      await removeFolder(join(this.#root, name), this.#removeAsRoot, signal)
  }

  /** Notes that a container was made: where it is missing from now on, somebody else removed it. */
  async markMade(id: AllocationId): Promise<void> {
    await writeFile(join(this.#root, id, made), '')
  }

  /** Keeps what its doors are to be asked: a controller that comes after us asks on. */
  async keepProbes(id: AllocationId, probes: readonly Probe[]): Promise<void> {
    const kept = probes.map((probe) =>
      probe.kind === 'http' ? { ...probe, headers: [...probe.headers] } : probe,
    )
    await writeFile(join(this.#root, id, probesFile), JSON.stringify(kept), { mode: 0o600 })
  }

  /** What was kept; null where nothing was, or no longer is. */
  async probesOf(id: AllocationId): Promise<readonly Probe[] | null> {
    try {
      // Written by `keepProbes` and by nothing else.
      const kept = JSON.parse(await readFile(join(this.#root, id, probesFile), 'utf8')) as KeptProbe[]
      return kept.map((probe) =>
        probe.kind === 'http' ? { ...probe, headers: new Map(probe.headers) } : probe,
      )
    } catch {
      return null
    }
  }

  /** Allocations that have a folder here. */
  async list(): Promise<readonly Leftover[]> {
    const names = await readdir(this.#root).catch((): string[] => [])
    const ids = names.filter((name): name is AllocationId => isId('allocation', name))
    const found = await Promise.all(
      ids.map(async (id) => {
        const wasMade = await isThere(join(this.#root, id, made))
        // It may have gone since we read the names.
        return wasMade || (await isThere(join(this.#root, id))) ? [{ id, wasMade }] : []
      }),
    )
    return found.flat()
  }

  #of(id: AllocationId): Housing {
    const folder = join(this.#root, id)
    const scratch = join(folder, 'scratch')
    return {
      network: networkName(id),
      filesFolder: join(folder, 'files'),
      tmpFolder: join(scratch, 'tmp'),
      varTmpFolder: join(scratch, 'var-tmp'),
      homeFolder: join(scratch, 'home'),
    }
  }

  async #open(folder: string, mode: number): Promise<void> {
    await mkdir(folder, { recursive: true })
    if (this.#isRoot) await chown(folder, tenantUid, tenantUid)
    // Without root the tenant's uid is a stranger here: the closed parent keeps the others of the machine
    // out.
    await chmod(folder, this.#isRoot ? mode : mode | 0o777)
  }

  /** By renaming, so that a reader never meets half a file. */
  async #write(folder: string, name: string, text: string): Promise<void> {
    const draft = join(folder, `.${name}.new`)
    await writeFile(draft, text, { mode: 0o600 })
    if (this.#isRoot) await chown(draft, tenantUid, tenantUid)
    await chmod(draft, this.#isRoot ? 0o400 : 0o444)
    await rename(draft, join(folder, name))
  }
}

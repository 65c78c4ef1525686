import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { link, mkdir, open, opendir, readdir, rm, stat as statOf, unlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import type { Clock } from '../kernel/clock.ts'
import { messageOf } from '../kernel/errors.ts'
import { newSecret } from '../kernel/ids.ts'
import { hourMs, instant } from '../kernel/time.ts'
import { ObjectError, type ObjectKey, type ObjectPage, type ObjectStat, type ObjectStore } from './objects.ts'

/** What is being written lies here; no key begins with a dot. */
const unfinished = '.unfinished'

/** Nothing takes so long to write: what is older was left by a process that ended. */
const abandonedMs = 24 * hourMs

/** Customers' papers are nobody else's to read. */
const fileMode = 0o600
const folderMode = 0o700

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

function isAbsent(error: unknown): boolean {
  return codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR'
}

/** What the file system refused, in our words; a signal's reason and our own refusals stay as they are. */
function translated(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted || error instanceof ObjectError || codeOf(error) === '') return error
  return new ObjectError('unavailable', `The object store does not work just now: ${messageOf(error)}.`)
}

/** A name is durable once the folder that holds it is. */
async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/**
 * Objects as files below a folder, each under its key. Bytes are written aside, flushed, and get their name
 * by a link, which never replaces what has the name already.
 */
export class DiskStore implements ObjectStore {
  readonly #root: string
  readonly #clock: Clock

  constructor(root: string, clock: Clock) {
    this.#root = root
    this.#clock = clock
  }

  #pathOf(key: ObjectKey): string {
    return join(this.#root, key)
  }

  async put(key: ObjectKey, bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<ObjectStat> {
    const aside = join(this.#root, unfinished, newSecret(''))
    try {
      await this.#sweep()
      const sha256 = await this.#write(aside, bytes, signal)
      const isNew = await this.#name(aside, key)
      const there = await this.stat(key, signal)
      if (there?.sha256 === sha256) return there
      if (!isNew && there)
        throw new ObjectError('conflict', `Other bytes are stored under ${key} already, for ever.`, {
          stored: there.sha256,
          refused: sha256,
        })
      throw new ObjectError('unavailable', `What was just stored under ${key} cannot be read back.`)
    } catch (error) {
      throw translated(error, signal)
    } finally {
      // Where even that fails, a later sweep has it.
      await unlink(aside).catch(() => {})
    }
  }

  /** Writes and flushes; answers the digest. */
  async #write(path: string, bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<string> {
    const hash = createHash('sha256')
    await mkdir(dirname(path), { recursive: true, mode: folderMode })
    const file = await open(path, 'wx', fileMode)
    try {
      for await (const chunk of bytes) {
        signal.throwIfAborted()
        hash.update(chunk)
        await file.writeFile(chunk)
      }
      signal.throwIfAborted()
      await file.sync()
    } finally {
      await file.close()
    }
    return hash.digest('hex')
  }

  /** Gives finished bytes their name; false where something has it. */
  async #name(aside: string, key: ObjectKey): Promise<boolean> {
    const path = this.#pathOf(key)
    const folder = dirname(path)
    const made = await mkdir(folder, { recursive: true, mode: folderMode })
    let isNew = true
    try {
      await link(aside, path)
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      isNew = false
    }
    // Also where it was there: whoever linked it may not have come to flush.
    const top = made === undefined ? folder : dirname(made)
    for (let at = folder; ; at = dirname(at)) {
      await flushFolder(at)
      if (at === top || at === dirname(at)) return isNew
    }
  }

  async get(key: ObjectKey, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | null> {
    try {
      const file = await open(this.#pathOf(key), 'r')
      if ((await file.stat()).isFile()) return file.createReadStream({ signal })
      await file.close()
      return null
    } catch (error) {
      if (isAbsent(error)) return null
      throw translated(error, signal)
    }
  }

  async stat(key: ObjectKey, signal: AbortSignal): Promise<ObjectStat | null> {
    const path = this.#pathOf(key)
    try {
      const found = await statOf(path)
      if (!found.isFile()) return null
      const hash = createHash('sha256')
      for await (const chunk of createReadStream(path, { signal })) hash.update(chunk)
      return { key, sizeBytes: found.size, sha256: hash.digest('hex'), storedAt: instant(found.mtimeMs) }
    } catch (error) {
      if (isAbsent(error)) return null
      throw translated(error, signal)
    }
  }

  async list(
    prefix: string,
    { after, limit }: { readonly after?: ObjectKey | undefined; readonly limit: number },
    signal: AbortSignal,
  ): Promise<ObjectPage> {
    try {
      const all = (await this.#keysBelow(this.#root))
        .filter((key) => key.startsWith(prefix) && (after === undefined || key > after))
        .sort()
      const items: ObjectStat[] = []
      for (const key of all.slice(0, limit)) {
        signal.throwIfAborted()
        // What was removed since the look is not there.
        const found = await this.stat(key, signal)
        if (found) items.push(found)
      }
      return { items, next: all.length > limit ? (all[limit - 1] ?? null) : null }
    } catch (error) {
      throw translated(error, signal)
    }
  }

  async #keysBelow(folder: string): Promise<ObjectKey[]> {
    const keys: ObjectKey[] = []
    const entries = await opendir(folder).catch((error: unknown) => {
      if (isAbsent(error)) return []
      throw error
    })
    for await (const entry of entries) {
      if (entry.name.startsWith('.')) continue
      const path = join(folder, entry.name)
      if (entry.isDirectory()) keys.push(...(await this.#keysBelow(path)))
      // Only `put` names files here, each by a key.
      else keys.push(relative(this.#root, path) as ObjectKey)
    }
    return keys
  }

  async remove(key: ObjectKey, signal: AbortSignal): Promise<void> {
    const path = this.#pathOf(key)
    try {
      signal.throwIfAborted()
      await unlink(path)
      await flushFolder(dirname(path))
    } catch (error) {
      if (!isAbsent(error)) throw translated(error, signal)
    }
  }

  /** Removes what a process that was killed left unfinished. */
  async #sweep(): Promise<void> {
    const folder = join(this.#root, unfinished)
    for (const name of await readdir(folder).catch(() => [])) {
      const found = await statOf(join(folder, name)).catch(() => null)
      if (found && this.#clock.now() - found.mtimeMs > abandonedMs)
        await rm(join(folder, name), { force: true })
    }
  }
}

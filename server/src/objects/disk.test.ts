import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../kernel/clock.ts'
import { DiskStore } from './disk.ts'
import { bytesOf, ObjectError, objectKey } from './objects.ts'

const signal = new AbortController().signal
const encode = (text: string): AsyncIterable<Uint8Array> => bytesOf(new TextEncoder().encode(text))
const digest = (text: string): string => createHash('sha256').update(text).digest('hex')

async function read(store: DiskStore, key: ReturnType<typeof objectKey>): Promise<string | null> {
  const bytes = await store.get(key, signal)
  if (bytes === null) return null
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

let root = ''
let store: DiskStore
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'gpuhour-objects-'))
  store = new DiskStore(join(root, 'objects'), systemClock)
})
afterEach(() => rm(root, { recursive: true, force: true }))

/** A file beside this one, for a script. */
const sourceOf = (path: string): string => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)))

const invoice = objectKey('invoices', 'org_1', 'INV-000001.en.pdf')

describe('an object', () => {
  it('is read as it was written, with its digest, and only by us', async () => {
    const stored = await store.put(invoice, encode('fifty dollars'), signal)
    assert.deepEqual([stored.sizeBytes, stored.sha256], [13, digest('fifty dollars')])
    assert.equal(await read(store, invoice), 'fifty dollars')
    assert.deepEqual(await store.stat(invoice, signal), stored)
    assert.equal((await stat(join(root, 'objects', invoice))).mode & 0o777, 0o600)
  })

  it('is written once: the same bytes are success, others a conflict', async () => {
    await store.put(invoice, encode('fifty dollars'), signal)
    assert.equal((await store.put(invoice, encode('fifty dollars'), signal)).sha256, digest('fifty dollars'))
    await assert.rejects(store.put(invoice, encode('five dollars'), signal), { code: 'conflict' })
    assert.equal(await read(store, invoice), 'fifty dollars')
    assert.deepEqual(await readdir(join(root, 'objects', '.unfinished')), [])
  })

  it('of fifty writers at once exactly one wins, and the others learn of it', async () => {
    const tries = await Promise.allSettled(
      Array.from({ length: 50 }, (_, index) => store.put(invoice, encode(`by ${index}`), signal)),
    )
    const won = tries.flatMap((one) => (one.status === 'fulfilled' ? [one.value.sha256] : []))
    const lost = tries.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
    assert.equal(won.length, 1)
    assert.ok(lost.every((reason) => reason instanceof ObjectError && reason.code === 'conflict'))
    assert.equal(digest((await read(store, invoice)) ?? ''), won[0])
  })

  it('that fails on its way is not there at all', async () => {
    async function* torn(): AsyncGenerator<Uint8Array, void> {
      yield new TextEncoder().encode('fifty ')
      throw new Error('torn')
    }
    await assert.rejects(store.put(invoice, torn(), signal), /torn/)
    assert.equal(await store.stat(invoice, signal), null)
    const leaving = new AbortController()
    leaving.abort(new Error('leaving'))
    await assert.rejects(store.put(invoice, encode('fifty dollars'), leaving.signal), /leaving/)
    assert.equal(await read(store, invoice), null)
    assert.deepEqual(await readdir(join(root, 'objects', '.unfinished')), [])
  })

  it('is gone when it is removed, once or twice; then its key is free', async () => {
    await store.put(invoice, encode('fifty dollars'), signal)
    await store.remove(invoice, signal)
    await store.remove(invoice, signal)
    assert.equal(await store.stat(invoice, signal), null)
    await store.put(invoice, encode('other'), signal)
  })

  it('that rotted says so by its digest', async () => {
    await store.put(invoice, encode('fifty dollars'), signal)
    await writeFile(join(root, 'objects', invoice), 'fifty dollarz')
    assert.notEqual((await store.stat(invoice, signal))?.sha256, digest('fifty dollars'))
    await assert.rejects(store.put(invoice, encode('fifty dollars'), signal), { code: 'conflict' })
  })
})

describe('a list', () => {
  it('goes through the keys in byte order, page by page', async () => {
    assert.deepEqual(await store.list('', { limit: 2 }, signal), { items: [], next: null })
    const keys = ['a/1', 'a/10', 'a/2', 'ab', 'b/1'].map((key) => objectKey(...key.split('/')))
    for (const key of keys.toReversed()) await store.put(key, encode(key), signal)
    const names: string[] = []
    let after: ReturnType<typeof objectKey> | undefined
    for (;;) {
      const page = await store.list('a', { after, limit: 3 }, signal)
      names.push(...page.items.map(({ key }) => key))
      if (page.next === null) break
      after = page.next
    }
    assert.deepEqual(names, ['a/1', 'a/10', 'a/2', 'ab'])
  })
})

describe('a key', () => {
  for (const words of [
    ['..'],
    ['a', '..', 'b'],
    ['/etc'],
    [''],
    ['.unfinished'],
    ['a b'],
    ['a\0'],
    ['x'.repeat(200)],
  ])
    it(`cannot hold ${JSON.stringify(words).slice(0, 30)}`, () => {
      assert.throws(() => objectKey(...words), TypeError)
    })
})

describe('the folder', () => {
  it('that cannot be written to is told as unavailable', async () => {
    await writeFile(join(root, 'file'), '')
    const nowhere = new DiskStore(join(root, 'file', 'objects'), systemClock)
    await assert.rejects(nowhere.put(invoice, encode('x'), signal), { code: 'unavailable' })
    assert.equal(await nowhere.stat(invoice, signal), null)
  })

  it('keeps nothing that a writer that was killed left unfinished', async () => {
    const script = `
      import { DiskStore } from ${sourceOf('disk.ts')}
      import { systemClock } from ${sourceOf('../kernel/clock.ts')}
      async function* endless() {
        for (let index = 0; ; index += 1) {
          yield new Uint8Array(1000)
          if (index === 20) process.stdout.write('writing')
          if (index > 20) await new Promise((resolve) => setTimeout(resolve, 1000))
        }
      }
      const store = new DiskStore(process.argv[1], systemClock)
      await store.put(process.argv[2], endless(), new AbortController().signal)`
    const child = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      script,
      join(root, 'objects'),
      invoice,
    ])
    await new Promise((resolve) => child.stdout.once('data', resolve))
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
    const aside = join(root, 'objects', '.unfinished')
    const [left = ''] = await readdir(aside)
    assert.equal(await store.stat(invoice, signal), null)
    assert.deepEqual((await store.list('', { limit: 10 }, signal)).items, [])
    await store.put(invoice, encode('fifty dollars'), signal)
    assert.deepEqual(await readdir(aside), [left], 'somebody may still be writing it')
    const yesterday = new Date(systemClock.now() - 25 * 3_600_000)
    await utimes(join(aside, left), yesterday, yesterday)
    await store.put(objectKey('other'), encode('x'), signal)
    assert.deepEqual(await readdir(aside), [])
  })
})

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { systemIds } from '../../kernel/ids.ts'
import { SimulatedPool } from '../simulated/volumes.ts'
import { FolderPool } from './volumes.ts'

const never = new AbortController().signal

describe('volumes as folders', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gpuhour-volumes-'))
  })
  after(async () => {
    await rm(folder, { recursive: true })
  })

  it('are made once, measured and removed, as often as one asks', async () => {
    const pool = new FolderPool(folder)
    const id = systemIds.make('volume')
    assert.equal(await pool.usedBytes(id, never), null)
    const path = await pool.create(id, 10, never)
    await writeFile(join(path, 'data'), Buffer.alloc(2 ** 20, 1))
    assert.equal(await pool.create(id, 10, never), path)
    const used = await pool.usedBytes(id, never)
    assert.ok(used !== null && used >= 2n ** 20n && used < 2n ** 21n)
    await pool.remove(id, never)
    await pool.remove(id, never)
    assert.equal(await pool.usedBytes(id, never), null)
    assert.deepEqual(await readdir(join(folder, 'pool', 'volumes')), [])
    assert.deepEqual(await readdir(join(folder, 'pool', 'removed')), [])
  })

  it('belong to the tenant’s uid, or are open below a closed folder where we are not root', async () => {
    const owned = process.getuid?.() === 0
    const path = await new FolderPool(folder).create(systemIds.make('volume'), 1, never)
    const { mode, uid } = await stat(path)
    assert.deepEqual([mode & 0o777, uid === 1000 || !owned], [owned ? 0o700 : 0o777, true])
    assert.equal((await stat(join(folder, 'pool'))).mode & 0o777, 0o700)
  })

  it('go whole, though their folders are nested deeper than a path is long', async () => {
    const pool = new FolderPool(folder)
    const id = systemIds.make('volume')
    const path = await pool.create(id, 1, never)
    // A shell's `cd` goes by whole paths and cannot get there; a program can.
    const deep = 'chdir shift; for (1..60) { mkdir "d" x 200; chdir "d" x 200 or die }'
    await promisify(execFile)('perl', ['-e', deep, path])
    await pool.remove(id, never)
    assert.equal(await pool.usedBytes(id, never), null)
  })

  it('finish a removal that a crash interrupted', async () => {
    const pool = new FolderPool(folder)
    const [first, second] = [systemIds.make('volume'), systemIds.make('volume')]
    await pool.create(first, 1, never)
    const stopped = AbortSignal.abort(new Error('stopped'))
    await assert.rejects(pool.remove(first, stopped))
    await promisify(execFile)('mv', [
      join(folder, 'pool/volumes', first),
      join(folder, 'pool/removed', first),
    ])
    await pool.remove(second, never)
    assert.deepEqual(await readdir(join(folder, 'pool', 'removed')), [])
  })

  it('refuse a name that is no volume’s', async () => {
    // Not a volume's id, on purpose.
    const climbing = '../../etc' as ReturnType<typeof systemIds.make<'volume'>>
    await assert.rejects(new FolderPool(folder).remove(climbing, never), TypeError)
  })
})

describe('simulated volumes', () => {
  it('hold what they are told to', async () => {
    const pool = new SimulatedPool()
    const id = systemIds.make('volume')
    assert.equal(await pool.usedBytes(id, never), null)
    await pool.create(id, 1, never)
    pool.fill(id, 5n)
    await pool.create(id, 1, never)
    assert.equal(await pool.usedBytes(id, never), 5n)
    await pool.remove(id, never)
    assert.equal(await pool.usedBytes(id, never), null)
  })
})

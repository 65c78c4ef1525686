import assert from 'node:assert/strict'
import { cp, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { isAppError } from '../../kernel/errors.ts'
import { readRecipes } from './build.recipes.ts'

const images = join(import.meta.dirname, '../../../../images')
let copy = ''

before(async () => {
  copy = await mkdtemp(join(tmpdir(), 'gpuhour-recipes-'))
  await cp(images, copy, { recursive: true })
})

after(() => rm(copy, { recursive: true, force: true }))

async function digests(): Promise<ReadonlyMap<string, string>> {
  return new Map((await readRecipes(copy)).map(({ name, sourceDigest }) => [name, sourceDigest]))
}

/** The recipes whose digest changes when `file` does. */
async function changedBy(file: string): Promise<readonly string[]> {
  const was = await digests()
  const path = join(copy, file)
  const text = await readFile(path, 'utf8')
  await writeFile(path, `${text} `)
  const is = await digests()
  await writeFile(path, text)
  return [...is].flatMap(([name, digest]) => (was.get(name) === digest ? [] : [name]))
}

test('the first catalog is read, each image after its parent', async () => {
  const recipes = await readRecipes(images)
  assert.deepEqual(
    recipes.map(({ name, version, parent }) => ({ name, version, parent })),
    [
      { name: 'base', version: '1', parent: null },
      { name: 'pytorch-cuda', version: '2.9', parent: 'base' },
    ],
  )
  for (const { sourceDigest } of recipes) assert.match(sourceDigest, /^[0-9a-f]{64}$/)
})

test('a digest follows what an image is made of, and nothing else', async () => {
  const table: readonly (readonly [string, readonly string[]])[] = [
    ['guest/init', ['base', 'pytorch-cuda']],
    ['proofs/proof.py', ['base', 'pytorch-cuda']],
    ['templates/cnn/train.py', ['pytorch-cuda']],
    ['templates/cnn/README.md', ['pytorch-cuda']],
    ['recipes/base/requirements.lock', ['base', 'pytorch-cuda']],
    ['recipes/base/image.json', ['base']],
    ['recipes/pytorch-cuda/Dockerfile', ['pytorch-cuda']],
    ['recipes/base/README.md', []],
    ['README.md', []],
    ['lock.py', []],
  ]
  for (const [file, changed] of table) assert.deepEqual(await changedBy(file), changed, file)
})

test('a digest does not follow times', async () => {
  const was = await digests()
  await utimes(join(copy, 'guest/init'), 1, 1)
  assert.deepEqual(await digests(), was)
})

test('a recipe that cannot be read is named with the reason', async () => {
  const file = join(copy, 'recipes/base/image.json')
  const text = await readFile(file, 'utf8')
  const refusals: readonly (readonly [string, RegExp])[] = [
    ['{', /"base" cannot be read: /],
    [text.replace('"contract": 1', '"contract": 2'), /"base" cannot be read: .*contract/s],
    [text.replace('"name": "base"', '"name": "other"'), /names "other", its folder "base"/],
    [text.replace('"parent": null', '"parent": "pytorch-cuda"'), /stand on none that is there: "base"/],
  ]
  for (const [broken, reason] of refusals) {
    await writeFile(file, broken)
    await assert.rejects(readRecipes(copy), (error) => {
      assert.ok(isAppError(error))
      assert.equal(error.code, 'invalid_request')
      assert.match(error.message, reason)
      return true
    })
  }
  await writeFile(file, text)
})

test('every wheel of every lock is pinned by its hash, and no lock names an index', async () => {
  for (const { name } of await readRecipes(images)) {
    const lock = await readFile(join(images, 'recipes', name, 'requirements.lock'), 'utf8')
    const pins = lock.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    assert.ok(pins.length > 0)
    for (const [index, line] of pins.entries()) {
      const form = index % 2 === 0 ? /^[a-z0-9-]+==[\w.+]+ \\$/ : /^ {4}--hash=sha256:[0-9a-f]{64}$/
      assert.match(line, form)
    }
  }
})

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { systemClock } from '../../kernel/clock.ts'
import { tinyRecipe } from '../testing.ts'
import { DockerImageBuilder } from './build.ts'

// An image that lost its tag to a kill can hardly be made on an engine: a `docker` of a few lines has one.

const never = new AbortController().signal
const id = `sha256:${'1'.repeat(64)}`
const recipe = { ...tinyRecipe, version: '1.2' }

let folder = ''
before(async () => (folder = await mkdtemp(join(tmpdir(), 'gpuhour-tags-'))))
after(() => rm(folder, { recursive: true, force: true }))

/** A builder on an engine that has these images, newest first; what it is told besides is in `told`. */
async function builderOn(ids: readonly string[]): Promise<DockerImageBuilder> {
  const program = join(folder, 'docker')
  const text = `#!/bin/sh
case "$1 $2" in
  version*) echo '20.10.24 20.10.24' ;;
  'image ls') printf '%s\\n' ${ids.join(' ')} ;;
  'image inspect') echo 5 ;;
  *) echo "$*" >> '${folder}/told' ;;
esac
`
  await writeFile(program, text, { mode: 0o755 })
  await writeFile(join(folder, 'told'), '')
  return new DockerImageBuilder({
    ...{ images: folder, socketPath: '/nowhere', clients: [program], scratch: folder, clock: systemClock },
    ...{ environment: new Map([['PATH', '/usr/bin:/bin']]), mayInstall: false, installation: 'test' },
    host: { caBundle: null, pip: new Map(), proxies: new Map() },
  })
}

test('an image whose builder was killed before the tag is given it when it is found', async () => {
  const builder = await builderOn([id])
  const found = await builder.present(recipe, never)
  assert.deepEqual(found, {
    recipe: 'tiny',
    version: '1.2',
    sourceDigest: 'd1',
    imageId: id,
    sizeBytes: 5,
  })
  assert.equal(await readFile(join(folder, 'told'), 'utf8'), `tag ${id} gpuhour/tiny:1.2\n`)
})

test('where no image is there, no tag is moved', async () => {
  const builder = await builderOn([])
  assert.equal(await builder.present(recipe, never), null)
  assert.equal(await readFile(join(folder, 'told'), 'utf8'), '')
})

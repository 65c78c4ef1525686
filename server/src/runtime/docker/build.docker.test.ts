import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { systemClock } from '../../kernel/clock.ts'
import { isAppError } from '../../kernel/errors.ts'
import type { BuildProgress, Recipe } from '../builder.ts'
import { DockerImageBuilder } from './build.ts'
import { usualClients } from './build.client.ts'

const run = promisify(execFile)
const socketPath = '/var/run/docker.sock'
/** Of this run: what another run has built must not be found. */
const mark = `t${process.pid}x${Date.now()}`
const secret = `https://person:${mark}@mirror.example/simple`
const never = new AbortController().signal

let folder = ''
let builder: DockerImageBuilder
const names: string[] = []

function builderIn(images: string, scratch: string): DockerImageBuilder {
  return new DockerImageBuilder({
    ...{ images, socketPath, scratch, clients: usualClients, clock: systemClock, mayInstall: true },
    installation: mark,
    environment: new Map([
      ['PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      // The client keeps a file of its own there.
      ['HOME', folder],
    ]),
    host: { caBundle: null, pip: new Map([['PIP_INDEX_URL', secret]]), proxies: new Map() },
  })
}

async function docker(...args: string[]): Promise<string> {
  const env = { PATH: '/usr/bin:/bin:/usr/local/bin', DOCKER_HOST: `unix://${socketPath}` }
  return (await run('docker', args, { env, maxBuffer: 1e9 })).stdout.trim()
}

/** Writes a recipe of this run; `work` is its steps after Debian. */
async function recipeOf(short: string, work: string): Promise<Recipe> {
  const name = `${short}-${mark}`
  names.push(name)
  const place = join(folder, 'images/recipes', name)
  await mkdir(place, { recursive: true })
  const texts = { en: 'Tiny', zh: '小' }
  const needs = { cuda: null, driver: null, gpuArchitectures: [], diskGib: 1 }
  const told = { name, version: '1', contract: 1, title: texts, description: texts, publisher: 'test' }
  const rest = { licences: texts, needs, parent: null, sources: [], imports: [], proofs: [] }
  await writeFile(join(place, 'image.json'), JSON.stringify({ ...told, ...rest }))
  const from = 'ARG BASE_IMAGE\nFROM ${BASE_IMAGE} AS system\n'
  await writeFile(join(place, 'Dockerfile'), `${from}# ${mark}\n${work}\n`)
  await writeFile(join(place, 'requirements.lock'), '')
  return again(name)
}

async function again(name: string): Promise<Recipe> {
  const found = (await builder.listRecipes(never)).find((recipe) => recipe.name === name)
  assert.ok(found)
  return found
}

/** The docker client that this process started last: the newest child whose program is `docker build`. */
async function clientPid(): Promise<number> {
  const children = (await readFile(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8'))
    .trim()
    .split(' ')
  for (const pid of children.toReversed()) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    if (command.includes('\0build\0')) return Number(pid)
  }
  throw new Error('no docker build is running')
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gpuhour-build-test-'))
  await mkdir(join(folder, 'scratch'))
  await mkdir(join(folder, 'images/recipes'), { recursive: true })
  await writeFile(join(folder, 'images/.dockerignore'), '')
  builder = builderIn(join(folder, 'images'), join(folder, 'scratch'))
})

after(async () => {
  for (const name of names) {
    const ids = await docker('image', 'ls', '--quiet', '--no-trunc', `--filter=label=gpuhour.recipe=${name}`)
    for (const id of new Set(ids.split('\n').filter(Boolean))) await docker('image', 'rm', '--force', id)
  }
  await rm(folder, { recursive: true, force: true })
})

test('a recipe becomes an image, step by step, and is not built twice', async () => {
  const recipe = await recipeOf(
    'plain',
    `#: a greeting
RUN --mount=type=secret,id=pip grep -q ${mark} /run/secrets/pip && echo hello > /greeting`,
  )
  assert.equal(await builder.present(recipe, never), null)
  const seen: BuildProgress[] = []
  const built = await builder.build(recipe, (progress) => seen.push(progress), never)
  assert.match(built.imageId, /^sha256:[0-9a-f]{64}$/)
  assert.ok(built.sizeBytes > 1e6)
  assert.deepEqual(
    seen.filter(({ step }) => step > 1).map(({ step, steps, title }) => `${step}/${steps} ${title}`),
    [
      `2/4 ${recipe.name}: the image that it stands on`,
      `3/4 ${recipe.name}: a greeting`,
      `4/4 ${recipe.name}: writing the image`,
    ],
  )
  assert.equal(await docker('run', '--rm', '--network=none', built.imageId, 'cat', '/greeting'), 'hello')

  const later: BuildProgress[] = []
  assert.deepEqual(await builder.build(recipe, (progress) => later.push(progress), never), built)
  assert.deepEqual(later, [])
})

test("the host's settings reach the build and neither image, history nor scratch", async () => {
  const recipe = await recipeOf(
    'secret',
    `RUN --mount=type=secret,id=pip . /run/secrets/pip && test "$PIP_INDEX_URL" = '${secret}' && touch /seen`,
  )
  // The Dockerfile of this test has to name the secret to compare it: what is looked for is the file's own
  // form.
  const form = `PIP_INDEX_URL='https`
  const { imageId } = await builder.build(recipe, () => undefined, never)
  assert.ok(!(await docker('history', '--no-trunc', imageId)).includes(form))
  assert.ok(!(await docker('image', 'inspect', imageId)).includes(form))
  const list = 'find / -xdev -type f -newer /etc/debian_version -not -path "/proc/*" -not -path "/sys/*"'
  const found = await docker(
    'run',
    '--rm',
    imageId,
    'sh',
    '-c',
    `${list} | xargs -r grep -l "${form}" || true`,
  )
  assert.equal(found, '')
  assert.deepEqual(await readdir(join(folder, 'scratch')), [])
})

/** A first step that counts how often it runs, and a second that takes eight seconds the first time only. */
const interruptible = `RUN --mount=type=cache,id=${mark},target=/kept echo ran >> /kept/count
#: the long step
RUN --mount=type=cache,id=${mark},target=/kept \\
    if [ ! -e /kept/tried ]; then touch /kept/tried; sleep 8; fi; cp /kept/count /count`

test('a build whose client is killed leaves no image, and goes on where it was', async () => {
  const recipe = await recipeOf('killed', interruptible)
  const inLongStep = Promise.withResolvers<void>()
  const building = builder.build(
    recipe,
    ({ title }) => {
      if (title.endsWith('the long step')) inLongStep.resolve()
    },
    never,
  )
  building.catch(() => undefined)
  await inLongStep.promise
  process.kill(await clientPid(), 'SIGKILL')
  await assert.rejects(building, (error) => isAppError(error) && error.code === 'unavailable')
  assert.equal(await builder.present(recipe, never), null)
  assert.equal(await docker('image', 'ls', '--quiet', `gpuhour/${recipe.name}`), '')

  const { imageId } = await builder.build(recipe, () => undefined, never)
  assert.equal(await docker('run', '--rm', '--network=none', imageId, 'cat', '/count'), 'ran')
})

test('an aborted build rejects with the reason and leaves no image', async () => {
  const recipe = await recipeOf('aborted', `#: the long step\nRUN sleep 60; echo ${mark}`)
  const stop = new AbortController()
  const building = builder.build(
    recipe,
    ({ title }) => {
      if (title.endsWith('the long step')) stop.abort(new Error('enough'))
    },
    stop.signal,
  )
  await assert.rejects(building, { message: 'enough' })
  assert.equal(await builder.present(recipe, never), null)
})

test('a failing step is told with its last words, and its correction is built', async () => {
  const recipe = await recipeOf('failing', 'RUN echo "the reason is here"; exit 3')
  await assert.rejects(
    builder.build(recipe, () => undefined, never),
    (error) => {
      assert.ok(isAppError(error))
      assert.equal(error.code, 'unavailable')
      assert.match(error.message, /failing-.*:1 could not be built: .*exit code: 3/)
      assert.match(String(error.detail?.['log']), /the reason is here/)
      return true
    },
  )
  assert.equal(await builder.present(recipe, never), null)
  const file = join(folder, 'images/recipes', recipe.name, 'Dockerfile')
  await writeFile(file, (await readFile(file, 'utf8')).replace('exit 3', 'exit 0'))
  const corrected = await again(recipe.name)
  assert.notEqual(corrected.sourceDigest, recipe.sourceDigest)
  const built = await builder.build(corrected, () => undefined, never)
  assert.deepEqual(await builder.present(corrected, never), built)
})

test('two platforms that build one recipe at once do not disturb each other', async () => {
  const recipe = await recipeOf('twice', `RUN sleep 1; echo ${mark}`)
  const other = builderIn(join(folder, 'images'), join(folder, 'scratch'))
  const [one, two] = await Promise.all([
    builder.build(recipe, () => undefined, never),
    other.build(recipe, () => undefined, never),
  ])
  for (const built of [one, two]) {
    assert.equal(await docker('run', '--rm', '--network=none', built.imageId, 'echo', 'works'), 'works')
  }
})

test('proofs that cannot run are a fault, not an answer', async () => {
  const recipe = await recipeOf('unproved', 'RUN groupadd -g 1000 user')
  const { imageId } = await builder.build(recipe, () => undefined, never)
  await assert.rejects(builder.prove({ imageId, gpus: [] }, never), /proofs did not run: exit 127/)
})

test("an image's proofs are read line by line", async () => {
  const line = JSON.stringify({
    name: 'sums',
    ok: false,
    skipped: false,
    durationMs: 3,
    detail: { reason: '1' },
  })
  const program = `#!/bin/sh\\necho noise\\necho '${line}'\\nexit 1\\n`
  const recipe = await recipeOf(
    'proved',
    `RUN printf "${program.replaceAll('"', '\\"')}" > /usr/bin/python3 && chmod 755 /usr/bin/python3`,
  )
  const { imageId } = await builder.build(recipe, () => undefined, never)
  assert.deepEqual(await builder.prove({ imageId, gpus: [] }, never), [JSON.parse(line)])
})

test('a machine without a fitting docker command says what was tried', async () => {
  assert.ok(existsSync(socketPath))
  const images = join(folder, 'images')
  const settings = { images, socketPath, scratch: folder, clients: ['/nowhere/docker'], clock: systemClock }
  const host = { caBundle: null, pip: new Map<string, string>(), proxies: new Map<string, string>() }
  const lost = new DockerImageBuilder({
    ...settings,
    environment: new Map(),
    host,
    mayInstall: false,
    installation: mark,
  })
  await assert.rejects(lost.prove({ imageId: 'sha256:0', gpus: [] }, never), /\/nowhere\/docker: not there/)
})

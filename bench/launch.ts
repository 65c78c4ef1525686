import { randomBytes } from 'node:crypto'
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { createClient, makeId } from '@gpuhour/sdk/client'
import Docker from 'dockerode'
import { ask, runFirstCell } from './jupyter.ts'
import { note, quantile } from './results.ts'
import type { Door } from './websocket.ts'

/*
 * From "launch" to the result of the first notebook cell through the gateway, with the image on the node,
 * beside what the bare engine needs for the same: create, start, Jupyter, the same cell of the same image. In
 * turn, in one run.
 *
 *     npm start                                        in another shell
 *     node_modules/.bin/node bench/launch.ts [rounds] [image]
 */

const rounds = Number(process.argv[2] ?? 7)
const image = process.argv[3] ?? 'base:1'
const cell = '6 * 7'
const pollMs = 10

const dataDir =
  process.env['GPUHOUR_DATA'] ?? (process.getuid?.() === 0 ? '/var/lib/gpuhour' : join(homedir(), '.gpuhour'))
// Written by `npm start`.
const platform = JSON.parse(readFileSync(join(dataDir, 'platform.json'), 'utf8')) as {
  api: string
  operatorSecret: string
}
const client = createClient({ baseUrl: platform.api, apiKey: platform.operatorSecret })
const docker = new Docker()

type Stages = Readonly<Record<string, number>>

async function until<T>(look: () => Promise<T | null>): Promise<T> {
  for (;;) {
    const found = await look()
    if (found !== null) return found
    await wait(pollMs)
  }
}

/** What a person's browser does: ask for a code, follow it, keep the cookie, begin to work. */
async function enter(url: string): Promise<Door> {
  const address = new URL(url)
  const door: Door = { address: '127.0.0.1', port: Number(address.port), host: address.host, headers: {} }
  const entered = await ask(door, 'GET', `${address.pathname}${address.search}`)
  const cookies = [entered.headers['set-cookie'] ?? []].flat().map((one) => one.split(';')[0] ?? '')
  return { ...door, headers: { Cookie: cookies.join('; '), Origin: address.origin } }
}

async function throughPlatform(project: string): Promise<Stages> {
  const id = makeId('instance')
  const began = performance.now()
  const body = { id, name: `bench-${id.slice(-8)}`, image, flavor: 'cpu.1x2', volumeGib: 1 }
  await client.createInstance({ params: { project }, body })
  const asked = performance.now()
  const running = await until(async () => {
    const seen = await client.getInstance({ params: { instance: id } })
    if (seen.state === 'failed') throw new Error(`the launch failed: ${seen.ending?.reason}`)
    return seen.state === 'running' ? seen : null
  })
  const ready = performance.now()
  const code = await client.openDoor({ params: { instance: id, port: '8888' } })
  const door = await enter(code.url)
  const entered = performance.now()
  const result = await runFirstCell(door, cell)
  const done = performance.now()
  if (result !== '42') throw new Error(`the cell said ${result}`)
  await client.deleteInstance({ params: { instance: id } })
  await until(async () => {
    const seen = await client.getInstance({ params: { instance: id } })
    return seen.state === 'deleted' ? seen : null
  })
  const placedAt = Date.parse(running.allocation?.allocatedAt ?? '')
  return {
    total: done - began,
    ask: asked - began,
    'placed (by its record)': placedAt - Date.parse(running.createdAt),
    'until ready': ready - asked,
    enter: entered - ready,
    'kernel and cell': done - entered,
  }
}

/** What the container of an instance is given, without a platform around it. */
function filesFor(folder: string, token: string): void {
  mkdirSync(folder, { recursive: true })
  const files = { jupyter_token: token, environment: '', authorized_keys: '' }
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text, { mode: 0o400 })
    chownSync(join(folder, name), 1000, 1000)
  }
}

async function bare(imageId: string, hostKey: string): Promise<Stages> {
  const folder = mkdtempSync(join(tmpdir(), 'gpuhour-bench-'))
  const token = randomBytes(24).toString('hex')
  filesFor(join(folder, 'files'), token)
  writeFileSync(join(folder, 'files', 'ssh_host_ed25519_key'), hostKey, { mode: 0o400 })
  chownSync(join(folder, 'files', 'ssh_host_ed25519_key'), 1000, 1000)
  for (const name of ['home', 'tmp']) {
    mkdirSync(join(folder, name))
    chownSync(join(folder, name), 1000, 1000)
  }
  const began = performance.now()
  const container = await docker.createContainer({
    Image: imageId,
    User: '1000:1000',
    HostConfig: {
      Binds: [`${folder}/files:/run/gpuhour:ro`, `${folder}/home:/home/user`, `${folder}/tmp:/tmp`],
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      Memory: 2 * 1024 ** 3,
      NanoCpus: 1e9,
    },
  })
  try {
    await container.start()
    const started = performance.now()
    const address = (await container.inspect()).NetworkSettings.Networks['bridge']?.IPAddress ?? ''
    const door: Door = {
      address,
      port: 8888,
      host: `${address}:8888`,
      headers: { Authorization: `token ${token}` },
    }
    await until(async () => {
      const answer = await ask(door, 'GET', '/api/status').catch(() => null)
      return answer?.status === 200 ? answer : null
    })
    const ready = performance.now()
    const result = await runFirstCell(door, cell)
    const done = performance.now()
    if (result !== '42') throw new Error(`the cell said ${result}`)
    return {
      total: done - began,
      'create and start': started - began,
      'until Jupyter answers': ready - started,
      'kernel and cell': done - ready,
    }
  } finally {
    await container.remove({ force: true })
    rmSync(folder, { recursive: true, force: true })
  }
}

function table(name: string, runs: readonly Stages[]): string[] {
  const stages = Object.keys(runs[0] ?? {})
  return stages.map((stage) => {
    const values = runs.map((run) => run[stage] ?? Number.NaN)
    const figures = [quantile(values, 0.5), Math.min(...values), Math.max(...values)]
    return `| ${name} | ${stage} | ${figures.map((figure) => figure.toFixed(0)).join(' | ')} |`
  })
}

const me = await client.getMe()
const project = me.projects[0]?.id ?? ''
const offered = (await client.listImages()).items.flatMap(({ versions }) => versions)
const imageId = offered.find((version) => version.reference === image && version.isOffered)?.digest
if (!imageId) throw new Error(`${image} is not on offer yet`)
const { makeSshKey } = await import('../server/src/kernel/sshkeys.ts')
const hostKey = makeSshKey('bench').privateKey
const ours: Stages[] = []
const theirs: Stages[] = []
// The first pair warms the page cache for both, and is not counted.
for (let round = 0; round <= rounds; round += 1) {
  const [a, b] = [await throughPlatform(project), await bare(imageId, hostKey)]
  if (round === 0) continue
  ours.push(a)
  theirs.push(b)
  process.stdout.write(`round ${round}: ${a['total']?.toFixed(0)} ms, bare ${b['total']?.toFixed(0)} ms\n`)
}
const totals = (runs: readonly Stages[]): number[] => runs.map((run) => run['total'] ?? Number.NaN)
const ratio = quantile(totals(ours), 0.5) / quantile(totals(theirs), 0.5)
note(`launch, ${image}`, [
  `Launch to first cell, ${image}, image on the node, cold; ${rounds} rounds in turn.`,
  `p50 / p50 = **${ratio.toFixed(2)}** (goal ≤ 1.2).`,
  '',
  '| what | stage | p50 ms | min | max |',
  '| --- | --- | --- | --- | --- |',
  ...table('gpuhour', ours),
  ...table('bare engine', theirs),
])

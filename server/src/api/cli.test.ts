import assert from 'node:assert/strict'
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as jobs from '../jobs/jobs.ts'
import { systemClock } from '../kernel/clock.ts'
import { asId } from '../kernel/ids.ts'
import { makePlacer } from '../loops/placer.ts'
import { registerNodes } from '../placement/placement.ts'
import { openCli } from './testing.cli.ts'
import { testApi } from './testing.ts'

const api = await testApi()
await mkdir(join(api.dataDir, 'logs'))
const cli = await openCli(api)
const { home, start, gpuhour } = cli
after(async () => {
  await cli.close()
  await api.close()
})

/** What everything in here is launched as. */
const shape = ['--image', 'sim/ok:1', '--flavor', 'cpu.1x2']

async function write(run: string, from: number, to: number): Promise<void> {
  const line = (n: number) => {
    const [stream, text] = n % 10 === 0 ? ['stderr', `err ${n}\n`] : ['stdout', `out ${n}\n`]
    return `${JSON.stringify({ n, stream, text, a: 'alo_x', c: String(n) })}\n`
  }
  const text = Array.from({ length: to - from + 1 }, (_, index) => line(from + index)).join('')
  await appendFile(join(api.dataDir, 'logs', `${run}.jsonl`), text)
  await api.store.transact((tx) => tx.notify('logs', run))
}

test('signing in by the machine’s own file, then looking around', async () => {
  const url = cli.url()
  await writeFile(
    join(home, 'platform.json'),
    JSON.stringify({ api: url, operatorSecret: api.operatorSecret }),
  )
  const login = await start(['login', '--local', '--data', home], null).ended
  assert.equal(login.code, 0, login.err)
  const kept = JSON.parse(await readFile(join(home, '.config', 'gpuhour', 'config.json'), 'utf8'))
  assert.deepEqual(kept, { profile: { kind: 'local', dataDir: home } })
  const who = await start(['whoami'], null).ended
  assert.match(who.out, /^Operator .*operator at /)
  assert.equal((await start(['logout'], null).ended).code, 0)
  assert.equal((await start(['whoami'], null).ended).code, 3)
})

test('what is there, as tables for programs and as JSON', async () => {
  assert.match((await gpuhour('images')).out, /^sim\/ok:1\tready\t/)
  assert.match((await gpuhour('flavors')).out, /^cpu\.1x2\t–\t1 vCPU\t2 GiB\t\$0\.\d{4}\/h\t/m)
  assert.match((await gpuhour('balance')).out, /^\$10\.0000\n/)
  for (const words of [
    ['ls'],
    ['ls', '--runs'],
    ['volumes'],
    ['usage'],
    ['keys', 'ssh'],
    ['images'],
    ['doctor'],
  ])
    assert.doesNotThrow(async () => JSON.parse((await gpuhour(...words, '--json')).out), words.join(' '))
})

test('launch, show, stop, delete; names and ids', async () => {
  const launched = await gpuhour(
    'launch',
    'lab',
    '--image',
    'sim/ok:1',
    '--flavor',
    'cpu.1x2',
    '-d',
    '--json',
  )
  assert.equal(launched.code, 0, launched.err)
  const { id }: { id: string } = JSON.parse(launched.out)
  assert.match((await gpuhour('ls')).out, /^lab\tqueued\tsim\/ok:1\tcpu\.1x2\t/)
  assert.ok((await gpuhour('show', id)).out.includes('lab'))
  assert.equal((await gpuhour('open', 'lab')).code, 7)
  const twice = await gpuhour('launch', 'lab', ...shape, '-d')
  assert.deepEqual([twice.code, twice.out], [7, ''])
  assert.equal((await gpuhour('stop', 'lab')).out, 'lab\tstopped\n')
  assert.equal((await gpuhour('rm', 'lab', '-d', '--yes')).code, 0)
  assert.equal((await gpuhour('start', 'lab', 'nobody')).code, 7)
})

test('each kind of refusal has its exit code and one line', async () => {
  const viewer = await api.person('viewer')
  const poor = await api.withoutMoney()
  const launch = ['launch', 'x', ...shape, '-d']
  const cases: readonly (readonly [number, string, readonly string[]])[] = [
    [2, api.operatorSecret, ['launch', 'UPPER', ...shape]],
    [3, 'gph_unknown', ['ls']],
    [3, viewer.secret, launch],
    [4, api.operatorSecret, ['show', 'nobody']],
    [4, api.operatorSecret, ['launch', 'x', '--image', 'nothing:1', '--flavor', 'cpu.1x2']],
    [4, api.operatorSecret, ['run', '--image', 'sim/ok:1', '--flavor', 'h100.8', '--', 'true']],
    [5, poor.secret, launch],
    [5, poor.secret, ['run', ...shape, '--', 'true']],
  ]
  for (const [code, secret, args] of cases) {
    const ran = await start(args, secret).ended
    assert.equal(ran.code, code, `${args.join(' ')}: ${ran.err}`)
    assert.match(ran.err, /^error: [^\n]+\n$/)
    assert.equal(ran.out, '')
  }
})

test('a run’s output comes once, in order, through a loss of the platform', async () => {
  const { ended } = start(
    ['run', '--json', '--image', 'sim/ok:1', '--flavor', 'cpu.1x2', '--', 'true'],
    api.operatorSecret,
  )
  const run = await theOnlyRun()
  await write(run, 1, 5_000)
  await cli.lose()
  await write(run, 5_001, 9_000)
  await cli.serve()
  await write(run, 9_001, 10_000)
  await api.store.transact(async (tx) => {
    await jobs.cancel(tx, asId('run', run), 'test')
    await jobs.markLogComplete(tx, asId('run', run))
    await tx.notify('logs', run)
  })
  const { code, out, err } = await ended
  assert.equal(code, 130, err)
  const lines = out.trimEnd().split('\n')
  const closing: { run: string; exitCode: number } = JSON.parse(lines.pop() ?? '')
  assert.deepEqual([closing.run, closing.exitCode], [run, 130])
  const expected = Array.from({ length: 10_000 }, (_, index) => index + 1)
  assert.deepEqual(
    lines,
    expected.filter((n) => n % 10 !== 0).map((n) => `out ${n}`),
  )
  const errors = err.split('\n').filter((line) => line.startsWith('err '))
  assert.deepEqual(
    errors,
    expected.filter((n) => n % 10 === 0).map((n) => `err ${n}`),
  )
  assert.equal(err.match(/waiting for the platform/g)?.length, 1, err)
})

/** The run that the CLI has just made. */
async function theOnlyRun(): Promise<string> {
  for (;;) {
    const { items } = await api.operator.listRuns({ params: { project: api.demo.project } })
    const alive = items.find(({ state }) => state === 'queued')
    if (alive) return alive.id
    await systemClock.sleep(50, AbortSignal.timeout(60_000))
  }
}

test('Ctrl-C where nobody can be asked stops the run', async () => {
  const { child, ended, said } = start(['run', ...shape, '--', 'true'], api.operatorSecret)
  const run = await theOnlyRun()
  await said('queued')
  child.kill('SIGINT')
  const { code, err } = await ended
  assert.equal(code, 130, err)
  const { state, name } = await api.operator.getRun({ params: { run } })
  assert.equal(state, 'canceled')
  const params = { project: api.demo.project }
  const named = await api.operator.listRuns({ params, query: { name } })
  assert.ok(named.items.some(({ id }) => id === run))
  assert.deepEqual((await api.operator.listRuns({ params, query: { name: `${name}x` } })).items, [])
})

test('open without an instance gives a link that signs a browser in', async () => {
  const { code, out, err } = await gpuhour('open')
  assert.equal(code, 0, err)
  assert.match(out, /^http:\/\/localhost:7070\/sign-in#gpl_[0-9a-z]{40,}\n$/)
})

test('a statement as a bundle is verified by the same program without a server', async () => {
  const file = join(home, 'bill.json')
  const { code, err } = await gpuhour('statement', '--bundle', file)
  assert.equal(code, 0, err)
  const verified = await start(['verify-bill', file], null).ended
  assert.equal(verified.code, 0, verified.err)
  assert.match(verified.out, /: verified\n$/)
})

test('an operator looks at machines and devices, drains them and uses them again', async () => {
  const device = { id: 'GPU-0', model: 'h100', memoryMib: 81_559, healthy: true }
  const spare = {
    ...{ name: 'spare', engineId: 'engine-2', bootId: 'boot-1', cpus: 16, memoryGib: 130, diskGib: 500 },
    ...{ devices: [device], gpuDriver: '550', cudaDriver: '12.8', missing: [] },
  }
  await api.store.transact((tx) => registerNodes(tx, 'simulated', [spare]))
  const said = async (...args: string[]) => (await gpuhour(...args)).out
  assert.match(await said('nodes'), /^spare\tready\t16 CPUs, 130 GiB\t1 × h100\t0\t\d+ s ago$/m)
  assert.equal(await said('nodes', 'drain', 'spare'), 'spare: draining, 0 allocations on it.\n')
  assert.equal(await said('nodes', 'ready', 'spare'), 'spare: returning, 0 allocations on it.\n')
  assert.equal(await said('devices'), 'GPU-0\tspare\th100\t80 GiB\twell\t–\n')
  assert.equal(await said('devices', 'drain', 'GPU-0', '--why', 'hot'), 'GPU-0: drained: hot\n')
  assert.match(
    await said('nodes', 'show', 'spare'),
    /^spare: returning, .*\n {2}GPU-0 \(h100\): drained: hot\n$/,
  )
  assert.equal(await said('devices', 'ready', 'GPU-0'), 'GPU-0: well\n')
  const refused = async (...args: string[]) => {
    const { code, err } = await gpuhour(...args)
    return `${code} ${err}`
  }
  assert.match(await refused('nodes', 'fence', 'spare'), /^2 error: Nothing was fenced: there is no terminal/)
  assert.match(await refused('nodes', 'fence', 'spare', '--yes'), /^8 error: Nobody looks at the machines/)
  assert.match(await refused('nodes', 'drain', 'nowhere'), /^4 error: There is no node "nowhere"/)
  assert.match(await refused('devices', 'ready', 'GPU-9'), /^4 error: /)
  assert.match(await refused('devices', 'drain', 'GPU-0'), /^2 error: Say what is wrong with it/)
  const member = await api.person('member')
  assert.equal((await start(['nodes'], member.secret).ended).code, 3)
})

test('an operator reports a fault of what somebody was given', async () => {
  const refused = async (...args: string[]) => {
    const { code, err } = await gpuhour('fault', ...args)
    return `${code} ${err}`
  }
  assert.match(await refused('alo_1'), /^2 error: Say what shows the fault/)
  assert.match(await refused('alo_1', '--evidence', 'XID'), /^2 error: Nothing was reported: there is no/)
  assert.match(await refused('alo_1', '--evidence', 'XID', '--yes'), /^4 error: /)
  assert.match(await refused('alo_1', '--evidence', 'XID', '--at', 'noon'), /^2 error: --at noon is no date/)
  await gpuhour('launch', 'faulty', ...shape, '--detach')
  assert.match(await refused('faulty', '--evidence', 'XID', '--yes'), /^2 error: faulty has never been given/)
  await makePlacer(api.store).pass(AbortSignal.timeout(60_000))
  const { code, out, err } = await gpuhour('fault', 'faulty', '--evidence', 'XID 79', '--yes')
  assert.equal(code, 0, err)
  assert.match(out, /^Fault of alo_\w+ since \S+Z: \$0\.00 are taken off the bill\.\n$/)
  assert.match((await gpuhour('show', 'faulty')).out, /fault since \S+Z: XID 79/)
})

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { SimulatedClock } from '../../kernel/clock.ts'
import { asId, seededIds } from '../../kernel/ids.ts'
import { instant } from '../../kernel/time.ts'
import { conformance } from '../conformance.ts'
import type { Behaviour, Harness } from '../harness.ts'
import type { AllocationSpec, RegisteredNode } from '../driver.ts'
import { characterOf } from './characters.ts'
import { keepInFile } from './keep.ts'
import { SimulatedRuntime } from './simulated.ts'
import { type NodePlan, SimulatedWorld } from './world.ts'

const never = new AbortController().signal
const start = instant(Date.UTC(2026, 0, 1))
const gpu = { id: 'GPU-1', model: 'h100', memoryMib: 81_559, healthy: true }
const plan: NodePlan = { name: 'alpha', cpus: 8, memoryGib: 64, diskGib: 1000, devices: [gpu] }

function imageOf(behaviour: Behaviour): string {
  switch (behaviour.does) {
    case 'run':
      return 'sim/runs-for-ever'
    case 'ignore TERM':
      return 'sim/runs-for-ever+ignores-term'
    case 'exit':
      return `sim/exits-with-${behaviour.exitCode}`
    case 'print':
      return `sim/runs-for-ever+prints-${behaviour.lines}-lines`
  }
}

function makeWorld(nodes: readonly NodePlan[] = [plan], seed = 'one') {
  const clock = new SimulatedClock(start)
  const ids = seededIds(seed, () => clock.now())
  const world = new SimulatedWorld({ clock, seed, nodes })
  const registered = world
    .nodes()
    .map(({ name, engineId }): RegisteredNode => ({ id: ids.make('node'), name, engineId }))
  const spec = (image: string, rest: Partial<AllocationSpec> = {}): AllocationSpec => ({
    ...{ id: ids.make('allocation'), subject: ids.make('run'), node: registered[0]?.id ?? ids.make('node') },
    ...{ devices: [], image, command: null, environment: new Map(), files: new Map(), mounts: [], ports: [] },
    limits: { cpus: 1, memoryGib: 1, diskGib: 1, pids: 100 },
    ...{ readiness: [{ kind: 'started' }], group: null, purpose: 'attempt' },
    ...rest,
  })
  const driver = new SimulatedRuntime({ world, installation: 'plt_1' })
  return { clock, ids, world, registered, spec, driver }
}

async function makeHarness(): Promise<Harness> {
  const { clock, world, registered, spec, driver } = makeWorld()
  const node = registered[0] ?? assert.fail('the world has a node')
  const again = (installation: string) => new SimulatedRuntime({ world, installation })
  return {
    ...{ driver, node, absentImage: 'sim/no-such-character' },
    restarted: () => again('plt_1'),
    otherPlatform: () => again('plt_2'),
    dying() {
      const dying = again('plt_1')
      dying.loseReply('ensure')
      return dying
    },
    silenced() {
      const other = new SimulatedWorld({ clock, seed: 'one', nodes: [plan] })
      other.silence('alpha', 1)
      return new SimulatedRuntime({ world: other, installation: 'plt_1' })
    },
    spec: (behaviour, purpose, rest) =>
      purpose === 'attempt'
        ? spec(imageOf(behaviour), rest)
        : spec(imageOf(behaviour), {
            ...{ purpose, ports: [2222], readiness: [{ kind: 'tcp', port: 2222, banner: null }] },
            ...rest,
          }),
    behindOurBack: {
      remove: async (id) => world.remove(id),
      pause: async (id) => world.pause(id),
      resume: async (id) => world.resume(id),
      kill: async (id) => world.kill(id),
      restart: async (id) => world.restart(id),
    },
    fileInside: async (id, name) => world.container(id)?.files[name] ?? '',
    environmentOf: async (id) => JSON.stringify(world.container(id)?.environment),
    async limitsOf(id) {
      const { cpus, memoryGib, pids } = world.container(id)?.limits ?? assert.fail('it is there')
      return { cpus, memoryGib, pids }
    },
    left: async (id) => (world.container(id) ? ['container'] : []),
    pass: async (ms) => clock.advance(ms),
    close: async () => undefined,
  }
}

conformance('simulated', makeHarness)

describe('characters', () => {
  const cases: [string, Partial<ReturnType<typeof characterOf>>][] = [
    ['sim/ok', { end: null, answerMs: 300 }],
    ['sim/never-starts', { answerMs: null }],
    ['sim/exits-with-7', { end: { afterMs: 1000, exitCode: 7, outOfMemory: false } }],
    ['sim/exits-after-30s', { end: { afterMs: 30_000, exitCode: 0, outOfMemory: false } }],
    ['sim/exits-with-3+exits-after-2s', { end: { afterMs: 2000, exitCode: 3, outOfMemory: false } }],
    ['sim/oom', { end: { afterMs: 1000, exitCode: 137, outOfMemory: true } }],
    ['sim/slow-start-90s', { answerMs: 90_000 }],
    ['sim/vanishes', { vanishesAfterMs: 5000 }],
    ['sim/pauses-after-1s', { pausesAfterMs: 1000 }],
    ['sim/fails-elsewhere', { refusal: 'no_such_device' }],
    ['sim/refuses', { refusal: 'spec_refused' }],
  ]
  for (const [image, expected] of cases) {
    it(`reads ${image}`, () =>
      assert.deepEqual({ ...characterOf(image, false), ...expected }, characterOf(image, false)))
  }
  it('knows no others', () => {
    for (const image of ['sim/', 'sim/okay', 'sim/exits-with-N', 'pytorch', 'sim/ok+', 'sim/constructor']) {
      assert.equal(characterOf(image, false), null, image)
    }
  })
})

describe('the simulated world', () => {
  it('keeps its own log of what truly ran', async () => {
    const { clock, world, spec, driver } = makeWorld()
    const job = spec('sim/exits-after-10s')
    await driver.ensure(job, never)
    await clock.advance(60_000)
    const lines = world.happenings.map(({ what, at }) => [what, at] as const)
    assert.deepEqual(
      lines.map(([what]) => what),
      ['made', 'started', 'ready', 'ended'],
    )
    const [, started, , ended] = lines
    assert.equal((ended?.[1] ?? 0) - (started?.[1] ?? 0), 10_000)
  })

  it('is the same for the same seed, and another for another', async () => {
    const tell = async (seed: string) => {
      const { clock, world, spec, driver } = makeWorld([plan], seed)
      for (const image of ['sim/ok', 'sim/vanishes', 'sim/oom']) await driver.ensure(spec(image), never)
      await clock.advance(20_000)
      return JSON.stringify(world.happenings)
    }
    assert.equal(await tell('a'), await tell('a'))
    assert.notEqual(await tell('a'), await tell('b'))
  })

  it('loses commands and replies as told', async () => {
    const { world, spec, driver } = makeWorld()
    const job = spec('sim/ok')
    driver.loseCommand('ensure')
    await driver.ensure(job, never)
    assert.equal(world.container(job.id), null)
    driver.loseReply('ensure')
    await assert.rejects(driver.ensure(job, never), { code: 'node_unreachable' })
    assert.notEqual(world.container(job.id), null)
  })

  it('falls silent, changes its engine, moves its clock and reboots', async () => {
    const { clock, world, registered, spec, driver } = makeWorld()
    const job = spec('sim/runs-for-ever')
    await driver.ensure(job, never)
    await clock.advance(1000)
    world.setClock('alpha', 90_000)
    const [before] = await driver.observe(registered, never)
    assert.ok(before?.answered)
    assert.equal(before.nodeNow, clock.now() + 90_000)
    // What an engine read at a start it never reads again, wherever its clock is set to.
    assert.equal(
      before.facts[0]?.seen !== 'ended' && before.facts[0]?.startedAt,
      world.container(job.id)?.startedAt,
    )
    world.silence('alpha', 5000)
    assert.equal((await driver.observe(registered, never))[0]?.answered, false)
    await assert.rejects(driver.remove(job.id, never), { code: 'node_unreachable' })
    await clock.advance(5000)
    world.reboot('alpha')
    const [after] = await driver.observe(registered, never)
    assert.ok(after?.answered)
    assert.notEqual(after.bootId, before.bootId)
    assert.equal(after.facts[0]?.seen, 'ended')
    world.changeEngine('alpha')
    assert.equal((await driver.observe(registered, never))[0]?.answered, false)
  })

  it('notes a device that is given twice', async () => {
    const { clock, world, spec, driver } = makeWorld()
    for (const image of ['sim/ok', 'sim/runs-for-ever'])
      await driver.ensure(spec(image, { devices: ['GPU-1'] }), never)
    await clock.advance(1000)
    assert.equal(world.happenings.filter(({ what }) => what === 'device given twice').length, 1)
  })

  it('outlives its process in a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gpuhour-world-'))
    try {
      const path = join(folder, 'world.json')
      const { clock, spec } = makeWorld()
      const make = () => new SimulatedWorld({ clock, seed: 'one', nodes: [plan], keep: keepInFile(path) })
      const job = spec('sim/exits-after-10s', { id: asId('allocation', 'alo_1') })
      await new SimulatedRuntime({ world: make(), installation: 'plt_1' }).ensure(job, never)
      await clock.advance(3000)
      assert.equal(make().container(job.id)?.state, 'ready')
      await clock.advance(10_000)
      assert.equal(make().container(job.id)?.state, 'ended')
      const log = (await readFile(`${path}.log`, 'utf8')).trim().split('\n')
      assert.deepEqual(
        log.map((line) => JSON.parse(line).what),
        ['made', 'started', 'ready', 'ended'],
      )
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

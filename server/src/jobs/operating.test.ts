import assert from 'node:assert/strict'
import { after as afterAll, before, describe, it } from 'node:test'
import { Stage } from '../billing/testing.ts'
import * as catalog from '../catalog/catalog.ts'
import * as allocations from '../compute/allocations.ts'
import type { Look } from '../compute/allocations.rules.ts'
import * as compute from '../compute/compute.ts'
import * as journal from '../journal/journal.ts'
import { type AllocationId, asId, type NodeId } from '../kernel/ids.ts'
import { formatInstant, type Instant, instant } from '../kernel/time.ts'
import { makePlacer } from '../loops/placer.ts'
import * as nodes from '../placement/nodes.ts'
import * as placement from '../placement/placement.ts'
import type { NodeFact } from '../runtime/driver.ts'
import * as storage from '../storage/storage.ts'
import { type TestDatabase, testDatabase } from '../store/testing.ts'
import * as jobs from './jobs.ts'
import { beginFence, fence, reportFault } from './operating.ts'

/*
 * What an operator does, on real rows. A v100 costs 3.60 an hour, so a second is 1 000 000 nanos; the machine
 * alpha has two of them.
 */

const second = 1_000_000n
const alpha: NodeFact = {
  name: 'alpha',
  engineId: 'engine-1',
  bootId: 'boot-1',
  cpus: 8,
  memoryGib: 34,
  diskGib: 500,
  devices: ['GPU-0', 'GPU-1'].map((id) => ({ id, model: 'v100', memoryMib: 32_768, healthy: true })),
  gpuDriver: '550',
  cudaDriver: '12.8',
  missing: [],
}

let keptOpen: TestDatabase
before(async () => {
  keptOpen = await testDatabase()
})
afterAll(() => keptOpen.drop())

type Subject = 'instance' | 'run'

/** What lives on alpha, told what it sees as the observer would tell it. */
class Bench {
  readonly stage: Stage
  readonly node: NodeId
  readonly began: Instant

  constructor(stage: Stage, node: NodeId) {
    this.stage = stage
    this.node = node
    this.began = stage.now()
  }

  async launch(kind: Subject, name: string): Promise<AllocationId> {
    const { store, organization } = this.stage
    const project = asId('project', 'prj_stage')
    const asked = { organization, project, name, image: 'sim/ok', version: '1', flavor: 'v100.1' }
    const by = { createdBy: 'per_us', askedKey: null, requestHash: name }
    await store.transact(async (tx) => {
      if (kind === 'instance') {
        const id = asId('instance', `ins_${name}`)
        return void (await compute.create(tx, { ...asked, ...by, id, homeGib: 1 }))
      }
      const command = { command: ['true'], environment: {}, volume: null, timeLimitMs: null, costLimit: null }
      await jobs.create(tx, { ...asked, ...by, ...command, id: asId('run', `run_${name}`) })
    })
    await makePlacer(store).pass(AbortSignal.timeout(60_000))
    const [found] = await store.read((tx) => placement.allocationsOf(tx, [this.subject(kind, name)]))
    assert.ok(found, `${name} was placed`)
    return found.id
  }

  subject(kind: Subject, name: string) {
    return kind === 'instance' ? asId('instance', `ins_${name}`) : asId('run', `run_${name}`)
  }

  async row(kind: Subject, name: string) {
    return this.stage.store.read(async (tx) => {
      const row =
        kind === 'instance'
          ? await compute.instance(tx, asId('instance', `ins_${name}`))
          : await jobs.run(tx, asId('run', `run_${name}`))
      assert.ok(row)
      return row
    })
  }

  async look(kind: Subject, name: string, look: Look): Promise<void> {
    const now = this.stage.now()
    const { allocation } = await this.row(kind, name)
    assert.ok(allocation)
    const times = { askedAt: now, answeredAt: now, nodeNow: now, nodeSeenAt: now }
    await this.stage.store.transact(async (tx) => {
      if (look.kind !== 'silent') await placement.sawNode(tx, this.node, 'boot-1', now)
      if (kind === 'run') {
        const id = asId('run', `run_${name}`)
        return allocations.learn(tx, jobs.runLifecycle, id, allocation, look, times)
      }
      const id = asId('instance', `ins_${name}`)
      return allocations.learn(tx, compute.instanceLifecycle, id, allocation, look, times)
    })
  }

  ready(kind: Subject, name: string): Promise<void> {
    return this.look(kind, name, { kind: 'ready', startedAt: this.began })
  }

  /** It runs for so long, seen every half minute; the meter works. */
  async run(kind: Subject, name: string, seconds: number): Promise<void> {
    for (let left = seconds; left > 0; left -= 30) {
      this.stage.skip(Math.min(left, 30) * 1000)
      await this.ready(kind, name)
      await this.stage.keep()
      await this.stage.meter()
    }
  }

  async stop(kind: Subject, name: string): Promise<void> {
    await this.stage.store.transact(async (tx) => {
      if (kind === 'instance') await compute.stop(tx, asId('instance', `ins_${name}`), 'per_us')
      else await jobs.cancel(tx, asId('run', `run_${name}`), 'per_us')
    })
  }

  /** Seen ended and removed: nothing is left. */
  async release(kind: Subject, name: string): Promise<void> {
    const { allocation } = await this.row(kind, name)
    assert.ok(allocation)
    await this.stage.store.transact((tx) =>
      kind === 'instance'
        ? allocations.recordReleased(tx, compute.instanceLifecycle, this.subject(kind, name), allocation, {
            actor: 'observer',
          })
        : allocations.recordReleased(tx, jobs.runLifecycle, this.subject(kind, name), allocation, {
            actor: 'observer',
          }),
    )
  }

  fault(id: AllocationId, at: Instant | null, evidence = 'XID 79', device: string | null = null) {
    return this.stage.store.transact((tx) => reportFault(tx, id, { at, evidence, device }))
  }

  async fence(): Promise<readonly AllocationId[]> {
    await this.stage.store.transact((tx) => beginFence(tx, this.node))
    return (await this.stage.store.transact((tx) => fence(tx, this.node))).released
  }

  async events(id: AllocationId): Promise<string> {
    const all = await this.stage.store.read((tx) => journal.eventsOf(tx, id))
    return all.map(({ type }) => type).join(' ')
  }

  async history(kind: Subject, name: string): Promise<string> {
    const all = await this.stage.store.read((tx) => compute.eventsOf(tx, this.subject(kind, name), 0n, 100))
    return all.map(({ event, fromState, toState }) => `${event} ${fromState ?? '–'}→${toState}`).join(', ')
  }

  async settled(): Promise<void> {
    this.stage.skip(1)
    await this.stage.meter()
  }

  async charges(id: AllocationId): Promise<readonly string[]> {
    const { rows } = await this.stage.store.pool.query<{ amount: bigint; reason: string | null }>(
      'select amount, reason from charge where resource = $1 order by seq',
      [id],
    )
    return rows.map(({ amount, reason }) => [amount / second, reason].filter((one) => one !== null).join(' '))
  }
}

function story(title: string, play: (bench: Bench) => Promise<void>): void {
  it(title, async () => {
    const stage = await Stage.open({ start: '2026-03-02T09:30:00.000Z' })
    try {
      await stage.publish({ 'gpu.v100': 3600n * second, cpu: second, volume: 1n })
      await stage.grant(100_000n * second)
      await stage.store.transact(async (tx) => {
        await catalog.offerCharacters(tx, ['sim/ok'])
        await placement.registerNodes(tx, 'simulated', [alpha])
      })
      const [node] = await stage.store.read((tx) => placement.nodesOf(tx, 'simulated'))
      assert.ok(node)
      const bench = new Bench(stage, node.id)
      await play(bench)
      await bench.settled()
      await stage.audit()
      await stage.verified(bench.began)
    } finally {
      await stage.close()
    }
  })
}

/** Brings a subject into a state, a hundred seconds paid where it is paid at all. */
async function bring(bench: Bench, kind: Subject, to: string): Promise<AllocationId> {
  const id = await bench.launch(kind, 'a')
  if (to === 'preparing') return id
  await bench.ready(kind, 'a')
  await bench.run(kind, 'a', 100)
  if (to === 'unreachable') {
    bench.stage.skip(61_000)
    await bench.look(kind, 'a', { kind: 'silent' })
  }
  if (to === 'stopping' || to === 'released') await bench.stop(kind, 'a')
  if (to === 'released') await bench.release(kind, 'a')
  return id
}

/*
 * A fault that began 40 s after readiness, found 100 s after it, in every state of every kind: what is then
 * the state and outcome, where a release leads, what the history says last, and what was paid in seconds.
 */
const faults = `
instance | preparing   | stopping failed    | failed  | fault_found preparing→stopping | 0
instance | running     | stopping failed    | failed  | fault_found running→stopping | 40
instance | unreachable | unreachable failed | failed  | fault_found unreachable→unreachable | 40
instance | stopping    | stopping –         | stopped | fault_found stopping→stopping | 40
instance | released    | stopped –          | stopped | fault_found stopped→stopped | 40
run      | preparing   | stopping failed    | failed  | fault_found preparing→stopping | 0
run      | running     | stopping failed    | failed  | fault_found running→stopping | 40
run      | unreachable | unreachable failed | failed  | fault_found unreachable→unreachable | 40
run      | stopping    | stopping canceled  | canceled | fault_found stopping→stopping | 40
run      | released    | canceled canceled  | canceled | fault_found canceled→canceled | 40
`

describe('a fault', () => {
  for (const row of faults.trim().split('\n')) {
    const [kind = '', to = '', then = '', over = '', told = '', paid = ''] = row
      .split('|')
      .map((cell) => cell.trim())
    assert.ok(kind === 'instance' || kind === 'run')
    story(`of the ${kind} that is ${to}: ${then}, ${paid} s paid`, async (bench) => {
      const id = await bring(bench, kind, to)
      const at = to === 'preparing' ? null : instant(bench.began + 40_000)
      await bench.fault(id, at)
      const found = await bench.row(kind, 'a')
      assert.equal(`${found.state} ${found.outcome ?? '–'}`, then)
      assert.equal((await bench.history(kind, 'a')).split(', ').at(-1), told)
      if (to !== 'released') await bench.release(kind, 'a')
      assert.equal((await bench.row(kind, 'a')).state, over)
      await bench.settled()
      assert.equal(await bench.stage.charged(id), BigInt(paid) * second)
      assert.equal((await bench.stage.balance()).held, 0n)
    })
  }

  story('says why it failed, in the words of the bill', async (bench) => {
    await bring(bench, 'instance', 'running')
    const at = instant(bench.began + 40_000)
    const { allocation } = await bench.row('instance', 'a')
    assert.ok(allocation)
    await bench.fault(allocation, at, 'row remap failed')
    assert.equal(
      (await bench.row('instance', 'a')).reason,
      `fault since ${formatInstant(at)}: row remap failed`,
    )
  })

  story('leaves the reason of who stopped it before', async (bench) => {
    const id = await bring(bench, 'instance', 'stopping')
    await bench.fault(id, null)
    assert.equal((await bench.row('instance', 'a')).reason, 'customer')
  })

  story('gives back what was charged at the hour, and says why', async (bench) => {
    const id = await bench.launch('instance', 'a')
    await bench.ready('instance', 'a')
    const ready = bench.stage.now()
    await bench.run('instance', 'a', 2000)
    const early = await bench.stage.verified(bench.began, instant(Date.UTC(2026, 2, 2, 10)))
    assert.deepEqual(await bench.charges(id), ['1800'])
    const at = instant(ready + 600_500)
    await bench.fault(id, at)
    await bench.settled()
    const back = `-1200 fault since ${formatInstant(at)}: XID 79`
    assert.deepEqual(await bench.charges(id), ['1800', back])
    assert.equal(await bench.stage.charged(id), 600n * second)
    const { posted, held } = await bench.stage.balance()
    assert.deepEqual([posted, held], [100_000n * second - 600n * second, 0n])
    await bench.stage.verified(bench.began, null, early)
  })

  story('of what was released hours ago comes back to the last nano', async (bench) => {
    const id = await bring(bench, 'run', 'released')
    await bench.settled()
    assert.deepEqual(await bench.charges(id), ['100'])
    bench.stage.skip(3 * 3_600_000)
    const early = await bench.stage.verified(bench.began)
    const from = instant(bench.began)
    await bench.fault(id, from)
    await bench.settled()
    assert.deepEqual(await bench.charges(id), ['100', `-100 fault since ${formatInstant(from)}: XID 79`])
    assert.equal((await bench.stage.balance()).posted, 100_000n * second)
    await bench.stage.verified(bench.began, null, early)
  })

  story('that is told twice is written once; an earlier one takes back more', async (bench) => {
    const id = await bring(bench, 'instance', 'released')
    const at = instant(bench.began + 40_000)
    const first = await bench.fault(id, at)
    bench.stage.skip(5000)
    const again = await bench.fault(id, at)
    const later = await bench.fault(id, null)
    assert.deepEqual([first.isNew, again.isNew, later.isNew], [true, false, false])
    assert.deepEqual([again.fault, later.fault], [first.fault, first.fault])
    assert.equal((await bench.fault(id, instant(at - 10_000))).isNew, true)
    assert.equal((await bench.fault(id, at, 'another word')).isNew, true)
    assert.equal(await bench.events(id), 'allocated ready stop_accepted released fault fault fault')
    await bench.settled()
    assert.equal(await bench.stage.charged(id), 30n * second)
  })

  story('pressed twice at once is written once', async (bench) => {
    const id = await bring(bench, 'instance', 'running')
    const at = instant(bench.began + 40_000)
    const both = await Promise.all([bench.fault(id, at), bench.fault(id, at)])
    assert.equal(both.filter(({ isNew }) => isNew).length, 1)
    assert.equal(await bench.events(id), 'allocated ready fault')
  })

  story('lies in the life of its allocation', async (bench) => {
    const id = await bring(bench, 'instance', 'running')
    const refused = (pointer: string) => (error: { code: string; fields: { pointer: string }[] }) => {
      assert.deepEqual([error.code, error.fields[0]?.pointer], ['invalid_request', pointer])
      return true
    }
    await assert.rejects(bench.fault(id, instant(bench.began - 1)), refused('/at'))
    await assert.rejects(bench.fault(id, instant(bench.stage.now() + 1)), refused('/at'))
    await assert.rejects(bench.fault(id, null, 'XID 79', 'GPU-9'), refused('/device'))
    await assert.rejects(bench.fault(asId('allocation', 'alo_none'), null), { code: 'not_found' })
    assert.equal(await bench.events(id), 'allocated ready')
  })

  story('of a device drains it: it is given to nobody until it is well again', async (bench) => {
    const id = await bring(bench, 'instance', 'running')
    const [device = ''] = await bench.stage.store.read((tx) => placement.devicesOf(tx, id))
    await bench.fault(id, null, 'XID 79', device)
    await bench.release('instance', 'a')
    const free = async () =>
      (await bench.stage.store.read((tx) => placement.roomsFree(tx, false)))
        .flatMap(({ devices }) => devices.map((one) => one.id))
        .toSorted()
    const others = ['GPU-0', 'GPU-1'].filter((one) => one !== device)
    assert.deepEqual(await free(), others)
    // What its driver says does not give it back.
    await bench.stage.store.transact((tx) => placement.registerNodes(tx, 'simulated', [alpha]))
    assert.deepEqual(await free(), others)
    await bench.stage.store.transact((tx) => nodes.makeDeviceReady(tx, device))
    assert.deepEqual(await free(), ['GPU-0', 'GPU-1'])
  })
})

/*
 * A machine that fell silent 100 s after readiness is fenced: from which state, whether its silence was told
 * before; what the state, outcome and reason are then, and what the journal says.
 */
const fences = `
instance | preparing   | failed lost   | allocated released
instance | running     | failed lost   | allocated ready exited released
instance | unreachable | failed lost   | allocated ready contact_lost released
instance | stopping    | stopped –     | allocated ready stop_accepted released
run      | preparing   | failed lost   | allocated released
run      | running     | failed lost   | allocated ready exited released
run      | unreachable | failed lost   | allocated ready contact_lost released
run      | stopping    | canceled canceled | allocated ready stop_accepted released
`

describe('a fence', () => {
  for (const row of fences.trim().split('\n')) {
    const [kind = '', state = '', then = '', events = ''] = row.split('|').map((cell) => cell.trim())
    assert.ok(kind === 'instance' || kind === 'run')
    story(`releases the ${kind} that is ${state}: ${then}`, async (bench) => {
      const id = await bring(bench, kind, state)
      if (state !== 'unreachable') bench.stage.skip(61_000)
      assert.deepEqual(await bench.fence(), [id])
      const found = await bench.row(kind, 'a')
      assert.equal(`${found.state} ${found.outcome ?? '–'}`, then)
      assert.equal(found.allocation, null)
      if (found.outcome === 'lost') assert.equal(found.reason, 'its machine alpha is off')
      assert.equal(await bench.events(id), events)
      await bench.settled()
      assert.equal(await bench.stage.charged(id), (state === 'preparing' ? 0n : 100n) * second)
      assert.equal((await bench.stage.balance()).held, 0n)
      const live = await bench.stage.store.read((tx) => placement.liveAllocations(tx))
      assert.deepEqual(live, [])
      assert.deepEqual(await bench.fence(), [])
    })
  }

  story('of a machine that answers is refused, and changes nothing', async (bench) => {
    const id = await bring(bench, 'instance', 'running')
    await assert.rejects(bench.fence(), { code: 'invalid_state' })
    const [node] = await bench.stage.store.read((tx) => placement.nodesOf(tx, 'simulated'))
    assert.equal(node?.status, 'ready')
    assert.equal(await bench.events(id), 'allocated ready')
    // It came back between the two halves.
    bench.stage.skip(61_000)
    await bench.stage.store.transact((tx) => beginFence(tx, bench.node))
    await bench.stage.store.transact(async (tx) =>
      placement.sawNode(tx, bench.node, 'boot-1', await tx.now()),
    )
    await assert.rejects(
      bench.stage.store.transact((tx) => fence(tx, bench.node)),
      { code: 'invalid_state' },
    )
    assert.equal(await bench.events(id), 'allocated ready')
    await bench.stop('instance', 'a')
  })

  story('of what somebody made ready meanwhile is refused', async (bench) => {
    bench.stage.skip(61_000)
    const { store } = bench.stage
    await store.transact((tx) => beginFence(tx, bench.node))
    await store.transact((tx) => nodes.tellNode(tx, bench.node, 'ready_asked'))
    await assert.rejects(
      store.transact((tx) => fence(tx, bench.node)),
      { code: 'conflict' },
    )
  })

  story('keeps everything off the machine until it is ready again', async (bench) => {
    const { stage, node } = bench
    const first = await bring(bench, 'instance', 'running')
    stage.skip(61_000)
    await bench.fence()
    const { store } = stage
    assert.deepEqual(await store.read((tx) => placement.registeredNodes(tx, 'simulated')), [])
    // A late answer is not heard, and an inventory changes nothing.
    assert.equal(await store.transact(async (tx) => placement.sawNode(tx, node, 'b', await tx.now())), null)
    await store.transact((tx) => placement.registerNodes(tx, 'simulated', [{ ...alpha, cpus: 1 }]))
    assert.equal((await store.read((tx) => placement.nodesOf(tx, 'simulated')))[0]?.cpus, 8)
    assert.deepEqual(await store.read((tx) => catalog.flavors(tx)), [])
    // What answers a look that was under way says nothing of what was released.
    const times = { askedAt: stage.now(), answeredAt: stage.now(), nodeNow: stage.now(), nodeSeenAt: null }
    const ready: Look = { kind: 'ready', startedAt: bench.began }
    const learned = await store.transact((tx) =>
      allocations.learn(tx, compute.instanceLifecycle, asId('instance', 'ins_a'), first, ready, times),
    )
    assert.equal(learned, null)
    for (const event of ['ready_asked', 'seen_clean'] as const)
      await store.transact((tx) => nodes.tellNode(tx, node, event))
    await store.transact((tx) => placement.registerNodes(tx, 'simulated', [alpha]))
    await bench.launch('instance', 'b')
    assert.equal((await bench.row('instance', 'b')).state, 'preparing')
  })
})

describe('a drained machine', () => {
  story('keeps what it has and gets nothing new', async (bench) => {
    const { store } = bench.stage
    await bring(bench, 'instance', 'running')
    await store.transact((tx) => nodes.tellNode(tx, bench.node, 'drain_asked'))
    await assert.rejects(bench.launch('instance', 'b'), /was placed/)
    await bench.run('instance', 'a', 60)
    assert.equal((await bench.row('instance', 'a')).state, 'running')
    await bench.stop('instance', 'a')
  })

  story('keeps nobody waiting behind what only it could carry', async (bench) => {
    const { store } = bench.stage
    const { home } = await homeOnAlpha(bench)
    await store.transact((tx) => nodes.tellNode(tx, bench.node, 'drain_asked'))
    const devices = alpha.devices.map((device) => ({ ...device, id: `${device.id}-of-beta` }))
    const beta: NodeFact = { ...alpha, name: 'beta', engineId: 'engine-2', devices }
    await store.transact((tx) => placement.registerNodes(tx, 'simulated', [beta]))
    await store.transact((tx) => compute.start(tx, asId('instance', 'ins_a'), 'per_us'))
    await bench.launch('instance', 'b')
    const waiting = await store.read((tx) => placement.requests(tx))
    assert.deepEqual(
      waiting.map(({ subject, reason, position }) => [subject, reason, position]),
      [['ins_a', 'no_node', null]],
    )
    await store.transact((tx) => nodes.tellNode(tx, bench.node, 'ready_asked'))
    await store.transact((tx) => nodes.tellNode(tx, bench.node, 'seen_clean'))
    await makePlacer(store).pass(AbortSignal.timeout(60_000))
    assert.equal((await bench.row('instance', 'a')).state, 'preparing')
    assert.equal((await store.read((tx) => storage.volume(tx, home)))?.node, bench.node)
  })
})

/** An instance that was on alpha, where its home stayed. */
async function homeOnAlpha(bench: Bench): Promise<compute.InstanceRow> {
  const { store } = bench.stage
  const id = asId('instance', 'ins_a')
  await bench.launch('instance', 'a')
  const row = await store.read((tx) => compute.instance(tx, id))
  assert.ok(row)
  await store.transact((tx) => storage.reportCreated(tx, row.home, bench.node, '/pool/a', 'USD'))
  await bench.stop('instance', 'a')
  await bench.release('instance', 'a')
  return row
}

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { Node } from '@gpuhour/sdk/contract'
import { settle } from '../billing/billing.ts'
import { learn, recordReleased } from '../compute/allocations.ts'
import { instance, instanceLifecycle } from '../compute/compute.ts'
import { SimulatedClock, systemClock } from '../kernel/clock.ts'
import { asId, type InstanceId } from '../kernel/ids.ts'
import { instant, minuteMs, secondMs } from '../kernel/time.ts'
import { makePlacer } from '../loops/placer.ts'
import { registerNodes, sawNode } from '../placement/placement.ts'
import { clockOf } from '../store/clock.ts'
import { auditOf } from '../tenancy/tenancy.ts'
import { freshId, testApi } from './testing.ts'

// An operator's errands, through the API, on a clock that goes as told.

const start = instant(Date.UTC(2026, 2, 2, 9, 30))
const clock = new SimulatedClock(start)
const api = await testApi(systemClock, clockOf(clock))
after(() => api.close())

const { organization, project } = api.demo
const beta = {
  ...{ name: 'beta', engineId: 'engine-2', bootId: 'boot-1', cpus: 16, memoryGib: 130, diskGib: 500 },
  devices: [{ id: 'GPU-beta-0', model: 'h100', memoryMib: 81_559, healthy: true }],
  ...{ gpuDriver: '550', cudaDriver: '12.8', missing: [] },
}
await api.store.transact((tx) => registerNodes(tx, 'simulated', [beta]))

async function node(name: string): Promise<Node> {
  const { items } = await api.operator.listNodes()
  const found = items.find((one) => one.name === name)
  assert.ok(found)
  return found
}

/** What the controller writes down of its loops every two seconds. */
async function health(lastError: string | null, passes = 3): Promise<void> {
  const observer = { name: 'observer', passes, failures: 0, lastReport: null, lastError }
  await writeFile(join(api.dataDir, 'loops.json'), JSON.stringify({ at: clock.now(), loops: [observer] }))
}

async function answers(name: string): Promise<void> {
  const { id } = await node(name)
  await api.store.transact((tx) => sawNode(tx, asId('node', id), 'boot-1', clock.now()))
}

async function look(id: InstanceId): Promise<void> {
  await answers('beta')
  const now = clock.now()
  const times = { askedAt: now, answeredAt: now, nodeNow: now, nodeSeenAt: now }
  await api.store.transact(async (tx) => {
    const row = await instance(tx, id)
    assert.ok(row?.allocation)
    await learn(tx, instanceLifecycle, id, row.allocation, { kind: 'ready', startedAt: start }, times)
  })
}

/** Nothing of it is left on beta. */
async function leave(id: InstanceId): Promise<void> {
  await api.store.transact(async (tx) => {
    const row = await instance(tx, id)
    assert.ok(row?.allocation)
    await recordReleased(tx, instanceLifecycle, id, row.allocation, { actor: 'observer' })
  })
}

/** An instance on beta that was ready for so many seconds, and what it lives by. */
async function ran(name: string, seconds: number): Promise<{ id: InstanceId; allocation: string }> {
  const id = freshId('instance')
  const body = { id, name, image: 'sim/ok:1', flavor: 'h100.1' }
  await api.operator.createInstance({ params: { project }, body })
  await makePlacer(api.store).pass(AbortSignal.timeout(60_000))
  await look(id)
  for (let left = seconds; left > 0; left -= 30) {
    clock.step(Math.min(left, 30) * secondMs)
    await look(id)
  }
  const { allocation } = await api.operator.getInstance({ params: { instance: id } })
  assert.ok(allocation)
  return { id, allocation: allocation.id }
}

async function actionsOn(target: string): Promise<readonly string[]> {
  return (await api.store.read((tx) => auditOf(tx, target))).map(({ action }) => action)
}

describe('a node', () => {
  it('says what can be asked of it, and why not', async () => {
    const { actions, status, live } = await node('beta')
    assert.deepEqual([status, live], ['ready', 0])
    assert.deepEqual(actions.drain, { allowed: true, why: null })
    assert.equal(actions.ready.allowed, false)
    assert.match(actions.fence.why ?? '', /what answers is not off/)
  })

  it('is drained once, however often one asks, and is looked at before it is ready again', async () => {
    const { id } = await node('beta')
    const params = { node: id }
    for (const _ of [1, 2]) assert.equal((await api.operator.drainNode({ params })).status, 'draining')
    for (const _ of [1, 2]) assert.equal((await api.operator.readyNode({ params })).status, 'returning')
    assert.deepEqual(await actionsOn(id), ['node.drain', 'node.ready'])
    await api.store.pool.query("update node set status = 'ready'")
  })

  it('is fenced only where it is known to be silent; what was on it is free and told why', async () => {
    const { id } = await node('beta')
    const params = { node: id }
    const { id: instanceId, allocation } = await ran('lost', 30)
    await assert.rejects(api.operator.fenceNode({ params }), { code: 'unavailable' })
    await health('the database does not answer')
    await assert.rejects(api.operator.fenceNode({ params }), { code: 'unavailable' })
    await health(null)
    await assert.rejects(api.operator.fenceNode({ params }), { code: 'invalid_state' })
    clock.step(minuteMs + 1)
    await assert.rejects(api.operator.fenceNode({ params }), { code: 'unavailable' }, 'health is old by now')
    await health(null, 0)
    await assert.rejects(api.operator.fenceNode({ params }), { code: 'unavailable' }, 'nobody has looked yet')
    await health(null)
    const { node: fenced, released } = await api.operator.fenceNode({ params })
    assert.deepEqual([fenced.status, fenced.live, released], ['fenced', 0, [allocation]])
    assert.deepEqual(fenced.actions.fence, { allowed: false, why: 'It is fenced already.' })
    const lost = await api.operator.getInstance({ params: { instance: instanceId } })
    assert.deepEqual([lost.state, lost.ending?.reason], ['failed', 'its machine beta is off'])
    assert.equal(lost.cost.paidMillis, '30000')
    assert.deepEqual((await api.operator.fenceNode({ params })).released, [])
    assert.deepEqual(await actionsOn(id), ['node.drain', 'node.ready', 'node.fence'])
    const { checks } = await api.operator.getDoctor()
    assert.match(checks.find(({ name }) => name === 'nodes')?.found ?? '', /of 1 answer, 1 fenced/)
    await api.operator.readyNode({ params })
    await api.store.pool.query("update node set status = 'ready'")
    await answers('beta')
  })

  it('lists what was on it, newest first, page by page', async () => {
    const { id } = await ran('second', 1)
    await api.operator.stopInstance({ params: { instance: id } })
    const params = { node: (await node('beta')).id }
    const first = await api.operator.listAllocations({ params, query: { limit: 1 } })
    assert.deepEqual(
      first.items.map((one) => [one.name, one.organization.id, one.devices, one.releasedAt]),
      [['second', organization, ['GPU-beta-0'], null]],
    )
    const rest = await api.operator.listAllocations({ params, query: { cursor: first.next ?? '' } })
    assert.deepEqual([rest.items.map((one) => one.name), rest.next], [['lost'], null])
    await leave(id)
  })
})

describe('a fault', () => {
  it('answers what it takes off the bill, and tells the customer why', async () => {
    const { id, allocation } = await ran('faulty', 100)
    const params = { allocation }
    const at = new Date(clock.now() - 60_000).toISOString()
    const body = { evidence: 'XID 79', at, device: 'GPU-beta-0' }
    // 2.99 an hour: a hundred seconds less forty.
    const told = await api.operator.reportFault({ params, body })
    assert.equal(
      told.givenBackNanos,
      String((2_990_000_000n * 100n) / 3600n - (2_990_000_000n * 40n) / 3600n),
    )
    const again = await api.operator.reportFault({ params, body })
    assert.deepEqual(again, { ...told, givenBackNanos: '0' })
    assert.deepEqual(await actionsOn(allocation), ['fault.report'])
    const { devices } = await node('beta')
    assert.deepEqual(devices[0]?.drained?.why, 'XID 79')
    const seen = await api.operator.getInstance({ params: { instance: id } })
    assert.equal(seen.state, 'stopping')
    assert.equal(seen.ending?.reason, `fault since ${at}: XID 79`)
    await leave(id)
  })

  it('found the next day stands on the statement with its reason', async () => {
    await api.operator.readyDevice({ params: { device: 'GPU-beta-0' } })
    const { id, allocation } = await ran('yesterday', 100)
    await api.operator.stopInstance({ params: { instance: id } })
    await leave(id)
    clock.step(secondMs)
    await api.store.transact((tx) => settle(tx, organization))
    const at = new Date(clock.now() - 61_000).toISOString()
    clock.step(24 * 60 * minuteMs)
    const told = await api.operator.reportFault({ params: { allocation }, body: { evidence: 'ECC', at } })
    clock.step(secondMs)
    const owner = { params: { organization }, query: { from: '2026-03-02T12:00:00Z' } }
    const { givenBack, lines } = await api.operator.getStatement(owner)
    const [back, ...others] = givenBack.filter(({ resource }) => resource === allocation)
    assert.deepEqual(others, [])
    assert.deepEqual(
      [back?.name, back?.subject, back?.reason, back?.amountNanos],
      ['yesterday', id, `fault since ${at}: ECC`, `-${told.givenBackNanos}`],
    )
    assert.equal(lines.find(({ resource }) => resource === allocation)?.amountNanos, back?.amountNanos)
  })
})

describe('a device', () => {
  it('is drained and made ready by its id; one that is not there is not found', async () => {
    const params = { device: 'GPU-beta-0' }
    for (const _ of [1, 2]) {
      const { drained } = await api.operator.drainDevice({ params, body: { why: 'runs hot' } })
      assert.equal(drained?.why, 'runs hot')
    }
    for (const _ of [1, 2]) assert.equal((await api.operator.readyDevice({ params })).drained, null)
    const actions = await actionsOn('GPU-beta-0')
    assert.deepEqual(actions.slice(-2), ['device.drain', 'device.ready'])
    await assert.rejects(api.operator.readyDevice({ params: { device: 'GPU-9' } }), { code: 'not_found' })
  })
})

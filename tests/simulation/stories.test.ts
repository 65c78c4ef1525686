import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import * as catalog from '../../server/src/catalog/catalog.ts'
import * as compute from '../../server/src/compute/compute.ts'
import * as jobs from '../../server/src/jobs/jobs.ts'
import { asId, type InstanceId } from '../../server/src/kernel/ids.ts'
import * as journal from '../../server/src/journal/journal.ts'
import { living, recordLeave } from '../../server/src/loops/subjects.ts'
import * as placement from '../../server/src/placement/placement.ts'
import * as storage from '../../server/src/storage/storage.ts'
import { nodes, type Party, settleIn } from './plan.ts'
import { Platform } from './platform.ts'
import { Customers } from './customers.ts'
import { Chance } from './chance.ts'

/*
 * What a simulation once found, each as a story of its own: a seed's history changes whenever the program
 * does.
 */

let platform: Platform
let party: Party
let customers: Customers

/** Passes of all loops, a second apart. */
async function work(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    await platform.clock.advance(900)
    for (const loop of ['placer', 'reconciler', 'observer', 'lease_keeper', 'meter', 'log_keeper', 'sweeper'])
      await platform.pass(loop)
  }
}

async function launch(image: string, flavor: string, id: InstanceId): Promise<void> {
  const { organization, project } = party
  const asked = { id, organization, project, name: id, image, version: '1', flavor, homeGib: 1 }
  await platform.store.transact((tx) =>
    compute.create(tx, { ...asked, createdBy: 'us', askedKey: null, requestHash: id }),
  )
}

async function stateOf(id: InstanceId): Promise<string | undefined> {
  return (await platform.store.read((tx) => compute.instance(tx, id)))?.state
}

describe('stories', () => {
  beforeEach(async () => {
    platform = await Platform.open('stories', nodes)
    const [first] = await settleIn(platform)
    assert.ok(first)
    party = first
    customers = new Customers(platform, [party], new Chance('stories', 'customers'), 'stories')
    await customers.grant(party, party.amount)
    await platform.start()
  })

  afterEach(async () => {
    platform.kill()
    await platform.close()
  })

  it('a removal that was lost on its way is asked for again', async () => {
    const id = asId('instance', 'ins_lost')
    await launch('sim/ok', 'cpu.1x2', id)
    await work(5)
    assert.equal(await stateOf(id), 'running')
    platform.controller.driver.loseCommand('remove')
    await customers.change('stop', id, party)
    await work(10)
    assert.equal(await stateOf(id), 'stopped')
    assert.deepEqual(platform.world.containers(), [])
  })

  it('a run that is canceled while its container was made and not started comes to its end', async () => {
    const id = asId('run', 'run_slow')
    const { organization, project } = party
    await platform.store.transact((tx) =>
      jobs.create(tx, {
        ...{ id, organization, project, name: id, image: 'sim/slow-pull-45s+exits-after-61s', version: '1' },
        ...{ flavor: 'cpu.1x2', command: ['true'], environment: {}, volume: null, timeLimitMs: null },
        ...{ createdBy: 'us', askedKey: null, costLimit: null, requestHash: id },
      }),
    )
    await work(3)
    await customers.cancel(id, party)
    await work(10)
    assert.equal((await platform.store.read((tx) => jobs.run(tx, id)))?.state, 'canceled')
    assert.deepEqual(platform.world.containers(), [])
  })

  it('what was paid for to its end before a silence does not come back for nothing', async () => {
    const id = asId('instance', 'ins_used_up')
    await launch('sim/ok', 'cpu.1x2', id)
    await work(5)
    const lease = (await platform.store.read((tx) => compute.instance(tx, id)))?.allocation
    assert.ok(lease)
    // The first lease is ten minutes. Nobody extends it; it is seen beyond its end, and then nobody looks.
    for (let second = 0; second < 605; second += 5) {
      await platform.clock.advance(5000)
      await platform.pass('observer')
    }
    assert.equal(await stateOf(id), 'running')
    await platform.clock.advance(90_000)
    await platform.pass('observer')
    assert.equal(await stateOf(id), 'stopping')
    await work(15)
    assert.equal(await stateOf(id), 'stopped')
    assert.deepEqual(platform.world.containers(), [])
  })

  it('an orderly stop is free at once, however soon the platform is back', async () => {
    const id = asId('instance', 'ins_stays')
    await launch('sim/ok', 'cpu.1x2', id)
    await work(20)
    const leave = async (): Promise<void> => {
      for (const one of (await platform.store.read((tx) => living(tx))).values())
        await platform.store.transact((tx) => recordLeave(tx, one))
    }
    await leave()
    // Told twice it says nothing new.
    await leave()
    assert.equal(await stateOf(id), 'unreachable')
    await platform.clock.advance(10_000)
    await work(10)
    assert.equal(await stateOf(id), 'running')
    await customers.change('stop', id, party)
    await work(5)
    const types = await platform.store.read(async (tx) => {
      const [allocation] = await placement.allocationsOf(tx, [id])
      assert.ok(allocation)
      return (await journal.eventsOf(tx, allocation.id)).map(({ type }) => type)
    })
    const paid = ['allocated', 'ready', 'contact_lost', 'seen_again', 'stop_accepted']
    assert.deepEqual(types.slice(0, 5), paid)
  })

  it('a run whose volume was deleted while it waited is refused', async () => {
    const [id, volume] = [asId('run', 'run_homeless'), asId('volume', 'vol_gone')]
    const { organization, project } = party
    const asked = { id: volume, organization, project, name: 'gone', sizeGib: 1, homeOf: null }
    await platform.store.transact((tx) => storage.request(tx, asked))
    await work(3)
    await platform.store.transact(async (tx) => {
      await jobs.create(tx, {
        ...{ id, organization, project, name: id, image: 'sim/ok', version: '1', flavor: 'cpu.1x2' },
        ...{
          command: ['true'],
          environment: {},
          volume,
          timeLimitMs: null,
          createdBy: 'us',
          askedKey: null,
          costLimit: null,
          requestHash: id,
        },
      })
      await storage.remove(tx, volume, false)
    })
    await work(5)
    const run = await platform.store.read((tx) => jobs.run(tx, id))
    assert.equal(run?.state, 'failed')
    assert.match(run?.reason ?? '', /volume/)
    assert.deepEqual(platform.world.containers(), [])
  })

  it('what a silent node carries stays on offer, and what waits for it goes on waiting', async () => {
    const [first, second] = [asId('instance', 'ins_first'), asId('instance', 'ins_second')]
    await launch('sim/ok', 'h100.2', first)
    await work(5)
    await launch('sim/ok', 'h100.2', second)
    platform.world.silence('beta', 30_000)
    await platform.pass('registrar')
    await platform.pass('placer')
    const offered = await platform.store.read((tx) => catalog.flavors(tx))
    assert.ok(offered.some(({ id }) => id === 'h100.2'))
    assert.equal(await stateOf(second), 'queued')
  })
})

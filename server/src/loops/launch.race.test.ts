import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { sql } from 'kysely'
import { balance, canAfford, grant } from '../billing/billing.ts'
import * as catalog from '../catalog/catalog.ts'
import * as compute from '../compute/compute.ts'
import { SimulatedClock } from '../kernel/clock.ts'
import { asId, type OrganizationId, type ProjectId, seededIds } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import { instant, minuteMs } from '../kernel/time.ts'
import * as placement from '../placement/placement.ts'
import { marketRates } from '../pricing/market.rules.ts'
import { bookInForce, publish } from '../pricing/pricing.ts'
import { amountOf } from '../pricing/rules.ts'
import { SimulatedRuntime } from '../runtime/simulated/simulated.ts'
import { SimulatedWorld } from '../runtime/simulated/world.ts'
import { clockOf } from '../store/clock.ts'
import { openStore, type Store } from '../store/store.ts'
import { type TestDatabase, testDatabase } from '../store/testing.ts'
import { addPerson, createOrganization, createProject } from '../tenancy/tenancy.ts'
import { type Placed, place } from './placer.ts'
import { makeRegistrar } from './registrar.ts'
import { refuse } from './subjects.ts'

/*
 * Launches that race. Real PostgreSQL, forty connections, as many placements at once as connections allow;
 * some requests are placed by two at the same moment. One controller places one request after another, so
 * this is more than ever happens: what holds here holds.
 */

const connections = 40
const image = 'sim/ok'

interface Stage {
  readonly store: Store
  readonly organization: OrganizationId
  readonly project: ProjectId
  readonly nextId: ReturnType<typeof seededIds>
}

let database: TestDatabase
const open: Store[] = []

before(async () => {
  database = await testDatabase()
})

after(async () => {
  for (const store of open) await store.close()
  await database.drop()
})

/** An organization with so much money, and machines with so much room. */
async function stage(name: string, money: bigint, machine: { cpus: number; gpus: number }): Promise<Stage> {
  const clock = new SimulatedClock(instant(Date.UTC(2026, 2, 2)))
  const nextId = seededIds(name, () => clock.now())
  const store = openStore({ url: database.url, clock: clockOf(clock), ids: nextId, poolMax: connections })
  open.push(store)
  const { cpus, gpus } = machine
  const devices = Array.from({ length: gpus }, (_, index) => {
    return { id: `GPU-${name}-${index}`, model: 'h100', memoryMib: 81_559, healthy: true }
  })
  const plan = { name, cpus, memoryGib: cpus * 4 + 2, diskGib: 10_000, devices }
  const world = new SimulatedWorld({ clock, seed: name, nodes: [plan] })
  const [organization, project] = [nextId.make('organization'), nextId.make('project')]
  await store.transact(async (tx) => {
    const owner = await addPerson(tx, {
      email: `${name}@example.com`,
      name,
      isOperator: false,
      identityUser: null,
    })
    await createOrganization(tx, { id: organization, name, currency: 'USD', timeZone: 'UTC' }, owner.id)
    await createProject(tx, { id: project, organization, name: 'one' })
    const now = await tx.now()
    if (!(await bookInForce(tx, { organization: null, currency: 'USD' }, now)))
      await publish(tx, { currency: 'USD', effectiveFrom: now, rates: marketRates('USD') })
    await catalog.offerCharacters(tx, [image])
    // Only this stage's machine takes anything.
    await sql`update node set status = 'draining'`.execute(tx.db)
    await grant(tx, { organization, amount: nanos(money), by: 'us', id: nextId.make('transfer') })
  })
  await makeRegistrar(store, new SimulatedRuntime({ world, installation: name })).pass(
    new AbortController().signal,
  )
  return { store, organization, project, nextId }
}

async function launch(
  { store, organization, project, nextId }: Stage,
  flavor: string,
  count: number,
): Promise<void> {
  const ids = Array.from({ length: count }, () => nextId.make('instance'))
  const work = async (): Promise<void> => {
    for (let id = ids.pop(); id; id = ids.pop()) {
      const asked = { id, organization, project, name: id, image, version: '1', flavor, homeGib: 1 }
      await store.transact((tx) =>
        compute.create(tx, { ...asked, createdBy: 'us', askedKey: null, requestHash: asked.id }),
      )
    }
  }
  await Promise.all(Array.from({ length: connections }, work))
}

/** Places everything that waits, all at once, every third request twice; says what became of each. */
async function placeAll({ store, project }: Stage): Promise<ReadonlyMap<string, readonly Placed[]>> {
  const waiting = (await store.read((tx) => placement.requests(tx))).filter(
    (request) => request.project === project,
  )
  const tries = waiting.flatMap((request, index) => (index % 3 === 0 ? [request, request] : [request]))
  const became = new Map<string, Placed[]>(waiting.map(({ subject }) => [subject, []]))
  const work = async (): Promise<void> => {
    for (let request = tries.pop(); request; request = tries.pop()) {
      const { subject } = request
      const asked = request
      const result = await store.transact((tx) => place(tx, asked))
      if (result.kind === 'refused') await store.transact((tx) => refuse(tx, subject, result.why))
      became.get(subject)?.push(result)
    }
  }
  await Promise.all(Array.from({ length: connections }, work))
  return became
}

function countOf(became: ReadonlyMap<string, readonly Placed[]>, kind: Placed['kind']): number {
  return [...became.values()].filter((results) => results.some((result) => result.kind === kind)).length
}

async function liveOf({ store, project }: Stage): Promise<readonly placement.AllocationRow[]> {
  return (await store.read((tx) => placement.liveAllocations(tx))).filter((one) => one.project === project)
}

const h100PerHour = 2_990_000_000n

test('five hundred launches on a wallet of seven holds: seven start, nobody overdraws', async () => {
  const hold = amountOf(h100PerHour, BigInt(10 * minuteMs))
  const here = await stage('seven', 7n * hold, { cpus: 500, gpus: 500 })
  await launch(here, 'h100.1', 500)
  const became = await placeAll(here)
  assert.equal(countOf(became, 'placed'), 7)
  const live = await liveOf(here)
  assert.equal(live.length, 7)
  assert.equal(new Set(live.map(({ subject }) => subject)).size, 7)
  const refused = [...became.values()].flat().filter((result) => result.kind === 'refused')
  assert.equal(countOf(became, 'refused'), 493)
  assert.ok(refused.every(({ why }) => why.startsWith('insufficient_funds')))
  const { posted, held, available } = await here.store.read((tx) => balance(tx, here.organization))
  assert.deepEqual({ posted, held, available }, { posted: 7n * hold, held: 7n * hold, available: 0n })
  const { organization, project, store } = here
  const book = asId('priceBook', live[0]?.priceBook ?? '')
  const subject = asId('instance', 'ins_next')
  const asked = { subject, project, askedBy: 'us', askedKey: null, job: null }
  const wanted = [{ sku: 'gpu.h100', quantity: 1 }]
  const next = await store.read((tx) => canAfford(tx, organization, wanted, book, asked))
  assert.equal(next.ok, false)
  const page = { includeDeleted: true, before: null, limit: 1000 }
  const instances = await store.read((tx) => compute.instancesOf(tx, project, page))
  assert.equal(instances.filter(({ state }) => state === 'preparing').length, 7)
  assert.equal(instances.filter(({ state }) => state === 'failed').length, 493)
})

test('one free GPU and a hundred launches: one gets it, ninety-nine wait', async () => {
  const here = await stage('single', 1_000n * h100PerHour, { cpus: 8, gpus: 1 })
  await launch(here, 'h100.1', 100)
  const became = await placeAll(here)
  assert.equal(countOf(became, 'placed'), 1)
  assert.equal((await liveOf(here)).length, 1)
  const waiting = [...became.values()].filter((results) => results.every(({ kind }) => kind === 'waits'))
  assert.equal(waiting.length, 99)
})

test('CPUs and devices are never given twice, whatever is asked for at the same time', async () => {
  const here = await stage('mixed', 1_000n * h100PerHour, { cpus: 16, gpus: 4 })
  for (const flavor of ['cpu.1x4', 'h100.1', 'cpu.4x16', 'h100.2']) await launch(here, flavor, 12)
  await placeAll(here)
  const live = await liveOf(here)
  assert.ok(live.reduce((sum, { cpus }) => sum + cpus, 0) <= 16)
  const devices = await Promise.all(
    live.map(({ id }) => here.store.read((tx) => placement.devicesOf(tx, id))),
  )
  assert.equal(devices.flat().length, new Set(devices.flat()).size)
  // Nothing that would fit is left waiting.
  const rooms = (await here.store.read((tx) => placement.roomsFree(tx, false))).filter(
    ({ cpusFree }) => cpusFree > 0,
  )
  const smallest = await here.store.read((tx) => catalog.resolveFlavor(tx, 'cpu.1x4'))
  const waiting = (await here.store.read((tx) => placement.requests(tx))).filter(
    ({ project }) => project === here.project,
  )
  const isSmallWaiting = waiting.some(({ flavor }) => flavor === 'cpu.1x4')
  assert.ok(!isSmallWaiting || placement.timesItFits(rooms, smallest) === 0)
})

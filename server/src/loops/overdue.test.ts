import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { balance, grant, statement } from '../billing/billing.ts'
import * as catalog from '../catalog/catalog.ts'
import * as compute from '../compute/compute.ts'
import { SimulatedClock } from '../kernel/clock.ts'
import { type OrganizationId, type ProjectId, seededIds, type VolumeId } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import { formatInstant, hourMs, instant } from '../kernel/time.ts'
import { debtGraceMs } from '../ledger/debts.rules.ts'
import { checks } from '../ledger/ledger.ts'
import { noticesOf } from '../notices/notices.ts'
import { marketRates } from '../pricing/market.rules.ts'
import { publish } from '../pricing/pricing.ts'
import { SimulatedRuntime } from '../runtime/simulated/simulated.ts'
import { SimulatedPool } from '../runtime/simulated/volumes.ts'
import { SimulatedWorld } from '../runtime/simulated/world.ts'
import { clockOf } from '../store/clock.ts'
import { openStore, type Store } from '../store/store.ts'
import { type TestDatabase, testDatabase } from '../store/testing.ts'
import * as storage from '../storage/storage.ts'
import { addPerson, createOrganization, createProject } from '../tenancy/tenancy.ts'
import { makeCreditKeeper } from './credit_keeper.ts'
import type { Loop } from './loop.ts'
import { makeMeter } from './meter.ts'
import { makeRegistrar } from './registrar.ts'
import { makeSweeper } from './sweeper.ts'

// What is stored by who cannot pay for it, day by day: real loops and rows, and a clock that is told.

const clock = new SimulatedClock(instant(Date.UTC(2026, 2, 2)))
const ids = seededIds('overdue', () => clock.now())
const pool = new SimulatedPool()
let database: TestDatabase
let store: Store
let loops: readonly Loop[]

before(async () => {
  database = await testDatabase()
  store = openStore({ url: database.url, clock: clockOf(clock), ids })
  const plan = { name: 'one', cpus: 8, memoryGib: 34, diskGib: 10_000, devices: [] }
  const world = new SimulatedWorld({ clock, seed: 'overdue', nodes: [plan] })
  const driver = new SimulatedRuntime({ world, installation: 'overdue' })
  await store.transact(async (tx) => {
    await publish(tx, { currency: 'USD', effectiveFrom: await tx.now(), rates: marketRates('USD') })
    await catalog.offerCharacters(tx, ['sim/ok'])
  })
  await makeRegistrar(store, driver).pass(AbortSignal.timeout(60_000))
  const onTrouble = (subject: string, what: string, error: unknown): void =>
    assert.fail(`${subject}: ${what} ${String(error)}`)
  loops = [
    makeMeter(store),
    makeCreditKeeper(store),
    makeSweeper({ store, driverName: driver.name, pool, onTrouble }),
  ]
})
after(async () => {
  await store.close()
  await database.drop()
})

interface Debtor {
  readonly organization: OrganizationId
  readonly project: ProjectId
  readonly volume: VolumeId
}

/** An organization with a volume of 100 GiB that it can pay for about an hour, and an instance that waits. */
async function debtor(name: string): Promise<Debtor> {
  const made = { organization: ids.make('organization'), project: ids.make('project') }
  const volume = ids.make('volume')
  await store.transact(async (tx) => {
    const email = `${name}@example.com`
    const owner = await addPerson(tx, { email, name, isOperator: false, identityUser: null })
    const { organization, project } = made
    await createOrganization(tx, { id: organization, name, currency: 'USD', timeZone: 'UTC' }, owner.id)
    await createProject(tx, { id: project, organization, name: 'one' })
    await grant(tx, { organization, amount: nanos(10_000_000n), by: 'us', id: ids.make('transfer') })
    await storage.request(tx, { id: volume, ...made, name: 'data', sizeGib: 100, homeOf: null })
    const asked = { id: ids.make('instance'), name: 'lab', image: 'sim/ok', version: '1', flavor: 'cpu.1x2' }
    const by = { createdBy: owner.id, askedKey: null, requestHash: name }
    await compute.create(tx, { ...asked, ...made, homeGib: 5, ...by })
    await compute.stop(tx, asked.id, owner.id)
  })
  return { ...made, volume }
}

async function pass(): Promise<void> {
  for (const loop of loops) await loop.pass(AbortSignal.timeout(60_000))
}

async function live(days: number): Promise<void> {
  for (let hours = 0; hours < days * 24; hours += 12) {
    clock.step(12 * hourMs)
    await pass()
  }
}

const graceTypes = ['storage.grace_started', 'storage.grace_ending', 'storage.grace_ended'] as const

async function toldOf(organization: OrganizationId): Promise<readonly string[]> {
  const found = await store.read((tx) =>
    noticesOf(tx, organization, { types: graceTypes, before: null, limit: 100 }),
  )
  return found
    .map(({ type, data }) => `${type} ${'days' in data ? JSON.stringify(data.days) : ''}`.trim())
    .toReversed()
}

async function isKept({ volume }: Debtor): Promise<boolean> {
  return (await store.read((tx) => storage.volume(tx, volume)))?.deletedAt === null
}

test('fifteen days into a debt its storage goes and it is written off; who pays keeps it', async () => {
  const begun = clock.now()
  const [gone, kept] = [await debtor('gone'), await debtor('kept')]
  await pass()
  await live(1)
  const owing = await store.read((tx) => balance(tx, gone.organization))
  assert.ok(owing.receivable > 0n)
  assert.equal(owing.graceUntil, clock.now() - 12 * hourMs + debtGraceMs)
  assert.deepEqual(await toldOf(gone.organization), ['storage.grace_started'])

  await live(14)
  assert.deepEqual([await isKept(gone), await isKept(kept)], [true, true])
  const warned = ['storage.grace_started', ...[7, 3, 1].map((days) => `storage.grace_ending ${days}`)]
  assert.deepEqual(await toldOf(gone.organization), warned)
  const pay = { organization: kept.organization, amount: nanos(10_000_000_000n), by: 'them' }
  await store.transact((tx) => grant(tx, { ...pay, id: ids.make('transfer') }))
  const { receivable, graceUntil } = await store.read((tx) => balance(tx, kept.organization))
  assert.deepEqual([receivable, graceUntil], [0n, null])

  await live(1)
  assert.deepEqual([await isKept(gone), await isKept(kept)], [false, true])
  const over = await store.read((tx) => balance(tx, gone.organization))
  assert.deepEqual([over.receivable, over.graceUntil, over.storagePerHour], [0n, null, 0n])
  assert.deepEqual(await toldOf(gone.organization), [...warned, 'storage.grace_ended'])
  const shown = await store.read((tx) =>
    compute.instancesOf(tx, gone.project, { includeDeleted: true, before: null, limit: 10 }),
  )
  assert.deepEqual(
    shown.map(({ state }) => state),
    ['deleted'],
  )
  const period = { from: begun, to: null }
  clock.step(1)
  const { total, credits } = await store.transact((tx) => statement(tx, gone.organization, period))
  const [given, writtenOff] = credits
  assert.deepEqual([given?.code, writtenOff?.code], ['grant', 'write_off'])
  assert.equal((given?.amount ?? 0n) + (writtenOff?.amount ?? 0n), total, formatInstant(clock.now()))
  for (const check of await store.read((tx) => checks(tx))) assert.ok(check.ok, JSON.stringify(check))
})

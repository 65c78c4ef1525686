import assert from 'node:assert/strict'
import { after as afterAll, before, beforeEach, describe, it } from 'node:test'
import { asId } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import { instant } from '../kernel/time.ts'
import { type TestDatabase, testDatabase } from '../store/testing.ts'
import { canAfford, charges, costOf, grant, organizationsDue, settle, statement, usage } from './billing.ts'
import { after, someones, Stage } from './testing.ts'

// What people are shown before and after it is booked. v100 costs 1 000 000 nanos a second, a CPU a tenth of
// it.

const lines = [
  { sku: 'gpu.v100', quantity: 2 },
  { sku: 'cpu', quantity: 5 },
]
const perSecond = 2_500_000n

let keptOpen: TestDatabase
let stage: Stage
before(async () => {
  keptOpen = await testDatabase()
})
beforeEach(async () => {
  await stage?.close()
  stage = await Stage.open()
  await stage.publish({ 'gpu.v100': 3_600_000_000n, cpu: 360_000_000n, volume: 36_000n })
  await stage.grant(100_000_000_000n)
})
afterAll(async () => {
  await stage.close()
  await keptOpen.drop()
})

describe('figures of what runs', () => {
  it('cost, balance and usage agree with each other before anything is booked', async () => {
    const begun = stage.now()
    const machine = await stage.run(lines)
    await stage.pass(100.5)
    const cost = await stage.store.read((tx) => costOf(tx, [machine.allocation]))
    assert.deepEqual([cost.paidMillis, cost.amount, cost.currency], [100_500n, 251_200_000n, 'USD'])
    assert.deepEqual(
      cost.lines.map(({ sku, unitMillis, amount }) => [sku, unitMillis, amount]),
      [
        ['gpu.v100', 201_000n, 201_000_000n],
        ['cpu', 502_500n, 50_200_000n],
      ],
    )
    const [spell] = await stage.store.read((tx) => usage(tx, stage.organization, { limit: 10 }))
    assert.deepEqual([spell?.from, spell?.to, spell?.amount], [begun, null, cost.amount])
    const { live, posted, perHour, held } = await stage.balance()
    assert.deepEqual([posted - live, perHour], [cost.amount, perSecond * 3600n])
    assert.equal(held, 600n * perSecond)
  })

  it('a machine that was not seen for a minute costs no more than its last sighting', async () => {
    const machine = await stage.run(lines)
    await stage.pass(60)
    stage.silence(machine)
    stage.skip(100_000)
    const cost = await stage.store.read((tx) => costOf(tx, [machine.allocation]))
    assert.equal(cost.amount, 60n * perSecond)
    const { live, posted } = await stage.balance()
    assert.equal(posted - live, cost.amount)
  })

  it('an hour later the same is booked, and only what came since is not', async () => {
    const machine = await stage.run(lines)
    await stage.createVolume(100)
    await stage.pass(3600 + 50)
    const cost = await stage.store.read((tx) => costOf(tx, [machine.allocation]))
    assert.equal(cost.amount, 3650n * perSecond)
    const { live, posted, storagePerHour } = await stage.balance()
    const volume = 3_650_000n
    assert.equal(live, 100_000_000_000n - cost.amount - volume)
    assert.equal(storagePerHour, 3_600_000n)
    // The keeper settled storage a few minutes ago, when it held more; the machine at the hour.
    assert.ok(posted - live > 50n * perSecond && posted - live < 50n * perSecond + 600_000n)
    assert.equal(await stage.charged(machine.allocation), 3600n * perSecond)
  })

  it('of two silences, each spell shows what it added', async () => {
    const from = stage.now()
    const machine = await stage.run(lines)
    await stage.pass(10.5)
    stage.silence(machine)
    stage.skip(70_000)
    await stage.tell(machine, 'contact_lost', after(from, 10.5))
    await stage.tell(machine, 'seen_again')
    await stage.pass(10.5)
    await stage.tell(machine, 'stop_accepted')
    await stage.pass(1)
    const spells = await stage.store.read((tx) => usage(tx, stage.organization, { limit: 10 }))
    assert.deepEqual(
      spells.map(({ paidMillis, amount }) => [paidMillis, amount]),
      [
        [10_500n, 26_300_000n],
        [10_500n, 26_200_000n],
      ],
    )
    assert.equal(await stage.charged(), 21n * perSecond)
    const [newest] = spells
    assert.ok(newest)
    const page = { limit: 10, after: { from: newest.from, allocation: newest.allocation } }
    assert.equal((await stage.store.read((tx) => usage(tx, stage.organization, page))).length, 1)
  })
})

describe('what was booked', () => {
  it('a statement says what its bill says, and what came in', async () => {
    const from = stage.now()
    const machine = await stage.run(lines)
    await stage.createVolume(100)
    await stage.pass(4000)
    await stage.tell(machine, 'stop_accepted')
    await stage.pass(10)
    const shown = await stage.store.transact((tx) => statement(tx, stage.organization, { from, to: null }))
    const bill = await stage.verified(from)
    assert.equal(String(shown.total), bill.total)
    assert.deepEqual(
      shown.lines.map(({ sku, subject, amount }) => [sku, subject === machine.subject, amount]),
      [
        ['cpu', true, 4000n * 500_000n],
        ['gpu.v100', true, 4000n * 2_000_000n],
        ['volume', false, 4_010_000n],
      ],
    )
    assert.deepEqual(
      shown.credits.map(({ amount, code }) => [amount, code]),
      [[100_000_000_000n, 'grant']],
    )
    assert.equal(shown.posted, 100_000_000_000n - shown.total)
    const all = await stage.store.read((tx) => charges(tx, stage.organization, { limit: 100 }))
    assert.equal(
      all.reduce((sum, { amount }) => sum + amount, 0n),
      shown.total,
    )
  })

  it('settling again does nothing, and nobody is due', async () => {
    const machine = await stage.run(lines)
    await stage.pass(100)
    await stage.tell(machine, 'stop_accepted')
    stage.skip(1)
    const once = await stage.store.transact((tx) => settle(tx, stage.organization))
    const again = await stage.store.transact((tx) => settle(tx, stage.organization))
    assert.deepEqual([once.charges, again.charges], [2, 0])
    assert.deepEqual(await stage.store.read((tx) => organizationsDue(tx)), [])
  })

  for (const [what, from, to] of [
    ['ends before it begins', 10, 5],
    ['is empty', 5, 5],
    ['is still to come', 10_000, null],
  ] as const)
    it(`a period that ${what} is refused`, async () => {
      const at = (seconds: number): ReturnType<typeof instant> => after(stage.now(), seconds)
      await assert.rejects(stage.bill(at(from), to === null ? null : at(to)), { code: 'invalid_request' })
    })

  it('an organization without a history has an empty bill', async () => {
    stage.skip(10)
    const bill = await stage.verified(instant(stage.now() - 5))
    assert.deepEqual([bill.total, bill.events, bill.priceBooks], ['0', [], []])
  })
})

describe('asking and giving', () => {
  it('a minute of the rate must be there', async () => {
    const needed = 60n * perSecond
    const asked = (): ReturnType<typeof canAfford> =>
      stage.store.read((tx) => canAfford(tx, stage.organization, lines, stage.book, someones))
    assert.deepEqual(await asked(), { ok: true })
    const poor = await Stage.open()
    await poor.publish({ 'gpu.v100': 3_600_000_000n, cpu: 360_000_000n })
    const answer = await poor.store.read((tx) => canAfford(tx, poor.organization, lines, poor.book, someones))
    assert.deepEqual(answer, { ok: false, shortfall: needed, purse: 'wallet' })
    await poor.close()
  })

  it('a grant is given once; something else under its id is refused', async () => {
    const id = asId('transfer', 'trf_gift')
    const give = (amount: bigint): ReturnType<typeof grant> =>
      stage.store.transact((tx) =>
        grant(tx, { organization: stage.organization, amount: nanos(amount), by: 'per_us', id }),
      )
    assert.deepEqual(await give(5n), { ok: true, outcomes: ['created'] })
    assert.deepEqual(await give(5n), { ok: true, outcomes: ['exists'] })
    assert.deepEqual(await give(6n), { ok: false, index: 0, reason: 'exists_with_different_amount' })
    assert.deepEqual(await give(0n), { ok: false, index: 0, reason: 'exists_with_different_amount' })
    assert.equal((await stage.balance()).posted, 100_000_000_005n)
  })
})

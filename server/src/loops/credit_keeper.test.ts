import assert from 'node:assert/strict'
import { after as afterAll, before, beforeEach, describe, it } from 'node:test'
import { credit, takeBack } from '../billing/billing.ts'
import { Stage } from '../billing/testing.ts'
import { nanos } from '../kernel/money.ts'
import { hourMs, instant } from '../kernel/time.ts'
import { noticesOf } from '../notices/notices.ts'
import { type TestDatabase, testDatabase } from '../store/testing.ts'
import { makeCreditKeeper } from './credit_keeper.ts'

// What happens to credits by time alone.

const dayMs = 24 * hourMs
let keptOpen: TestDatabase
let stage: Stage
before(async () => {
  keptOpen = await testDatabase()
})
beforeEach(async () => {
  await stage?.close()
  stage = await Stage.open()
})
afterAll(async () => {
  await stage.close()
  await keptOpen.drop()
})

/** Given from and until so many days from now; null: at once. */
async function give(amount: bigint, from: number | null, to: number | null): Promise<void> {
  const day = (days: number): ReturnType<typeof instant> => instant(stage.now() + days * dayMs)
  const { organization, store } = stage
  const result = await store.transact((tx) => {
    const asked = { organization, amount: nanos(amount), id: tx.newId('transfer'), about: 'us' }
    const dates = {
      ...(from === null ? {} : { effectiveAt: day(from) }),
      expiresAt: to === null ? null : day(to),
    }
    return credit(tx, { ...asked, ...dates, code: 'promo_code', kind: 'promo' })
  })
  assert.ok(result.ok)
}

async function told(): Promise<number> {
  const asked = { types: ['credit.expiring'] as const, before: null, limit: 10 }
  return (await stage.store.read((tx) => noticesOf(tx, stage.organization, asked))).length
}

function pass(): ReturnType<ReturnType<typeof makeCreditKeeper>['pass']> {
  return makeCreditKeeper(stage.store).pass(AbortSignal.timeout(60_000))
}

describe('the credit keeper', () => {
  it('tells three days before a credit lapses, once, and takes what is left at its date', async () => {
    await give(70n, null, 10)
    await give(5n, null, null)
    stage.skip(7 * dayMs - 1)
    await pass()
    assert.equal(await told(), 0)
    stage.skip(1)
    await pass()
    await pass()
    assert.equal(await told(), 1)
    stage.skip(3 * dayMs - 1)
    assert.equal((await pass())['expired'], 0)
    assert.equal((await stage.balance()).available, 75n)
    stage.skip(1)
    assert.equal((await stage.balance()).available, 5n)
    assert.equal((await pass())['expired'], 1)
    assert.equal((await pass())['expired'], 0)
    await stage.audit()
  })

  it('tells of a credit that is good for a day when half of it is over', async () => {
    await give(70n, null, 1)
    stage.skip(dayMs / 2 - 1)
    await pass()
    assert.equal(await told(), 0)
    stage.skip(1)
    await pass()
    assert.equal(await told(), 1)
  })

  it('pays a debt from a credit that comes into force', async () => {
    const { organization, store } = stage
    await store.transact((tx) => {
      const asked = { organization, amount: nanos(30n), id: tx.newId('transfer'), about: 'bank' }
      return takeBack(tx, { ...asked, code: 'chargeback' })
    })
    await give(50n, 1, null)
    await pass()
    assert.equal((await stage.balance()).receivable, 30n)
    stage.skip(dayMs)
    assert.equal((await pass())['repaid'], 1)
    const { receivable, available } = await stage.balance()
    assert.deepEqual([receivable, available], [0n, 20n])
    await stage.audit()
  })
})

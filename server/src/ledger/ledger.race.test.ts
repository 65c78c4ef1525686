import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { asId, type OrganizationId } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import { instant } from '../kernel/time.ts'
import { openStore, type Store } from '../store/store.ts'
import { testDatabase } from '../store/testing.ts'
import { accountsOf, apply, applyOrThrow, walletOf } from './ledger.ts'
import { lotPriority } from './lots.rules.ts'
import type { ApplyResult, Transfer } from './rules.ts'

const bookedAt = instant(1_767_225_600_000)
const terms = { kind: 'promo', priority: lotPriority, effectiveAt: null, expiresAt: null } as const
const into = { terms }

async function withWallets(
  wallets: number,
  each: bigint,
  play: (store: Store, organizations: readonly OrganizationId[]) => Promise<void>,
): Promise<void> {
  const database = await testDatabase()
  const store = openStore({ url: database.url, poolMax: 40 })
  try {
    const organizations = Array.from({ length: wallets }, (_, index) => asId('organization', `org_${index}`))
    await store.transact(async (tx) => {
      for (const organization of organizations) {
        await store.pool.query(`insert into organization (id, name, currency, created_at)
          values ('${organization}', 'x', 'USD', clock_timestamp())`)
        const { customer, promoExpense } = await accountsOf(tx, organization)
        const id = tx.newId('transfer')
        await applyOrThrow(tx, [
          {
            kind: 'post',
            id,
            debit: promoExpense,
            credit: customer,
            amount: nanos(each),
            code: 'grant',
            into,
            bookedAt,
            about: 'x',
          },
        ])
      }
    })
    await play(store, organizations)
  } finally {
    await store.close()
    await database.drop()
  }
}

async function hold(store: Store, organization: OrganizationId, amount: bigint): Promise<ApplyResult> {
  return store.transact(async (tx) => {
    const { customer: debit, revenue: credit } = await accountsOf(tx, organization)
    const id = tx.newId('transfer')
    return apply(tx, [
      { kind: 'hold', id, debit, credit, amount: nanos(amount), code: 'lease', bookedAt, about: 'x' },
    ])
  })
}

describe('racing holds', () => {
  it('five hundred on a wallet that affords seven: exactly seven', () =>
    withWallets(1, 70n, async (store, [organization]) => {
      assert.ok(organization)
      const results = await Promise.all(Array.from({ length: 500 }, () => hold(store, organization, 10n)))
      assert.equal(results.filter(({ ok }) => ok).length, 7)
      for (const result of results) if (!result.ok) assert.equal(result.reason, 'exceeds_credits')
      const { available, held } = await store.read((tx) => walletOf(tx, organization))
      assert.deepEqual([available, held], [0n, 70n])
    }))

  it('two wallets moved in both orders never wait for each other for ever', () =>
    withWallets(2, 1000n, async (store, [one, two]) => {
      assert.ok(one && two)
      const move = async (from: OrganizationId, to: OrganizationId): Promise<ApplyResult> =>
        store.transact(async (tx) => {
          const [debit, credit] = [(await accountsOf(tx, from)).customer, (await accountsOf(tx, to)).customer]
          const id = tx.newId('transfer')
          return apply(tx, [
            { kind: 'post', id, debit, credit, amount: nanos(1n), code: 'grant', into, bookedAt, about: 'x' },
          ])
        })
      const results = await Promise.all(
        Array.from({ length: 200 }, (_, index) => (index % 2 === 0 ? move(one, two) : move(two, one))),
      )
      assert.ok(results.every(({ ok }) => ok))
      for (const organization of [one, two])
        assert.equal((await store.read((tx) => walletOf(tx, organization))).posted, 1000n)
    }))

  it('the same settle from a hundred tellers is booked once', () =>
    withWallets(1, 100n, async (store, [organization]) => {
      assert.ok(organization)
      const first = asId('transfer', 'trf_hold')
      const again = asId('transfer', 'trf_settle')
      await store.transact(async (tx) => {
        const { customer: debit, revenue: credit } = await accountsOf(tx, organization)
        await applyOrThrow(tx, [
          {
            kind: 'hold',
            id: first,
            debit,
            credit,
            amount: nanos(100n),
            code: 'lease',
            bookedAt,
            about: 'x',
          },
        ])
      })
      const settle: Transfer = { kind: 'settle', id: again, hold: first, amount: nanos(60n), bookedAt }
      const results = await Promise.all(
        Array.from({ length: 100 }, () => store.transact((tx) => apply(tx, [settle]))),
      )
      const created = results.filter((result) => result.ok && result.outcomes[0] === 'created')
      assert.equal(created.length, 1)
      assert.ok(results.every(({ ok }) => ok))
      const { posted, held } = await store.read((tx) => walletOf(tx, organization))
      assert.deepEqual([posted, held], [40n, 40n])
    }))
})

import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { sql } from 'kysely'
import type { Id, OrganizationId } from '../kernel/ids.ts'
import { instant } from '../kernel/time.ts'
import { walletOf } from '../ledger/ledger.ts'
import * as promoCodes from './promo_codes.ts'
import { Counter, units } from './testing.payments.ts'
import { Stage } from './testing.ts'

const stage = await Stage.open()
const counter = await Counter.open(stage)
after(() => stage.close())
const { store } = stage

async function made(code: string | null, terms: Partial<promoCodes.NewPromoCode> = {}) {
  const result = await store.transact((tx) =>
    promoCodes.makePromoCode(tx, {
      ...{ id: tx.newId('promoCode'), code, amount: units(5n), currency: 'USD', expiresAt: null },
      ...{ creditDays: null, redemptionsMax: 3, by: counter.person },
      ...terms,
    }),
  )
  assert.ok(result.ok)
  return result.promoCode
}

async function someone(): Promise<OrganizationId> {
  return (await counter.ask()).organization
}

function redeem(organization: OrganizationId, code: string, id?: Id<'redemption'>) {
  return store.transact((tx) =>
    promoCodes.redeem(tx, {
      ...{ id: id ?? tx.newId('redemption'), organization, person: counter.person, code, currency: 'USD' },
    }),
  )
}

async function posted(organization: OrganizationId): Promise<bigint> {
  return store.read(async (tx) => (await walletOf(tx, organization)).posted)
}

const notValid = { ok: false, reason: 'not_valid' }

describe('a promo code', () => {
  it('credits what it gives, however it is typed, once for each organization', async () => {
    await made('Spring-26')
    const organization = await someone()
    const result = await redeem(organization, '  sPRING-26 ')
    assert.ok(result.ok && result.isNew)
    assert.equal(await posted(organization), units(5n))
    assert.deepEqual(await redeem(organization, 'SPRING-26'), { ok: false, reason: 'redeemed_before' })
    const again = await redeem(organization, 'spring-26', result.redemption.id)
    assert.ok(again.ok && !again.isNew, 'the same request finds it')
    const elsewhere = await redeem(await someone(), 'spring-26', result.redemption.id)
    assert.deepEqual(elsewhere, { ok: false, reason: 'id_is_taken' })
    assert.equal(await posted(organization), units(5n))
  })

  it('that was made for us is one that nobody guesses', async () => {
    const [one, other] = [await made(null), await made(null)]
    assert.match(one.code, /^[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){2}$/)
    assert.notEqual(one.code, other.code)
    assert.ok((await redeem(await someone(), one.code.toLowerCase())).ok)
  })

  it('gives credit that lapses after its days', async () => {
    await made('LAPSING', { creditDays: 30 })
    const result = await redeem(await someone(), 'LAPSING')
    assert.ok(result.ok)
    assert.equal(result.redemption.expiresAt, stage.now() + 30 * 86_400_000)
  })

  it('is not valid when it is unknown, expired, withdrawn, used up or of another currency', async () => {
    await made('EXPIRED', { expiresAt: instant(stage.now() + 1000) })
    const { id } = await made('WITHDRAWN')
    await store.transact((tx) => promoCodes.withdrawPromoCode(tx, id))
    await made('EUROS-ONLY', { currency: 'EUR' })
    await made('USED-UP', { redemptionsMax: 1 })
    assert.ok((await redeem(await someone(), 'USED-UP')).ok)
    stage.skip(1000)
    const organization = await someone()
    for (const code of ['NOBODY-KNOWS', 'EXPIRED', 'WITHDRAWN', 'EUROS-ONLY', 'USED-UP'])
      assert.deepEqual(await redeem(organization, code), notValid, code)
    assert.equal(await posted(organization), 0n)
  })

  it('is made once under its id, and its text belongs to one', async () => {
    const first = await made('TAKEN-ONE')
    const same = await made('taken-one', { id: first.id })
    assert.deepEqual([same.id, same.code], [first.id, 'TAKEN-ONE'])
    const ask = (terms: Partial<promoCodes.NewPromoCode>) =>
      store.transact((tx) =>
        promoCodes.makePromoCode(tx, {
          ...{ id: tx.newId('promoCode'), code: 'TAKEN-ONE', amount: units(5n), currency: 'USD' },
          ...{ expiresAt: null, creditDays: null, redemptionsMax: 3, by: counter.person },
          ...terms,
        }),
      )
    assert.deepEqual(await ask({}), { ok: false, reason: 'code_is_taken' })
    const different = { ok: false, reason: 'exists_with_different_terms' }
    assert.deepEqual(await ask({ id: first.id, amount: units(6n) }), different)
  })

  it('that is redeemed by all at once is redeemed as often as it allows', async () => {
    await made('RUSH-HOUR', { redemptionsMax: 4 })
    const organizations = await Promise.all(Array.from({ length: 12 }, someone))
    const results = await Promise.all(
      organizations.flatMap((one) => [redeem(one, 'RUSH-HOUR'), redeem(one, 'RUSH-HOUR')]),
    )
    assert.equal(results.filter(({ ok }) => ok).length, 4)
    const purses = await Promise.all(organizations.map(posted))
    assert.equal(purses.filter((purse) => purse === units(5n)).length, 4)
    assert.equal(purses.filter((purse) => purse === 0n).length, 8)
    const { rows } = await store.read((tx) =>
      sql<{ redemptions: number }>`select redemptions from promo_code where code = 'RUSH-HOUR'`.execute(
        tx.db,
      ),
    )
    assert.deepEqual(rows, [{ redemptions: 4 }])
  })
})

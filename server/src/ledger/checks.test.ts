import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { sql } from 'kysely'
import { asId } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import { instant } from '../kernel/time.ts'
import { openStore, type Store } from '../store/store.ts'
import { type TestDatabase, testDatabase } from '../store/testing.ts'
import { accountsOf, applyOrThrow, checks } from './ledger.ts'
import { lotPriority } from './lots.rules.ts'

// Each check is shown books that are wrong: written past every constraint, and rolled back.

const organization = asId('organization', 'org_checked')
const bookedAt = instant(1_767_225_600_000)
let database: TestDatabase
let store: Store

before(async () => {
  database = await testDatabase()
  store = openStore({ url: database.url })
  await store.pool.query(`insert into organization (id, name, currency, created_at)
    values ('${organization}', 'x', 'USD', clock_timestamp()), ('org_euro', 'x', 'EUR', clock_timestamp())`)
  await store.transact(async (tx) => {
    await accountsOf(tx, asId('organization', 'org_euro'))
    const { customer, receivable, revenue, promoExpense } = await accountsOf(tx, organization)
    const terms = { kind: 'promo', priority: lotPriority, effectiveAt: null, expiresAt: null } as const
    const base = { bookedAt, about: 'x' }
    const [paid, hold] = [asId('transfer', 'trf_paid'), asId('transfer', 'trf_hold')]
    const given = { debit: promoExpense, credit: customer, amount: nanos(100n), code: 'grant' } as const
    const used = { debit: customer, credit: revenue, amount: nanos(30n) }
    const owed = { debit: receivable, credit: revenue, amount: nanos(7n) }
    await applyOrThrow(tx, [
      { kind: 'post', id: asId('transfer', 'trf_given'), ...given, ...base, into: { terms } },
      { kind: 'post', id: paid, ...used, ...base, code: 'storage' },
      { kind: 'hold', id: hold, ...used, ...base, code: 'lease' },
      { kind: 'settle', id: asId('transfer', 'trf_settled'), hold, amount: nanos(10n), bookedAt },
      { kind: 'post', id: asId('transfer', 'trf_owed'), ...owed, ...base, code: 'storage' },
    ])
  })
})
after(async () => {
  await store.close()
  await database.drop()
})

const broken: readonly (readonly [what: string, statement: string, invariants: readonly string[]])[] = [
  ['nothing', `select 1`, []],
  [
    'a transfer from one currency to another',
    `update transfer set credit = (select id from ledger_account where code = 'revenue' and currency = 'EUR')
      where id = 'trf_paid'`,
    ['I1', 'I16'],
  ],
  [
    'a total that no transfer made',
    `update ledger_account set credits_posted = credits_posted + 1 where code = 'customer'`,
    ['I2', 'I16'],
  ],
  [
    'a hold that no total knows',
    `update ledger_account set debits_pending = 0 where owner = '${organization}' and code = 'customer'`,
    ['I2'],
  ],
  ['a lot with a nano too little', `update credit_lot set remaining = remaining - 1`, ['I2']],
  ['a lot that reserves what nothing holds', `update credit_lot set reserved = reserved + 1`, ['I2']],
  ['a use that is not told', `delete from lot_use where kind = 'use'`, ['I2']],
  [
    'an overdrawn wallet',
    `update ledger_account set debits_posted = 101 where owner = '${organization}' and code = 'customer'`,
    ['I2', 'I3', 'I16'],
  ],
  [
    'more charged than there ever was',
    `insert into transfer select (jsonb_populate_record(t, '{"id": "trf_more", "amount": 101}')).*
      from transfer t where id = 'trf_paid'`,
    ['I2', 'I11', 'I16'],
  ],
]

describe('the checks', () => {
  for (const [what, statement, invariants] of broken)
    it(`find ${what}`, async () => {
      const rollback = new Error('as it was')
      await assert.rejects(
        store.transact(async (tx) => {
          for (const one of [
            'alter table transfer disable trigger user',
            'alter table lot_use disable trigger user',
            'alter table credit_lot drop constraint credit_lot_amounts',
            'alter table ledger_account drop constraint ledger_account_exceeds_credits',
            statement,
          ])
            await sql.raw(one).execute(tx.db)
          const found = (await checks(tx)).filter(({ ok }) => !ok).map(({ invariant }) => invariant)
          assert.deepEqual(found, invariants)
          throw rollback
        }),
        rollback,
      )
    })

  it('say what they found where all is well', async () => {
    const found = await store.read((tx) => checks(tx))
    assert.deepEqual(
      found.map(({ invariant, ok, found: sums }) => [invariant, ok, sums]),
      [
        ['I1', true, 'USD 177 = 177'],
        ['I2', true, 'accounts, transfers and lots agree'],
        ['I3', true, 'no account is beyond its limit'],
        ['I11', true, 'nobody was charged more than came in and is owed'],
        ['I16', true, 'EUR 0 = 0, USD 100 = 100'],
      ],
    )
  })
})

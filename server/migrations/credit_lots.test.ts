import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { asId } from '../src/kernel/ids.ts'
import { nanos } from '../src/kernel/money.ts'
import { instant } from '../src/kernel/time.ts'
import { accountsOf, apply, checks, walletOf } from '../src/ledger/ledger.ts'
import { accountIdOf } from '../src/ledger/rules.ts'
import { migrate, migrationsFolder } from '../src/store/migrator.ts'
import { openStore } from '../src/store/store.ts'
import { emptyDatabase } from '../src/store/testing.ts'

// What was in the books before there were lots: two grants, a lease that was cut by a late truth and is held
// again, storage that was paid, and a second organization that owes for its storage.

const lease = `
  grant_1   post    -        promo_expense>customer  100  grant      us
  grant_2   post    -        promo_expense>customer  50   grant      us
  hold_1    hold    -        customer>revenue        60   lease      alo_1
  settle_1  settle  hold_1   customer>revenue        40   lease      alo_1
  back_1    post    -        revenue>customer        15   give_back  alo_1
  hold_2    hold    -        customer>revenue        15   lease      alo_1
  pay_1     post    -        customer>revenue        7    storage    vol_1
  hold_3    hold    -        customer>revenue        9    lease      alo_2
  release_3 release hold_3   customer>revenue        9    lease      alo_2`
const debt = `
  owed_1    post    -        receivable>revenue      12   storage    vol_2`

function statements(organization: string, table: string, first: number): readonly string[] {
  const own = (code: 'customer' | 'receivable'): string =>
    accountIdOf(asId('organization', organization), code, 'USD')
  const account = (code = ''): string =>
    code === 'customer' || code === 'receivable'
      ? own(code)
      : accountIdOf('platform', code === 'revenue' ? 'revenue' : 'promo_expense', 'USD')
  const ours = (['revenue', 'promo_expense'] as const).map((code) => accountIdOf('platform', code, 'USD'))
  const opened = (id: string, owner: string, code: string, rule: string): string =>
    `insert into ledger_account (id, owner, code, currency, limit_rule, created_at)
      values ('${id}', '${owner}', '${code}', 'USD', ${rule}, '2026-01-01') on conflict do nothing`
  const made = table
    .trim()
    .split('\n')
    .map((row, index) => {
      const [name, kind, hold = '-', sides = '', amount, code, about] = row.trim().split(/ +/)
      const [debit, credit] = sides.split('>').map((side) => account(side))
      const at = `'2026-01-01T00:00:00Z'::timestamptz + interval '1 minute' * ${first + index}`
      return `insert into transfer
          (id, kind, hold, debit, credit, amount, code, about, booked_at, recorded_at)
        values ('trf_${name}', '${kind}', ${hold === '-' ? 'null' : `'trf_${hold}'`}, '${debit}', '${credit}',
          ${amount}, '${code}', '${about}', ${at}, ${at})`
    })
  return [
    `insert into organization (id, name, currency, created_at)
      values ('${organization}', 'x', 'USD', '2026-01-01')`,
    opened(own('customer'), organization, 'customer', `'debits_must_not_exceed_credits'`),
    opened(own('receivable'), organization, 'receivable', `'credits_must_not_exceed_debits'`),
    opened(ours[0] ?? '', 'platform', 'revenue', 'null'),
    opened(ours[1] ?? '', 'platform', 'promo_expense', 'null'),
    ...made,
  ]
}

/** The totals as the ledger kept them. */
const totals = `update ledger_account account set (debits_pending, debits_posted, credits_posted) = (
  select
    coalesce(sum(case kind when 'hold' then amount when 'post' then 0 else -amount end)
      filter (where debit = account.id), 0),
    coalesce(sum(amount) filter (where debit = account.id and kind in ('post', 'settle')), 0),
    coalesce(sum(amount) filter (where credit = account.id and kind in ('post', 'settle')), 0)
  from transfer) where owner <> 'platform'`

test('wallets that were there before lots get one each, with its uses', async () => {
  const older = mkdtempSync(join(tmpdir(), 'gpuhour-migrations-'))
  const database = await emptyDatabase()
  const store = openStore({ url: database.url })
  try {
    const before = readdirSync(migrationsFolder).filter((name) => /^000[1-4]_.*\.sql$/.test(name))
    for (const name of before) cpSync(join(migrationsFolder, name), join(older, name))
    await migrate(database.url, older)
    const { pool } = store
    for (const statement of [...statements('org_a', lease, 0), ...statements('org_b', debt, 100), totals])
      await pool.query(statement)
    assert.equal((await migrate(database.url))[0], '0005_credit_lots.sql')

    await store.transact(async (tx) => {
      const found = await checks(tx)
      assert.deepEqual(
        found.filter(({ ok }) => !ok),
        [],
      )
      const organization = asId('organization', 'org_a')
      const { posted, held, available, lots, accounts } = await walletOf(tx, organization)
      assert.deepEqual([posted, held, available], [118n, 35n, 83n])
      assert.deepEqual(
        lots.map(({ kind, amount, remaining, reserved }) => [kind, amount, remaining, reserved]),
        [['promo', 150n, 118n, 35n]],
      )
      // A later truth still finds where the money came from, and what is held can be settled.
      const base = { bookedAt: instant(1_800_000_000_000), about: 'alo_1' }
      const back = { debit: accounts.revenue, credit: accounts.customer, amount: nanos(25n) }
      const into = { returns: { abouts: ['alo_1'] } }
      const result = await apply(tx, [
        { kind: 'post', id: asId('transfer', 'trf_new'), ...base, ...back, code: 'give_back', into },
        {
          kind: 'settle',
          id: asId('transfer', 'trf_newer'),
          hold: asId('transfer', 'trf_hold_2'),
          amount: nanos(15n),
          bookedAt: base.bookedAt,
        },
      ])
      assert.deepEqual(result, { ok: true, outcomes: ['created', 'created'] })
      assert.deepEqual((await walletOf(tx, organization)).posted, 128n)
      const other = await accountsOf(tx, asId('organization', 'org_b'))
      const { owed } = await walletOf(tx, asId('organization', 'org_b'))
      assert.equal(owed, 12n)
      const { rows } = await pool.query('select account, event, transfer from grace')
      assert.deepEqual(rows, [{ account: other.receivable, event: 'begun', transfer: null }])
    })
  } finally {
    await store.close()
    await database.drop()
    rmSync(older, { recursive: true })
  }
})

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { sql } from 'kysely'
import { SimulatedClock } from '../kernel/clock.ts'
import { asId, seededIds, type AccountId, type TransferId } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import { instant } from '../kernel/time.ts'
import { clockOf } from '../store/clock.ts'
import { at, openStore, type Store, type Tx } from '../store/store.ts'
import { type TestDatabase, testDatabase } from '../store/testing.ts'
import { account, apply, history, open } from './ledger.ts'
import { lotPriority } from './lots.rules.ts'
import { availableOf, type Transfer } from './rules.ts'

// One row a call, its last column the answer; `&` joins transfers of one call; `a` lines show an account as
// available/posted/held. Accounts: C and D may not be overdrawn, R (a receivable) may not be overpaid, P is
// ours, E is ours in another currency.

const clock = new SimulatedClock(instant(1_767_225_600_000))
let database: TestDatabase
let store: Store

before(async () => {
  database = await testDatabase()
  store = openStore({ url: database.url, clock: clockOf(clock), ids: seededIds('ledger', () => clock.now()) })
})
after(async () => {
  await store.close()
  await database.drop()
})

/** Bought money that never lapses. */
const plain = { kind: 'paid', priority: lotPriority, effectiveAt: null, expiresAt: null } as const

const accountOf = (name: string, page: string): AccountId =>
  asId('account', `acc_${page}${name.toLowerCase()}`)
const transferOf = (name: string, page: string): TransferId => asId('transfer', `trf_${page}${name}`)

async function openAccounts(tx: Tx, page: string): Promise<void> {
  const owner = asId('organization', `org_${page}`)
  await sql`insert into organization (id, name, currency, created_at)
    values (${owner}, 'x', 'USD', ${at(await tx.now())})`.execute(tx.db)
  const debits = 'debits_must_not_exceed_credits'
  const list = [
    { name: 'C', owner, code: 'customer', currency: 'USD', limit: debits },
    {
      name: 'D',
      owner: asId('organization', `org_${page}2`),
      code: 'customer',
      currency: 'USD',
      limit: debits,
    },
    { name: 'R', owner, code: 'receivable', currency: 'USD', limit: 'credits_must_not_exceed_debits' },
    { name: 'P', owner: 'platform', code: 'revenue', currency: 'USD', limit: null },
    { name: 'E', owner: 'platform', code: 'revenue', currency: 'EUR', limit: null },
  ] as const
  for (const { name, ...one } of list) {
    // Ours are shared by all pages: the first opened is the account of that code.
    const id =
      one.owner === 'platform' ? asId('account', `acc_ours${name.toLowerCase()}`) : accountOf(name, page)
    assert.ok((await open(tx, { ...one, id })).ok)
  }
}

function read(text: string, page: string): Transfer {
  const [id = '', kind = '', ...rest] = text.trim().split(/ +/)
  const bookedAt = clock.now()
  const amountIn = (word = ''): ReturnType<typeof nanos> => nanos(BigInt(word))
  const named = (name = ''): AccountId =>
    'PE'.includes(name) ? asId('account', `acc_ours${name.toLowerCase()}`) : accountOf(name, page)
  if (kind === 'settle')
    return {
      kind,
      id: transferOf(id, page),
      hold: transferOf(rest[0] ?? '', page),
      amount: amountIn(rest[1]),
      bookedAt,
    }
  if (kind === 'release')
    return { kind, id: transferOf(id, page), hold: transferOf(rest[0] ?? '', page), bookedAt }
  assert.ok(kind === 'post' || kind === 'hold', `a kind: ${kind}`)
  const [from = '', to = ''] = (rest[0] ?? '').split('>')
  const code = rest[2] === 'grant' ? 'grant' : 'lease'
  const into = kind === 'post' && 'CD'.includes(to) ? { into: { terms: plain } } : {}
  return {
    kind,
    ...into,
    id: transferOf(id, page),
    debit: named(from),
    credit: named(to),
    amount: amountIn(rest[1]),
    code,
    bookedAt,
    about: page,
  }
}

async function answer(calls: string, page: string): Promise<string> {
  if (calls.startsWith('a ')) {
    const found = await store.read((tx) => account(tx, accountOf(calls.slice(2).trim(), page)))
    assert.ok(found)
    return `${availableOf(found)}/${found.creditsPosted - found.debitsPosted}/${found.debitsPending}`
  }
  const result = await store.transact((tx) =>
    apply(
      tx,
      calls.split('&').map((call) => read(call, page)),
    ),
  )
  return result.ok ? result.outcomes.join(' ') : `${result.index} ${result.reason}`
}

const pages: Readonly<Record<string, string>> = {
  'a deposit and a spend': `
    1 post P>C 100                    | created
    a C                               | 100/100/0
    2 post C>P 30                     | created
    3 post C>P 71                     | 0 exceeds_credits
    a C                               | 70/70/0
    3 post C>P 70                     | created
    a C                               | 0/0/0`,
  'a hold, settled in parts, the rest released': `
    1 post P>C 100                    | created
    2 hold C>P 80                     | created
    a C                               | 20/100/80
    3 hold C>P 21                     | 0 exceeds_credits
    4 settle 2 50                     | created
    a C                               | 20/50/30
    5 settle 2 31                     | 0 exceeds_hold
    5 settle 2 10                     | created
    6 release 2                       | created
    a C                               | 40/40/0
    7 release 2                       | 0 hold_already_released
    7 settle 2 1                      | 0 hold_already_released`,
  'a hold that is used up': `
    1 post P>C 100                    | created
    2 hold C>P 100                    | created
    3 settle 2 100                    | created
    4 settle 2 1                      | 0 hold_used_up
    5 release 2                       | 0 hold_used_up
    a C                               | 0/0/0`,
  'sending the same again, and something else under its id': `
    1 post P>C 100 grant              | created
    1 post P>C 100 grant              | exists
    1 post P>C 101 grant              | 0 exists_with_different_amount
    1 post P>D 100 grant              | 0 exists_with_different_accounts
    1 hold P>C 100 grant              | 0 exists_with_different_kind
    1 post P>C 100                    | 0 exists_with_different_code
    2 hold C>P 10 & 3 hold C>P 10     | created created
    4 settle 2 5                      | created
    4 settle 2 5                      | exists
    4 settle 2 6                      | 0 exists_with_different_amount
    4 settle 3 5                      | 0 exists_with_different_hold
    5 release 2                       | created
    5 release 2                       | exists
    5 release 3                       | 0 exists_with_different_hold
    a C                               | 85/95/10`,
  'all of a call or none of it': `
    1 post P>C 10 & 2 post C>P 11     | 1 exceeds_credits
    a C                               | 0/0/0
    1 post P>C 10 & 2 post C>P 10     | created created
    3 post C>P 1 & 4 post P>C 1       | 0 exceeds_credits
    4 post P>C 1 & 3 post C>P 1       | created created
    5 post P>C 5 & 6 hold C>P 5 & 7 settle 6 2 & 8 release 6 | created created created created
    a C                               | 3/3/0
    9 post P>C 1 & 9 post P>C 1       | created exists
    a C                               | 4/4/0`,
  'what cannot be': `
    1 post P>C 0                      | 0 amount_must_be_positive
    1 post P>C -5                     | 0 amount_must_be_positive
    1 post C>C 5                      | 0 accounts_must_differ
    1 post P>Z 5                      | 0 account_not_found
    1 post E>C 5                      | 0 currencies_must_match
    1 settle 9 5                      | 0 hold_not_found
    1 release 9                       | 0 hold_not_found
    1 post P>C 5                      | created
    2 settle 1 5                      | 0 hold_not_found`,
  'a debt that cannot be overpaid': `
    1 post R>P 50                     | created
    2 post P>C 100                    | created
    3 post C>R 51                     | 0 exceeds_debits
    3 post C>R 50                     | created
    4 post C>R 1                      | 0 exceeds_debits
    a C                               | 50/50/0`,
  'amounts beyond 2^63': `
    1 post P>C 99999999999999999999   | created
    2 hold C>P 99999999999999999999   | created
    a C                               | 0/99999999999999999999/99999999999999999999`,
}

describe('the ledger', () => {
  for (const [index, [title, table]] of Object.entries(pages).entries())
    it(title, async () => {
      const page = `p${index}x`
      await store.transact((tx) => openAccounts(tx, page))
      for (const row of table.trim().split('\n')) {
        const [call = '', expected = ''] = row.split('|').map((cell) => cell.trim())
        clock.step(1)
        assert.equal(await answer(call, page), expected, call)
      }
    })

  it('sums our own accounts from their transfers, and shows a history oldest first', async () => {
    const ours = asId('account', 'acc_oursp')
    await store.read(async (tx) => {
      const revenue = await account(tx, ours)
      const all: string[] = []
      for (let cursor; ;) {
        const page = await history(tx, ours, { limit: 7, ...(cursor ? { after: cursor } : {}) })
        all.push(...page.map(({ id }) => id))
        cursor = page.at(-1)
        if (!cursor) break
      }
      assert.equal(new Set(all).size, all.length)
      assert.ok(all.length > 20)
      assert.ok(revenue && revenue.debitsPosted > revenue.creditsPosted)
    })
  })

  it('moves nothing on a closed account', async () => {
    await store.pool.query(`insert into ledger_account (id, owner, code, currency, created_at, closed_at)
      values ('acc_closedc', 'org_closed', 'customer', 'USD', clock_timestamp(), clock_timestamp())`)
    assert.equal(await answer('1 post P>C 5', 'closed'), '0 account_closed')
  })

  it('opens an account once', async () => {
    const fresh = {
      id: asId('account', 'acc_once'),
      owner: 'platform',
      code: 'tax',
      currency: 'USD',
      limit: null,
    } as const
    const answers = await store.transact(async (tx) => [
      await open(tx, fresh),
      await open(tx, fresh),
      await open(tx, { ...fresh, code: 'cash' }),
      await open(tx, { ...fresh, limit: 'debits_must_not_exceed_credits' }),
    ])
    assert.deepEqual(answers, [
      { ok: true, outcome: 'created' },
      { ok: true, outcome: 'exists' },
      { ok: false, reason: 'exists_with_different_owner' },
      { ok: false, reason: 'exists_with_different_limit' },
    ])
  })
})

describe('the rows', () => {
  /** A copy of a row with some columns changed. */
  const copy = (changed: string, where: string): string =>
    `insert into transfer select (jsonb_populate_record(t, '${changed}')).*
      from transfer t where ${where} limit 1`
  const customer = `update ledger_account set debits_posted = 1 + credits_posted where code = 'customer'`
  const receivable = `update ledger_account set credits_posted = 1 + debits_posted where code = 'receivable'`
  const refused: readonly (readonly [what: string, sql: string, message: RegExp])[] = [
    ['overdraft', customer, /exceeds_credits/],
    ['an overpaid debt', receivable, /exceeds_debits/],
    ['a negative total', `update ledger_account set debits_pending = -1`, /ledger_account_totals/],
    ['a changed transfer', `update transfer set amount = amount + 1`, /append-only/],
    ['a removed transfer', `delete from transfer`, /append-only/],
    ['a transfer of nothing', copy('{"id": "trf_new", "amount": 0}', `kind = 'post'`), /must_be_positive/],
    [
      'a transfer to itself',
      copy('{"id": "trf_new", "debit": "acc_oursp", "credit": "acc_oursp"}', `kind = 'post'`),
      /must_differ/,
    ],
    ['a settle of nothing named', copy('{"id": "trf_new", "kind": "settle"}', `hold is null`), /hold_named/],
    ['a second release', copy('{"id": "trf_new"}', `kind = 'release'`), /one_release/],
    ['the same id', copy('{}', 'true'), /transfer_pkey/],
  ]
  for (const [what, statement, message] of refused)
    it(`refuse ${what}`, () => assert.rejects(store.pool.query(statement), message))
})

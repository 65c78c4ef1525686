import assert from 'node:assert/strict'
import { after as afterAll, before, beforeEach, describe, it } from 'node:test'
import { asId, type TransferId } from '../kernel/ids.ts'
import { type Nanos, nanos } from '../kernel/money.ts'
import { instant } from '../kernel/time.ts'
import type { ApplyResult } from '../ledger/rules.ts'
import { type TestDatabase, testDatabase } from '../store/testing.ts'
import { type Credit, credit, reverse, type ReversalResult, statement, takeBack } from './billing.ts'
import type { TakeBackResult } from './billing.ts'
import { fundOf } from './credits.rules.ts'
import { Stage } from './testing.ts'

// Money that comes in and goes out again, in whole nanos.

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

const transferOf = (name: string): TransferId => asId('transfer', `trf_${name}`)

function give(name: string, amount: bigint, how: Partial<Credit> = {}): Promise<ApplyResult> {
  const { organization, store } = stage
  const asked = { organization, amount: nanos(amount), id: transferOf(name), about: name }
  return store.transact((tx) => credit(tx, { code: 'payment', kind: 'paid', ...asked, ...how }))
}

function take(name: string, amount: bigint, code: 'refund' | 'chargeback'): Promise<TakeBackResult> {
  const { organization, store } = stage
  const asked = { organization, amount: nanos(amount), id: transferOf(name), about: name, code }
  return store.transact((tx) => takeBack(tx, asked))
}

function win(name: string): Promise<ReversalResult> {
  const { organization, store } = stage
  return store.transact((tx) => reverse(tx, { organization, of: transferOf(name), about: name }))
}

/** What there is and what is owed. */
async function purse(): Promise<readonly [posted: Nanos, owed: Nanos]> {
  const { posted, receivable } = await stage.balance()
  return [posted, receivable]
}

const done = { ok: true, outcomes: ['created'] }

describe('what comes in', () => {
  it('is bought or given, by its code', () => {
    const kinds = ['paid', 'promo'] as const
    const codes = ['payment', 'grant', 'promo_code', 'allowance', 'rebate', 'credit_note'] as const
    assert.deepEqual(
      codes.map((code) => [code, ...kinds.map((kind) => fundOf(code, kind))]),
      [
        ['payment', 'cash', null],
        ['grant', 'cash', 'promoExpense'],
        ['promo_code', null, 'promoExpense'],
        ['allowance', null, 'promoExpense'],
        ['rebate', null, 'promoExpense'],
        ['credit_note', 'revenue', 'revenue'],
      ],
    )
  })

  it('is credited once, and never as what it is not', async () => {
    assert.deepEqual(await give('a', 100n), done)
    assert.deepEqual(await give('a', 100n), { ok: true, outcomes: ['exists'] })
    assert.deepEqual(await give('a', 101n), {
      ok: false,
      index: 0,
      reason: 'exists_with_different_amount',
    })
    assert.deepEqual(await give('b', 0n), { ok: false, index: 0, reason: 'amount_must_be_positive' })
    await assert.rejects(give('c', 5n, { kind: 'promo' }), { code: 'internal' })
    assert.deepEqual(await purse(), [100n, 0n])
  })

  it('pays what is owed first', async () => {
    assert.deepEqual(await take('x', 30n, 'chargeback'), {
      ok: true,
      outcome: 'created',
      taken: 0n,
      owed: 30n,
    })
    await give('a', 20n)
    assert.deepEqual(await purse(), [0n, 10n])
    await give('b', 20n, { code: 'promo_code', kind: 'promo' })
    assert.deepEqual(await purse(), [10n, 0n])
  })
})

describe('what goes out', () => {
  it('a refund takes bought money that is there, or nothing', async () => {
    await give('a', 100n)
    await give('b', 50n, { code: 'grant', kind: 'promo' })
    assert.deepEqual(await take('r', 101n, 'refund'), {
      ok: false,
      reason: 'exceeds_paid',
      refundable: 100n,
    })
    const taken = { ok: true, outcome: 'created', taken: 60n, owed: 0n }
    assert.deepEqual(await take('r', 60n, 'refund'), taken)
    assert.deepEqual(await take('r', 60n, 'refund'), { ...taken, outcome: 'exists' })
    assert.deepEqual(await take('s', 41n, 'refund'), { ok: false, reason: 'exceeds_paid', refundable: 40n })
    assert.deepEqual(await take('s', 0n, 'refund'), { ok: false, reason: 'amount_must_be_positive' })
    assert.deepEqual(await purse(), [90n, 0n])
  })

  it('a chargeback takes what is there, and the rest is owed', async () => {
    await give('a', 100n)
    const taken = { ok: true, outcome: 'created', taken: 100n, owed: 20n }
    assert.deepEqual(await take('x', 120n, 'chargeback'), taken)
    assert.deepEqual(await take('x', 120n, 'chargeback'), { ...taken, outcome: 'exists' })
    assert.deepEqual(await take('x', 121n, 'chargeback'), {
      ok: false,
      reason: 'exists_with_different_amount',
    })
    assert.deepEqual(await take('x', 120n, 'refund'), { ok: false, reason: 'exists_with_different_code' })
    assert.deepEqual(await take('a', 100n, 'refund'), { ok: false, reason: 'exists_with_different_accounts' })
    assert.deepEqual(await purse(), [0n, 20n])
  })

  it('a dispute that was won brings all of it back, once', async () => {
    await give('a', 100n)
    await take('x', 120n, 'chargeback')
    assert.deepEqual(await win('x'), { ok: true, outcome: 'created', amount: 120n })
    assert.deepEqual(await win('x'), { ok: true, outcome: 'exists', amount: 120n })
    assert.deepEqual(await purse(), [100n, 0n])
    const missing = { ok: false, reason: 'take_back_not_found' }
    assert.deepEqual([await win('a'), await win('nothing')], [missing, missing])
  })
})

describe('a statement', () => {
  it('names all that came in and went out, and nothing else', async () => {
    const from = stage.now()
    await give('a', 100n)
    await give('b', 5n, { code: 'allowance', kind: 'promo' })
    await give('c', 7n, { code: 'credit_note' })
    await take('r', 10n, 'refund')
    await take('x', 112n, 'chargeback')
    await win('x')
    stage.skip(1)
    const period = { from, to: instant(stage.now() + 1) }
    const shown = await stage.store.transact((tx) => statement(tx, stage.organization, period))
    const moved = shown.credits.map(({ code, amount }) => `${code} ${amount}`)
    assert.deepEqual(
      moved.toSorted((a, b) => (a < b ? -1 : 1)),
      [
        'allowance 5',
        'chargeback -10',
        'chargeback -102',
        'credit_note 7',
        'payment 100',
        'refund -10',
        'reversal 10',
        'reversal 102',
      ],
    )
    const sum = shown.credits.reduce((total, { amount }) => total + amount, 0n)
    assert.deepEqual([sum, ...(await purse())], [102n, 102n, 0n])
  })
})

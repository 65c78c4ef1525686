import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { SimulatedClock } from '../kernel/clock.ts'
import { asId, type OrganizationId, seededIds, type TransferId } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import { hourMs, type Instant, instant } from '../kernel/time.ts'
import { clockOf } from '../store/clock.ts'
import { openStore, type Store, type Tx } from '../store/store.ts'
import { type TestDatabase, testDatabase } from '../store/testing.ts'
import { accountsOf, apply, credits, walletOf } from './ledger.ts'
import { burnOrder, freeOf, isInForce, lotIdOf, lotPriority } from './lots.rules.ts'
import { expire, lotsOf, organizationsLapsed } from './lots.ts'
import type { Transfer } from './rules.ts'

// One row a step, its last column the answer. Days are the unit of time: `from 2` and `to 5` are days after
// the page's first. `lots` shows each lot, the oldest first, as remaining/reserved; `wallet` shows
// available/held/owed; `burns` the names of what can be used now, in order.

const dayMs = 24 * hourMs
const clock = new SimulatedClock(instant(1_767_225_600_000))
let database: TestDatabase
let store: Store

before(async () => {
  database = await testDatabase()
  store = openStore({ url: database.url, clock: clockOf(clock), ids: seededIds('lots', () => clock.now()) })
})
after(async () => {
  await store.close()
  await database.drop()
})

interface Page {
  readonly organization: OrganizationId
  readonly begun: Instant
}

const transferOf = ({ organization }: Page, name: string): TransferId =>
  asId('transfer', `trf_${organization.slice(4)}${name}`)

/** The word after another, such as the 5 of `to 5`. */
function wordAfter(words: readonly string[], word: string): string | undefined {
  const index = words.indexOf(word)
  return index < 0 ? undefined : words[index + 1]
}

async function transferIn(tx: Tx, page: Page, text: string): Promise<Transfer> {
  const [kind = '', name = '', ...rest] = text.split(/ +/)
  const accounts = await accountsOf(tx, page.organization)
  const { customer, revenue, promoExpense, cash } = accounts
  const base = { id: transferOf(page, name), bookedAt: clock.now(), about: wordAfter(rest, 'about') ?? 'x' }
  const amount = nanos(BigInt(rest[0] ?? 0))
  const dated = (word: string): Instant | null => {
    const days = wordAfter(rest, word)
    return days === undefined ? null : instant(page.begun + Number(days) * dayMs)
  }
  const out = { ...base, debit: customer, credit: revenue, amount }
  switch (kind) {
    case 'paid':
    case 'promo': {
      const priority = Number(wordAfter(rest, 'priority') ?? lotPriority)
      const terms = { kind, priority, effectiveAt: dated('from'), expiresAt: dated('to') }
      const debit = kind === 'paid' ? cash : promoExpense
      return { kind: 'post', ...base, debit, credit: customer, amount, code: 'grant', into: { terms } }
    }
    case 'hold':
      return { kind, ...out, code: 'lease' }
    case 'settle':
      return { kind, id: base.id, hold: transferOf(page, rest[1] ?? ''), amount, bookedAt: base.bookedAt }
    case 'release':
      return { kind, id: base.id, hold: transferOf(page, rest[0] ?? ''), bookedAt: base.bookedAt }
    case 'pay':
      return { kind: 'post', ...out, code: 'storage' }
    case 'refund':
      return { kind: 'post', ...out, credit: cash, code: 'refund', from: { only: 'paid' } }
    case 'taken':
      return { kind: 'post', ...out, credit: cash, code: 'chargeback', from: { first: 'paid' } }
    case 'bare':
      return { kind: 'post', ...base, debit: cash, credit: customer, amount, code: 'grant' }
    default: {
      assert.equal(kind, 'back')
      const into = { returns: { abouts: [base.about] } }
      return { kind: 'post', ...base, debit: revenue, credit: customer, amount, code: 'give_back', into }
    }
  }
}

async function answer(step: string, page: Page): Promise<string> {
  const { organization } = page
  const [verb = '', ...rest] = step.split(/ +/)
  if (verb === 'wait') {
    clock.step(Number(rest[0]) * dayMs)
    return `day ${Math.floor((clock.now() - page.begun) / hourMs) / 24}`
  }
  const nameOf = (id: string, names: readonly string[]): string =>
    names.find((name) => lotIdOf(transferOf(page, name)) === id) ?? 'renewed'
  return store.transact(async (tx) => {
    if (verb === 'expire') return String(await expire(tx, organization))
    if (verb === 'lapsed') return String((await organizationsLapsed(tx, clock.now())).includes(organization))
    const wallet = await walletOf(tx, organization)
    if (verb === 'wallet') return `${wallet.available}/${wallet.held}/${wallet.owed}`
    if (verb === 'burns')
      return wallet.lots
        .filter((lot) => isInForce(lot, clock.now()) && freeOf(lot) > 0n)
        .toSorted(burnOrder)
        .map(({ id }) => nameOf(id, rest))
        .join(' ')
    if (verb === 'lots') {
      const lots = await lotsOf(tx, organization, { limit: 100 })
      return lots
        .map(({ remaining, reserved }) => `${remaining}/${reserved}`)
        .toReversed()
        .join(' ')
    }
    const result = await apply(tx, [await transferIn(tx, page, step)])
    return result.ok ? result.outcomes.join(' ') : result.reason
  })
}

const pages: Readonly<Record<string, string>> = {
  'priority, then expiry, promo before paid, effect, age': `
    paid a 1                          | created
    promo b 1                         | created
    paid c 1 to 9                     | created
    promo d 1 to 9                    | created
    promo e 1 to 5                    | created
    paid f 1 priority 10              | created
    promo g 1 from -3                 | created
    wait 0.5                          | day 0.5
    promo h 1                         | created
    burns a b c d e f g h             | f e d c g b h a`,
  'a hold reserves in order, a settle uses what it reserved': `
    paid a 10                         | created
    promo b 5                         | created
    hold 1 8                          | created
    lots                              | 10/3 5/5
    hold 2 8                          | exceeds_credits
    hold 2 7                          | created
    lots                              | 10/10 5/5
    settle 3 6 1                      | created
    lots                              | 9/9 0/0
    release 4 1                       | created
    lots                              | 9/7 0/0
    wallet                            | 2/7/0`,
  'what is not in force yet, or has lapsed, is not there': `
    promo a 5 to 2                    | created
    paid b 5 from 1                   | created
    wallet                            | 5/0/0
    pay 1 6                           | exceeds_credits
    wait 1                            | day 1
    wallet                            | 10/0/0
    lapsed                            | false
    wait 1                            | day 2
    wallet                            | 5/0/0
    pay 2 6                           | exceeds_credits
    pay 2 5                           | created
    lapsed                            | true
    expire                            | 1
    expire                            | 0
    lapsed                            | false
    lots                              | 0/0 0/0`,
  'a reserved part outlives its lot, and is lost when it is released': `
    promo a 10 to 1                   | created
    hold 1 6                          | created
    wait 1                            | day 1
    wallet                            | 0/6/0
    expire                            | 1
    lots                              | 6/6
    settle 2 2 1                      | created
    lots                              | 4/4
    release 3 1                       | created
    wallet                            | 0/0/0
    expire                            | 1
    lots                              | 0/0`,
  'what comes back goes where it came from, newest use first': `
    paid a 10                         | created
    pay 1 4 about v                   | created
    promo b 5                         | created
    pay 2 3 about v                   | created
    pay 3 2 about w                   | created
    lots                              | 6/0 0/0
    back 4 4 about v                  | created
    lots                              | 7/0 3/0
    back 5 4 about v                  | exceeds_uses
    back 5 3 about v                  | created
    lots                              | 10/0 3/0
    back 6 2 about w                  | created
    back 6 2 about w                  | exists
    back 7 1 about w                  | exceeds_uses
    lots                              | 10/0 5/0`,
  'what comes back to a lapsed lot can be used for thirty days': `
    promo a 10 to 3 priority 20       | created
    paid b 10                         | created
    pay 1 8 about v                   | created
    wait 3                            | day 3
    expire                            | 1
    back 2 5 about v                  | created
    lots                              | 0/0 10/0 5/0
    burns a b                         | renewed b
    wallet                            | 15/0/0
    refund 3 11                       | exceeds_credits
    wait 29                           | day 32
    wallet                            | 15/0/0
    wait 1                            | day 33
    wallet                            | 10/0/0
    back 4 3 about v                  | created
    expire                            | 1
    lots                              | 0/0 10/0 0/0 3/0`,
  'a refund takes bought money, a bank what there is': `
    paid a 5                          | created
    promo b 5 to 9                    | created
    refund 1 6                        | exceeds_credits
    refund 1 2                        | created
    lots                              | 3/0 5/0
    taken 2 4                         | created
    lots                              | 0/0 4/0`,
  'terms are part of what was asked': `
    promo a 5 to 9                    | created
    promo a 5 to 9                    | exists
    promo a 5 to 8                    | exists_with_different_terms
    promo a 5 to 9 priority 5         | exists_with_different_terms
    promo a 5 to 9 from 1             | exists_with_different_terms
    promo a 6 to 9                    | exists_with_different_amount
    paid b 5 to 0                     | lapses_at_once
    paid b 5 from 3 to 3              | lapses_at_once
    bare c 5                          | lot_not_named
    wait 1                            | day 1
    promo a 5 to 9                    | exists`,
}

describe('credit lots', () => {
  for (const [index, [title, table]] of Object.entries(pages).entries())
    it(title, async () => {
      const page = { organization: asId('organization', `org_l${index}x`), begun: clock.now() }
      await store.pool.query(`insert into organization (id, name, currency, created_at)
        values ('${page.organization}', 'x', 'USD', clock_timestamp())`)
      for (const row of table.trim().split('\n')) {
        const [step = '', expected = ''] = row.split('|').map((cell) => cell.trim())
        // Nothing happens twice at the same instant, so that what is older is told.
        clock.step(1)
        assert.equal(await answer(step, page), expected, step)
      }
    })

  it('an expiry is dated when the money was lost, and goes to who set it aside', async () => {
    const organization = asId('organization', 'org_l3x')
    const page = { organization, begun: instant(0) }
    const found = await store.read((tx) => credits(tx, organization, instant(0), clock.now()))
    const { promoExpense } = await store.transact((tx) => accountsOf(tx, organization))
    const given = found.find(({ code }) => code === 'grant')
    assert.ok(given)
    assert.deepEqual(
      found.filter(({ code }) => code === 'expiry').map((one) => [one.amount, one.credit, one.about]),
      [-4n, -4n].map((amount) => [amount, promoExpense, lotIdOf(transferOf(page, 'a'))]),
    )
    // The page began a millisecond before the grant; the hold let go nine steps after it, and a day.
    const dates = found.filter(({ code }) => code === 'expiry').map(({ bookedAt }) => bookedAt)
    assert.deepEqual(
      dates.map((date) => date - (given.bookedAt - 1) - dayMs),
      [0, 9],
    )
  })

  it('a page of lots says what each was for', async () => {
    const organization = asId('organization', 'org_l0x')
    const first = await store.transact((tx) => lotsOf(tx, organization, { limit: 3 }))
    const last = first.at(-1)
    assert.ok(last)
    const rest = await store.transact((tx) => lotsOf(tx, organization, { limit: 100, after: last }))
    assert.equal(first.length + rest.length, 8)
    assert.equal(new Set([...first, ...rest].map(({ id }) => id)).size, 8)
    assert.deepEqual([last.code, last.about], ['grant', 'x'])
  })
})

describe('the rows', () => {
  const refused: readonly (readonly [what: string, sql: string, message: RegExp])[] = [
    ['a lot with less than nothing', `update credit_lot set remaining = -1`, /credit_lot_amounts/],
    ['more reserved than there is', `update credit_lot set reserved = remaining + 1`, /credit_lot_amounts/],
    ['more than there ever was', `update credit_lot set remaining = amount + 1`, /credit_lot_amounts/],
    ['promo that becomes paid', `update credit_lot set kind = 'paid' where kind = 'promo'`, /append-only/],
    ['another date', `update credit_lot set expires_at = null`, /append-only/],
    ['a removed lot', `delete from credit_lot`, /append-only/],
    ['a changed use', `update lot_use set amount = amount + 1`, /append-only/],
    ['a removed use', `delete from lot_use`, /append-only/],
    ['uses that are emptied', `truncate lot_use`, /append-only/],
    ['lots that are emptied', `truncate credit_lot cascade`, /append-only/],
    ['transfers that are emptied', `truncate transfer cascade`, /append-only/],
    ['another owner', `update ledger_account set owner = 'org_me'`, /append-only/],
    ['another limit', `update ledger_account set limit_rule = null`, /append-only/],
    ['a removed account', `delete from ledger_account`, /append-only/],
    [
      'a return of nothing named',
      `insert into lot_use (transfer, number, lot, kind, amount)
        select transfer, 99, lot, 'return', 1 from lot_use limit 1`,
      /return_named/,
    ],
  ]
  for (const [what, statement, message] of refused)
    it(`refuse ${what}`, () => assert.rejects(store.pool.query(statement), message))
})

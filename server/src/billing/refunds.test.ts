import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import type { Id } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import { stripeDispute, stripeEvent, stripeRefund, stripeSession } from '../payments/testing.ts'
import { credit } from './credits.ts'
import * as payments from './payments.ts'
import { askRefund, type AskRefundResult, refundRefused, refundsToAsk } from './refunds.ts'
import { Counter, units } from './testing.payments.ts'
import { Stage } from './testing.ts'

const stage = await Stage.open()
const counter = await Counter.open(stage)
after(() => stage.close())
const { store } = stage

let events = 0
function send(type: string, object: object): Promise<boolean> {
  events += 1
  return counter.send(stripeEvent(`evt_${events}`, type, object))
}

/** An organization that has paid twenty units. */
async function paid() {
  const asked = await counter.ask()
  await send('checkout.session.completed', stripeSession(asked.payment))
  return asked
}

function refund(payment: Id<'payment'>, amount: bigint | null, id?: Id<'refund'>): Promise<AskRefundResult> {
  return store.transact((tx) => {
    const asked = { id: id ?? tx.newId('refund'), payment, by: counter.person }
    return askRefund(tx, { ...asked, amount: amount === null ? null : units(amount) })
  })
}

const made = { ok: true, isNew: true }

describe('a refund that an operator asks for', () => {
  it('leaves the wallet at once, and is told', async () => {
    const { organization, payment } = await paid()
    assert.deepEqual(await refund(payment, 5n), made)
    const books = await counter.books(organization, payment)
    assert.deepEqual([books.posted, books.returns], [units(15n), ['refund 5 asked']])
    assert.deepEqual(await refund(payment, null), made)
    assert.equal((await counter.books(organization, payment)).posted, 0n)
    assert.deepEqual(await refund(payment, null), { ok: false, reason: 'exceeds_payment', most: 0n })
  })

  it('is made once under its id', async () => {
    const { organization, payment } = await paid()
    const id = await store.transact(async (tx) => tx.newId('refund'))
    assert.deepEqual(await refund(payment, 5n, id), made)
    assert.deepEqual(await refund(payment, 5n, id), { ok: true, isNew: false })
    assert.deepEqual(await refund(payment, null, id), { ok: true, isNew: false })
    const different = { ok: false, reason: 'exists_with_different_amount' }
    assert.deepEqual(await refund(payment, 6n, id), different)
    assert.deepEqual(await refund((await paid()).payment, 5n, id), different)
    assert.equal((await counter.books(organization, payment)).posted, units(15n))
  })

  it('is never more than was paid, nor than what is left of it in the wallet', async () => {
    const { organization, payment } = await paid()
    assert.deepEqual(await refund(payment, 21n), { ok: false, reason: 'exceeds_payment', most: units(20n) })
    // What was given stays, however much there is of it.
    await store.transact((tx) =>
      credit(tx, {
        ...{ organization, amount: units(50n), id: tx.newId('transfer'), about: 'x', code: 'grant' },
        kind: 'promo',
      }),
    )
    await send('charge.dispute.funds_withdrawn', stripeDispute(`dp_${payment}`, payment, 1500))
    assert.deepEqual(await refund(payment, 6n), { ok: false, reason: 'exceeds_payment', most: units(5n) })
    assert.deepEqual(await refund(payment, 5n), made)
    assert.equal((await counter.books(organization, payment)).posted, units(50n))
  })

  it('is refused where nothing was paid', async () => {
    const { payment } = await counter.ask()
    assert.deepEqual(await refund(payment, 5n), { ok: false, reason: 'not_paid' })
    await send('checkout.session.completed', stripeSession(payment, { amount_total: 1 }))
    assert.deepEqual(await refund(payment, 5n), { ok: false, reason: 'not_paid' })
  })

  it('comes back to the wallet when the vendor refuses it, and when it fails after days', async () => {
    const { organization, payment } = await paid()
    await refund(payment, 5n)
    const [asked] = (await store.read((tx) => refundsToAsk(tx, 100))).filter(
      ({ intent }) => intent === `pi_${payment}`,
    )
    assert.ok(asked)
    for (const _ of [1, 2]) await store.transact((tx) => refundRefused(tx, asked, 'the charge is disputed'))
    const refused = await counter.books(organization, payment)
    assert.deepEqual([refused.posted, refused.returns], [units(20n), ['refund 5 refused']])

    await refund(payment, 8n)
    const [second] = (await store.read((tx) => refundsToAsk(tx, 100))).filter(
      ({ intent }) => intent === `pi_${payment}`,
    )
    assert.ok(second, 'the refused one is asked no more')
    const metadata = { gpuhour_refund: second.id }
    await send('refund.created', stripeRefund('re_1', payment, 800, { metadata, status: 'pending' }))
    assert.equal((await counter.books(organization, payment)).posted, units(12n), 'taken once')
    await send('refund.failed', stripeRefund('re_1', payment, 800, { metadata, status: 'failed' }))
    const failed = await counter.books(organization, payment)
    assert.deepEqual([failed.posted, failed.returns], [units(20n), ['refund 5 refused', 'refund 8 undone']])
    const left = await store.read((tx) => refundsToAsk(tx, 100))
    assert.ok(!left.some(({ intent }) => intent === `pi_${payment}`), 'nothing more is asked')
  })
})

describe('what an operator has to look at', () => {
  it('is what was paid and not credited', async () => {
    stage.skip(1)
    const { payment } = await counter.ask()
    await send('checkout.session.completed', stripeSession(payment, { amount_total: 1234 }))
    const other = await paid()
    await send('checkout.session.completed', stripeSession(other.payment, { payment_intent: 'pi_again' }))
    const lost = { metadata: { gpuhour_payment: 'pay_0', gpuhour_installation: 'plt_test' } }
    await send('checkout.session.completed', stripeSession('pay_0', lost))
    await send('refund.created', { object: 'refund' })
    const { payment: euros } = await paid()
    await send('refund.created', stripeRefund('re_eur', euros, 100, { currency: 'eur' }))
    const found = await store.read((tx) => payments.troubles(tx, stage.now(), 100))
    const told = found.map(({ payment: of, detail }) => `${of ?? 'unknown'}: ${detail}`)
    const expected = [
      `${payment}: asked were 20.00 USD, paid 12.34 USD: not credited`,
      `${other.payment}: paid a second time, by pi_again: not credited`,
      'unknown: paid on a page of ours (cs_pay_0) for a payment that is not in the books',
      'unknown: refund.created cannot be read',
      `${euros}: refund re_eur is in EUR: not booked`,
    ]
    for (const line of expected) assert.ok(told.includes(line), `${line}\n${told.join('\n')}`)
    assert.equal(told.length, expected.length)
  })

  it('is nothing of other platforms, other accounts and other products', async () => {
    const before = await store.read((tx) => payments.troubles(tx, stage.now(), 100))
    const foreign = { metadata: { gpuhour_payment: 'pay_1', gpuhour_installation: 'plt_other' } }
    assert.equal(await send('checkout.session.completed', stripeSession('pay_1', foreign)), true)
    const plain = { client_reference_id: null, metadata: null }
    assert.equal(await send('checkout.session.completed', stripeSession('x', plain)), true)
    assert.equal(
      await send('checkout.session.completed', stripeSession('y', { mode: 'subscription' })),
      false,
    )
    const { payment } = await counter.ask()
    const elsewhere = stripeEvent('evt_z', 'checkout.session.completed', stripeSession(payment), {
      account: 'acct_1',
    })
    assert.equal(await counter.send(elsewhere), true)
    assert.equal(await counter.send(elsewhere), false)
    assert.equal((await store.read((tx) => payments.payment(tx, payment)))?.state, 'open')
    assert.deepEqual(await store.read((tx) => payments.troubles(tx, stage.now(), 100)), before)
  })
})

describe('asking for a payment', () => {
  it('the same again finds it; something else under its id is refused', async () => {
    const { organization, payment: id } = await counter.ask()
    const ask = (amount: bigint) =>
      store.transact((tx) => {
        const asked = {
          id,
          organization,
          person: counter.person,
          amount: nanos(amount),
          currency: 'USD',
        } as const
        return payments.askPayment(tx, asked)
      })
    const again = await ask(20_000_000_000n)
    assert.ok(again.ok && !again.isNew)
    assert.equal(again.payment.state, 'open')
    assert.deepEqual(await ask(1n), { ok: false, reason: 'exists_with_different_amount' })
  })

  it('not without end: twenty wait to be paid, and an hour later none does', async () => {
    const { organization } = await counter.ask()
    const ask = () =>
      store.transact((tx) => {
        const asked = { id: tx.newId('payment'), organization, person: counter.person, amount: units(5n) }
        return payments.askPayment(tx, { ...asked, currency: 'USD' })
      })
    for (let count = 1; count < 20; count += 1) assert.ok((await ask()).ok)
    assert.deepEqual(await ask(), { ok: false, reason: 'too_many_open' })
    stage.skip(3_600_001)
    assert.ok((await ask()).ok)
  })
})

import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import * as payments from '../billing/payments.ts'
import { askRefund } from '../billing/refunds.ts'
import { Counter, installation, units } from '../billing/testing.payments.ts'
import { Stage } from '../billing/testing.ts'
import { grantPayments } from '../payments/grant.ts'
import { stripePayments } from '../payments/stripe.ts'
import {
  type FixtureChanges,
  startStripeMock,
  stripeEvent,
  stripeSession,
  testSecrets,
} from '../payments/testing.ts'
import { makeCashier } from './cashier.ts'

// Against Stripe's own stand-in, which remembers nothing: what it answers with is set for each test.

const stage = await Stage.open()
const counter = await Counter.open(stage)
after(() => stage.close())
const { store, clock } = stage
const signal = AbortSignal.timeout(300_000)

const probe = await startStripeMock()
const skip = typeof probe === 'string' ? probe : false
if (typeof probe !== 'string') await probe.stop()

/** One pass while Stripe answers like this; what it was asked. */
async function pass(answers: FixtureChanges): Promise<readonly string[]> {
  const mock = await startStripeMock(answers)
  assert.ok(typeof mock !== 'string')
  try {
    await cashierAt(mock.apiBase).pass(signal)
    return mock.asked()
  } finally {
    await mock.stop()
  }
}

function cashierAt(apiBase: string) {
  const vendor = stripePayments({ ...testSecrets, apiBase })
  return makeCashier({ store, payments: vendor, installation, clock })
}

const none = { refund: { metadata: {} } }

describe('the cashier', { skip }, () => {
  it('credits what was paid though no event arrived', async () => {
    const { organization, payment } = await counter.ask()
    stage.skip(10_000)
    await pass({
      'checkout.session': {
        ...{ status: 'complete', payment_status: 'paid', mode: 'payment', client_reference_id: payment },
        ...{ amount_total: 2000, currency: 'usd', metadata: {} },
      },
      payment_intent: { id: `pi_${payment}`, status: 'succeeded' },
      refund: { id: `re_${payment}`, payment_intent: `pi_${payment}`, amount: 500 },
      dispute: { id: `dp_${payment}`, payment_intent: `pi_${payment}`, status: 'warning_needs_response' },
    })
    const books = await counter.books(organization, payment)
    assert.deepEqual(books, {
      ...{ state: 'paid', posted: units(15n), owed: 0n, cash: units(15n) },
      returns: ['dispute 10 contested', 'refund 5 gone'],
    })
    // The event arrives all the same.
    await counter.send(stripeEvent('evt_late', 'checkout.session.completed', stripeSession(payment)))
    assert.deepEqual(await counter.books(organization, payment), books)
    assert.equal((await store.read((tx) => payments.paymentsDue(tx, 100))).length, 0)
  })

  it('asks about a page that is open less and less often, and not about one that is over', async () => {
    const { payment } = await counter.ask()
    const open = {
      'checkout.session': { status: 'open', payment_status: 'unpaid', client_reference_id: payment },
    }
    const looks = async (): Promise<number> => (await pass(open)).filter((one) => one.includes('cs_')).length
    stage.skip(6_000)
    assert.equal(await looks(), 1)
    assert.equal(await looks(), 0, 'not twice in a row')
    stage.skip(30 * 60_000)
    assert.equal(await looks(), 1)
    stage.skip(60_000)
    assert.equal(await looks(), 0, 'a minute is no time for a page of half an hour')
    stage.skip(30 * 60_000)
    const closed = { status: 'expired', payment_status: 'unpaid', client_reference_id: payment }
    await pass({ 'checkout.session': closed })
    assert.equal((await store.read((tx) => payments.payment(tx, payment)))?.state, 'expired')
    stage.skip(24 * 3_600_000)
    assert.equal(await looks(), 0)
  })

  it('makes a refund that was asked for, also when the answer was lost once', async () => {
    const { organization, payment } = await counter.ask()
    await counter.send(stripeEvent('evt_paid', 'checkout.session.completed', stripeSession(payment)))
    const id = await store.transact(async (tx) => tx.newId('refund'))
    await store.transact((tx) => askRefund(tx, { id, payment, amount: units(8n), by: counter.person }))

    // Nobody is there: it is asked again later, and the wallet has given it meanwhile.
    await assert.rejects(cashierAt('http://127.0.0.1:9').pass(signal), {
      message: /asking the payment vendor failed/,
    })
    assert.deepEqual((await pass(none)).filter(isRefundMade), [], 'not before a minute')
    assert.deepEqual((await counter.books(organization, payment)).returns, ['refund 8 asked'])

    stage.skip(61_000)
    const asked = await pass({ refund: { metadata: {}, payment_intent: `pi_${payment}` } })
    assert.deepEqual(asked.filter(isRefundMade), ['POST /v1/refunds'])
    assert.deepEqual(await counter.books(organization, payment), {
      ...{ state: 'paid', posted: units(12n), owed: 0n, cash: units(12n), returns: ['refund 8 gone'] },
    })
    stage.skip(3_600_000)
    assert.deepEqual((await pass(none)).filter(isRefundMade), [], 'it is made')
  })

  it('finds a refund again that was made before we fell', async () => {
    const { organization, payment } = await counter.ask()
    await counter.send(stripeEvent('evt_paid2', 'checkout.session.completed', stripeSession(payment)))
    const id = await store.transact(async (tx) => tx.newId('refund'))
    await store.transact((tx) => askRefund(tx, { id, payment, amount: units(8n), by: counter.person }))
    const asked = await pass({
      refund: {
        ...{ id: `re_${payment}`, amount: 800, payment_intent: `pi_${payment}` },
        metadata: { gpuhour_refund: id },
      },
    })
    assert.deepEqual(asked.filter(isRefundMade), [], 'it is not made a second time')
    const books = await counter.books(organization, payment)
    assert.deepEqual([books.posted, books.returns], [units(12n), ['refund 8 gone']])
  })

  it('hears of events that never arrived', async () => {
    const { organization, payment } = await counter.ask()
    const event = stripeEvent('evt_missed', 'checkout.session.completed', stripeSession(payment))
    await pass({ event: { ...event } })
    assert.equal((await counter.books(organization, payment)).posted, units(20n))
    assert.equal(await counter.send(event), false, 'it was dealt with')
  })
})

function isRefundMade(asked: string): boolean {
  return asked === 'POST /v1/refunds'
}

it('without a vendor there is nobody to ask', async () => {
  const cashier = makeCashier({ store, payments: grantPayments, installation, clock })
  assert.deepEqual(await cashier.pass(signal), { looked: 0, refunds: 0, missed: 0 })
})

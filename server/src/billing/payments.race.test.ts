import assert from 'node:assert/strict'
import { after, it } from 'node:test'
import { stripeDispute, stripeEvent, stripeRefund, stripeSession } from '../payments/testing.ts'
import { askRefund } from './refunds.ts'
import { Counter, units } from './testing.payments.ts'
import { Stage } from './testing.ts'

const stage = await Stage.open()
const counter = await Counter.open(stage)
after(() => stage.close())

it('the same events at once, many times: one credit, one refund, one chargeback', async () => {
  for (let round = 0; round < 10; round += 1) {
    const { organization, payment } = await counter.ask()
    const events = [
      stripeEvent(`evt_c${payment}`, 'checkout.session.completed', stripeSession(payment)),
      stripeEvent(`evt_r${payment}`, 'refund.created', stripeRefund(`re_${payment}`, payment, 300)),
      stripeEvent(
        `evt_d${payment}`,
        'charge.dispute.closed',
        stripeDispute(`dp_${payment}`, payment, 700, { status: 'lost' }),
      ),
    ]
    const sent = await Promise.all([...events, ...events, ...events].map((event) => counter.send(event)))
    assert.equal(sent.filter(Boolean).length, events.length)
    assert.deepEqual(await counter.books(organization, payment), {
      ...{ state: 'paid', posted: units(10n), owed: 0n, cash: units(10n) },
      returns: ['dispute 7 gone', 'refund 3 gone'],
    })
  }
})

it('a payment and its refund that are learned in the same moment do not miss each other', async () => {
  for (let round = 0; round < 20; round += 1) {
    const { organization, payment } = await counter.ask()
    await Promise.all([
      counter.send(
        stripeEvent(`evt_1${payment}`, 'refund.created', stripeRefund(`re_${payment}`, payment, 2000)),
      ),
      counter.send(stripeEvent(`evt_2${payment}`, 'checkout.session.completed', stripeSession(payment))),
    ])
    assert.equal((await counter.books(organization, payment)).posted, 0n)
  }
})

it('operators who refund at once never send back more than was paid', async () => {
  const { organization, payment } = await counter.ask()
  await counter.send(stripeEvent('evt_paid', 'checkout.session.completed', stripeSession(payment)))
  const asked = await Promise.all(
    Array.from({ length: 8 }, () =>
      stage.store.transact((tx) =>
        askRefund(tx, { id: tx.newId('refund'), payment, amount: units(7n), by: counter.person }),
      ),
    ),
  )
  assert.equal(asked.filter(({ ok }) => ok).length, 2)
  assert.equal((await counter.books(organization, payment)).posted, units(6n))
  await stage.audit()
})

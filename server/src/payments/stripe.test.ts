import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { inspect } from 'node:util'
import { nanos } from '../kernel/money.ts'
import { instant } from '../kernel/time.ts'
import { systemClock } from '../kernel/clock.ts'
import { type CheckoutOrder, type PaymentEvent, PaymentsError } from './payments.ts'
import { grantPayments } from './grant.ts'
import { stripePayments } from './stripe.ts'
import { factsOf } from './stripe.facts.ts'
import {
  signed,
  startStripeMock,
  stripeDispute,
  stripeEvent,
  stripeRefund,
  stripeSession,
  testSecrets,
} from './testing.ts'

const signal = AbortSignal.timeout(120_000)
const order: CheckoutOrder = {
  ...{
    id: 'pay_1',
    installation: 'plt_1',
    amount: nanos(20_000_000_000n),
    currency: 'USD',
    title: 'balance',
  },
  ...{ successUrl: 'http://localhost/paid', cancelUrl: 'http://localhost/left' },
  expiresAt: instant(systemClock.now() + 3_600_000),
}

const mock = await startStripeMock({
  'checkout.session': {
    ...{ status: 'complete', payment_status: 'paid', payment_intent: 'pi_1', mode: 'payment' },
    ...{ amount_total: 2000, currency: 'usd', client_reference_id: 'pay_1', metadata: {} },
  },
  payment_intent: { id: 'pi_1', status: 'succeeded' },
  refund: { payment_intent: 'pi_1', metadata: { gpuhour_refund: 'rfd_made' }, amount: 300 },
  dispute: { payment_intent: 'pi_1', amount: 700, status: 'lost' },
})
const skip = typeof mock === 'string' ? mock : false
const apiBase = typeof mock === 'string' ? 'http://127.0.0.1:9' : mock.apiBase
after(async () => {
  if (typeof mock !== 'string') await mock.stop()
})

const payments = stripePayments({ ...testSecrets, apiBase })

describe('against Stripe’s own stand-in', { skip }, () => {
  it('opens a page: Stripe’s specification accepts everything that we send', async () => {
    const { id, url } = await payments.checkout(order, signal)
    assert.match(id, /^cs_/)
    assert.match(url, /^https:\/\/checkout\.stripe\.com\//)
  })

  it('a look tells of the payment and of everything that went back', async () => {
    const facts = await payments.lookUp('cs_abc', signal)
    assert.deepEqual(facts, [
      {
        ...{ kind: 'checkout', checkout: 'cs_abc', payment: 'pay_1', installation: null, state: 'paid' },
        ...{ intent: 'pi_1', amount: 20_000_000_000n, currency: 'USD' },
      },
      {
        ...{ kind: 'return', what: 'refund', id: 're_1Pgc72B7WZ01zgkWqPvrRrPE', intent: 'pi_1' },
        ...{ ours: 'rfd_made', amount: 3_000_000_000n, currency: 'USD' },
        ...{ isBegun: true, isUndone: false, status: 'succeeded' },
      },
      {
        ...{ kind: 'return', what: 'dispute', id: 'dp_1Pgc71B7WZ01zgkWMevJiAUx', intent: 'pi_1', ours: null },
        ...{ amount: 7_000_000_000n, currency: 'USD', isBegun: true, isUndone: false, status: 'lost' },
      },
    ])
  })

  it('a refund is made, and one that was made before is found instead', async () => {
    const asked = { intent: 'pi_1', amount: nanos(5_000_000_000n) }
    const made = await payments.refund({ ...asked, id: 'rfd_new' }, signal)
    assert.equal(made.amount, 5_000_000_000n)
    const found = await payments.refund({ ...asked, id: 'rfd_made' }, signal)
    assert.equal(found.amount, 3_000_000_000n, 'the one in Stripe’s list')
  })

  it('past events can be read, also where they concern nobody here', async () => {
    const [event] = await payments.eventsSince(instant(0), signal)
    assert.deepEqual(event?.facts, [])
  })

  it('a refusal is an answer; a wrong key and nobody there are not, and no key is repeated', async () => {
    const asked = { id: 'rfd_x', intent: 'pi_1', amount: nanos(5_000_000_000n) }
    const wrongKey = stripePayments({ secretKey: 'sk_', webhookSecret: 'x', apiBase })
    const nobody = stripePayments({ ...testSecrets, apiBase: 'http://127.0.0.1:9' })
    const cases = [
      ['vendor_refused', () => payments.checkout({ ...order, expiresAt: instant(Number.NaN) }, signal)],
      ['vendor_unavailable', () => wrongKey.refund(asked, signal)],
      ['vendor_unavailable', () => nobody.lookUp('cs_1', signal)],
    ] as const
    for (const [code, ask] of cases)
      await assert.rejects(ask, (error) => {
        assert.ok(error instanceof PaymentsError)
        assert.equal(error.code, code, error.message)
        const everything = inspect(error, { showHidden: true, depth: 5 })
        assert.doesNotMatch(everything, /\bsk_|\bwhsec_|Bearer/)
        return true
      })
  })
})

describe('events', () => {
  const event = stripeEvent('evt_1', 'checkout.session.completed', stripeSession('pay_1'))
  const at = instant(Date.parse('2026-11-27T00:00:00Z'))
  const read = (one: { body: string; signature: string }, now = at): PaymentEvent | null =>
    payments.readEvent(one.body, one.signature, now)

  it('are believed when they are signed, for five minutes by our clock', () => {
    const good = signed(event, at)
    assert.equal(read(good)?.id, 'evt_1')
    assert.equal(read(good, instant(at + 300_000))?.id, 'evt_1')
    assert.equal(read(good, instant(at + 301_000)), null)
    assert.equal(read({ ...good, body: good.body.replace('2000', '9000') }), null)
    assert.equal(read({ ...good, signature: '' }), null)
    assert.equal(read({ ...good, signature: good.signature.replace('v1=', 'v0=') }), null)
    assert.equal(read({ ...good, signature: `t=${at / 1000},v1=${'0'.repeat(64)}` }), null)
    const other = stripePayments({ ...testSecrets, webhookSecret: 'whsec_other', apiBase: null })
    assert.equal(other.readEvent(good.body, good.signature, at), null)
    assert.equal(read(signed([], at)), null)
  })

  it('tell what their object says', () => {
    const cases: readonly (readonly [type: string, object: object, told: string])[] = [
      ['checkout.session.completed', stripeSession('p'), 'paid'],
      ['checkout.session.async_payment_succeeded', stripeSession('p'), 'paid'],
      ['checkout.session.completed', stripeSession('p', { payment_status: 'unpaid' }), 'processing'],
      ['checkout.session.async_payment_failed', stripeSession('p', { payment_status: 'unpaid' }), 'failed'],
      [
        'checkout.session.expired',
        stripeSession('p', { payment_status: 'unpaid', status: 'expired', payment_intent: null }),
        'expired',
      ],
      ['refund.created', stripeRefund('re', 'p', 1, { status: 'pending' }), 'gone'],
      ['refund.updated', stripeRefund('re', 'p', 1), 'gone'],
      ['refund.failed', stripeRefund('re', 'p', 1, { status: 'failed' }), 'gone and back'],
      ['refund.updated', stripeRefund('re', 'p', 1, { status: 'canceled' }), 'gone and back'],
      ['charge.refund.updated', stripeRefund('re', 'p', 1), 'gone'],
      ['charge.refunded', { object: 'charge', id: 'ch', payment_intent: { id: 'pi_p' } }, 'look at pi_p'],
      ['charge.refunded', { object: 'charge', id: 'ch', payment_intent: null }, ''],
      ['charge.dispute.created', stripeDispute('dp', 'p', 1), 'contested'],
      [
        'charge.dispute.created',
        stripeDispute('dp', 'p', 1, { status: 'warning_needs_response' }),
        'contested',
      ],
      ['charge.dispute.closed', stripeDispute('dp', 'p', 1, { status: 'warning_closed' }), 'contested'],
      ['charge.dispute.funds_withdrawn', stripeDispute('dp', 'p', 1), 'gone'],
      [
        'charge.dispute.updated',
        stripeDispute('dp', 'p', 1, { balance_transactions: [{ amount: -1 }] }),
        'gone',
      ],
      ['charge.dispute.closed', stripeDispute('dp', 'p', 1, { status: 'lost' }), 'gone'],
      ['charge.dispute.closed', stripeDispute('dp', 'p', 1, { status: 'won' }), 'back'],
      ['charge.dispute.funds_reinstated', stripeDispute('dp', 'p', 1), 'back'],
      ['checkout.session.completed', stripeSession('p', { mode: 'subscription' }), ''],
      ['checkout.session.completed', { object: 'checkout.session', id: 'cs' }, 'unreadable'],
      ['refund.created', { object: 'refund' }, 'unreadable'],
    ]
    for (const [type, object, told] of cases) assert.equal(tale(factsOf(object, type)), told, type)
  })

  it('of kinds that nobody hears tell nothing', () => {
    const other = signed(stripeEvent('evt_2', 'customer.created', { id: 'cus_1', object: 'customer' }), at)
    assert.deepEqual(read(other)?.facts, [])
  })
})

function tale(facts: ReturnType<typeof factsOf>): string {
  if (facts === null) return 'unreadable'
  return facts
    .map((fact) => {
      if (fact.kind === 'look') return `look at ${fact.intent}`
      if (fact.kind === 'checkout') return fact.state
      const { isBegun, isUndone } = fact
      if (isUndone) return isBegun ? 'gone and back' : 'back'
      return isBegun ? 'gone' : 'contested'
    })
    .join()
}

it('without a vendor every command is refused, and nothing is believed', async () => {
  const refusal = { code: 'not_set_up', message: /grant/ }
  await assert.rejects(grantPayments.checkout(order, signal), refusal)
  await assert.rejects(grantPayments.lookUp('cs_1', signal), refusal)
  const good = signed({})
  assert.equal(grantPayments.readEvent(good.body, good.signature, systemClock.now()), null)
})

import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { SimulatedClock, systemClock } from '../kernel/clock.ts'
import { stripePayments } from '../payments/stripe.ts'
import { type SignedEvent, signed, stripeEvent, stripeSession, testSecrets } from '../payments/testing.ts'
import { deliver, openVendor } from './testing.payments.ts'
import { freshId, testApi } from './testing.ts'

const vendor = await openVendor()
const { skip } = vendor
const clock = new SimulatedClock(systemClock.now())
// Events are read without asking anybody, so these tests need no stand-in.
const asked = skip ? stripePayments({ ...testSecrets, apiBase: 'http://127.0.0.1:9' }) : vendor.payments
const api = await testApi(clock, undefined, asked)
const off = await testApi()
after(async () => {
  await api.close()
  await off.close()
  await vendor.close()
})
const { organization } = api.demo
const params = { organization }

const completed = (id: string, payment: string): SignedEvent =>
  signed(stripeEvent(id, 'checkout.session.completed', stripeSession(payment)), clock.now())

const dollars = (amount: bigint): string => String(amount * 1_000_000_000n)
const newPayment = (amount = 20n) =>
  ({ id: freshId('payment'), amountNanos: dollars(amount), currency: 'USD' }) as const

async function balance(): Promise<bigint> {
  return BigInt((await api.operator.getBalance({ params })).postedNanos)
}

describe('paying by card', { skip }, () => {
  it('opens a page of Stripe’s; the event puts the money into the balance, once', async () => {
    const before = await balance()
    const asked = newPayment()
    const opened = await api.operator.createPayment({ params, body: asked })
    assert.deepEqual([opened.state, opened.creditedAt], ['open', null])
    assert.match(opened.checkoutUrl ?? '', /^https:\/\/checkout\.stripe\.com\//)
    assert.deepEqual(await api.operator.createPayment({ params, body: asked }), opened)
    const event = completed('evt_1', asked.id)
    for (const _ of [1, 2, 3]) assert.equal((await deliver(api, event)).status, 200)
    const paid = await api.operator.getPayment({ params: { payment: asked.id } })
    assert.deepEqual([paid.state, paid.checkoutUrl, paid.refundableNanos], ['paid', null, dollars(20n)])
    assert.equal((await balance()) - before, 20_000_000_000n)
    const { items } = await api.operator.listPayments({ params })
    assert.deepEqual(items[0], paid)
    const told = await api.operator.listNotices({ params })
    assert.ok(told.items.some(({ type, subject }) => type === 'payment.received' && subject === asked.id))
  })

  it('a refund goes back by the vendor, and is seen at once', async () => {
    const asked = newPayment()
    await api.operator.createPayment({ params, body: asked })
    await deliver(api, completed('evt_2', asked.id))
    const before = await balance()
    const refund = { id: freshId('refund'), amountNanos: dollars(5n) }
    const input = { params: { payment: asked.id }, body: refund }
    const shown = await api.operator.refundPayment(input)
    assert.deepEqual(
      shown.returns.map(({ id, kind, state }) => [id, kind, state]),
      [[refund.id, 'refund', 'asked']],
    )
    assert.deepEqual(await api.operator.refundPayment(input), shown)
    assert.equal(before - (await balance()), 5_000_000_000n)
    const more = { ...input, body: { id: freshId('refund'), amountNanos: dollars(16n) } }
    await assert.rejects(api.operator.refundPayment(more), { code: 'invalid_state', message: /15\.00 USD/ })
    const other = { ...input, body: { ...refund, amountNanos: dollars(6n) } }
    await assert.rejects(api.operator.refundPayment(other), { code: 'conflict' })
  })

  it('who may not, cannot; amounts have bounds, in the currency of the organization', async () => {
    for (const role of ['member', 'viewer'] as const) {
      const { client } = await api.person(role)
      await assert.rejects(client.createPayment({ params, body: newPayment() }), { code: 'forbidden' })
    }
    const { client } = await api.person('billing')
    const { id } = await client.createPayment({ params, body: newPayment(5n) })
    await assert.rejects(client.refundPayment({ params: { payment: id }, body: { id: freshId('refund') } }), {
      code: 'forbidden',
    })
    for (const amountNanos of [dollars(4n), dollars(10_001n), '20000000001', '0', '-1', '1.5'])
      await assert.rejects(client.createPayment({ params, body: { ...newPayment(), amountNanos } }), {
        code: 'invalid_request',
      })
    const euros = { ...newPayment(), currency: 'EUR' } as const
    await assert.rejects(client.createPayment({ params, body: euros }), { code: 'invalid_request' })
  })
})

describe('the address for events', () => {
  it('takes what is signed, needs nobody to be signed in, and answers the same to the unknown', async () => {
    assert.equal((await deliver(api, completed('evt_3', 'pay_unknown'))).status, 200)
    const other = signed(
      stripeEvent('evt_4', 'customer.created', { id: 'cus', object: 'customer' }),
      clock.now(),
    )
    assert.equal((await deliver(api, other)).status, 200)
    const unreadable = signed(stripeEvent('evt_5', 'refund.created', { object: 'refund' }), clock.now())
    assert.equal((await deliver(api, unreadable)).status, 200)
  })

  it('refuses what is not, or is too old, or too large', async () => {
    const good = completed('evt_6', 'pay_unknown')
    assert.equal((await deliver(api, { ...good, signature: '' })).status, 400)
    assert.equal((await deliver(api, { ...good, body: `${good.body} ` })).status, 400)
    const old = stripeEvent('evt_7', 'checkout.session.completed', stripeSession('pay_unknown'))
    assert.equal((await deliver(api, signed(old, clock.now() - 301_000))).status, 400)
    assert.equal((await deliver(api, { ...good, body: 'x'.repeat(600_000) })).status, 413)
    const page = { headers: { 'stripe-signature': good.signature, origin: 'https://evil.example' } }
    assert.equal((await deliver(api, good, page)).status, 403)
  })

  it('is slow for who cannot sign, and not for who can', async () => {
    const good = completed('evt_8', 'pay_unknown')
    for (let count = 0; count < 80; count += 1) assert.equal((await deliver(api, good)).status, 200)
    const statuses = new Set<number>()
    for (let count = 0; count < 80; count += 1)
      statuses.add((await deliver(api, { ...good, signature: 't=1,v1=0' })).status)
    assert.deepEqual(statuses, new Set([400, 429]))
    await clock.advance(60_000)
    assert.equal((await deliver(api, completed('evt_9', 'pay_unknown'))).status, 200)
  })
})

describe('a platform without card payments', () => {
  it('says so, and who can help', async () => {
    const input = { params: { organization: off.demo.organization }, body: newPayment() }
    await assert.rejects(off.operator.createPayment(input), { code: 'invalid_state', message: /grant/ })
    assert.equal((await off.operator.listPayments({ params: input.params })).items.length, 0)
    assert.equal((await off.operator.getPlatform()).payments.way, 'grant')
    assert.equal((await api.operator.getPlatform()).payments.way, 'card')
    assert.equal((await deliver(off, completed('evt_x', 'pay_unknown'))).status, 404)
  })
})

describe('promo codes', () => {
  const terms = { amountNanos: dollars(5n), currency: 'USD', redemptionsMax: 100 } as const

  it('are made by an operator and redeemed by who may', async () => {
    const body = { ...terms, id: freshId('promoCode'), creditDays: 30 }
    const made = await api.operator.createPromoCode({ body })
    assert.deepEqual(await api.operator.createPromoCode({ body }), made)
    const before = await balance()
    const redeeming = { params, body: { id: freshId('redemption'), code: made.code.toLowerCase() } }
    const { client: member } = await api.person('member')
    await assert.rejects(member.redeemPromoCode(redeeming), { code: 'forbidden' })
    const redeemed = await api.operator.redeemPromoCode(redeeming)
    assert.deepEqual([redeemed.code, redeemed.amountNanos], [made.code, dollars(5n)])
    assert.ok(redeemed.expiresAt)
    assert.deepEqual(await api.operator.redeemPromoCode(redeeming), redeemed)
    assert.equal((await balance()) - before, 5_000_000_000n)
    const { items } = await api.operator.listPromoCodes()
    assert.deepEqual(
      items.map(({ id, redemptions }) => [id, redemptions]),
      [[made.id, 1]],
    )
    const ended = await api.operator.withdrawPromoCode({ params: { promoCode: made.id } })
    assert.equal(ended.state, 'withdrawn')
  })

  it('that give nothing are all answered alike, and guessing them is slow', async () => {
    const gone = { ...terms, id: freshId('promoCode'), code: 'ENDED-26' }
    await api.operator.createPromoCode({ body: gone })
    await api.operator.withdrawPromoCode({ params: { promoCode: gone.id } })
    await api.operator.createPromoCode({ body: { ...terms, id: freshId('promoCode'), code: 'RIGHT-26' } })
    const { secret } = await api.person('owner')
    const guess = async (code: string): Promise<readonly [number, unknown]> => {
      const answer = await api.ask(`/v1/organizations/${organization}/redemptions`, {
        ...{ method: 'POST', secret, headers: { 'content-type': 'application/json' } },
        body: JSON.stringify({ id: freshId('redemption'), code }),
      })
      const { requestId: _, instance: __, ...rest }: Record<string, unknown> = JSON.parse(await answer.text())
      return [answer.status, rest]
    }
    const [status, nobodys] = await guess('NOBODYS')
    assert.equal(status, 404)
    assert.deepEqual(await guess('ENDED-26'), [404, nobodys])
    for (const code of ['A-1', 'A-2', 'A-3']) assert.equal((await guess(code))[0], 404)
    assert.equal((await guess('RIGHT-26'))[0], 429, 'a guess too many, even where it is right')
    await clock.advance(60_000)
    assert.equal((await guess('RIGHT-26'))[0], 201)
  })
})

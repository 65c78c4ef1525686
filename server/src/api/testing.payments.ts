import assert from 'node:assert/strict'
import type { RouteName } from '@gpuhour/sdk/contract'
import { payment as paymentRow } from '../billing/payments.ts'
import { asId, type OrganizationId } from '../kernel/ids.ts'
import { grantPayments } from '../payments/grant.ts'
import type { Payments } from '../payments/payments.ts'
import { stripePayments } from '../payments/stripe.ts'
import {
  type SignedEvent,
  signed,
  startStripeMock,
  stripeEvent,
  stripeSession,
  testSecrets,
} from '../payments/testing.ts'
import { freshId, type TestApi } from './testing.ts'

/** A payment vendor behind the app of a test: Stripe's own stand-in. */
export interface TestVendor {
  /** Where the stand-in cannot be had: of a platform without card payments. */
  readonly payments: Payments
  /** Why what needs its pages cannot be tested; false: it can. */
  readonly skip: string | false
  close(): Promise<void>
}

/** Starts one. */
export async function openVendor(): Promise<TestVendor> {
  const mock = await startStripeMock()
  if (typeof mock === 'string') return { payments: grantPayments, skip: mock, close: async () => {} }
  return {
    payments: stripePayments({ ...testSecrets, apiBase: mock.apiBase }),
    skip: false,
    close: () => mock.stop(),
  }
}

/** Sends the app an event as Stripe does. */
export function deliver(
  api: TestApi,
  { body, signature }: SignedEvent,
  more: object = {},
): Promise<Response> {
  const headers = { 'stripe-signature': signature, 'content-type': 'application/json' }
  return api.ask('/stripe/events', { method: 'POST', body, headers, ...more })
}

/** Somebody pays on the vendor's page, or whatever else the session says. */
export async function pay(api: TestApi, payment: string, changes: object = {}): Promise<void> {
  const row = await api.store.read((tx) => paymentRow(tx, asId('payment', payment)))
  const session = stripeSession(payment, { id: row?.checkout, ...changes })
  const answer = await deliver(
    api,
    signed(stripeEvent(`evt_${payment}`, 'checkout.session.completed', session)),
  )
  assert.equal(answer.status, 200)
}

/** The routes that need a page of the vendor's. */
export const byCard: readonly RouteName[] = ['createPayment', 'getPayment', 'refundPayment']

/** The payment that the cases below are about. */
export const paymentId = freshId('payment')
const promoCodeId = freshId('promoCode')

/** What the contract's test tries the routes of payments and promo codes with. */
export function paymentCases(organization: OrganizationId, memberSecret: string) {
  const params = { organization }
  const refused = [memberSecret, 403] as const
  const newPayment = { id: paymentId, amountNanos: '20000000000', currency: 'USD' }
  const newCode = { id: promoCodeId, code: 'WELCOME', amountNanos: '5000000000', currency: 'USD' }
  return {
    createPayment: {
      ...{ params, body: newPayment, status: 201, refused },
      malformed: { body: { ...newPayment, amountNanos: '20000000001' } },
    },
    listPayments: { params, malformed: { query: { cursor: 'AAAA' } } },
    getPayment: { params: { payment: paymentId } },
    refundPayment: {
      params: { payment: paymentId },
      body: { id: freshId('refund'), amountNanos: '5000000000' },
      ...{ status: 201, refused },
      malformed: { body: { id: freshId('refund'), amountNanos: '0' } },
    },
    listPaymentTroubles: { refused },
    createPromoCode: {
      ...{ body: { ...newCode, redemptionsMax: 10 }, status: 201, refused },
      malformed: { body: { ...newCode, code: 'a b', amountNanos: '5', redemptionsMax: 0 } },
    },
    redeemPromoCode: {
      ...{ params, body: { id: freshId('redemption'), code: 'welcome' }, status: 201, refused },
      malformed: { body: { id: freshId('redemption'), code: '' } },
    },
    listPromoCodes: { refused },
    withdrawPromoCode: { params: { promoCode: promoCodeId }, refused },
  } as const
}

import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { nanosPerUnit } from '../kernel/money.ts'
import { stripeDispute, stripeEvent, stripeRefund, stripeSession } from '../payments/testing.ts'
import { type Books, Counter, units } from './testing.payments.ts'
import { Stage } from './testing.ts'

// Whatever the order in which the vendor's events arrive, and however often each does, the books end the
// same: on the real database, by the signed events themselves.

const stage = await Stage.open()
const counter = await Counter.open(stage)
after(() => stage.close())

/** An event of a story about a payment, before it has ids. */
type Told = (payment: string) => readonly [type: string, object: object]

const unpaid = { payment_status: 'unpaid' }
const completed: Told = (p) => ['checkout.session.completed', stripeSession(p)]
const pending: Told = (p) => ['checkout.session.completed', stripeSession(p, unpaid)]
const laterPaid: Told = (p) => ['checkout.session.async_payment_succeeded', stripeSession(p)]
const laterFailed: Told = (p) => ['checkout.session.async_payment_failed', stripeSession(p, unpaid)]
const expired: Told = (p) => [
  'checkout.session.expired',
  stripeSession(p, { ...unpaid, status: 'expired', payment_intent: null }),
]
const otherAmount: Told = (p) => ['checkout.session.completed', stripeSession(p, { amount_total: 1900 })]
const otherCurrency: Told = (p) => ['checkout.session.completed', stripeSession(p, { currency: 'eur' })]
const refund =
  (type: string, status: string, dollars = 5, name = 're'): Told =>
  (p) => [`refund.${type}`, stripeRefund(`${name}_${p}`, p, dollars * 100, { status })]
const charge: Told = (p) => [
  'charge.refunded',
  { object: 'charge', id: `ch_${p}`, payment_intent: `pi_${p}` },
]
const dispute =
  (type: string, status: string, dollars = 20): Told =>
  (p) => [`charge.dispute.${type}`, stripeDispute(`dp_${p}`, p, dollars * 100, { status })]

interface Story {
  readonly name: string
  readonly told: readonly Told[]
  readonly ends: Omit<Books, 'cash'>
}

function story(
  name: string,
  told: readonly Told[],
  state: string,
  posted: bigint,
  owed: bigint,
  ...returns: readonly string[]
): Story {
  return { name, told, ends: { state, posted: units(posted), owed: units(owed), returns } }
}

const stories: readonly Story[] = [
  story('paid', [completed, pending, laterPaid], 'paid', 20n, 0n),
  story(
    'paid after all, though its page was thought expired',
    [completed, expired, pending],
    'paid',
    20n,
    0n,
  ),
  story('failed after days', [pending, laterFailed], 'failed', 0n, 0n),
  story('nobody paid', [expired], 'expired', 0n, 0n),
  story(
    'another amount than asked',
    [otherAmount, refund('created', 'pending')],
    'mismatched',
    0n,
    0n,
    'refund 5 gone',
  ),
  story('another currency than asked', [otherCurrency], 'mismatched', 0n, 0n),
  story(
    'refunded in part',
    [completed, refund('created', 'pending'), refund('updated', 'succeeded'), charge],
    ...(['paid', 15n, 0n, 'refund 5 gone'] as const),
  ),
  story(
    'a refund that failed',
    [completed, refund('created', 'pending'), refund('updated', 'succeeded'), refund('failed', 'failed')],
    ...(['paid', 20n, 0n, 'refund 5 undone'] as const),
  ),
  story(
    'a dispute that was lost',
    [
      completed,
      dispute('created', 'needs_response'),
      dispute('funds_withdrawn', 'needs_response'),
      dispute('closed', 'lost'),
    ],
    ...(['paid', 0n, 0n, 'dispute 20 gone'] as const),
  ),
  story(
    'a dispute that was won',
    [
      completed,
      dispute('created', 'needs_response'),
      dispute('funds_withdrawn', 'under_review'),
      dispute('funds_reinstated', 'won'),
      dispute('closed', 'won'),
    ],
    ...(['paid', 20n, 0n, 'dispute 20 undone'] as const),
  ),
  story(
    'a question of the bank that took nothing',
    [completed, dispute('created', 'warning_needs_response'), dispute('closed', 'warning_closed')],
    ...(['paid', 20n, 0n, 'dispute 20 contested'] as const),
  ),
  story(
    'refunded, and disputed as a whole: more than there was',
    [completed, refund('created', 'succeeded'), dispute('funds_withdrawn', 'needs_response')],
    ...(['paid', 0n, 5n, 'dispute 20 gone', 'refund 5 gone'] as const),
  ),
  story(
    'two refunds and a dispute that grew',
    [
      completed,
      refund('created', 'succeeded', 3, 'one'),
      refund('created', 'succeeded', 4, 'two'),
      dispute('funds_withdrawn', 'needs_response', 10),
      dispute('updated', 'under_review', 13),
    ],
    ...(['paid', 0n, 0n, 'dispute 13 gone', 'refund 3 gone', 'refund 4 gone'] as const),
  ),
]

/** Above this many events not every order is tried. */
const allOrdersMax = 5

function ordersOf<T>(of: readonly T[]): readonly (readonly T[])[] {
  if (of.length <= 1) return [of]
  return of.flatMap((first, index) => ordersOf(of.toSpliced(index, 1)).map((rest) => [first, ...rest]))
}

/** Sends the events of a story in an order that names them by number; the same number is the same event. */
async function endOf({ told }: Story, order: readonly number[]): Promise<Books> {
  const { organization, payment } = await counter.ask()
  const seen = new Set<number>()
  for (const index of order) {
    const [type, object] = told[index]?.(payment) ?? ['', {}]
    const isNew = await counter.send(stripeEvent(`evt_${index}_${payment}`, type, object))
    assert.equal(isNew, !seen.has(index), 'an event is dealt with once')
    seen.add(index)
  }
  return counter.books(organization, payment)
}

function checkEnd({ ends }: Story, books: Books): void {
  const cash = ends.posted - ends.owed
  assert.deepEqual(books, { ...ends, cash })
  assert.ok(cash % nanosPerUnit === 0n)
}

describe('every order of the vendor’s events ends in the same books', () => {
  for (const one of stories) {
    const all = one.told.map((_, index) => index)
    if (all.length <= allOrdersMax)
      it(`${one.name}: all orders`, async () => {
        for (const order of ordersOf(all)) checkEnd(one, await endOf(one, order))
      })
    it(`${one.name}: some twice`, async () => {
      const extra = fc.array(fc.nat(all.length - 1), { maxLength: 3 })
      const orders = extra.chain((twice) =>
        fc.shuffledSubarray([...all, ...twice], { minLength: all.length + twice.length }),
      )
      const runs = { numRuns: all.length > allOrdersMax ? 40 : 6 }
      await fc.assert(
        fc.asyncProperty(orders, async (order) => checkEnd(one, await endOf(one, order))),
        runs,
      )
    })
  }

  it('and the ledger’s own sums hold', () => stage.audit())
})

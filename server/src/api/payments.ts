import type { Payment } from '@gpuhour/sdk/contract'
import * as billing from '../billing/payments.ts'
import { leftOf, returnStateOf } from '../billing/payments.rules.ts'
import { askRefund } from '../billing/refunds.ts'
import { AppError, messageOf, notFound } from '../kernel/errors.ts'
import { asId, isId } from '../kernel/ids.ts'
import { formatAmount, nanos } from '../kernel/money.ts'
import { instant, minuteMs } from '../kernel/time.ts'
import { PaymentsError } from '../payments/payments.ts'
import type { Tx } from '../store/store.ts'
import * as tenancy from '../tenancy/tenancy.ts'
import type { Principal } from '../tenancy/rules.ts'
import { organizationFor, require } from './access.ts'
import { type Handlers, made, ok } from './calls.ts'
import { decodeCursor, pageOf, pageOfAll } from './pages.rules.ts'
import type { ApiParts } from './parts.ts'
import { shown } from './views.rules.ts'

/** What the page and the receipt of the payment vendor say is bought. */
const title = 'gpuhour balance'

/** Troubles that are shown: what nobody looked at for so long was settled some other way. */
const troublesMs = 90 * 24 * 60 * minuteMs
const troublesMax = 200

type Returns = Awaited<ReturnType<typeof billing.returnsOf>>

function paymentView(row: billing.PaymentRow, returns: Returns): Payment {
  const own = row.intent === null ? [] : (returns.get(row.intent) ?? [])
  const isPaid = row.creditedAt !== null
  return {
    id: row.id,
    organization: row.organization,
    amountNanos: String(row.amount),
    currency: row.currency,
    state: row.state,
    checkoutUrl: row.state === 'open' ? row.url : null,
    askedAt: shown(row.askedAt),
    expiresAt: shown(row.expiresAt),
    creditedAt: shown(row.creditedAt),
    vendorId: row.intent,
    refundableNanos: String(isPaid ? leftOf(row.amount, own) : 0n),
    returns: own.map((one) => ({
      id: one.id,
      kind: one.kind,
      state: returnStateOf(one),
      amountNanos: String(one.amount),
      at: shown(one.recordedAt),
      reason: one.refused,
    })),
  }
}

async function viewOf(tx: Tx, row: billing.PaymentRow): Promise<Payment> {
  return paymentView(row, await billing.returnsOf(tx, [row]))
}

/** The payment, if the principal may see what its organization pays. */
async function paymentFor(tx: Tx, principal: Principal, id: string): Promise<billing.PaymentRow> {
  const row = isId('payment', id) ? await billing.payment(tx, id) : null
  if (!row) throw notFound('payment', id)
  const { organization } = row
  require(principal, 'read_money', { kind: 'organization', organization }, 'payment', id)
  return row
}

function refusedAsk(reason: 'exists_with_different_amount' | 'too_many_open'): AppError {
  if (reason === 'too_many_open')
    return new AppError(
      'quota_exceeded',
      'Too many payments of this organization wait to be paid. Pay one of them, or wait an hour.',
    )
  return new AppError('conflict', 'Another payment has this id already. Use a new one.', {}, [
    { pointer: '/id', message: reason },
  ])
}

/** What the vendor could not do, in words for whoever wants to pay; what it said is for our log. */
function vendorTrouble(error: unknown, { log }: ApiParts, payment: string): AppError {
  if (!(error instanceof PaymentsError)) throw error
  log.warn({ payment, cause: messageOf(error), code: error.code }, 'the payment vendor opened no page')
  return new AppError(
    'unavailable',
    'The payment vendor opens no page just now. Nothing was paid. Try again in a minute, or ask an operator.',
  )
}

function createHandler(parts: ApiParts): Handlers['createPayment'] {
  const { store, payments, installation, consoleUrl, clock } = parts
  return async ({ principal, params, body, requestId, signal }) => {
    const asked = await store.transact(async (tx) => {
      const { id: organization, currency } = await organizationFor(
        tx,
        principal,
        'manage_money',
        params.organization,
      )
      if (currency !== body.currency)
        throw new AppError('invalid_request', `The organization’s currency is ${currency}.`, undefined, [
          { pointer: '/currency', message: `must be ${currency}` },
        ])
      if (payments.way === 'grant')
        throw new AppError(
          'invalid_state',
          'Card payments are not set up on this platform. Ask an operator: they can give a grant.',
        )
      const id = asId('payment', body.id)
      const amount = nanos(BigInt(body.amountNanos))
      const result = await billing.askPayment(tx, {
        id,
        organization,
        person: principal.person,
        amount,
        currency,
      })
      if (!result.ok) throw refusedAsk(result.reason)
      const change = { organization, principal, action: 'payment.create', target: id, requestId, after: body }
      if (result.isNew) await tenancy.audit(tx, change)
      return result
    })
    const { payment, isNew } = asked
    if (!billing.isAskable(payment, clock.now()))
      return made(isNew, await store.read((tx) => viewOf(tx, payment)))
    const backUrl = `${consoleUrl}/billing/payments/${payment.id}`
    const order = {
      ...{ id: payment.id, installation, amount: payment.amount, currency: payment.currency, title },
      successUrl: `${backUrl}?back=paid`,
      cancelUrl: `${backUrl}?back=left`,
      expiresAt: payment.expiresAt,
    }
    const checkout = await payments.checkout(order, signal).catch((error: unknown) => {
      throw vendorTrouble(error, parts, payment.id)
    })
    return made(
      isNew,
      await store.transact(async (tx) => viewOf(tx, await billing.pageOpened(tx, payment.id, checkout))),
    )
  }
}

function refundHandler({ store }: ApiParts): Handlers['refundPayment'] {
  return async ({ principal, params, body, requestId }) => {
    const answer = await store.transact(async (tx) => {
      const { id, organization, currency } = await paymentFor(tx, principal, params.payment)
      require(principal, 'operate', { kind: 'organization', organization }, 'payment', id)
      const refund = asId('refund', body.id)
      const amount = body.amountNanos === null ? null : nanos(BigInt(body.amountNanos))
      const result = await askRefund(tx, { id: refund, payment: id, amount, by: principal.person })
      if (!result.ok) throw refusedRefund(result, currency)
      const after = { payment: id, ...body }
      const change = { organization, principal, action: 'payment.refund', target: refund, requestId, after }
      if (result.isNew) await tenancy.audit(tx, change)
      return { isNew: result.isNew, view: await viewOf(tx, await paymentFor(tx, principal, id)) }
    })
    return made(answer.isNew, answer.view)
  }
}

type RefusedRefund = Extract<Awaited<ReturnType<typeof askRefund>>, { ok: false }>

function refusedRefund(refusal: RefusedRefund, currency: string): AppError {
  switch (refusal.reason) {
    case 'not_paid':
      return new AppError('invalid_state', 'The payment is not paid, so there is nothing to send back.')
    case 'exists_with_different_amount':
      return new AppError('conflict', 'Another refund has this id already. Use a new one.', {}, [
        { pointer: '/id', message: refusal.reason },
      ])
    case 'exceeds_payment':
    case 'exceeds_paid': {
      const most = `${formatAmount(refusal.most)} ${currency}`
      const why =
        refusal.reason === 'exceeds_payment'
          ? `Of this payment ${most} can still be sent back.`
          : `The organization has ${most} left of what it paid for; what was used or given is not refunded.`
      return new AppError('invalid_state', `${why} Refund at most that.`, {}, [
        { pointer: '/amountNanos', message: `must be at most ${refusal.most}` },
      ])
    }
  }
}

type PaymentRoutes = 'createPayment' | 'listPayments' | 'getPayment' | 'refundPayment' | 'listPaymentTroubles'

/** Payments by card, and what goes back of them. */
export function paymentHandlers(parts: ApiParts): Pick<Handlers, PaymentRoutes> {
  const { store } = parts
  return {
    createPayment: createHandler(parts),
    refundPayment: refundHandler(parts),

    listPayments: async ({ principal, params, query }) =>
      ok(
        await store.read(async (tx) => {
          const { id } = await organizationFor(tx, principal, 'read_money', params.organization)
          const after = decodeCursor(query.cursor, /^\d{1,15}\/pay_[0-9a-z]{1,60}$/)
          const [askedAt = '', last = ''] = after?.split('/') ?? []
          const rows = await billing.payments(tx, id, {
            after: after === null ? undefined : { askedAt: instant(Number(askedAt)), id: last },
            limit: query.limit + 1,
          })
          const returns = await billing.returnsOf(tx, rows)
          return pageOf(
            rows,
            query.limit,
            (row) => `${row.askedAt}/${row.id}`,
            (row) => paymentView(row, returns),
          )
        }),
      ),

    getPayment: async ({ principal, params }) =>
      ok(await store.read(async (tx) => viewOf(tx, await paymentFor(tx, principal, params.payment)))),

    listPaymentTroubles: async ({ principal, query }) =>
      ok(
        await store.read(async (tx) => {
          require(principal, 'operate', { kind: 'platform' }, 'platform', '')
          const since = instant((await tx.now()) - troublesMs)
          const found = await billing.troubles(tx, since, troublesMax)
          return pageOfAll(
            found,
            query,
            ({ at, about }) => `${at}/${about}`,
            (one) => ({
              ...one,
              at: shown(one.at),
            }),
          )
        }),
      ),
  }
}

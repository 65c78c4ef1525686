import type { PromoCode, Redemption } from '@gpuhour/sdk/contract'
import * as billing from '../billing/promo_codes.ts'
import { promoCodeStateOf } from '../billing/promo_codes.rules.ts'
import { AppError, notFound } from '../kernel/errors.ts'
import { asId, isId } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import { type Instant, parseInstant } from '../kernel/time.ts'
import * as tenancy from '../tenancy/tenancy.ts'
import { organizationFor, require } from './access.ts'
import { type Handlers, made, ok } from './calls.ts'
import { type Limit, makeLimiter } from './limits.ts'
import { pageOfAll } from './pages.rules.ts'
import type { ApiParts } from './parts.ts'
import { shown } from './views.rules.ts'

/** Wrong codes of one person: some slips of the finger at once, then one a minute. */
export const guessLimit: Limit = { burst: 5, perSecond: 1 / 60 }

function promoCodeView(row: billing.PromoCodeRow, now: Instant): PromoCode {
  const { id, code, currency, creditDays, redemptions, redemptionsMax } = row
  return {
    ...{ id, code, state: promoCodeStateOf(row, now), amountNanos: String(row.amount), currency },
    expiresAt: shown(row.expiresAt),
    ...{ creditDays, redemptions, redemptionsMax },
    madeAt: shown(row.madeAt),
  }
}

function redemptionView(row: billing.RedemptionRow): Redemption {
  const { id, organization, code, currency } = row
  return {
    ...{ id, organization, code, amountNanos: String(row.amount), currency },
    at: shown(row.redeemedAt),
    expiresAt: shown(row.expiresAt),
  }
}

type Refused = Extract<Awaited<ReturnType<typeof billing.redeem>>, { ok: false }>['reason']

/** Of every code that gives nothing the same is said: whether there is one is not for guessers to learn. */
function refusedRedemption(reason: Refused): AppError {
  switch (reason) {
    case 'not_valid':
      return new AppError(
        'not_found',
        'This code is not valid, or not any more. Check how it is spelled.',
        {},
        [{ pointer: '/code', message: 'is not valid' }],
      )
    case 'redeemed_before':
      return new AppError('conflict', 'Your organization has redeemed this code before: once is all.', {}, [
        { pointer: '/code', message: 'was redeemed before' },
      ])
    case 'id_is_taken':
      return new AppError('conflict', 'Another redemption has this id already. Use a new one.', {}, [
        { pointer: '/id', message: 'was used for another code' },
      ])
  }
}

function redeemHandler({ store, clock }: ApiParts): Handlers['redeemPromoCode'] {
  const guesses = makeLimiter(guessLimit, clock)
  return async ({ principal, params, body, requestId }) => {
    const { person } = principal
    // Counted before the look, so that guesses that come at once are counted, too; a code that is right costs
    // nothing.
    const taken = guesses.take(person)
    if (!taken.allowed)
      throw new AppError('rate_limited', 'Too many codes that were not valid. Wait a minute, then try again.')
    const answer = await store.transact(async (tx) => {
      const { id: organization, currency } = await organizationFor(
        tx,
        principal,
        'manage_money',
        params.organization,
      )
      const id = asId('redemption', body.id)
      const result = await billing.redeem(tx, { id, organization, person, code: body.code, currency })
      if (!result.ok) throw refusedRedemption(result.reason)
      const after = { redemption: id, promoCode: result.redemption.promoCode }
      const change = { organization, principal, action: 'promo_code.redeem', target: id, requestId, after }
      if (result.isNew) await tenancy.audit(tx, change)
      return { isNew: result.isNew, view: redemptionView(result.redemption) }
    })
    guesses.giveBack(person)
    return made(answer.isNew, answer.view)
  }
}

function createHandler({ store }: ApiParts): Handlers['createPromoCode'] {
  return async ({ principal, body, requestId }) => {
    require(principal, 'operate', { kind: 'platform' }, 'platform', '')
    const answer = await store.transact(async (tx) => {
      const { code, currency, creditDays, redemptionsMax, expiresAt } = body
      const id = asId('promoCode', body.id)
      const result = await billing.makePromoCode(tx, {
        ...{ id, code, currency, creditDays, redemptionsMax },
        amount: nanos(BigInt(body.amountNanos)),
        expiresAt: expiresAt === null ? null : parseInstant(expiresAt),
        by: principal.person,
      })
      if (!result.ok)
        throw result.reason === 'code_is_taken'
          ? new AppError('conflict', 'There is such a code already. Choose another.', {}, [
              { pointer: '/code', message: 'is taken' },
            ])
          : new AppError('conflict', 'Another promo code has this id already. Use a new one.', {}, [
              { pointer: '/id', message: result.reason },
            ])
      const target = id
      const change = {
        organization: null,
        principal,
        action: 'promo_code.create',
        target,
        requestId,
        after: body,
      }
      if (result.isNew) await tenancy.audit(tx, change)
      return { isNew: result.isNew, view: promoCodeView(result.promoCode, await tx.now()) }
    })
    return made(answer.isNew, answer.view)
  }
}

type PromoCodeRoutes = 'createPromoCode' | 'listPromoCodes' | 'withdrawPromoCode' | 'redeemPromoCode'

/** Promo codes: an operator makes them, organizations redeem them. */
export function promoCodeHandlers(parts: ApiParts): Pick<Handlers, PromoCodeRoutes> {
  const { store } = parts
  return {
    redeemPromoCode: redeemHandler(parts),
    createPromoCode: createHandler(parts),

    listPromoCodes: async ({ principal, query }) =>
      ok(
        await store.read(async (tx) => {
          require(principal, 'operate', { kind: 'platform' }, 'platform', '')
          const now = await tx.now()
          return pageOfAll(
            await billing.promoCodes(tx),
            query,
            ({ id }) => id,
            (row) => promoCodeView(row, now),
          )
        }),
      ),

    withdrawPromoCode: async ({ principal, params, requestId }) =>
      ok(
        await store.transact(async (tx) => {
          require(principal, 'operate', { kind: 'platform' }, 'platform', '')
          const id = params.promoCode
          if (!isId('promoCode', id)) throw notFound('promo code', id)
          const row = await billing.withdrawPromoCode(tx, id)
          const change = {
            organization: null,
            principal,
            action: 'promo_code.withdraw',
            target: id,
            requestId,
          }
          await tenancy.audit(tx, change)
          return promoCodeView(row, await tx.now())
        }),
      ),
  }
}

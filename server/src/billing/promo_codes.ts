import { lock } from '../journal/journal.ts'
import { invariant, notFound } from '../kernel/errors.ts'
import { derivedId, type Id, newSecret, type OrganizationId, type PersonId } from '../kernel/ids.ts'
import type { Currency, Nanos } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import type { Tx } from '../store/store.ts'
import { credit } from './credits.ts'
import * as rows from './promo_codes.rows.ts'
import { codeOf, creditExpiresAt, isRedeemable } from './promo_codes.rules.ts'

export type { PromoCodeRow, RedemptionRow } from './promo_codes.rows.ts'

/** A code that an operator makes. */
export interface NewPromoCode {
  /** Made by the caller, so that a repeat finds the same. */
  readonly id: Id<'promoCode'>
  /** Null: one is made that nobody guesses. */
  readonly code: string | null
  readonly amount: Nanos
  readonly currency: Currency
  readonly expiresAt: Instant | null
  readonly creditDays: number | null
  readonly redemptionsMax: number
  readonly by: PersonId
}

/** What became of making a code. */
export type MakeResult =
  | { readonly ok: true; readonly isNew: boolean; readonly promoCode: rows.PromoCodeRow }
  | { readonly ok: false; readonly reason: 'exists_with_different_terms' | 'code_is_taken' }

/** Twelve digits of base32 are sixty bits: wrong guesses are slowed long before they come near. */
const madeCodeDigits = 12

function madeCode(): string {
  const digits = newSecret('').slice(0, madeCodeDigits).toUpperCase()
  return digits.replaceAll(/.{4}(?=.)/g, '$&-')
}

/** Makes a code; the same again finds it. */
export async function makePromoCode(tx: Tx, asked: NewPromoCode): Promise<MakeResult> {
  const { id, by: madeBy, amount, currency, expiresAt, creditDays, redemptionsMax } = asked
  const code = asked.code === null ? madeCode() : codeOf(asked.code)
  const terms = { id, code, amount, currency, expiresAt, creditDays, redemptionsMax, madeBy }
  const promoCode = { ...terms, redemptions: 0, madeAt: await tx.now(), withdrawnAt: null }
  if (await rows.insertPromoCode(tx, promoCode)) return { ok: true, isNew: true, promoCode }
  const there = await rows.selectPromoCode(tx, id)
  if (!there) return { ok: false, reason: 'code_is_taken' }
  const isSame =
    (asked.code === null || there.code === code) &&
    there.amount === amount &&
    there.currency === currency &&
    there.expiresAt === expiresAt &&
    there.creditDays === creditDays &&
    there.redemptionsMax === redemptionsMax
  if (!isSame) return { ok: false, reason: 'exists_with_different_terms' }
  return { ok: true, isNew: false, promoCode: there }
}

/** Every code, newest first. */
export async function promoCodes(tx: Tx): Promise<readonly rows.PromoCodeRow[]> {
  return rows.selectPromoCodes(tx)
}

/** Ends a code; what was redeemed stays. Throws `not_found`. */
export async function withdrawPromoCode(tx: Tx, id: Id<'promoCode'>): Promise<rows.PromoCodeRow> {
  await rows.updateWithdrawn(tx, id, await tx.now())
  const found = await rows.selectPromoCode(tx, id)
  if (!found) throw notFound('promo code', id)
  return found
}

/** Somebody redeems a code for an organization. */
export interface Redeeming {
  /** Made by the caller, so that a repeat finds the same. */
  readonly id: Id<'redemption'>
  readonly organization: OrganizationId
  readonly person: PersonId
  readonly code: string
  readonly currency: Currency
}

/** What became of redeeming a code. */
export type RedeemResult =
  | { readonly ok: true; readonly isNew: boolean; readonly redemption: rows.RedemptionRow }
  /** `not_valid` says nothing more: whether there is such a code is not for guessers to learn. */
  | { readonly ok: false; readonly reason: 'not_valid' | 'redeemed_before' | 'id_is_taken' }

/** Credits an organization with what a code gives: once, and never more often than the code allows. */
export async function redeem(tx: Tx, asked: Redeeming): Promise<RedeemResult> {
  const { id, organization, person, currency } = asked
  await lock(tx, organization)
  const text = codeOf(asked.code)
  const there = await rows.selectRedemption(tx, id)
  if (there) {
    const isSame = there.organization === organization && there.code === text
    return isSame ? { ok: true, isNew: false, redemption: there } : { ok: false, reason: 'id_is_taken' }
  }
  const found = await rows.lockPromoCode(tx, text)
  if (!found) return { ok: false, reason: 'not_valid' }
  if (await rows.isRedeemedBy(tx, found.id, organization)) return { ok: false, reason: 'redeemed_before' }
  const redeemedAt = await tx.now()
  if (!isRedeemable(found, currency, redeemedAt)) return { ok: false, reason: 'not_valid' }
  const expiresAt = creditExpiresAt(found.creditDays, redeemedAt)
  await rows.insertRedemption(tx, { id, promoCode: found.id, organization, person, redeemedAt, expiresAt })
  const result = await credit(tx, {
    ...{ organization, amount: found.amount, about: found.id, code: 'promo_code', kind: 'promo' },
    id: derivedId('transfer', id),
    expiresAt,
  })
  invariant(result.ok, 'a redemption is credited once', { redemption: id, result })
  const redemption = await rows.selectRedemption(tx, id)
  invariant(redemption, 'it was just written')
  return { ok: true, isNew: true, redemption }
}

import { sql } from 'kysely'
import type { Id, OrganizationId, PersonId } from '../kernel/ids.ts'
import type { Currency, Nanos } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'

/** A code that gives money to whoever redeems it. */
export interface PromoCodeRow {
  readonly id: Id<'promoCode'>
  readonly code: string
  readonly amount: Nanos
  readonly currency: Currency
  readonly expiresAt: Instant | null
  readonly creditDays: number | null
  readonly redemptions: number
  readonly redemptionsMax: number
  readonly madeBy: PersonId
  readonly madeAt: Instant
  readonly withdrawnAt: Instant | null
}

const promoCodeColumns = sql.raw(`id, code, amount, currency, expires_at as "expiresAt",
  credit_days as "creditDays", redemptions, redemptions_max as "redemptionsMax", made_by as "madeBy",
  made_at as "madeAt", withdrawn_at as "withdrawnAt"`)

/** Writes down a code; one whose id or text is there already stays as it is. */
export async function insertPromoCode(tx: Tx, row: PromoCodeRow): Promise<boolean> {
  const { rows } = await sql`
    insert into promo_code (id, code, amount, currency, expires_at, credit_days, redemptions_max, made_by,
      made_at)
    values (${row.id}, ${row.code}, ${row.amount.toString()}, ${row.currency}, ${at(row.expiresAt)},
      ${row.creditDays}, ${row.redemptionsMax}, ${row.madeBy}, ${at(row.madeAt)})
    on conflict do nothing returning id`.execute(tx.db)
  return rows.length > 0
}

export async function selectPromoCode(tx: Tx, id: Id<'promoCode'>): Promise<PromoCodeRow | null> {
  const { rows } = await sql<PromoCodeRow>`
    select ${promoCodeColumns} from promo_code where id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}

/** The code of this text, which then stays as it is until the transaction ends. */
export async function lockPromoCode(tx: Tx, code: string): Promise<PromoCodeRow | null> {
  const { rows } = await sql<PromoCodeRow>`
    select ${promoCodeColumns} from promo_code where code = ${code} for update`.execute(tx.db)
  return rows[0] ?? null
}

/** Newest first. */
export async function selectPromoCodes(tx: Tx): Promise<readonly PromoCodeRow[]> {
  const { rows } = await sql<PromoCodeRow>`
    select ${promoCodeColumns} from promo_code order by made_at desc, id desc`.execute(tx.db)
  return rows
}

export async function updateWithdrawn(tx: Tx, id: Id<'promoCode'>, withdrawnAt: Instant): Promise<void> {
  await sql`
    update promo_code set withdrawn_at = ${at(withdrawnAt)}
    where id = ${id} and withdrawn_at is null`.execute(tx.db)
}

/** A code that an organization has redeemed. */
export interface RedemptionRow {
  readonly id: Id<'redemption'>
  readonly promoCode: Id<'promoCode'>
  readonly organization: OrganizationId
  readonly person: PersonId
  readonly redeemedAt: Instant
  readonly expiresAt: Instant | null
  readonly code: string
  readonly amount: Nanos
  readonly currency: Currency
}

const redemptionColumns = sql.raw(`redemption.id, redemption.promo_code as "promoCode",
  redemption.organization, redemption.person, redemption.redeemed_at as "redeemedAt",
  redemption.expires_at as "expiresAt", promo_code.code, promo_code.amount, promo_code.currency`)

export async function selectRedemption(tx: Tx, id: Id<'redemption'>): Promise<RedemptionRow | null> {
  const { rows } = await sql<RedemptionRow>`
    select ${redemptionColumns} from redemption join promo_code on promo_code.id = redemption.promo_code
    where redemption.id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}

/** Has the organization redeemed this code before? */
export async function isRedeemedBy(
  tx: Tx,
  promoCode: Id<'promoCode'>,
  organization: OrganizationId,
): Promise<boolean> {
  const { rows } = await sql`
    select id from redemption where promo_code = ${promoCode} and organization = ${organization}`.execute(
    tx.db,
  )
  return rows.length > 0
}

/** Writes down that a code, which is locked, was redeemed, and counts it. */
export async function insertRedemption(
  tx: Tx,
  row: Pick<RedemptionRow, 'id' | 'promoCode' | 'organization' | 'person' | 'redeemedAt' | 'expiresAt'>,
): Promise<void> {
  await sql`
    insert into redemption (id, promo_code, organization, person, redeemed_at, expires_at)
    values (${row.id}, ${row.promoCode}, ${row.organization}, ${row.person}, ${at(row.redeemedAt)},
      ${at(row.expiresAt)})`.execute(tx.db)
  await sql`
    update promo_code set redemptions = redemptions + 1 where id = ${row.promoCode}`.execute(tx.db)
}

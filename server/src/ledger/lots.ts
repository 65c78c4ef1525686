import type { OrganizationId } from '../kernel/ids.ts'
import { formatInstant, type Instant, later } from '../kernel/time.ts'
import { emit } from '../notices/notices.ts'
import type { Tx } from '../store/store.ts'
import { applyOrThrow, currencyOf, lockWallet } from './ledger.ts'
import * as rows from './lots.rows.ts'
import { freeOf, hasLapsed, lapsesBefore, tellsLapseFrom } from './lots.rules.ts'
import { accountIdOf, type Transfer } from './rules.ts'

export type { LapsingRow, LotRow } from './lots.rows.ts'

/** Organizations of which a lot has lapsed at the instant, and something of it is neither used nor held. */
export async function organizationsLapsed(tx: Tx, now: Instant): Promise<readonly OrganizationId[]> {
  return rows.selectOrganizationsLapsed(tx, now)
}

/**
 * Takes what is left of an organization's lapsed lots and is not held: given money back to what was set aside
 * for it, bought money to breakage. Dated when it was lost: at the lot's date, or when a hold let go of it.
 * Answers how many lots; repeating it does nothing.
 */
export async function expire(tx: Tx, organization: OrganizationId): Promise<number> {
  const { accounts, asOf, lots } = await lockWallet(tx, organization)
  const lapsed = lots.filter((lot) => hasLapsed(lot, asOf) && freeOf(lot) > 0n)
  if (lapsed.length === 0) return 0
  const freed = await rows.selectFreed(
    tx,
    lapsed.map(({ id }) => id),
  )
  const lost = lapsed.map((lot): Transfer => {
    const { id, kind, expiresAt } = lot
    const since = later(expiresAt ?? asOf, freed.get(id) ?? expiresAt ?? asOf)
    return {
      kind: 'post',
      id: tx.newId('transfer'),
      debit: accounts.customer,
      credit: kind === 'promo' ? accounts.promoExpense : accounts.breakage,
      amount: freeOf(lot),
      code: 'expiry',
      bookedAt: since,
      about: id,
      from: { lapsed: id },
    }
  })
  await applyOrThrow(tx, lost, asOf)
  await tx.notify('billing', organization)
  return lost.length
}

/** Lots that will lapse soon, of which something is neither used nor held. */
export async function lapsingSoon(tx: Tx, now: Instant): Promise<readonly rows.LapsingRow[]> {
  const found = await rows.selectLapsing(tx, now, lapsesBefore(now))
  return found.filter((lot) => {
    const from = tellsLapseFrom(lot)
    return from !== null && from <= now
  })
}

/** Tells that a lot will lapse, once. */
export async function tellLapse(tx: Tx, lot: rows.LapsingRow): Promise<void> {
  const { id, owner: organization, currency, expiresAt } = lot
  if (expiresAt === null) return
  const data = { lot: id, currency, amountNanos: freeOf(lot), expiresAt: formatInstant(expiresAt) }
  await emit(tx, { organization, type: 'credit.expiring', subject: id, data, once: [id] })
}

/** What a page of an organization's lots is asked by. */
export interface LotPage {
  /** The last one of the page before. */
  readonly after?: { readonly recordedAt: Instant; readonly id: string } | undefined
  readonly limit: number
}

/** A page of an organization's lots, newest first, used up ones included. */
export async function lotsOf(
  tx: Tx,
  organization: OrganizationId,
  page: LotPage,
): Promise<readonly rows.LotRow[]> {
  const wallet = accountIdOf(organization, 'customer', await currencyOf(tx, organization))
  return rows.selectLotPage(tx, wallet, page.after ?? null, page.limit)
}

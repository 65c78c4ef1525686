import { canAfford } from '../billing/billing.ts'
import * as catalog from '../catalog/catalog.ts'
import { AppError } from '../kernel/errors.ts'
import type { OrganizationId } from '../kernel/ids.ts'
import { formatAmount } from '../kernel/money.ts'
import { currencyOf, walletOf } from '../ledger/ledger.ts'
import { bookInForce } from '../pricing/pricing.ts'
import { isPriced } from '../pricing/rules.ts'
import type { Tx } from '../store/store.ts'

/**
 * Refuses what costs more while storage is owed: until the debt is paid there is reading and export only
 * (`money.md` §3.7).
 */
export async function requireNoDebt(tx: Tx, organization: OrganizationId): Promise<void> {
  const { owed, accounts } = await walletOf(tx, organization)
  if (owed <= 0n) return
  throw new AppError(
    'insufficient_funds',
    `${formatAmount(owed)} ${accounts.currency} are owed for storage: nothing is launched or stored until ` +
      'they are paid. Add money, it pays the debt first.',
  )
}

/**
 * Refuses a launch that the wallet could not pay for a minute, naming what is missing (`money.md` §3.1).
 * It holds nothing: the placer holds, and looks again. A flavor without a rate is not offered.
 */
export async function requireFunds(tx: Tx, organization: OrganizationId, flavorId: string): Promise<void> {
  const { lines } = await catalog.resolveFlavor(tx, flavorId)
  const currency = await currencyOf(tx, organization)
  const book = await bookInForce(tx, currency, await tx.now())
  if (!book || !isPriced(lines, new Map(book.rates.map((rate) => [rate.sku, rate]))))
    throw new AppError(
      'not_found',
      `The flavor "${flavorId}" has no rate in ${currency}, so it is not offered.`,
    )
  await requireNoDebt(tx, organization)
  const answer = await canAfford(tx, organization, lines, book.id)
  if (answer.ok) return
  const missing = `${formatAmount(answer.shortfall)} ${currency}`
  throw new AppError(
    'insufficient_funds',
    `The balance does not cover a minute of ${flavorId}: ${missing} are missing. ` +
      'Add money, or pick a smaller flavor.',
  )
}

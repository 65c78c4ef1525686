import { canAfford, whyNotPaid } from '../billing/billing.ts'
import * as catalog from '../catalog/catalog.ts'
import type { Asked } from '../compute/purses.rules.ts'
import { AppError } from '../kernel/errors.ts'
import type { OrganizationId } from '../kernel/ids.ts'
import { formatAmount, type Nanos } from '../kernel/money.ts'
import { minuteMs } from '../kernel/time.ts'
import { currencyOf, walletOf } from '../ledger/ledger.ts'
import { linesOf } from '../pricing/flavors.rules.ts'
import { bookInForce } from '../pricing/pricing.ts'
import { bySku, costOfLines } from '../pricing/rules.ts'
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
 * Refuses a launch that the wallet could not pay for a minute, naming what is missing (`money.md` §3.1), or
 * that a budget or the run's own limit does not allow (`quota_exceeded`). It holds nothing: the placer holds,
 * and looks again. A flavor without a rate is not offered.
 */
export async function requireFunds(
  tx: Tx,
  organization: OrganizationId,
  wanted: { readonly flavor: string; readonly image: string },
  asked: Asked,
  costLimit: Nanos | null = null,
): Promise<void> {
  const flavor = await catalog.resolveFlavor(tx, wanted.flavor)
  const currency = await currencyOf(tx, organization)
  const book = await bookInForce(tx, { organization, currency }, await tx.now())
  const lines = book && linesOf(flavor, wanted.image, bySku(book.rates))
  if (!lines)
    throw new AppError(
      'not_found',
      `The flavor "${flavor.id}" has no rate in ${currency}, so it is not offered.`,
    )
  await requireNoDebt(tx, organization)
  const answer = await canAfford(tx, organization, lines, book.id, asked)
  const perMinute = costOfLines(lines, bySku(book.rates), BigInt(minuteMs))
  if (costLimit !== null && costLimit < perMinute)
    throw new AppError(
      'invalid_request',
      `A minute of ${flavor.id} costs ${formatAmount(perMinute)} ${currency}: ` +
        'more than the run may cost in all.',
      undefined,
      [{ pointer: '/costLimitNanos', message: `must be at least ${perMinute}` }],
    )
  if (answer.ok) return
  const why = await whyNotPaid(tx, answer.purse)
  if (why !== null)
    throw new AppError(
      'quota_exceeded',
      `Nothing of this kind starts now: ${why}. Ask an owner to raise it, or wait for its next period.`,
    )
  const missing = `${formatAmount(answer.shortfall)} ${currency}`
  throw new AppError(
    'insufficient_funds',
    `The balance does not cover a minute of ${flavor.id}: ${missing} are missing. ` +
      'Add money, or pick a smaller flavor.',
  )
}

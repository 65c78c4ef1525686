import { derivedId, type OrganizationId } from '../kernel/ids.ts'
import { type Nanos, nanos } from '../kernel/money.ts'
import { formatInstant, type Instant, instant } from '../kernel/time.ts'
import { emit } from '../notices/notices.ts'
import type { NoticeData } from '../notices/rules.ts'
import type { Tx } from '../store/store.ts'
import * as rows from './debts.rows.ts'
import { debtGraceMs, graceUntil, isGraceOver, warningOf } from './debts.rules.ts'
import { applyOrThrow, currencyOf, lockWallet, walletOf } from './ledger.ts'
import { accountIdOf } from './rules.ts'

/** Since when an organization owes something, and until when what it stores is kept. */
export interface Grace {
  readonly begunAt: Instant
  readonly until: Instant
}

/** The grace of what an organization owes; null: it owes nothing. It ends only when nothing is owed. */
export async function graceOf(tx: Tx, organization: OrganizationId): Promise<Grace | null> {
  const receivable = accountIdOf(organization, 'receivable', await currencyOf(tx, organization))
  const begunAt = await rows.selectDebtBegun(tx, receivable)
  return begunAt === null ? null : { begunAt, until: graceUntil(begunAt) }
}

/** What a debt is told with: what is owed, and until when what is stored is kept. */
async function owedNow(
  tx: Tx,
  organization: OrganizationId,
  begunAt: Instant,
): Promise<NoticeData['storage.grace_started']> {
  const { accounts, owed } = await walletOf(tx, organization)
  return { currency: accounts.currency, owedNanos: owed, graceUntil: formatInstant(graceUntil(begunAt)) }
}

/** A debt of which people are to be told again. */
export interface DueWarning {
  readonly organization: OrganizationId
  readonly begunAt: Instant
  readonly days: number
}

/** Debts whose grace ends within a week, each with the warning that is due. */
export async function warningsDue(tx: Tx, now: Instant): Promise<readonly DueWarning[]> {
  const debts = await rows.selectDebts(tx, now)
  return debts.flatMap(({ organization, begunAt }) => {
    const days = warningOf(begunAt, now)
    return days === null ? [] : [{ organization, begunAt, days }]
  })
}

/** Tells how soon a grace ends, each warning once. */
export async function warnOfGrace(tx: Tx, { organization, begunAt, days }: DueWarning): Promise<void> {
  const data = { ...(await owedNow(tx, organization, begunAt)), days }
  const once = [begunAt, days]
  await emit(tx, { organization, type: 'storage.grace_ending', subject: organization, data, once })
}

/** Organizations whose grace is over, the oldest debt first. */
export async function organizationsOverdue(tx: Tx, now: Instant): Promise<readonly OrganizationId[]> {
  return (await rows.selectDebts(tx, instant(now - debtGraceMs))).map(({ organization }) => organization)
}

/** Organizations that owe, and have money by now that nothing holds. */
export async function organizationsSolvent(tx: Tx, now: Instant): Promise<readonly OrganizationId[]> {
  return rows.selectSolvent(tx, now)
}

/** Has the grace of what it owes ended? Its wallet stays as it is until the transaction ends. */
export async function isOverdue(tx: Tx, organization: OrganizationId): Promise<boolean> {
  const { accounts, asOf, owed } = await lockWallet(tx, organization)
  const begunAt = await rows.selectDebtBegun(tx, accounts.receivable)
  return owed > 0n && begunAt !== null && isGraceOver(begunAt, asOf)
}

/**
 * Writes off what an organization owes: it is ours to bear. Does nothing, and answers 0, while the grace
 * lasts or where nothing is owed. The caller has made sure that nothing is stored any more.
 */
export async function writeOff(tx: Tx, organization: OrganizationId): Promise<Nanos> {
  const { accounts, asOf, owed } = await lockWallet(tx, organization)
  const begunAt = await rows.selectDebtBegun(tx, accounts.receivable)
  if (owed <= 0n || begunAt === null || !isGraceOver(begunAt, asOf)) return nanos(0n)
  await applyOrThrow(
    tx,
    [
      {
        kind: 'post',
        id: derivedId('transfer', organization, 'write off', begunAt),
        debit: accounts.absorbed,
        credit: accounts.receivable,
        amount: owed,
        code: 'write_off',
        bookedAt: asOf,
        about: organization,
      },
    ],
    asOf,
  )
  const data = {
    currency: accounts.currency,
    owedNanos: owed,
    graceUntil: formatInstant(graceUntil(begunAt)),
  }
  await emit(tx, { organization, type: 'storage.grace_ended', subject: organization, data })
  await tx.notify('billing', organization)
  return owed
}

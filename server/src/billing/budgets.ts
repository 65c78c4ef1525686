import type { Purse } from '../compute/purses.rules.ts'
import * as jobs from '../jobs/jobs.ts'
import { lock } from '../journal/journal.ts'
import { AppError, notFound } from '../kernel/errors.ts'
import { asId, type BudgetId, type OrganizationId } from '../kernel/ids.ts'
import { type Nanos, nanos } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import { currencyOf, openHolds } from '../ledger/ledger.ts'
import { emit } from '../notices/notices.ts'
import type { Tx } from '../store/store.ts'
import { burningCompute, stored } from './burning.ts'
import * as rows from './budgets.rows.ts'
import {
  type Budget,
  isInScope,
  percentsReached,
  periodOfBudget,
  purseOf,
  type Spending,
  storesIn,
  whyBudgetEnds,
} from './budgets.rules.ts'
import { selectTimeZone } from './rows.ts'

export { selectOrganizations as organizationsWithBudgets } from './budgets.rows.ts'
export type { Budget, BudgetAction, BudgetPeriod, BudgetScope } from './budgets.rules.ts'

/** A budget to be made; the caller makes the id and has judged the target. */
export interface NewBudget extends Omit<Budget, 'createdAt'> {
  /** Digest of the request: the same bytes twice find the same budget. */
  readonly requestHash: string
}

/**
 * Makes a budget; it counts from now on, and what runs already is in it. Another one of the name is
 * `conflict`.
 */
export async function createBudget(
  tx: Tx,
  fresh: NewBudget,
): Promise<{ readonly budget: Budget; readonly created: boolean }> {
  await lock(tx, fresh.organization)
  const there = await rows.selectBudget(tx, fresh.id)
  if (there) {
    if (there.requestHash === fresh.requestHash && there.organization === fresh.organization)
      return { budget: there, created: false }
    throw new AppError('conflict', `The id ${fresh.id} names another budget. Make a new id.`, undefined, [
      { pointer: '/id', message: 'was used for another request' },
    ])
  }
  await requireFreeName(tx, fresh)
  const budget = { ...fresh, createdAt: await tx.now() }
  await rows.insertBudget(tx, budget)
  await tx.notify('billing', fresh.organization)
  return { budget, created: true }
}

async function requireFreeName(tx: Tx, { organization, name, id }: NewBudget | Budget): Promise<void> {
  const taken = (await rows.selectBudgets(tx, organization)).some((one) => one.name === name && one.id !== id)
  if (!taken) return
  throw new AppError('conflict', `A budget "${name}" exists already. Choose another name.`, undefined, [
    { pointer: '/name', message: 'is taken' },
  ])
}

/** What can be changed of a budget: a scope or a period of another kind is another budget. */
export type BudgetChange = Partial<Pick<Budget, 'name' | 'limit' | 'action'>>

/** Changes a budget from now on; what was held before stays held. Answers it before and after. */
export async function changeBudget(
  tx: Tx,
  organization: OrganizationId,
  id: BudgetId,
  change: BudgetChange,
): Promise<{ readonly before: Budget; readonly after: Budget }> {
  await lock(tx, organization)
  const before = await rows.lockBudget(tx, id)
  if (!before || before.endedAt !== null) throw notFound('budget', id)
  const after = { ...before, ...change }
  await requireFreeName(tx, after)
  await rows.updateBudget(tx, id, after, await tx.now())
  await tx.notify('billing', organization)
  await tx.notify('placement')
  return { before, after }
}

/** Ends a budget: from now on it limits nothing. Ended already is done already. */
export async function endBudget(tx: Tx, organization: OrganizationId, id: BudgetId): Promise<void> {
  await lock(tx, organization)
  await rows.endBudget(tx, id, await tx.now())
  await tx.notify('billing', organization)
  await tx.notify('placement')
}

/** One budget, also one that has ended; null: there is none. */
export async function budget(tx: Tx, id: BudgetId): Promise<(Budget & { endedAt: Instant | null }) | null> {
  return rows.selectBudget(tx, id)
}

/** A budget with what its period has come to. */
export interface BudgetState {
  readonly budget: Budget
  readonly from: Instant
  /** Null: the period has no end. */
  readonly to: Instant | null
  readonly spending: Spending
  /** What runs and is stored in its scope costs an hour. */
  readonly perHour: Nanos
}

/** What each budget's period has come to, without what is not yet booked. */
async function spendingOf(
  tx: Tx,
  organization: OrganizationId,
  budgets: readonly Budget[],
  leased: readonly rows.LeasedRow[],
): Promise<readonly Omit<BudgetState, 'perHour'>[]> {
  const now = await tx.now()
  const timeZone = await selectTimeZone(tx, organization)
  const periods = budgets.map((one) => ({ budget: one, ...periodOfBudget(one, now, timeZone) }))
  const charged = await rows.sumCharged(
    tx,
    organization,
    periods.map(({ budget: { id }, from }) => ({ budget: id, from })),
  )
  const holds = await openHolds(
    tx,
    leased.map(({ allocation }) => allocation),
  )
  const askedOf = new Map<string, rows.LeasedRow>(leased.map((row) => [row.allocation, row]))
  return periods.map((period) => {
    const held = holds.reduce((sum, { about, left }) => {
      const asked = askedOf.get(about)
      return asked && isInScope(period.budget, asked) ? sum + left : sum
    }, 0n)
    return { ...period, spending: { charged: charged.get(period.budget.id) ?? 0n, held, unbooked: 0n } }
  })
}

/** The budgets of an organization with what each has come to now, by name. Reads; nothing waits. */
export async function budgetStates(tx: Tx, organization: OrganizationId): Promise<readonly BudgetState[]> {
  const budgets = await rows.selectBudgets(tx, organization)
  if (budgets.length === 0) return []
  const now = await tx.now()
  const leased = await rows.selectLeased(tx, organization)
  const askedOf = new Map(leased.map((row) => [row.allocation, row]))
  const compute = await burningCompute(tx, organization, now)
  const storage = await stored(tx, organization)
  const projectOf = await rows.selectProjectsOfVolumes(tx, organization)
  return (await spendingOf(tx, organization, budgets, leased)).map((state) => {
    const { budget: one, spending } = state
    let [unbooked, perHour] = [0n, 0n]
    for (const row of compute) {
      const asked = askedOf.get(row.resource)
      if (!asked || !isInScope(one, asked)) continue
      unbooked += row.unbooked
      perHour += row.perHour
    }
    for (const volume of storage) {
      if (!storesIn(one, projectOf.get(volume.resource) ?? null)) continue
      unbooked += volume.unbookedAt(now)
      perHour += volume.perHour
    }
    return { ...state, spending: { ...spending, unbooked }, perHour: nanos(perHour) }
  })
}

/**
 * What budgets and the limits of runs still allow to be held, of those that act. Asked after a settlement in
 * the same transaction, under the lock of the journal, so that what it answers stays true until its end.
 */
export async function purses(tx: Tx, organization: OrganizationId): Promise<readonly Purse[]> {
  const budgets = (await rows.selectBudgets(tx, organization)).filter(({ action }) => action !== 'warn')
  const limited = await jobs.costLimitedRuns(tx, organization)
  if (budgets.length === 0 && limited.length === 0) return []
  const leased = await rows.selectLeased(tx, organization)
  const states = budgets.length === 0 ? [] : await spendingOf(tx, organization, budgets, leased)
  const found = states.flatMap(({ budget: one, spending }) => purseOf(one, spending) ?? [])
  return [...found, ...(await limitPurses(tx, limited, leased))]
}

/** A run's own limit is on all its attempts together. */
async function limitPurses(
  tx: Tx,
  limited: Awaited<ReturnType<typeof jobs.costLimitedRuns>>,
  leased: readonly rows.LeasedRow[],
): Promise<readonly Purse[]> {
  const charged = await rows.sumChargedOf(
    tx,
    limited.map(({ id }) => id),
  )
  const holds = await openHolds(
    tx,
    leased.flatMap(({ allocation, subject }) => (limited.some(({ id }) => id === subject) ? allocation : [])),
  )
  return limited.map(({ id, costLimit }) => {
    const own = leased.filter(({ subject }) => subject === id)
    const isOwn = (about: string): boolean => own.some(({ allocation }) => allocation === about)
    const held = holds.reduce((sum, { about, left }) => (isOwn(about) ? sum + left : sum), 0n)
    return {
      name: 'limit',
      available: costLimit - (charged.get(id) ?? 0n) - held,
      onlyStarts: false,
      pays: ({ subject }) => subject === id,
    }
  })
}

/** Why something cannot start or had to end, in words; null: the wallet, which has words of its own. */
export async function whyNotPaid(tx: Tx, purse: Purse['name']): Promise<string | null> {
  if (purse === 'wallet') return null
  if (purse === 'limit') return 'the cost limit of the run is used up'
  const found = await rows.selectBudget(tx, purse)
  if (!found) return null
  return whyBudgetEnds(found, await currencyOf(tx, found.organization))
}

/** A share of a budget that was reached just now: people are to be told. */
export interface BudgetReached {
  readonly budget: Budget
  readonly percent: number
  readonly spent: Nanos
}

/**
 * Tells which shares of its budgets an organization has reached, each once a period and limit; answers those
 * that are news.
 */
export async function tellBudgets(tx: Tx, organization: OrganizationId): Promise<readonly BudgetReached[]> {
  const currency = await currencyOf(tx, organization)
  const told: BudgetReached[] = []
  for (const { budget: one, from, spending } of await budgetStates(tx, organization)) {
    const { id, scope, target, limit, action } = one
    const spent = nanos(spending.charged + spending.unbooked)
    for (const percent of percentsReached(limit, spending)) {
      const amounts = { currency, limitNanos: limit, spentNanos: spent }
      const isNews = await emit(tx, {
        organization,
        project: scope === 'project' || scope === 'job' ? asId('project', target) : null,
        type: 'budget.reached',
        subject: id,
        data: { budget: id, scope, target, percent, action, ...amounts },
        once: [id, from, percent, limit],
      })
      if (isNews) told.push({ budget: one, percent, spent })
    }
  }
  return told
}

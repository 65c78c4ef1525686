import type { Asked, Purse } from '../compute/purses.rules.ts'
import { type CalendarPeriod, calendarPeriod } from '../kernel/calendar.ts'
import type { BudgetId, OrganizationId } from '../kernel/ids.ts'
import { formatAmount, type Nanos } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'

/** Whose spending a budget is about. */
export type BudgetScope = 'organization' | 'project' | 'person' | 'key' | 'job'

/**
 * What happens when it is spent: people are told; nothing more starts; what runs ends at that second, too.
 */
export type BudgetAction = 'warn' | 'refuse' | 'stop'

/** A calendar period of the organization's time zone, or all time since the budget was made. */
export type BudgetPeriod = CalendarPeriod | 'total'

/** What may be spent in a period. */
export interface Budget {
  readonly id: BudgetId
  readonly organization: OrganizationId
  readonly name: string
  readonly scope: BudgetScope
  /** The id of the organization, project, person or API key; of a job the project that its runs are in. */
  readonly target: string
  /** The name of the job's runs; null of every other scope. */
  readonly job: string | null
  readonly period: BudgetPeriod
  readonly limit: Nanos
  readonly action: BudgetAction
  readonly createdBy: string
  readonly createdAt: Instant
}

/** What a period has come to: nano-units. */
export interface Spending {
  /** Charged in the period, by the settlements so far. */
  readonly charged: bigint
  /** Held for what runs, what it has cost since it was last settled included. */
  readonly held: bigint
  /** What runs and is stored has cost since it was last settled. */
  readonly unbooked: bigint
}

/** Shares of a limit at which people are told, in percent. */
export const percentsTold = [80, 100] as const

/** The period of a budget in which an instant lies; `to` null: it has no end. */
export function periodOfBudget(
  { period, createdAt }: Pick<Budget, 'period' | 'createdAt'>,
  at: Instant,
  timeZone: string,
): { readonly from: Instant; readonly to: Instant | null } {
  return period === 'total' ? { from: createdAt, to: null } : calendarPeriod(at, period, timeZone)
}

/** Is what was asked for so in the scope of the budget? */
export function isInScope(
  { scope, target, job }: Pick<Budget, 'scope' | 'target' | 'job'>,
  asked: Asked,
): boolean {
  switch (scope) {
    case 'organization':
      return true
    case 'project':
      return asked.project === target
    case 'person':
      return asked.askedBy === target
    case 'key':
      return asked.askedKey === target
    case 'job':
      return asked.project === target && asked.job === job
  }
}

/** Does what is stored in the project count? Storage has nobody who asked for it. */
export function storesIn(
  { scope, target }: Pick<Budget, 'scope' | 'target'>,
  project: string | null,
): boolean {
  return scope === 'organization' || (scope === 'project' && target === project)
}

/** What may still be held of a budget that acts; null: it only tells. */
export function purseOf(budget: Budget, { charged, held }: Spending): Purse | null {
  if (budget.action === 'warn') return null
  return {
    name: budget.id,
    available: budget.limit - charged - held,
    onlyStarts: budget.action === 'refuse',
    pays: (asked) => isInScope(budget, asked),
  }
}

/** The shares that a period has reached, of those that people are told of. */
export function percentsReached(limit: bigint, { charged, unbooked }: Spending): readonly number[] {
  const spent = charged + unbooked
  return percentsTold.filter((percent) => spent * 100n >= limit * BigInt(percent))
}

/** Why something cannot start or had to end, for the person; `until` is when the next period begins. */
export function whyBudgetEnds(
  { name, limit, period }: Pick<Budget, 'name' | 'limit' | 'period'>,
  currency: string,
): string {
  const per = period === 'total' ? 'in all' : `a ${period}`
  return `the budget "${name}" of ${formatAmount(limit)} ${currency} ${per} is used up`
}

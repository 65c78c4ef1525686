import { sql } from 'kysely'
import type { AllocationId, BudgetId, OrganizationId, ProjectId, SubjectId } from '../kernel/ids.ts'
import type { Nanos } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'
import type { Budget } from './budgets.rules.ts'

/** A budget with what it was asked for as. */
export interface BudgetRow extends Budget {
  readonly requestHash: string
  readonly endedAt: Instant | null
}

const columns = sql.raw(`id, organization, name, scope, target, job, period, limit_nanos as "limit", action,
  created_by as "createdBy", request_hash as "requestHash", created_at as "createdAt", ended_at as "endedAt"`)

export async function insertBudget(tx: Tx, row: Omit<BudgetRow, 'endedAt'>): Promise<void> {
  await sql`
    insert into budget (id, organization, name, scope, target, job, period, limit_nanos, action, created_by,
      request_hash, created_at, changed_at)
    values (${row.id}, ${row.organization}, ${row.name}, ${row.scope}, ${row.target}, ${row.job},
    ${row.period},
      ${row.limit.toString()}, ${row.action}, ${row.createdBy}, ${row.requestHash}, ${at(row.createdAt)},
      ${at(row.createdAt)})`.execute(tx.db)
}

export async function selectBudget(tx: Tx, id: BudgetId): Promise<BudgetRow | null> {
  const { rows } = await sql<BudgetRow>`select ${columns} from budget where id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}

/** The same, locked. */
export async function lockBudget(tx: Tx, id: BudgetId): Promise<BudgetRow | null> {
  const { rows } = await sql<BudgetRow>`
    select ${columns} from budget where id = ${id} for update`.execute(tx.db)
  return rows[0] ?? null
}

/** The budgets of an organization that have not ended, by name. */
export async function selectBudgets(tx: Tx, organization: OrganizationId): Promise<readonly BudgetRow[]> {
  const { rows } = await sql<BudgetRow>`
    select ${columns} from budget where organization = ${organization} and ended_at is null
    order by name`.execute(tx.db)
  return rows
}

/** Organizations that have a budget. */
export async function selectOrganizations(tx: Tx): Promise<readonly OrganizationId[]> {
  const { rows } = await sql<{ organization: OrganizationId }>`
    select distinct organization from budget where ended_at is null order by organization`.execute(tx.db)
  return rows.map(({ organization }) => organization)
}

export async function updateBudget(
  tx: Tx,
  id: BudgetId,
  change: Pick<Budget, 'name' | 'limit' | 'action'>,
  changedAt: Instant,
): Promise<void> {
  await sql`
    update budget set name = ${change.name}, limit_nanos = ${change.limit.toString()},
      action = ${change.action}, changed_at = ${at(changedAt)}
    where id = ${id}`.execute(tx.db)
}

export async function endBudget(tx: Tx, id: BudgetId, endedAt: Instant): Promise<void> {
  await sql`
    update budget set ended_at = ${at(endedAt)} where id = ${id} and ended_at is null`.execute(tx.db)
}

/** A stretch of time in which what a budget is about is added up. */
export interface BudgetPeriodRow {
  readonly budget: BudgetId
  readonly from: Instant
}

/**
 * What was charged since each budget's period began, by its scope. A volume counts for its organization and
 * its project; the rest was asked for by somebody.
 */
export async function sumCharged(
  tx: Tx,
  organization: OrganizationId,
  periods: readonly BudgetPeriodRow[],
): Promise<ReadonlyMap<BudgetId, Nanos>> {
  const { rows } = await sql<{ budget: BudgetId; charged: Nanos }>`
    select budget.id as budget, coalesce(sum(charge.amount), 0) as charged
    from unnest(${periods.map(({ budget }) => budget)}::text[],
      ${periods.map(({ from }) => at(from))}::timestamptz[]) as period (budget, from_at)
    join budget on budget.id = period.budget
    join charge on charge.organization = ${organization} and charge.up_to > period.from_at
    left join allocation on allocation.id = charge.resource
    left join volume on volume.id = charge.resource
    where case budget.scope
      when 'organization' then true
      when 'project' then coalesce(allocation.project, volume.project) = budget.target
      when 'person' then allocation.asked_by = budget.target
      when 'key' then allocation.asked_key = budget.target
      else allocation.project = budget.target and allocation.job = budget.job end
    group by budget.id`.execute(tx.db)
  return new Map(rows.map(({ budget, charged }) => [budget, charged]))
}

/** An allocation whose lease has not ended, with whose wish it is. */
export interface LeasedRow {
  readonly allocation: AllocationId
  readonly subject: SubjectId
  readonly project: ProjectId
  readonly askedBy: string
  readonly askedKey: string | null
  readonly job: string | null
}

/** Allocations for which money may be held. */
export async function selectLeased(tx: Tx, organization: OrganizationId): Promise<readonly LeasedRow[]> {
  const { rows } = await sql<LeasedRow>`
    select allocation.id as allocation, allocation.subject, allocation.project,
      allocation.asked_by as "askedBy", allocation.asked_key as "askedKey", allocation.job
    from allocation join journal_head head on head.resource = allocation.id
    where allocation.organization = ${organization}
      and (allocation.released_at is null or head.due_since is not null or head.accrues)
    order by allocation.id`.execute(tx.db)
  return rows
}

/** The project of each volume of an organization. */
export async function selectProjectsOfVolumes(
  tx: Tx,
  organization: OrganizationId,
): Promise<ReadonlyMap<string, ProjectId>> {
  const { rows } = await sql<{ id: string; project: ProjectId }>`
    select id, project from volume where organization = ${organization}`.execute(tx.db)
  return new Map(rows.map(({ id, project }) => [id, project]))
}

/** What all allocations of each subject were charged, ever. */
export async function sumChargedOf(
  tx: Tx,
  subjects: readonly SubjectId[],
): Promise<ReadonlyMap<SubjectId, Nanos>> {
  if (subjects.length === 0) return new Map()
  const { rows } = await sql<{ subject: SubjectId; charged: Nanos }>`
    select allocation.subject, coalesce(sum(charge.amount), 0) as charged
    from allocation join charge on charge.resource = allocation.id
    where allocation.subject = any(${subjects}::text[]) group by allocation.subject`.execute(tx.db)
  return new Map(rows.map(({ subject, charged }) => [subject, charged]))
}

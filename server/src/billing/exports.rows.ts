import { sql } from 'kysely'
import type { ResourceId, UsageEvent } from '../journal/rules.ts'
import type {
  AccountId,
  AllocationId,
  ChargeId,
  OrganizationId,
  PriceBookId,
  ProjectId,
  TransferId,
} from '../kernel/ids.ts'
import type { Nanos } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import type { PostedTransfer } from '../ledger/rules.ts'
import type { Unit } from '../pricing/rules.ts'
import { at, type Tx } from '../store/store.ts'
import type { NewCharge } from './rules.ts'

/** What an export reads: everything of an organization between two boundaries. */
export interface Extent {
  readonly organization: OrganizationId
  readonly from: Instant
  readonly to: Instant
}

/** What a resource was for, in words that people know. */
export interface Naming {
  readonly resource: ResourceId
  /** The instance or run; of storage itself. */
  readonly subject: string
  readonly name: string
  readonly project: ProjectId
  readonly projectName: string
  readonly flavor: string | null
}

// A resource's first event tells what it was for; a name that is gone with its thing is its id.
const namingColumns = sql.raw(`coalesce(first.data->>'for', first.resource) as subject,
  coalesce(instance.name, job_run.name, volume.name, first.data->>'for', first.resource) as name,
  first.data->>'project' as project, coalesce(project.name, first.data->>'project') as "projectName",
  first.data->>'flavor' as flavor`)
const namingJoins = sql.raw(`left join project on project.id = first.data->>'project'
  left join instance on instance.id = first.data->>'for'
  left join job_run on job_run.id = first.data->>'for'
  left join volume on volume.id = first.resource`)

export async function selectNamings(tx: Tx, resources: readonly ResourceId[]): Promise<readonly Naming[]> {
  const { rows } = await sql<Naming>`
    select first.resource, ${namingColumns} from usage_event first ${namingJoins}
    where first.resource = any(${resources}::text[]) and first.seq = 1`.execute(tx.db)
  return rows
}

/** A charge with what it was for. */
export interface ExportedCharge extends NewCharge, Naming {
  readonly unit: Unit
  readonly recordedAt: Instant
}

/** The charges of `(from, to]` after one of them, in the order of time. */
export async function selectChargesAfter(
  tx: Tx,
  { organization, from, to }: Extent,
  after: { readonly upTo: Instant; readonly id: ChargeId } | null,
  limit: number,
): Promise<readonly ExportedCharge[]> {
  const { rows } = await sql<ExportedCharge>`
    select charge.id, charge.resource, charge.sku, charge.price_book as "priceBook", charge.seq,
      charge.up_to as "upTo", charge.unit_millis_before as "unitMillisBefore",
      charge.unit_millis as "unitMillis", charge.nanos, charge.amount, charge.reason,
      charge.recorded_at as "recordedAt", rate.unit, ${namingColumns}
    from (select * from charge where organization = ${organization}
        and up_to > ${at(from)} and up_to <= ${at(to)}
        and (up_to, id) > (${at(after?.upTo ?? from)}::timestamptz, ${after?.id ?? ''})
      order by up_to, id limit ${limit}) charge
    join rate on rate.price_book = charge.price_book and rate.sku = charge.sku
    join usage_event first on first.resource = charge.resource and first.seq = 1
    ${namingJoins}
    order by charge.up_to, charge.id`.execute(tx.db)
  return rows
}

/** The events recorded in `[from, to)` after one of them, by resource and `seq`. */
export async function selectEventsAfter(
  tx: Tx,
  { organization, from, to }: Extent,
  after: { readonly resource: ResourceId; readonly seq: number } | null,
  limit: number,
): Promise<readonly UsageEvent[]> {
  const { rows } = await sql<UsageEvent>`
    select event.resource, event.seq, event.type, event.at, event.recorded_at as "recordedAt", event.data,
      event.prev_hash as "prevHash", event.hash
    from journal_head head join usage_event event on event.resource = head.resource
    where head.organization = ${organization} and head.resource >= ${after?.resource ?? ''}
      and (event.resource, event.seq) > (${after?.resource ?? ''}, ${after?.seq ?? 0}::integer)
      and event.recorded_at >= ${at(from)} and event.recorded_at < ${at(to)}
    order by event.resource, event.seq limit ${limit}`.execute(tx.db)
  return rows
}

/** A transfer with the accounts at its two ends. */
export interface ExportedTransfer extends PostedTransfer {
  readonly recordedAt: Instant
  readonly debitOwner: string
  readonly debitCode: string
  readonly creditOwner: string
  readonly creditCode: string
}

/**
 * Transfers booked in `(from, to]` that touch one of the accounts, after one of them, in order of time: what
 * the boundary at the end of a period moved belongs to it, as the charges do.
 */
export async function selectTransfersAfter(
  tx: Tx,
  { from, to }: Extent,
  accounts: readonly AccountId[],
  after: { readonly bookedAt: Instant; readonly id: TransferId } | null,
  limit: number,
): Promise<readonly ExportedTransfer[]> {
  // Each account and side is read in the order of its own index, so that a page costs a page.
  const sides = accounts.flatMap((account) => ['debit', 'credit'].map((side) => ({ account, side })))
  const parts = sides.map(
    ({ account, side }) => sql`(select * from transfer where ${sql.ref(side)} = ${account}
      and booked_at > ${at(from)} and booked_at <= ${at(to)}
      and (booked_at, id) > (${at(after?.bookedAt ?? from)}::timestamptz, ${after?.id ?? ''})
      order by booked_at, id limit ${limit})`,
  )
  const { rows } = await sql<ExportedTransfer>`
    select t.id, t.kind, t.hold, t.debit, t.credit, t.amount, t.code, t.about, t.booked_at as "bookedAt",
      t.recorded_at as "recordedAt", debit.owner as "debitOwner", debit.code as "debitCode",
      credit.owner as "creditOwner", credit.code as "creditCode"
    from (select * from (${sql.join(parts, sql` union `)}) found order by booked_at, id limit ${limit}) t
    join ledger_account debit on debit.id = t.debit
    join ledger_account credit on credit.id = t.credit
    order by t.booked_at, t.id`.execute(tx.db)
  return rows
}

/** Resources with a charge in `(from, to]` after one of them, in byte order. */
export async function selectChargedAfter(
  tx: Tx,
  { organization, from, to }: Extent,
  after: ResourceId | null,
  limit: number,
): Promise<readonly ResourceId[]> {
  const { rows } = await sql<{ resource: ResourceId }>`
    select head.resource from journal_head head
    cross join lateral (select from charge where charge.resource = head.resource
      and charge.up_to > ${at(from)} and charge.up_to <= ${at(to)} limit 1) charged
    where head.organization = ${organization} and head.resource > ${after ?? ''}
    order by head.resource limit ${limit}`.execute(tx.db)
  return rows.map(({ resource }) => resource)
}

/** The sum of the charges of `(from, to]` for each running sum of the resources. */
export async function selectChargedSums(
  tx: Tx,
  resources: readonly ResourceId[],
  { from, to }: Extent,
): Promise<
  readonly {
    readonly resource: ResourceId
    readonly sku: string
    readonly priceBook: PriceBookId
    readonly amount: Nanos
  }[]
> {
  const { rows } = await sql<{ resource: ResourceId; sku: string; priceBook: PriceBookId; amount: Nanos }>`
    select resource, sku, price_book as "priceBook", sum(amount) as amount from charge
    where resource = any(${resources}::text[]) and up_to > ${at(from)} and up_to <= ${at(to)}
    group by resource, sku, price_book`.execute(tx.db)
  return rows
}

/** The names of the nodes that allocations ran on. */
export async function selectNodeNames(
  tx: Tx,
  allocations: readonly AllocationId[],
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await sql<{ allocation: AllocationId; name: string }>`
    select allocation.id as allocation, node.name from allocation join node on node.id = allocation.node
    where allocation.id = any(${allocations}::text[])`.execute(tx.db)
  return new Map(rows.map(({ allocation, name }) => [allocation, name]))
}

/** The accounts of an organization, its wallet and what it owes. */
export async function selectAccountsOf(tx: Tx, organization: OrganizationId): Promise<readonly AccountId[]> {
  const { rows } = await sql<{ id: AccountId }>`
    select id from ledger_account where owner = ${organization} order by id`.execute(tx.db)
  return rows.map(({ id }) => id)
}

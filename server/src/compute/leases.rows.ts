import { sql } from 'kysely'
import type { Line } from '../journal/rules.ts'
import type {
  AllocationId,
  LeaseId,
  OrganizationId,
  PriceBookId,
  ProjectId,
  SubjectId,
} from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'

export async function insertLease(tx: Tx, lease: LeaseId, organization: OrganizationId): Promise<void> {
  await sql`
    insert into lease (id, organization, until, ended_at)
    values (${lease}, ${organization}, null, null)`.execute(tx.db)
}

/** A lease as its row says. */
export interface LeaseRow {
  readonly lease: LeaseId
  readonly organization: OrganizationId
  /** When it is used up; null: it does not run now, or never ends. */
  readonly until: Instant | null
}

export async function selectLease(tx: Tx, lease: LeaseId): Promise<LeaseRow | null> {
  const { rows } = await sql<LeaseRow>`
    select id as lease, organization, until from lease where id = ${lease}`.execute(tx.db)
  return rows[0] ?? null
}

/** Where the leases end; those that are not drawn on have no end. */
export async function selectEnds(tx: Tx, leases: readonly LeaseId[]): Promise<ReadonlyMap<LeaseId, Instant>> {
  if (leases.length === 0) return new Map()
  const { rows } = await sql<{ lease: LeaseId; until: Instant }>`
    select id as lease, until from lease where id = any(${leases}) and until is not null`.execute(tx.db)
  return new Map(rows.map(({ lease, until }) => [lease, until]))
}

/**
 * Had everything that the lease pays for closed for good? Then settlement gave back what was left of its
 * holds.
 */
export async function hasEnded(tx: Tx, lease: LeaseId): Promise<boolean> {
  const { rows } = await sql<{ hasEnded: boolean }>`
    select ended_at is not null as "hasEnded" from lease where id = ${lease}`.execute(tx.db)
  return rows[0]?.hasEnded ?? false
}

/** Every lease of the organization that runs. */
export async function selectRunning(tx: Tx, organization: OrganizationId): Promise<readonly LeaseRow[]> {
  const { rows } = await sql<LeaseRow>`
    select id as lease, organization, until from lease
    where organization = ${organization} and until is not null order by id`.execute(tx.db)
  return rows
}

/** Organizations of which a lease is used up before the instant. */
export async function selectOrganizationsDue(tx: Tx, before: Instant): Promise<readonly OrganizationId[]> {
  const { rows } = await sql<{ organization: OrganizationId }>`
    select distinct organization from lease where until < ${at(before)} order by organization`.execute(tx.db)
  return rows.map(({ organization }) => organization)
}

export async function updateLease(
  tx: Tx,
  lease: LeaseId,
  until: Instant | null,
  endedAt: Instant | null,
): Promise<void> {
  await sql`
    update lease set until = ${at(until)}, ended_at = coalesce(ended_at, ${at(endedAt)})
    where id = ${lease}`.execute(tx.db)
}

/** An allocation that a lease pays for. */
export interface LeasedRow {
  readonly lease: LeaseId
  readonly allocation: AllocationId
  readonly subject: SubjectId
  readonly lines: readonly Line[]
  readonly priceBook: PriceBookId
  readonly project: ProjectId
  readonly askedBy: string
  readonly askedKey: string | null
  readonly job: string | null
  readonly lastSeenAt: Instant | null
}

export async function selectLeased(tx: Tx, leases: readonly LeaseId[]): Promise<readonly LeasedRow[]> {
  const { rows } = await sql<LeasedRow>`
    select lease, id as allocation, subject, lines, price_book as "priceBook", last_seen_at as "lastSeenAt",
      project, asked_by as "askedBy", asked_key as "askedKey", job
    from allocation where lease = any(${leases}::text[]) order by id`.execute(tx.db)
  return rows
}

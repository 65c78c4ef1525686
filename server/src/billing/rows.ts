import { sql } from 'kysely'
import type { Line, ResourceId, StorageId } from '../journal/rules.ts'
import type { AllocationId, LeaseId, OrganizationId, PriceBookId } from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'
import type { Booked, Charge, NewCharge } from './rules.ts'

/**
 * Organizations with something new, or for which time alone costs and no boundary was made since the instant.
 */
export async function selectOrganizationsDue(
  tx: Tx,
  now: Instant,
  boundarySince: Instant,
): Promise<readonly OrganizationId[]> {
  const { rows } = await sql<{ organization: OrganizationId }>`
    select distinct head.organization from journal_head head
    where (head.due_since is not null or head.accrues)
      and (head.due_since < ${at(now)} or not exists (select from boundary
        where boundary.organization = head.organization and boundary.at >= ${at(boundarySince)}))
    order by head.organization`.execute(tx.db)
  return rows.map(({ organization }) => organization)
}

export async function selectTimeZone(tx: Tx, organization: OrganizationId): Promise<string> {
  const { rows } = await sql<{ timeZone: string }>`
    select time_zone as "timeZone" from organization where id = ${organization}`.execute(tx.db)
  return rows[0]?.timeZone ?? 'UTC'
}

/** An allocation that a settlement must look at, as its journal's projection says now. */
export interface StandingRow {
  readonly resource: AllocationId
  readonly recordedAt: Instant
  readonly dueSince: Instant | null
  readonly lines: readonly Line[]
  readonly priceBook: PriceBookId
  /** Of all its spells before the instant. */
  readonly paidMillis: bigint
  readonly openSince: Instant | null
  /** Closed for good, or nothing left of it. */
  readonly isFinal: boolean
  readonly lease: LeaseId | null
  readonly lastSeenAt: Instant | null
  readonly until: Instant | null
}

export async function selectStandings(
  tx: Tx,
  organization: OrganizationId,
  before: Instant,
): Promise<readonly StandingRow[]> {
  const { rows } = await sql<StandingRow>`
    select head.resource, head.recorded_at as "recordedAt", head.due_since as "dueSince",
      first.data->'lines' as lines, first.data->>'priceBook' as "priceBook",
      (select coalesce(
          sum(extract(epoch from least(spell.to_at, ${at(before)}) - spell.from_at) * 1000), 0)::bigint
        from spell where spell.allocation = head.resource and spell.from_at < ${at(before)}) as "paidMillis",
      (select spell.from_at from spell where spell.allocation = head.resource and spell.to_at is null)
        as "openSince",
      exists (select from usage_event event where event.resource = head.resource
        and event.type in ('stop_accepted', 'exited', 'lease_ended', 'fault', 'released')) as "isFinal",
      allocation.lease, allocation.last_seen_at as "lastSeenAt", lease.until
    from journal_head head
    join usage_event first on first.resource = head.resource and first.seq = 1
    left join allocation on allocation.id = head.resource
    left join lease on lease.id = allocation.lease
    where head.organization = ${organization} and (head.due_since is not null or head.accrues)
      and first.type = 'allocated'
    order by head.resource collate "C"`.execute(tx.db)
  return rows
}

/** A volume or snapshot that time makes cost more, or of which something new is known. */
export interface StorageHead {
  readonly resource: StorageId
  readonly dueSince: Instant | null
}

export async function selectStorageHeads(
  tx: Tx,
  organization: OrganizationId,
): Promise<readonly StorageHead[]> {
  const { rows } = await sql<StorageHead>`
    select head.resource, head.due_since as "dueSince" from journal_head head
    join usage_event first on first.resource = head.resource and first.seq = 1
    where head.organization = ${organization} and (head.due_since is not null or head.accrues)
      and first.type = 'created'
    order by head.resource collate "C"`.execute(tx.db)
  return rows
}

/** What is unsettled of an organization: whether time alone costs, and since when something new is known. */
export async function selectUnsettled(
  tx: Tx,
  organization: OrganizationId,
): Promise<{ readonly accrues: boolean; readonly dueSince: Instant | null }> {
  const { rows } = await sql<{ accrues: boolean; dueSince: Instant | null }>`
    select coalesce(bool_or(accrues), false) as accrues, min(due_since) as "dueSince" from journal_head
    where organization = ${organization} and (due_since is not null or accrues)`.execute(tx.db)
  return rows[0] ?? { accrues: false, dueSince: null }
}

/** The last step of a running sum. */
export interface BookedRow extends Booked {
  readonly resource: ResourceId
  readonly sku: string
  readonly priceBook: PriceBookId
  readonly upTo: Instant
}

export async function selectBooked(tx: Tx, resources: readonly ResourceId[]): Promise<readonly BookedRow[]> {
  const { rows } = await sql<BookedRow>`
    select distinct on (resource, sku, price_book) resource, sku, price_book as "priceBook", seq,
      up_to as "upTo", unit_millis_before + unit_millis as "unitMillis"
    from charge where resource = any(${resources}::text[])
    order by resource, sku, price_book, seq desc`.execute(tx.db)
  return rows
}

export async function insertCharges(
  tx: Tx,
  organization: OrganizationId,
  charges: readonly NewCharge[],
  recordedAt: Instant,
): Promise<void> {
  const numbers = (of: (charge: NewCharge) => bigint): readonly string[] =>
    charges.map((charge) => of(charge).toString())
  await sql`
    insert into charge (organization, recorded_at, id, resource, sku, price_book, seq, up_to, reason,
      unit_millis_before, unit_millis, nanos, amount)
    select ${organization}, ${at(recordedAt)}::timestamptz, * from unnest(
      ${charges.map(({ id }) => id)}::text[], ${charges.map(({ resource }) => resource)}::text[],
      ${charges.map(({ sku }) => sku)}::text[], ${charges.map(({ priceBook }) => priceBook)}::text[],
      ${charges.map(({ seq }) => seq)}::integer[], ${charges.map(({ upTo }) => at(upTo))}::timestamptz[],
      ${charges.map(({ reason }) => reason)}::text[],
      ${numbers(({ unitMillisBefore }) => unitMillisBefore)}::numeric[],
      ${numbers(({ unitMillis }) => unitMillis)}::numeric[],
      ${numbers(({ nanos }) => nanos)}::numeric[], ${numbers(({ amount }) => amount)}::numeric[])`.execute(
    tx.db,
  )
}

/** An allocation that shares a lease, and whether it was final by the events recorded before the instant. */
export interface LeaseMate {
  readonly lease: LeaseId
  readonly allocation: AllocationId
  readonly isFinal: boolean
}

export async function selectLeaseMates(
  tx: Tx,
  leases: readonly LeaseId[],
  before: Instant,
): Promise<readonly LeaseMate[]> {
  const { rows } = await sql<LeaseMate>`
    select lease, id as allocation,
      exists (select from usage_event event where event.resource = allocation.id
        and event.recorded_at < ${at(before)}
        and event.type in ('stop_accepted', 'exited', 'lease_ended', 'fault', 'released')) as "isFinal"
    from allocation where lease = any(${leases}::text[]) order by id`.execute(tx.db)
  return rows
}

export async function insertBoundaries(
  tx: Tx,
  organization: OrganizationId,
  instants: readonly Instant[],
): Promise<void> {
  await sql`
    insert into boundary (organization, at)
    select ${organization}, * from unnest(${instants.map((one) => at(one))}::timestamptz[])
    on conflict do nothing`.execute(tx.db)
}

export async function selectLastBoundary(tx: Tx, organization: OrganizationId): Promise<Instant | null> {
  const { rows } = await sql<{ at: Instant | null }>`
    select max(at) as at from boundary where organization = ${organization}`.execute(tx.db)
  return rows[0]?.at ?? null
}

export async function selectBoundaryFrom(
  tx: Tx,
  organization: OrganizationId,
  from: Instant,
): Promise<Instant | null> {
  const { rows } = await sql<{ at: Instant | null }>`
    select min(at) as at from boundary where organization = ${organization} and at >= ${at(from)}`.execute(
    tx.db,
  )
  return rows[0]?.at ?? null
}

/** The last boundary that is not after the instant. */
export async function selectBoundaryUpTo(
  tx: Tx,
  organization: OrganizationId,
  upTo: Instant,
): Promise<Instant | null> {
  const { rows } = await sql<{ at: Instant | null }>`
    select max(at) as at from boundary where organization = ${organization} and at <= ${at(upTo)}`.execute(
    tx.db,
  )
  return rows[0]?.at ?? null
}

const chargeColumns = sql.raw(`id, resource, sku, price_book as "priceBook", up_to as "upTo",
  unit_millis_before as "unitMillisBefore", unit_millis as "unitMillis", nanos, amount, reason`)

/** All charges of the resources up to the instant, in the order of the open bill. */
export async function selectChargesUpTo(
  tx: Tx,
  resources: readonly ResourceId[],
  upTo: Instant,
): Promise<readonly Charge[]> {
  const { rows } = await sql<Charge>`
    select ${chargeColumns} from charge
    where resource = any(${resources}::text[]) and up_to <= ${at(upTo)}
    order by resource collate "C", sku collate "C", price_book collate "C", seq`.execute(tx.db)
  return rows
}

/** Charges of an organization's period `(from, to]`, in the order of the open bill. */
export async function selectChargesOfPeriod(
  tx: Tx,
  organization: OrganizationId,
  from: Instant,
  to: Instant,
): Promise<readonly Charge[]> {
  const { rows } = await sql<Charge>`
    select ${chargeColumns} from charge
    where organization = ${organization} and up_to > ${at(from)} and up_to <= ${at(to)}
    order by resource collate "C", sku collate "C", price_book collate "C", seq`.execute(tx.db)
  return rows
}

/** A page of charges, newest first. */
export async function selectChargePage(
  tx: Tx,
  organization: OrganizationId,
  resource: string | null,
  after: { readonly upTo: Instant; readonly id: string } | null,
  limit: number,
): Promise<readonly Charge[]> {
  const { rows } = await sql<Charge>`
    select ${chargeColumns} from charge
    where organization = ${organization} and (${resource}::text is null or resource = ${resource})
      and (${after?.id ?? null}::text is null
        or (up_to, id) < (${at(after?.upTo ?? null)}::timestamptz, ${after?.id ?? ''}))
    order by up_to desc, id desc limit ${limit}`.execute(tx.db)
  return rows
}

/** Resources with an event recorded in `[from, to)` or a charge in `(from, to]`: what a bill shows. */
export async function selectShown(
  tx: Tx,
  organization: OrganizationId,
  from: Instant,
  to: Instant,
): Promise<readonly ResourceId[]> {
  const { rows } = await sql<{ resource: ResourceId }>`
    select head.resource from journal_head head
    where head.organization = ${organization}
      and (exists (select from usage_event event where event.resource = head.resource
          and event.recorded_at >= ${at(from)} and event.recorded_at < ${at(to)})
        or exists (select from charge where charge.resource = head.resource
          and charge.up_to > ${at(from)} and charge.up_to <= ${at(to)}))
    order by head.resource collate "C"`.execute(tx.db)
  return rows.map(({ resource }) => resource)
}

/** What names a resource to a person: the event that it began with. */
export interface Beginning {
  readonly resource: ResourceId
  readonly subject: string
  readonly project: string
  readonly flavor: string | null
  readonly lines: readonly Line[] | null
  readonly priceBook: PriceBookId
}

export async function selectBeginnings(
  tx: Tx,
  resources: readonly ResourceId[],
): Promise<readonly Beginning[]> {
  const { rows } = await sql<Beginning>`
    select resource, coalesce(data->>'for', resource) as subject, data->>'project' as project,
      data->>'flavor' as flavor, data->'lines' as lines, data->>'priceBook' as "priceBook"
    from usage_event where resource = any(${resources}::text[]) and seq = 1`.execute(tx.db)
  return rows
}

/** A spell with the number of those before it, newest first. */
export interface SpellRow {
  readonly allocation: AllocationId
  readonly from: Instant
  readonly to: Instant | null
  readonly lastSeenAt: Instant | null
  readonly until: Instant | null
}

export async function selectSpellPage(
  tx: Tx,
  organization: OrganizationId,
  allocation: string | null,
  after: { readonly from: Instant; readonly allocation: string } | null,
  limit: number,
): Promise<readonly SpellRow[]> {
  const { rows } = await sql<SpellRow>`
    select spell.allocation, spell.from_at as "from", spell.to_at as "to",
      allocation.last_seen_at as "lastSeenAt", lease.until
    from spell join journal_head head on head.resource = spell.allocation
    left join allocation on allocation.id = spell.allocation
    left join lease on lease.id = allocation.lease
    where head.organization = ${organization}
      and (${allocation}::text is null or spell.allocation = ${allocation})
      and (${after?.allocation ?? null}::text is null
        or (spell.from_at, spell.allocation)
          < (${at(after?.from ?? null)}::timestamptz, ${after?.allocation ?? ''}))
    order by spell.from_at desc, spell.allocation desc limit ${limit}`.execute(tx.db)
  return rows
}

/** Sightings and leases of allocations, for figures that are shown before they are booked. */
export async function selectSightings(
  tx: Tx,
  allocations: readonly AllocationId[],
): Promise<
  readonly {
    readonly allocation: AllocationId
    readonly lastSeenAt: Instant | null
    readonly until: Instant | null
  }[]
> {
  const { rows } = await sql<{ allocation: AllocationId; lastSeenAt: Instant | null; until: Instant | null }>`
    select allocation.id as allocation, allocation.last_seen_at as "lastSeenAt", lease.until
    from allocation join lease on lease.id = allocation.lease
    where allocation.id = any(${allocations}::text[])`.execute(tx.db)
  return rows
}

/** The organization that a resource belongs to. */
export async function selectOwner(tx: Tx, resource: ResourceId): Promise<OrganizationId | null> {
  const { rows } = await sql<{ organization: OrganizationId }>`
    select organization from journal_head where resource = ${resource}`.execute(tx.db)
  return rows[0]?.organization ?? null
}

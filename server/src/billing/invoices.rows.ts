import { sql } from 'kysely'
import type { AccountId, OrganizationId, PriceBookId, TransferId } from '../kernel/ids.ts'
import type { Currency, Nanos } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import type { Unit } from '../pricing/rules.ts'
import { at, type Tx } from '../store/store.ts'
import type {
  Buyer,
  Debt,
  Draft,
  Funding,
  Invoice,
  InvoiceCredit,
  InvoiceId,
  InvoiceLine,
  InvoiceProblem,
  Seller,
  Series,
  Totals,
  UseKind,
} from './invoices.rules.ts'
import type { TaxLine } from './tax.rules.ts'

/** An organization whose books may be due to be closed. */
export interface Closable {
  readonly organization: OrganizationId
  readonly timeZone: string
  /** The end of its last closed period, or its first event. */
  readonly since: Instant
}

/**
 * Organizations in whose time zone a month began since their last closed period, or nearly: the exact instant
 * is for the caller to know.
 */
export async function selectClosable(tx: Tx, now: Instant): Promise<readonly Closable[]> {
  const { rows } = await sql<Closable>`
    select organization.id as organization, organization.time_zone as "timeZone", since.at as since
    from organization cross join lateral (select coalesce(
        (select max(to_at) from billing_period where billing_period.organization = organization.id),
        (select min(event.recorded_at) from journal_head head
          join usage_event event on event.resource = head.resource and event.seq = 1
          where head.organization = organization.id)) as at) since
    where (date_trunc('month', since.at at time zone organization.time_zone) + interval '1 month')
      at time zone organization.time_zone < ${at(now)}::timestamptz + interval '1 day'
    order by organization.id`.execute(tx.db)
  return rows
}

/** The end of the last closed period. */
export async function selectClosedTo(tx: Tx, organization: OrganizationId): Promise<Instant | null> {
  const { rows } = await sql<{ to: Instant | null }>`
    select max(to_at) as "to" from billing_period where organization = ${organization}`.execute(tx.db)
  return rows[0]?.to ?? null
}

/** A closed period. */
export interface PeriodRow {
  readonly organization: OrganizationId
  readonly from: Instant
  readonly to: Instant
}

export async function insertPeriod(
  tx: Tx,
  { organization, from, to }: PeriodRow,
  closedAt: Instant,
  closedBy: string | null,
): Promise<void> {
  await sql`
    insert into billing_period (organization, from_at, to_at, closed_at, closed_by)
    values (${organization}, ${at(from)}, ${at(to)}, ${at(closedAt)}, ${closedBy})`.execute(tx.db)
}

/** What names a project to a person. */
export async function selectProjectNames(tx: Tx, projects: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await sql<{ id: string; name: string }>`
    select id, name from project where id = any(${projects}::text[])`.execute(tx.db)
  return new Map(rows.map(({ id, name }) => [id, name]))
}

/** The names of instances, runs and volumes. */
export async function selectNames(tx: Tx, subjects: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await sql<{ id: string; name: string }>`
    select id, name from instance where id = any(${subjects}::text[])
    union all select id, name from job_run where id = any(${subjects}::text[])
    union all select id, name from volume where id = any(${subjects}::text[])`.execute(tx.db)
  return new Map(rows.map(({ id, name }) => [id, name]))
}

/** What moved for charges in `(from, to]`: out of the wallet, into debt, and what was ours to bear. */
export async function sumPayments(
  tx: Tx,
  { organization, from, to }: PeriodRow,
  accounts: { readonly customer: AccountId; readonly receivable: AccountId; readonly absorbed: AccountId },
): Promise<{
  readonly wallet: Nanos
  readonly promo: Nanos
  readonly owed: Nanos
  readonly absorbed: Nanos
}> {
  const { customer, receivable, absorbed } = accounts
  const { rows } = await sql<{ wallet: Nanos; promo: Nanos; owed: Nanos; absorbed: Nanos }>`
    with moved as (
      select id, debit, credit, amount from transfer
      where kind in ('post', 'settle') and code in ('lease', 'storage', 'give_back')
        and (debit in (${customer}, ${receivable}) or credit in (${customer}, ${receivable}))
        and booked_at > ${at(from)} and booked_at <= ${at(to)})
    select
      coalesce(sum(case when debit = ${customer} then amount else -amount end)
        filter (where ${customer} in (debit, credit)), 0) as wallet,
      coalesce(sum(case when debit = ${receivable} then amount else -amount end)
        filter (where ${receivable} in (debit, credit)), 0) as owed,
      (select coalesce(sum(case when lot_use.kind = 'return' then -lot_use.amount else lot_use.amount end), 0)
        from moved join lot_use on lot_use.transfer = moved.id
        join credit_lot on credit_lot.id = lot_use.lot and credit_lot.kind = 'promo'
        where lot_use.kind in ('settle', 'use', 'return')) as promo,
      (select coalesce(sum(case when debit = ${absorbed} then amount else -amount end), 0) from transfer
        where code = 'overshoot' and booked_at > ${at(from)} and booked_at <= ${at(to)}
          and about in (select id from lease where organization = ${organization}
            union all select resource from journal_head where organization = ${organization})) as absorbed
    from moved`.execute(tx.db)
  // One row: the sums of an aggregate without groups.
  return rows[0]!
}

/** What of a transfer out of a wallet promotional credit paid. */
export async function sumPromo(tx: Tx, transfer: TransferId): Promise<Nanos> {
  const { rows } = await sql<{ promo: Nanos }>`
    select coalesce(sum(lot_use.amount), 0) as promo from lot_use
    join credit_lot on credit_lot.id = lot_use.lot and credit_lot.kind = 'promo'
    where lot_use.transfer = ${transfer} and lot_use.kind in ('settle', 'use')`.execute(tx.db)
  // One row, as above.
  return rows[0]!.promo
}

/** What was owed at an instant. */
export async function sumOwed(tx: Tx, receivable: AccountId, when: Instant): Promise<Nanos> {
  const { rows } = await sql<{ owed: Nanos }>`
    select coalesce(sum(case when debit = ${receivable} then amount else -amount end), 0) as owed
    from transfer where (debit = ${receivable} or credit = ${receivable}) and kind = 'post'
      and booked_at <= ${at(when)}`.execute(tx.db)
  // One row, as above.
  return rows[0]!.owed
}

/** The debts that were made in `(from, to]`, newest first. */
export async function selectDebts(
  tx: Tx,
  receivable: AccountId,
  from: Instant,
  to: Instant,
): Promise<readonly Debt[]> {
  const { rows } = await sql<Debt>`
    select amount, code = 'storage' as "isStorage" from transfer
    where debit = ${receivable} and kind = 'post' and booked_at > ${at(from)} and booked_at <= ${at(to)}
    order by booked_at desc, id desc`.execute(tx.db)
  return rows
}

/** What a draft is made with. */
export interface NewDraft extends PeriodRow, Draft {
  readonly id: InvoiceId
  readonly currency: Currency
  readonly timeZone: string
  readonly billSha256: string
}

/** Writes a draft, in place of the one that there may be for the period. */
export async function replaceDraft(tx: Tx, draft: NewDraft, createdAt: Instant): Promise<void> {
  const { id, organization, from, to, currency, timeZone, exact, net, billSha256 } = draft
  await sql`delete from invoice_line where invoice = ${id}`.execute(tx.db)
  await sql`delete from invoice where id = ${id}`.execute(tx.db)
  await sql`
    insert into invoice (id, organization, state, from_at, to_at, currency, time_zone, exact, net, tax, total,
      bill_sha256, created_at)
    values (${id}, ${organization}, 'draft', ${at(from)}, ${at(to)}, ${currency}, ${timeZone},
      ${String(exact)}, ${String(net)}, 0, ${String(net)}, ${billSha256}, ${at(createdAt)})`.execute(tx.db)
  await insertLines(tx, id, draft.lines)
}

async function insertLines(tx: Tx, invoice: InvoiceId, lines: readonly InvoiceLine[]): Promise<void> {
  const texts = (of: (line: InvoiceLine) => string | number | bigint | null): readonly (string | null)[] =>
    lines.map((line) => of(line)?.toString() ?? null)
  await sql`
    insert into invoice_line (invoice, position, project, project_name, kind, resource, name, reason, sku,
      unit, price_book, rate, unit_millis, exact, amount)
    select ${invoice}, * from unnest(${texts(({ position }) => position)}::integer[],
      ${texts(({ project }) => project)}::text[], ${texts(({ projectName }) => projectName)}::text[],
      ${texts(({ kind }) => kind)}::text[], ${texts(({ resource }) => resource)}::text[],
      ${texts(({ name }) => name)}::text[], ${texts(({ reason }) => reason)}::text[],
      ${texts(({ sku }) => sku)}::text[], ${texts(({ unit }) => unit)}::text[],
      ${texts(({ priceBook }) => priceBook)}::text[], ${texts(({ rate }) => rate)}::numeric[],
      ${texts(({ unitMillis }) => unitMillis)}::numeric[], ${texts(({ exact }) => exact)}::numeric[],
      ${texts(({ amount }) => amount)}::numeric[])`.execute(tx.db)
}

/** Says what keeps a draft from being finalised. */
export async function updateProblem(tx: Tx, id: InvoiceId, problem: InvoiceProblem): Promise<void> {
  await sql`update invoice set problem = ${problem} where id = ${id}`.execute(tx.db)
}

/** Everything that is added when an invoice is finalised. */
export interface Finalisation extends Totals {
  readonly number: string
  readonly seller: Seller
  readonly buyer: Buyer
  readonly taxes: readonly TaxLine[]
  readonly funding: readonly Funding[]
  readonly credits: readonly InvoiceCredit[]
}

/** Finalises a draft: the only place that assigns the state. From here on the database refuses changes. */
export async function finaliseInvoice(
  tx: Tx,
  id: InvoiceId,
  { number, seller, buyer, tax, total, taxes, funding, credits }: Finalisation,
  closedAt: Instant,
): Promise<void> {
  for (const [index, line] of taxes.entries())
    await sql`
      insert into invoice_tax (invoice, position, name, basis_points, note, base, amount)
      values (${id}, ${index + 1}, ${line.name}, ${line.basisPoints}, ${line.note}, ${String(line.base)},
        ${String(line.amount)})`.execute(tx.db)
  for (const { source, exact, amount } of funding)
    await sql`
      insert into invoice_funding (invoice, source, exact, amount)
      values (${id}, ${source}, ${String(exact)}, ${String(amount)})`.execute(tx.db)
  for (const [index, credit] of credits.entries())
    await sql`
      insert into invoice_credit (invoice, position, code, about, at, amount, explanation)
      values (${id}, ${index + 1}, ${credit.code}, ${credit.about}, ${at(credit.at)},
        ${String(credit.amount)}, ${credit.explanation})`.execute(tx.db)
  await sql`
    update invoice set state = 'finalised', number = ${number}, seller = ${JSON.stringify(seller)}::jsonb,
      buyer = ${JSON.stringify(buyer)}::jsonb, tax = ${String(tax)}, total = ${String(total)}, problem = null,
      closed_at = ${at(closedAt)}
    where id = ${id}`.execute(tx.db)
}

/** Takes the next number of a series, which is locked until the transaction ends: the last lock of all. */
export async function takeNumber(tx: Tx, series: Series): Promise<bigint> {
  const { rows } = await sql<{ taken: bigint }>`
    insert into number_series (series, next) values (${series}, 2)
    on conflict (series) do update set next = number_series.next + 1 returning next - 1 as taken`.execute(
    tx.db,
  )
  // An upsert always returns its row.
  return rows[0]!.taken
}

/** An invoice without its parts. */
export type InvoiceRow = Omit<Invoice, 'lines' | 'taxes' | 'funding' | 'credits'>

const invoiceColumns = sql.raw(`id, organization, state, number, from_at as "from", to_at as "to", currency,
  time_zone as "timeZone", exact, net, tax, total, seller, buyer, bill_sha256 as "billSha256", problem,
  closed_at as "closedAt"`)

/** By its id or number. */
export async function selectInvoice(tx: Tx, name: string): Promise<InvoiceRow | null> {
  const { rows } = await sql<InvoiceRow>`
    select ${invoiceColumns} from invoice where id = ${name} or number = ${name}`.execute(tx.db)
  return rows[0] ?? null
}

/** The other invoices of the organization. */
export async function selectOthers(
  tx: Tx,
  organization: OrganizationId,
  invoice: InvoiceId,
): Promise<readonly InvoiceId[]> {
  const { rows } = await sql<{ id: InvoiceId }>`
    select id from invoice where organization = ${organization} and id <> ${invoice}`.execute(tx.db)
  return rows.map(({ id }) => id)
}

/** Drafts: what was closed and could not be finalised yet. */
export async function selectDrafts(tx: Tx): Promise<readonly InvoiceRow[]> {
  const { rows } = await sql<InvoiceRow>`
    select ${invoiceColumns} from invoice where state = 'draft' order by from_at, id`.execute(tx.db)
  return rows
}

/** An invoice in a list, with what of it was not paid when it was finalised. */
export interface ListedRow extends InvoiceRow {
  readonly due: Nanos
}

/** A page of an organization's invoices, newest period first. */
export async function selectInvoicePage(
  tx: Tx,
  organization: OrganizationId,
  withDrafts: boolean,
  before: Instant | null,
  limit: number,
): Promise<readonly ListedRow[]> {
  const { rows } = await sql<ListedRow>`
    select ${invoiceColumns}, coalesce((select amount from invoice_funding
        where invoice_funding.invoice = invoice.id and source = 'due'), 0) as due
    from invoice
    where organization = ${organization} and (state = 'finalised' or ${withDrafts})
      and (${at(before)}::timestamptz is null or from_at < ${at(before)}::timestamptz)
    order by from_at desc limit ${limit}`.execute(tx.db)
  return rows
}

/** The finalised invoices that a period touches, oldest first. */
export async function selectCovering(
  tx: Tx,
  organization: OrganizationId,
  from: Instant,
  to: Instant,
): Promise<readonly InvoiceRow[]> {
  const { rows } = await sql<InvoiceRow>`
    select ${invoiceColumns} from invoice
    where organization = ${organization} and state = 'finalised'
      and from_at < ${at(to)} and to_at > ${at(from)}
    order by from_at`.execute(tx.db)
  return rows
}

export async function selectLines(tx: Tx, invoice: InvoiceId): Promise<readonly InvoiceLine[]> {
  const { rows } = await sql<{
    position: number
    project: string
    projectName: string
    kind: UseKind
    resource: string | null
    name: string | null
    reason: string | null
    sku: string
    unit: Unit
    priceBook: PriceBookId
    rate: Nanos
    unitMillis: bigint
    exact: Nanos
    amount: Nanos
  }>`
    select position, project, project_name as "projectName", kind, resource, name, reason, sku, unit,
      price_book as "priceBook", rate, unit_millis as "unitMillis", exact, amount
    from invoice_line where invoice = ${invoice} order by position`.execute(tx.db)
  return rows
}

export async function selectTaxes(tx: Tx, invoice: InvoiceId): Promise<readonly TaxLine[]> {
  const { rows } = await sql<TaxLine>`
    select name, basis_points as "basisPoints", note, base, amount
    from invoice_tax where invoice = ${invoice} order by position`.execute(tx.db)
  return rows
}

export async function selectFunding(tx: Tx, invoice: InvoiceId): Promise<readonly Funding[]> {
  const { rows } = await sql<Funding>`
    select source, exact, amount from invoice_funding where invoice = ${invoice}
    order by array_position(array['promo', 'prepaid', 'absorbed', 'due'], source)`.execute(tx.db)
  return rows
}

export async function selectInvoiceCredits(tx: Tx, invoice: InvoiceId): Promise<readonly InvoiceCredit[]> {
  const { rows } = await sql<InvoiceCredit>`
    select code, about, at, amount, explanation from invoice_credit where invoice = ${invoice}
    order by position`.execute(tx.db)
  return rows
}

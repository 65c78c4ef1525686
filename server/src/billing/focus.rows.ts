import { sql } from 'kysely'
import type { OrganizationId } from '../kernel/ids.ts'
import type { Nanos } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'
import type { InvoiceId } from './invoices.rules.ts'

/** A closed period with its invoice, once that has a number. */
export interface ClosedPeriod {
  readonly from: Instant
  readonly to: Instant
  readonly invoice: InvoiceId | null
  readonly number: string | null
  /** Who issued it. */
  readonly issuer: string | null
  /** The charges, to the nano. */
  readonly exact: Nanos | null
}

/** The closed periods of an organization that end after an instant, oldest first. */
export async function selectClosedPeriods(
  tx: Tx,
  organization: OrganizationId,
  after: Instant,
): Promise<readonly ClosedPeriod[]> {
  const { rows } = await sql<ClosedPeriod>`
    select period.from_at as "from", period.to_at as "to", invoice.id as invoice, invoice.number,
      invoice.seller->>'legalName' as issuer, invoice.exact
    from billing_period period
    left join invoice on invoice.organization = period.organization and invoice.from_at = period.from_at
      and invoice.state = 'finalised'
    where period.organization = ${organization} and period.to_at > ${at(after)}
    order by period.from_at`.execute(tx.db)
  return rows
}

import { sql } from 'kysely'
import type { Tx } from '../store/store.ts'

/** Series whose numbers do not run from 1 to the last one taken. */
export async function selectGaps(tx: Tx): Promise<readonly string[]> {
  const { rows } = await sql<{ found: string }>`
    with issued as (
      select 'invoice' as series, number from invoice where number is not null
      union all select 'credit_note', number from credit_note),
    counted as (
      select series, count(*) as count, max(substring(number from '[0-9]+$')::bigint) as last
      from issued group by series)
    select coalesce(counted.series, number_series.series) || ': ' || coalesce(counted.count, 0)
        || ' numbers up to ' || coalesce(counted.last, 0)
        || ', the next is ' || coalesce(number_series.next, 1) as found
    from counted full join number_series on number_series.series = counted.series
    where coalesce(counted.count, 0) <> coalesce(counted.last, 0)
      or coalesce(counted.last, 0) <> coalesce(number_series.next, 1) - 1`.execute(tx.db)
  return rows.map(({ found }) => found)
}

/** Finalised invoices whose parts do not add up to them. */
export async function selectUnsummed(tx: Tx): Promise<readonly string[]> {
  const { rows } = await sql<{ number: string }>`
    select number from invoice
    where state = 'finalised' and (
      net <> (select coalesce(sum(amount), 0) from invoice_line where invoice = invoice.id)
      or exact <> (select coalesce(sum(exact), 0) from invoice_line where invoice = invoice.id)
      or tax <> (select coalesce(sum(amount), 0) from invoice_tax where invoice = invoice.id)
      or total <> (select coalesce(sum(amount), 0) from invoice_funding where invoice = invoice.id)
      or exact <> (select coalesce(sum(amount), 0) from charge
        where charge.organization = invoice.organization
          and charge.up_to > invoice.from_at and charge.up_to <= invoice.to_at))
    order by number limit 10`.execute(tx.db)
  return rows.map(({ number }) => number)
}

/** Closed periods that do not begin where the one before ended. */
export async function selectUnjoined(tx: Tx): Promise<readonly string[]> {
  const { rows } = await sql<{ found: string }>`
    select organization || ' ' || from_at as found from (
      select organization, from_at, lag(to_at) over (partition by organization order by from_at) as before
      from billing_period) period
    where from_at <> before order by organization, from_at limit 10`.execute(tx.db)
  return rows.map(({ found }) => found)
}

/** What the ledger earned and what was invoiced, of one currency; nano-units. */
export interface EarnedRow {
  readonly currency: string
  readonly revenue: bigint
  readonly tax: bigint
  readonly rounding: bigint
  /** Of finalised invoices, less credit notes. */
  readonly net: bigint
  readonly invoicedTax: bigint
  readonly rounded: bigint
  /** Charges that no finalised invoice holds yet. */
  readonly open: bigint
}

export async function selectEarned(tx: Tx): Promise<readonly EarnedRow[]> {
  const { rows } = await sql<EarnedRow>`
    with balance as (
      select account.currency, account.code,
        sum(case when transfer.credit = account.id then transfer.amount else -transfer.amount end) as amount
      from ledger_account account
      join transfer on account.id in (transfer.debit, transfer.credit) and transfer.kind in ('post', 'settle')
      where account.owner = 'platform' and account.code in ('revenue', 'tax', 'rounding')
      group by account.currency, account.code),
    issued as (
      select currency, sum(net) as net, sum(tax) as tax, sum(net - exact) as rounded, sum(exact) as exact
      from invoice where state = 'finalised' group by currency),
    given as (
      select invoice.currency, sum(note.net) as net, sum(note.tax) as tax
      from credit_note note join invoice on invoice.id = note.invoice group by invoice.currency),
    charged as (
      select organization.currency, sum(charge.amount) as amount
      from charge join organization on organization.id = charge.organization group by organization.currency)
    select currency,
      coalesce((select amount from balance where balance.currency = one.currency and code = 'revenue'), 0)
        as revenue,
      coalesce((select amount from balance where balance.currency = one.currency and code = 'tax'), 0) as tax,
      coalesce((select amount from balance where balance.currency = one.currency and code = 'rounding'), 0)
        as rounding,
      coalesce((select net from issued where issued.currency = one.currency), 0)
        - coalesce((select net from given where given.currency = one.currency), 0) as net,
      coalesce((select tax from issued where issued.currency = one.currency), 0)
        - coalesce((select tax from given where given.currency = one.currency), 0) as "invoicedTax",
      coalesce((select rounded from issued where issued.currency = one.currency), 0) as rounded,
      coalesce((select amount from charged where charged.currency = one.currency), 0)
        - coalesce((select exact from issued where issued.currency = one.currency), 0) as open
    from (select distinct currency from ledger_account) one order by currency`.execute(tx.db)
  return rows
}

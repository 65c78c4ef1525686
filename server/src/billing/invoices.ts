import { firstRecordedAt, lock } from '../journal/journal.ts'
import { monthAfter, monthOf, monthStart, startOfMonth } from '../kernel/calendar.ts'
import { canonicalHash, type Json } from '../kernel/canonical.ts'
import { AppError, invariant } from '../kernel/errors.ts'
import { type AccountId, derivedId, type OrganizationId, type TransferId } from '../kernel/ids.ts'
import { type Nanos, nanos } from '../kernel/money.ts'
import { formatInstant, hourMs, type Instant } from '../kernel/time.ts'
import { accountsOf, applyOrThrow, credits, currencyOf, lockWallet } from '../ledger/ledger.ts'
import type { Transfer } from '../ledger/rules.ts'
import { emit } from '../notices/notices.ts'
import { ratesOfAll } from '../pricing/pricing.ts'
import { rateOf } from '../pricing/rules.ts'
import type { Tx } from '../store/store.ts'
import * as rows from './invoices.rows.ts'
import {
  type Buyer,
  type Draft,
  draftOf,
  fundingOf,
  type Invoice,
  type InvoiceCredit,
  type InvoiceId,
  type InvoiceProblem,
  kindOf,
  numberOf,
  type Payments,
  problemOf,
  type Seller,
  type Series,
  stillOwed,
  taxed,
  type TaxPaid,
  type Totals,
  totalsOf,
  type Used,
} from './invoices.rules.ts'
import { buyer, seller, taxRule } from './parties.ts'
import { payBack } from './paybacks.ts'
import * as charged from './rows.ts'
import type { Charge } from './rules.ts'
import { bill, bounded } from './statements.ts'
import { taxOf } from './tax.rules.ts'

/*
 * How a month becomes an invoice. A period is closed under the lock of the organization's journal: its end is
 * a boundary, so nothing that belongs to it can come any more, and its charges are frozen by being what they
 * are. In the same transaction they become a draft, are checked, and get a number. What is then left to do,
 * the papers, follows from the finalised invoice alone: whoever is killed in between, the next pass goes on.
 */

/** How long after its end a month is closed: until then a late truth still finds it open. */
export const graceMs = hourMs

/** A period that was closed now; an empty one has no invoice. */
export interface Closed {
  readonly from: Instant
  readonly to: Instant
  readonly invoice: InvoiceId | null
}

/** Organizations of which a month is over, its hour of grace included. */
export async function organizationsToClose(tx: Tx): Promise<readonly OrganizationId[]> {
  const now = await tx.now()
  return (await rows.selectClosable(tx, now))
    .filter(({ since, timeZone }) => monthEnd(since, timeZone) + graceMs <= now)
    .map(({ organization }) => organization)
}

/** The end of the month in which an instant lies. */
function monthEnd(at: Instant, timeZone: string): Instant {
  return startOfMonth(monthAfter(monthOf(at, timeZone)), timeZone)
}

/**
 * Closes the oldest open month of an organization and invoices it; null: none is over, its hour of grace
 * included. Throws `unavailable` while its end cannot be settled: a machine has just fallen silent.
 */
export async function closeMonth(tx: Tx, organization: OrganizationId): Promise<Closed | null> {
  await lock(tx, organization)
  const timeZone = await charged.selectTimeZone(tx, organization)
  const from = await openSince(tx, organization, timeZone)
  if (from === null) return null
  const end = monthEnd(from, timeZone)
  return end + graceMs <= (await tx.now()) ? close(tx, organization, { from, to: end }, timeZone, null) : null
}

/** A close before its time. */
export interface CloseNow {
  readonly organization: OrganizationId
  /** The start of a local day, not before the last close; default: the end of the last month. */
  readonly upTo: Instant | null
  /** The operator who asks. */
  readonly by: string
}

/**
 * Closes everything that is open before the instant, month by month, without waiting for the grace; none
 * where that is closed already. Refuses (`invalid_request`) an instant that is no start of a local day, or
 * lies ahead.
 */
export async function closeNow(tx: Tx, { organization, upTo, by }: CloseNow): Promise<readonly Closed[]> {
  await lock(tx, organization)
  const timeZone = await charged.selectTimeZone(tx, organization)
  const now = await tx.now()
  const end = upTo ?? monthStart(now, timeZone)
  if (end > now)
    throw new AppError('invalid_request', 'The period has not ended yet. Name a day that is over.')
  if (!isDayStart(end, timeZone))
    throw new AppError(
      'invalid_request',
      `A period ends with a local day (${timeZone}). Name the start of one.`,
    )
  const closed: Closed[] = []
  for (;;) {
    const from = await openSince(tx, organization, timeZone)
    if (from === null || from >= end) return closed
    const to = monthEnd(from, timeZone) < end ? monthEnd(from, timeZone) : end
    closed.push(await close(tx, organization, { from, to }, timeZone, by))
  }
}

function isDayStart(at: Instant, timeZone: string): boolean {
  const dayOf = (ms: number): string => new Intl.DateTimeFormat('en-CA', { timeZone }).format(ms)
  return dayOf(at) !== dayOf(at - 1)
}

/** Where the open period of an organization begins; null: nothing ever happened. */
async function openSince(tx: Tx, organization: OrganizationId, timeZone: string): Promise<Instant | null> {
  const closedTo = await rows.selectClosedTo(tx, organization)
  if (closedTo !== null) return closedTo
  const first = await firstRecordedAt(tx, organization)
  return first === null ? null : monthStart(first, timeZone)
}

/** Under the journal's lock: this is the only one who closes. */
async function close(
  tx: Tx,
  organization: OrganizationId,
  asked: { readonly from: Instant; readonly to: Instant },
  timeZone: string,
  by: string | null,
): Promise<Closed> {
  const { from, to } = await bounded(tx, organization, asked)
  const period = { organization, from, to }
  await rows.insertPeriod(tx, period, await tx.now(), by)
  const charges = await charged.selectChargesOfPeriod(tx, organization, from, to)
  if (charges.length === 0) return { from, to, invoice: null }
  const invoice = derivedId('invoice', organization, formatInstant(from))
  await invoicePeriod(tx, invoice, period, charges, timeZone)
  return { from, to, invoice }
}

/** Invoices that were drafted and could not be finalised, and for which something may have changed since. */
export async function drafts(tx: Tx): Promise<readonly InvoiceId[]> {
  const hasSeller = (await seller(tx)) !== null
  return (await rows.selectDrafts(tx)).flatMap(({ id, problem }) =>
    problem === 'seller_missing' && !hasSeller ? [] : [id],
  )
}

/** What keeps drafts from being finalised, of each that waits; for operators. */
export async function waiting(tx: Tx): Promise<readonly InvoiceProblem[]> {
  return (await rows.selectDrafts(tx)).flatMap(({ problem }) => problem ?? [])
}

/** Drafts a closed period again and finalises it if nothing stands in the way any more; else does nothing. */
export async function redraft(tx: Tx, id: InvoiceId): Promise<boolean> {
  const before = await rows.selectInvoice(tx, id)
  if (before?.state !== 'draft') return false
  const { organization, from, to } = before
  await bounded(tx, organization, { from, to })
  const now = await rows.selectInvoice(tx, id)
  if (now?.state !== 'draft') return false
  const charges = await charged.selectChargesOfPeriod(tx, organization, from, to)
  return invoicePeriod(tx, id, { organization, from, to }, charges, now.timeZone)
}

/** Drafts, checks and finalises the invoice of a closed period; false where the check found something. */
async function invoicePeriod(
  tx: Tx,
  id: InvoiceId,
  period: rows.PeriodRow,
  charges: readonly Charge[],
  timeZone: string,
): Promise<boolean> {
  const { organization } = period
  const draft = await drafted(tx, charges)
  const billSha256 = canonicalHash(await openBill(tx, period))
  const currency = await currencyOf(tx, organization)
  await rows.replaceDraft(tx, { id, ...period, currency, timeZone, billSha256, ...draft }, await tx.now())
  const paid = await paymentsOf(tx, period)
  const issuer = await seller(tx)
  const problem = problemOf(draft, paid, issuer !== null)
  if (problem !== null || issuer === null) {
    await rows.updateProblem(tx, id, problem ?? 'seller_missing')
    return false
  }
  await finalise(tx, id, period, draft, paid, issuer)
  return true
}

/** The open bill of a closed period as JSON. */
export async function openBill(tx: Tx, { organization, from, to }: rows.PeriodRow): Promise<Json> {
  // The bill is JSON by its own definition.
  return (await bill(tx, organization, { from, to })) as unknown as Json
}

async function drafted(tx: Tx, charges: readonly Charge[]): Promise<Draft> {
  const resources = [...new Set(charges.map(({ resource }) => resource))]
  const beginnings = await charged.selectBeginnings(tx, resources)
  const names = await rows.selectNames(
    tx,
    beginnings.map(({ subject }) => subject),
  )
  const projects = await rows.selectProjectNames(tx, [...new Set(beginnings.map(({ project }) => project))])
  const used = new Map<string, Used>(
    beginnings.map(({ resource, subject, project }) => [
      resource,
      {
        kind: kindOf(resource, subject),
        project,
        projectName: projects.get(project) ?? project,
        name: names.get(subject) ?? subject,
      },
    ]),
  )
  const rates = await ratesOfAll(tx, [...new Set(charges.map(({ priceBook }) => priceBook))])
  return draftOf(
    charges,
    (resource) => {
      const found = used.get(resource)
      invariant(found, 'whatever was charged began with an event', { resource })
      return found
    },
    ({ priceBook, sku }) => rateOf(rates.get(priceBook) ?? new Map(), sku).unit,
  )
}

async function paymentsOf(tx: Tx, period: rows.PeriodRow): Promise<Payments> {
  const { organization, from, to } = period
  const accounts = await accountsOf(tx, organization)
  const { wallet, promo, owed, absorbed } = await rows.sumPayments(tx, period, accounts)
  const debts = await rows.selectDebts(tx, accounts.receivable, from, to)
  const due = stillOwed(debts, await rows.sumOwed(tx, accounts.receivable, to))
  return { prepaid: nanos(wallet - promo), promo, owed, due, absorbed }
}

/** Books what the invoice changes in the ledger, and gives it its number: last, under the series' lock. */
async function finalise(
  tx: Tx,
  id: InvoiceId,
  { organization, from, to }: rows.PeriodRow,
  draft: Draft,
  paid: Payments,
  issuer: Seller,
): Promise<void> {
  const taxes = taxed(taxOf(await taxRule(tx, organization)), draft.net, paid.promo)
  const totals = totalsOf(draft, taxes)
  const recipient: Buyer = await buyer(tx, organization)
  const taxPaid = await book(tx, id, organization, totals)
  const funding = fundingOf(paid, taxPaid, totals.total)
  const received = (await credits(tx, organization, from, to)).map(
    ({ code, about, bookedAt, amount }): InvoiceCredit => {
      return { code, about, at: bookedAt, amount, explanation: null }
    },
  )
  const number = await nextNumber(tx, 'invoice')
  const parties = { seller: issuer, buyer: recipient }
  await rows.finaliseInvoice(
    tx,
    id,
    { ...totals, ...parties, number, taxes, funding, credits: received },
    await tx.now(),
  )
  await emit(tx, {
    organization,
    type: 'invoice.finalized',
    subject: id,
    data: {
      invoice: id,
      number,
      currency: await currencyOf(tx, organization),
      totalNanos: totals.total,
      from: formatInstant(from),
      to: formatInstant(to),
    },
    once: [id],
  })
  // Its papers are to be written.
  await tx.notify('invoices')
}

/** The transfer by which a wallet paid the tax of an invoice. */
export function taxTransferOf(id: InvoiceId): TransferId {
  return derivedId('transfer', id, 'tax')
}

/**
 * What rounding changed moves between revenue and `rounding`: the wallet paid its charges to the nano, and is
 * not asked again. Tax is taken from the wallet, bought money first; what it lacks is owed.
 */
async function book(
  tx: Tx,
  id: InvoiceId,
  organization: OrganizationId,
  { exact, net, tax }: Totals,
): Promise<TaxPaid> {
  const { accounts, available, asOf: bookedAt } = await lockWallet(tx, organization)
  const { customer, receivable, revenue, rounding } = accounts
  const residue = net - exact
  const asked = tax > 0n ? tax : 0n
  const paid = nanos(asked > available ? available : asked)
  const due = nanos(asked - paid)
  const common = { kind: 'post', bookedAt, about: id } as const
  const moves: readonly Transfer[] = [
    {
      ...common,
      id: derivedId('transfer', id, 'rounding'),
      ...(residue > 0n ? { debit: rounding, credit: revenue } : { debit: revenue, credit: rounding }),
      amount: nanos(residue > 0n ? residue : -residue),
      code: 'rounding',
    },
    {
      ...common,
      id: taxTransferOf(id),
      debit: customer,
      credit: accounts.tax,
      amount: paid,
      code: 'tax',
      from: { first: 'paid' },
    },
    {
      ...common,
      id: derivedId('transfer', id, 'tax owed'),
      debit: receivable,
      credit: accounts.tax,
      amount: due,
      code: 'tax',
    },
  ]
  await applyOrThrow(
    tx,
    moves.filter((move) => 'amount' in move && move.amount > 0n),
    bookedAt,
  )
  if (tax < 0n) return giveTaxBack(tx, id, organization, nanos(-tax), accounts.tax)
  const promo = await rows.sumPromo(tx, taxTransferOf(id))
  return { prepaid: nanos(paid - promo), promo, due }
}

/** Tax comes back to what paid the tax of earlier invoices; what was still owed of it is owed no longer. */
async function giveTaxBack(
  tx: Tx,
  id: InvoiceId,
  organization: OrganizationId,
  amount: Nanos,
  from: AccountId,
): Promise<TaxPaid> {
  const earlier = await rows.selectOthers(tx, organization, id)
  const { toWallet } = await payBack(tx, {
    organization,
    from,
    amount,
    code: 'tax',
    id: derivedId('transfer', id, 'tax given back'),
    about: id,
    bookedAt: await tx.now(),
    paidBy: [{ transfers: earlier.map(taxTransferOf) }, { abouts: [organization] }],
  })
  return { prepaid: nanos(-toWallet), promo: nanos(0n), due: nanos(toWallet - amount) }
}

async function whole(tx: Tx, row: rows.InvoiceRow): Promise<Invoice> {
  const { id } = row
  return {
    ...row,
    lines: await rows.selectLines(tx, id),
    taxes: await rows.selectTaxes(tx, id),
    funding: await rows.selectFunding(tx, id),
    credits: await rows.selectInvoiceCredits(tx, id),
  }
}

/** An invoice by its id or number; null: there is none. */
export async function invoice(tx: Tx, name: string): Promise<Invoice | null> {
  const row = await rows.selectInvoice(tx, name)
  return row && whole(tx, row)
}

/** The next number of a series: taken under the organization's journal, as the last lock of a transaction. */
export async function nextNumber(tx: Tx, series: Series): Promise<string> {
  return numberOf(series, await rows.takeNumber(tx, series))
}

/** An invoice in a list. */
export type ListedInvoice = rows.ListedRow

/** What a page of invoices is asked by. */
export interface InvoicePage {
  /** Drafts are shown to operators. */
  readonly withDrafts: boolean
  /** Periods that begin before this; null: all. */
  readonly before: Instant | null
  readonly limit: number
}

/** A page of an organization's invoices, newest period first. */
export async function invoices(
  tx: Tx,
  organization: OrganizationId,
  { withDrafts, before, limit }: InvoicePage,
): Promise<readonly ListedInvoice[]> {
  return rows.selectInvoicePage(tx, organization, withDrafts, before, limit)
}

/** The finalised invoices whose periods a period touches, oldest first. */
export async function covering(
  tx: Tx,
  organization: OrganizationId,
  { from, to }: { readonly from: Instant; readonly to: Instant },
): Promise<readonly rows.InvoiceRow[]> {
  return rows.selectCovering(tx, organization, from, to)
}

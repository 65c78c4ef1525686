import { eventsOfAll, firstRecordedAt } from '../journal/journal.ts'
import type { Line, UsageEvent } from '../journal/rules.ts'
import { amountOfSpell, silenceMs } from '../compute/leases.rules.ts'
import { AppError } from '../kernel/errors.ts'
import type { AllocationId, OrganizationId } from '../kernel/ids.ts'
import { type Currency, type Nanos, nanos } from '../kernel/money.ts'
import { formatInstant, type Instant, instant } from '../kernel/time.ts'
import { credits, currencyOf, walletOf } from '../ledger/ledger.ts'
import type { Moved } from '../ledger/rules.ts'
import { spellsOfAll } from '../metering/metering.ts'
import { booksNamed, paidMillis } from '../metering/rules.ts'
import { books, ratesOfAll } from '../pricing/pricing.ts'
import { type PriceBook, rateOf, type Unit } from '../pricing/rules.ts'
import type { Tx } from '../store/store.ts'
import { startOfHour } from './boundaries.rules.ts'
import * as rows from './rows.ts'
import { type Charge, keyOf, provableUntil } from './rules.ts'
import { bookPassed, makeBoundary } from './settlement.ts'

/** A half-open period; `to` null is now. */
export interface Period {
  readonly from: Instant
  readonly to: Instant | null
}

/** The open bill, `gpuhour-bill/1`, ready to be written as JSON (`bill.md` §1). */
export interface OpenBill {
  readonly format: 'gpuhour-bill/1'
  readonly organization: OrganizationId
  readonly currency: Currency
  readonly from: string
  readonly to: string
  readonly priceBooks: readonly unknown[]
  readonly events: readonly unknown[]
  readonly charges: readonly unknown[]
  readonly total: string
}

/**
 * The open bill of a period whose ends are moved to the boundaries at or after them; one up to now makes a
 * boundary first. Refuses a period that is empty (`invalid_request`), and one whose end cannot be settled yet
 * because a machine was not seen for a minute, or used up its lease, and that is still to be recorded
 * (`unavailable`).
 */
export async function bill(tx: Tx, organization: OrganizationId, asked: Period): Promise<OpenBill> {
  const { from, to } = await bounded(tx, organization, asked)
  const shown = await rows.selectShown(tx, organization, from, to)
  const known = (await eventsOfAll(tx, shown)).filter(({ recordedAt }) => recordedAt < to)
  const charged = await rows.selectChargesUpTo(tx, shown, to)
  const priceBooks = await books(tx, booksNamed(known))
  return {
    format: 'gpuhour-bill/1',
    organization,
    currency: await currencyOf(tx, organization),
    from: formatInstant(from),
    to: formatInstant(to),
    priceBooks: priceBooks.map(bookOnBill),
    events: known.map(eventOnBill),
    charges: charged.map(chargeOnBill),
    total: sumOf(charged.filter(({ upTo }) => upTo > from)).toString(),
  }
}

function bookOnBill({ id, currency, effectiveFrom, rates, hash }: PriceBook): unknown {
  const shown = rates.map((rate) => ({ sku: rate.sku, unit: rate.unit, nanos: rate.nanos.toString() }))
  return { id, currency, effectiveFrom: formatInstant(effectiveFrom), rates: shown, hash }
}

function eventOnBill(event: UsageEvent): unknown {
  const { resource, seq, type, at, recordedAt, data, prevHash, hash } = event
  const dates = { at: formatInstant(at), recordedAt: formatInstant(recordedAt) }
  return { resource, seq, type, ...dates, data, prevHash, hash }
}

function chargeOnBill(charge: Charge): unknown {
  const { id, resource, sku, priceBook, upTo, reason } = charge
  return {
    id,
    resource,
    sku,
    priceBook,
    upTo: formatInstant(upTo),
    unitMillisBefore: charge.unitMillisBefore.toString(),
    unitMillis: charge.unitMillis.toString(),
    nanos: charge.nanos.toString(),
    amount: charge.amount.toString(),
    reason,
  }
}

function sumOf(charged: readonly Charge[]): Nanos {
  return nanos(charged.reduce((sum, { amount }) => sum + amount, 0n))
}

/** The ends of a period, both at boundaries. */
export interface Bounds {
  readonly from: Instant
  readonly to: Instant
}

/**
 * Moves the ends of a period to boundaries, so that nothing asked for is left out; before the first event
 * every instant is one. An hour's boundary may have been made late: then the period begins there.
 */
export async function bounded(tx: Tx, organization: OrganizationId, { from, to }: Period): Promise<Bounds> {
  const now = await tx.now()
  if (from >= (to ?? now)) throw new AppError('invalid_request', 'The period ends before it begins.')
  await bookPassed(tx, organization)
  const first = await firstRecordedAt(tx, organization)
  const isBefore = (at: Instant): boolean => first === null || at <= first
  const boundaryAt = async (at: Instant): Promise<Instant | null> =>
    isBefore(at) ? at : rows.selectBoundaryFrom(tx, organization, at)
  const boundaryUpTo = async (at: Instant): Promise<Instant | null> =>
    (await rows.selectBoundaryUpTo(tx, organization, at)) ?? first
  const end = to === null || to >= now ? await makeBoundary(tx, organization) : await boundaryAt(to)
  const start =
    isBefore(from) || from === startOfHour(from) ? await boundaryAt(from) : await boundaryUpTo(from)
  if (end === null || start === null)
    throw new AppError(
      'unavailable',
      'The period cannot be settled yet: a machine has just fallen silent or used up its money. ' +
        'Ask again in a few seconds.',
    )
  if (start < end) return { from: start, to: end }
  throw new AppError(
    'invalid_request',
    'Nothing was settled between these instants. Ask for a longer period.',
  )
}

/** One line of a statement: everything charged in the period for one (resource, SKU, price book). */
export interface StatementLine {
  readonly resource: string
  /** The instance or run that it was for; of storage the volume itself. */
  readonly subject: string
  readonly project: string
  readonly flavor: string | null
  readonly sku: string
  readonly priceBook: string
  readonly unit: Unit
  readonly unitMillis: bigint
  readonly rate: Nanos
  readonly amount: Nanos
}

/** Something that was charged, and given back in the period; what it lessened is a line. */
export interface GivenBack {
  readonly charge: Charge
  /** The instance or run that it was for; of storage the volume itself. */
  readonly subject: string
}

/** What happened on an account in a period. */
export interface Statement {
  readonly organization: OrganizationId
  readonly currency: Currency
  readonly from: Instant
  readonly to: Instant
  readonly lines: readonly StatementLine[]
  readonly total: Nanos
  /** What a late truth took back; newest last. */
  readonly givenBack: readonly GivenBack[]
  /** Money that came in, and that went out (negative). */
  readonly credits: readonly Moved[]
  /** Credits less everything booked, at the time of asking. */
  readonly posted: Nanos
}

/** The statement of a period, on the same boundaries as its bill; refuses what the bill refuses. */
export async function statement(tx: Tx, organization: OrganizationId, asked: Period): Promise<Statement> {
  const { from, to } = await bounded(tx, organization, asked)
  const charged = await rows.selectChargesOfPeriod(tx, organization, from, to)
  const beginnings = new Map(
    (await rows.selectBeginnings(tx, [...new Set(charged.map(({ resource }) => resource))])).map((one) => [
      one.resource,
      one,
    ]),
  )
  const rates = await ratesOfAll(tx, [...new Set(charged.map(({ priceBook }) => priceBook))])
  const lines = new Map<string, StatementLine>()
  for (const { resource, sku, priceBook, unitMillis, nanos: rate, amount } of charged) {
    const key = keyOf(resource, sku, priceBook)
    const line = lines.get(key)
    const beginning = beginnings.get(resource)
    lines.set(key, {
      resource,
      subject: beginning?.subject ?? resource,
      project: beginning?.project ?? '',
      flavor: beginning?.flavor ?? null,
      sku,
      priceBook,
      unit: rateOf(rates.get(priceBook) ?? new Map(), sku).unit,
      unitMillis: unitMillis + (line?.unitMillis ?? 0n),
      rate,
      amount: nanos(amount + (line?.amount ?? 0n)),
    })
  }
  const { accounts, posted } = await walletOf(tx, organization)
  return {
    organization,
    currency: accounts.currency,
    from,
    to,
    lines: [...lines.values()],
    total: sumOf(charged),
    givenBack: charged
      .filter(({ amount }) => amount < 0n)
      .toSorted((a, b) => a.upTo - b.upTo)
      .map((charge) => ({ charge, subject: beginnings.get(charge.resource)?.subject ?? charge.resource })),
    credits: await credits(tx, organization, from, to),
    posted,
  }
}

/** What a page of charges is asked by. */
export interface ChargePage {
  readonly resource?: string | undefined
  /** The last one of the page before. */
  readonly after?: { readonly upTo: Instant; readonly id: string } | undefined
  readonly limit: number
}

/** A page of charges, newest first. */
export async function charges(
  tx: Tx,
  organization: OrganizationId,
  page: ChargePage,
): Promise<readonly Charge[]> {
  return rows.selectChargePage(tx, organization, page.resource ?? null, page.after ?? null, page.limit)
}

/** A stretch of paid time, with what it added to the running sums of its allocation. */
export interface Usage {
  readonly allocation: AllocationId
  readonly subject: string
  readonly project: string
  readonly flavor: string
  readonly from: Instant
  /** Null while it is open; then time and amount are those of now. */
  readonly to: Instant | null
  readonly paidMillis: bigint
  readonly lines: readonly Line[]
  readonly amount: Nanos
}

/** What a page of usage is asked by. */
export interface UsagePage {
  readonly allocation?: string | undefined
  /** The last one of the page before. */
  readonly after?: { readonly from: Instant; readonly allocation: string } | undefined
  readonly limit: number
}

/** A page of spells, newest first. */
export async function usage(
  tx: Tx,
  organization: OrganizationId,
  page: UsagePage,
): Promise<readonly Usage[]> {
  const now = await tx.now()
  const found = await rows.selectSpellPage(
    tx,
    organization,
    page.allocation ?? null,
    page.after ?? null,
    page.limit,
  )
  const allocations = [...new Set(found.map(({ allocation }) => allocation))]
  const beginnings = await rows.selectBeginnings(tx, allocations)
  const spells = await spellsOfAll(tx, allocations)
  const rates = await ratesOfAll(tx, [...new Set(beginnings.map(({ priceBook }) => priceBook))])
  return found.flatMap((row) => {
    const { allocation, from, to } = row
    const beginning = beginnings.find(({ resource }) => resource === allocation)
    if (!beginning?.lines) return []
    const { lines, subject, project, flavor } = beginning
    const own = spells.get(allocation) ?? []
    const index = own.findIndex((spell) => spell.from === from)
    const upTo = to ?? provableUntil({ ...row, openSince: from }, now, silenceMs)
    const rank = { lines, rates: rates.get(beginning.priceBook) ?? new Map(), spells: own }
    return [
      {
        allocation,
        subject,
        project,
        flavor: flavor ?? '',
        from,
        to,
        paidMillis: paidMillis([{ from, to: upTo }], upTo),
        lines,
        amount: amountOfSpell(rank, index, instant(upTo)),
      },
    ]
  })
}

import type { Id, OrganizationId, PriceBookId } from '../kernel/ids.ts'
import { type Currency, type Nanos, nanos } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import type { Unit } from '../pricing/rules.ts'
import { apportioned, nanosPerMinor, roundedToMinor } from './rounding.rules.ts'
import type { Charge } from './rules.ts'
import type { Tax, TaxLine } from './tax.rules.ts'

/** An invoice's id. */
export type InvoiceId = Id<'invoice'>
/** A credit note's id. */
export type CreditNoteId = Id<'creditNote'>

/** What was used. */
export type UseKind = 'instance' | 'run' | 'volume' | 'snapshot'

/** What is known of a resource that was charged. */
export interface Used {
  readonly kind: UseKind
  readonly project: string
  readonly projectName: string
  /** Of the instance, run or volume. */
  readonly name: string
}

/** One line: everything of a project, kind, SKU and rate; or one late truth that gave something back. */
export interface InvoiceLine {
  /** From 1. */
  readonly position: number
  readonly project: string
  readonly projectName: string
  readonly kind: UseKind
  /** Of what is given back: what it was for, and why. */
  readonly resource: string | null
  readonly name: string | null
  readonly reason: string | null
  readonly sku: string
  readonly unit: Unit
  readonly priceBook: PriceBookId
  /** Nano-units of a unit-hour. */
  readonly rate: Nanos
  readonly unitMillis: bigint
  /** The charges, to the nano. */
  readonly exact: Nanos
  /** In whole minor units. */
  readonly amount: Nanos
}

/** What paid for the charges of a period, to the nano. */
export interface Payments {
  /** From the wallet, but for promotional credit. */
  readonly prepaid: Nanos
  readonly promo: Nanos
  /** Storage that the wallet could not pay when it was due. */
  readonly owed: Nanos
  /** Of that, what is still owed. */
  readonly due: Nanos
  /** Time that no hold covered, and so is ours. */
  readonly absorbed: Nanos
}

/** What paid the tax of an invoice; negative where tax came back. */
export interface TaxPaid {
  readonly prepaid: Nanos
  readonly promo: Nanos
  readonly due: Nanos
}

/** Where the money for an invoice comes from. */
export type FundingSource = 'promo' | 'prepaid' | 'absorbed' | 'due'

/** A part of how an invoice is paid. */
export interface Funding {
  readonly source: FundingSource
  /** To the nano. */
  readonly exact: Nanos
  /** In whole minor units; these add up to the total. */
  readonly amount: Nanos
}

/** What an invoice comes to. */
export interface Totals {
  /** The charges, to the nano. */
  readonly exact: Nanos
  /** In whole minor units, as all that follows. */
  readonly net: Nanos
  readonly tax: Nanos
  readonly total: Nanos
}

/** Lines, and what they come to before tax. */
export interface Draft {
  readonly lines: readonly InvoiceLine[]
  readonly exact: Nanos
  readonly net: Nanos
}

function sum<T>(items: readonly T[], of: (item: T) => bigint): Nanos {
  return nanos(items.reduce((total, item) => total + of(item), 0n))
}

type Exact = Omit<InvoiceLine, 'position' | 'amount'>

const kinds: readonly UseKind[] = ['instance', 'run', 'volume', 'snapshot']

/** The order on paper: by project, what was used before what was given back, then by kind and SKU. */
function inOrder(a: Exact, b: Exact): number {
  const keyOf = (line: Exact): readonly (string | number | bigint)[] => [
    line.projectName,
    line.project,
    line.reason === null ? 0 : 1,
    kinds.indexOf(line.kind),
    line.sku,
    line.rate,
    line.priceBook,
    line.resource ?? '',
    line.reason ?? '',
  ]
  const [left, right] = [keyOf(a), keyOf(b)]
  for (const [index, one] of left.entries()) {
    const other = right[index] ?? ''
    if (one !== other) return one < other ? -1 : 1
  }
  return 0
}

/**
 * The lines of a period's charges: grouped by project, kind, SKU and price book; what late truths gave back
 * stands for itself, with its reason. Amounts are rounded once, and the residue is spread.
 */
export function draftOf(
  charges: readonly Charge[],
  usedAs: (resource: string) => Used,
  unitOf: (charge: Charge) => Unit,
): Draft {
  const groups = new Map<string, Exact>()
  for (const charge of charges) {
    const { resource, sku, priceBook, nanos: rate, unitMillis, amount, reason } = charge
    const { name, ...used } = usedAs(resource)
    const back = reason === null ? [] : [resource, reason]
    const key = JSON.stringify([used.project, used.kind, sku, priceBook, ...back])
    const group = groups.get(key)
    groups.set(key, {
      ...used,
      resource: reason === null ? null : resource,
      name: reason === null ? null : name,
      reason,
      sku,
      unit: unitOf(charge),
      priceBook,
      rate,
      unitMillis: unitMillis + (group?.unitMillis ?? 0n),
      exact: nanos(amount + (group?.exact ?? 0n)),
    })
  }
  const lines = [...groups.values()].sort(inOrder)
  const exact = sum(lines, (line) => line.exact)
  const net = roundedToMinor(exact)
  const amounts = apportioned(
    lines.map((line) => line.exact),
    net,
  )
  const zero = nanos(0n)
  return {
    lines: lines.map((line, index) => ({ ...line, position: index + 1, amount: amounts[index] ?? zero })),
    exact,
    net,
  }
}

/** Tax on the lines, but for what promotional credit paid. */
export function taxed(tax: Tax, net: Nanos, promo: Nanos): readonly TaxLine[] {
  return tax.linesOn({ net, promo: roundedToMinor(promo) })
}

/** What draft and taxes come to. */
export function totalsOf({ exact, net }: Draft, taxes: readonly TaxLine[]): Totals {
  const tax = sum(taxes, ({ amount }) => amount)
  return { exact, net, tax, total: nanos(net + tax) }
}

/**
 * How an invoice is paid: what of the charges and of the tax came from where. In whole minor units the parts
 * add up to the total; parts that are nothing are left out.
 */
export function fundingOf(payments: Payments, tax: TaxPaid, total: Nanos): readonly Funding[] {
  const { prepaid, promo, owed, due, absorbed } = payments
  const parts: readonly (readonly [FundingSource, bigint])[] = [
    ['promo', promo + tax.promo],
    // A debt of this period that was paid since was paid from the wallet.
    ['prepaid', prepaid + owed - due + tax.prepaid],
    ['absorbed', absorbed],
    ['due', due + tax.due],
  ]
  const amounts = apportioned(
    parts.map(([, exact]) => exact),
    total,
  )
  return parts.flatMap(([source, exact], index) => {
    const amount = amounts[index] ?? nanos(0n)
    return exact === 0n && amount === 0n ? [] : [{ source, exact: nanos(exact), amount }]
  })
}

/** A debt as it was made, by what it is for. */
export interface Debt {
  readonly amount: Nanos
  readonly isStorage: boolean
}

/**
 * What is still owed of a period's storage: debts are paid oldest first, so what is owed now are the newest
 * ones. `debts`: those of the period, newest first.
 */
export function stillOwed(debts: readonly Debt[], owedNow: bigint): Nanos {
  let left = owedNow
  let due = 0n
  for (const { amount, isStorage } of debts) {
    const open = left < amount ? left : amount
    if (open <= 0n) break
    if (isStorage) due += open
    left -= open
  }
  return nanos(due)
}

/** Why a draft cannot be finalised; the operator is told. */
export type InvoiceProblem = 'seller_missing' | 'lines_do_not_add_up' | 'ledger_differs'

/** The last look before a number is given. Null: nothing is wrong. */
export function problemOf(draft: Draft, payments: Payments, hasSeller: boolean): InvoiceProblem | null {
  const { lines, exact, net } = draft
  const isSummed = sum(lines, ({ amount }) => amount) === net && sum(lines, (line) => line.exact) === exact
  const apart = net > exact ? net - exact : exact - net
  if (!isSummed || apart * 2n > nanosPerMinor) return 'lines_do_not_add_up'
  const { prepaid, promo, owed, absorbed } = payments
  if (prepaid + promo + owed + absorbed !== exact) return 'ledger_differs'
  return hasSeller ? null : 'seller_missing'
}

/** Series of numbers, with what their numbers begin with. */
export const seriesPrefix = { invoice: 'INV', credit_note: 'CRN' } as const
/** One of them. */
export type Series = keyof typeof seriesPrefix

/** `INV-000001`. */
export function numberOf(series: Series, count: bigint): string {
  return `${seriesPrefix[series]}-${count.toString().padStart(6, '0')}`
}

/** Somebody on an invoice. */
export interface Seller {
  readonly legalName: string
  /** Lines of text, as all that follows. */
  readonly address: string
  readonly taxId: string | null
  readonly bank: string | null
  readonly contact: string | null
  readonly terms: string | null
}

/** Who an invoice is made out to. */
export interface Buyer {
  readonly legalName: string
  readonly address: string
  readonly taxId: string | null
  readonly reference: string | null
}

/** Money that came in or went out again, beside the charges. */
export interface InvoiceCredit {
  readonly code: string
  readonly about: string
  readonly at: Instant
  /** Nano-units; what went out is negative. */
  readonly amount: Nanos
  readonly explanation: string | null
}

/** An invoice, whole. */
export interface Invoice extends Totals {
  readonly id: InvoiceId
  readonly organization: OrganizationId
  readonly state: 'draft' | 'finalised'
  /** Null in a draft. */
  readonly number: string | null
  readonly from: Instant
  readonly to: Instant
  readonly currency: Currency
  readonly timeZone: string
  /** As they were when it was finalised; null in a draft. */
  readonly seller: Seller | null
  readonly buyer: Buyer | null
  readonly billSha256: string
  readonly problem: InvoiceProblem | null
  readonly closedAt: Instant | null
  readonly lines: readonly InvoiceLine[]
  readonly taxes: readonly TaxLine[]
  readonly funding: readonly Funding[]
  readonly credits: readonly InvoiceCredit[]
}

/** What kind of thing a resource was used as, by its id and that of what it was for. */
export function kindOf(resource: string, subject: string): UseKind {
  if (resource.startsWith('vol_')) return 'volume'
  if (resource.startsWith('snp_')) return 'snapshot'
  return subject.startsWith('run_') ? 'run' : 'instance'
}

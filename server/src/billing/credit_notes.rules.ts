import { type Nanos, nanos } from '../kernel/money.ts'
import type { OrganizationId } from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'
import type { CreditNoteId, Invoice, InvoiceId } from './invoices.rules.ts'
import { nanosPerMinor, roundedToMinor } from './rounding.rules.ts'

/** What is given back, before tax, in whole minor units. */
export interface CreditNoteLine {
  /** Position of the invoice's line; null: the invoice as a whole. */
  readonly line: number | null
  readonly amount: Nanos
}

/** What was given back of an invoice. */
export interface CreditNote {
  readonly id: CreditNoteId
  readonly number: string
  readonly invoice: InvoiceId
  readonly organization: OrganizationId
  readonly reason: string
  readonly lines: readonly CreditNoteLine[]
  readonly net: Nanos
  readonly tax: Nanos
  readonly issuedBy: string
  readonly issuedAt: Instant
}

/** Why an amount is not given back. */
export type CreditNoteRefusal =
  | { readonly reason: 'not_finalised' | 'not_whole_minor_units' }
  | { readonly reason: 'not_a_line'; readonly line: number }
  /** More than is left of the line, or of the invoice (line null): `left`. */
  | { readonly reason: 'exceeds'; readonly line: number | null; readonly left: Nanos }

/** What a credit note comes to, or why there is none. */
export type CreditNoteJudgement =
  | {
      readonly ok: true
      readonly net: Nanos
      /** Of the invoice's tax, in proportion. */
      readonly tax: Nanos
    }
  | ({ readonly ok: false } & CreditNoteRefusal)

function sum<T>(items: readonly T[], of: (item: T) => bigint): bigint {
  return items.reduce((total, item) => total + of(item), 0n)
}

/**
 * The share of a whole that belongs to a part of the net, in whole minor units: of everything before and now,
 * less what was given before, so that many notes over the whole invoice give back exactly the whole.
 */
function shareOf(whole: bigint, net: bigint, before: bigint, now: bigint): Nanos {
  const upTo = (part: bigint): bigint => roundedToMinor(whole * part, net)
  return nanos(upTo(before + now) - upTo(before))
}

/** May this be given back of an invoice, and what comes with it? `earlier`: the notes there are. */
export function judgeCreditNote(
  invoice: Pick<Invoice, 'state' | 'lines' | 'net' | 'tax'>,
  earlier: readonly Pick<CreditNote, 'lines' | 'net'>[],
  asked: readonly CreditNoteLine[],
): CreditNoteJudgement {
  if (invoice.state !== 'finalised') return { ok: false, reason: 'not_finalised' }
  if (asked.length === 0 || asked.some(({ amount }) => amount <= 0n || amount % nanosPerMinor !== 0n))
    return { ok: false, reason: 'not_whole_minor_units' }
  const given = earlier.flatMap(({ lines }) => lines)
  for (const { line } of asked) {
    if (line === null) continue
    const own = invoice.lines.find(({ position }) => position === line)
    if (!own) return { ok: false, reason: 'not_a_line', line }
    const isOwn = (one: CreditNoteLine): boolean => one.line === line
    const left = own.amount - sum(given.filter(isOwn), ({ amount }) => amount)
    if (sum(asked.filter(isOwn), ({ amount }) => amount) > left)
      return { ok: false, reason: 'exceeds', line, left: nanos(left > 0n ? left : 0n) }
  }
  const before = sum(earlier, ({ net }) => net)
  const net = sum(asked, ({ amount }) => amount)
  const left = invoice.net - before
  if (net > left) return { ok: false, reason: 'exceeds', line: null, left: nanos(left > 0n ? left : 0n) }
  return { ok: true, net: nanos(net), tax: shareOf(invoice.tax, invoice.net, before, net) }
}

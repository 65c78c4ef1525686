import { lock } from '../journal/journal.ts'
import { notFound } from '../kernel/errors.ts'
import { derivedId } from '../kernel/ids.ts'
import type { Nanos } from '../kernel/money.ts'
import { accountsOf } from '../ledger/ledger.ts'
import { emit } from '../notices/notices.ts'
import type { Tx } from '../store/store.ts'
import * as rows from './credit_notes.rows.ts'
import {
  type CreditNote,
  type CreditNoteLine,
  type CreditNoteRefusal,
  judgeCreditNote,
} from './credit_notes.rules.ts'
import { invoice, nextNumber, taxTransferOf } from './invoices.ts'
import type { CreditNoteId, Invoice } from './invoices.rules.ts'
import { payBack } from './paybacks.ts'
import { selectChargesOfPeriod } from './rows.ts'

/** What an operator gives back of an invoice. */
export interface AskedCreditNote {
  /** Made by the caller, so that a repeat is harmless. */
  readonly id: CreditNoteId
  /** Id or number. */
  readonly invoice: string
  readonly reason: string
  readonly lines: readonly CreditNoteLine[]
  readonly by: string
  readonly requestHash: string
}

/** What became of it. */
export type IssuedCreditNote =
  | { readonly ok: true; readonly is: 'new' | 'same'; readonly note: CreditNote }
  | ({ readonly ok: false } & CreditNoteRefusal)
  /** Something else was asked for under the id before. */
  | { readonly ok: false; readonly reason: 'exists_with_different_content' }

/**
 * Gives back an amount of a finalised invoice, with its share of the tax: to the balance, as what it was paid
 * with. The invoice stays as it is. Refuses more than is left of it; throws `not_found`.
 */
export async function issueCreditNote(tx: Tx, asked: AskedCreditNote): Promise<IssuedCreditNote> {
  const known = await invoice(tx, asked.invoice)
  if (!known) throw notFound('invoice', asked.invoice)
  await lock(tx, known.organization)
  const there = await rows.selectCreditNote(tx, asked.id)
  if (there) {
    const isSame = there.requestHash === asked.requestHash && there.invoice === known.id
    if (!isSame) return { ok: false, reason: 'exists_with_different_content' }
    return { ok: true, is: 'same', note: await whole(tx, there) }
  }
  const judged = judgeCreditNote(known, await creditNotesOf(tx, [known.id]), asked.lines)
  if (!judged.ok) return judged
  const { net, tax } = judged
  const { organization } = known
  await giveBack(tx, known, asked.id, judged)
  const note: rows.NewCreditNote = {
    id: asked.id,
    number: await nextNumber(tx, 'credit_note'),
    invoice: known.id,
    organization,
    reason: asked.reason,
    lines: asked.lines,
    net,
    tax,
    issuedBy: asked.by,
    issuedAt: await tx.now(),
    requestHash: asked.requestHash,
  }
  await rows.insertCreditNote(tx, note)
  await emit(tx, {
    organization,
    type: 'credit_note.issued',
    subject: note.id,
    data: {
      creditNote: note.id,
      number: note.number,
      invoice: known.id,
      currency: known.currency,
      totalNanos: net + tax,
    },
  })
  await tx.notify('invoices')
  return { ok: true, is: 'new', note }
}

/** Money goes back to the lots that paid for the period, and for the invoice's tax; then a debt is less. */
async function giveBack(
  tx: Tx,
  { id, organization, from, to }: Invoice,
  note: CreditNoteId,
  { net, tax }: { readonly net: Nanos; readonly tax: Nanos },
): Promise<void> {
  const accounts = await accountsOf(tx, organization)
  const charges = await selectChargesOfPeriod(tx, organization, from, to)
  const resources = [...new Set(charges.map(({ resource }) => resource))]
  const common = { organization, about: note, bookedAt: await tx.now() }
  const orItsDebt = { abouts: [organization] }
  await payBack(tx, {
    ...common,
    from: accounts.revenue,
    amount: net,
    code: 'credit_note',
    id: derivedId('transfer', note, 'net'),
    paidBy: [{ abouts: resources }, orItsDebt],
  })
  if (tax > 0n)
    await payBack(tx, {
      ...common,
      from: accounts.tax,
      amount: tax,
      code: 'tax',
      id: derivedId('transfer', note, 'tax'),
      paidBy: [{ transfers: [taxTransferOf(id)] }, orItsDebt],
    })
  await tx.notify('billing', organization)
  await tx.notify('placement')
}

function linesOf(
  lines: readonly (CreditNoteLine & { readonly note: string })[],
  of: CreditNoteId,
): readonly CreditNoteLine[] {
  return lines.flatMap(({ note, line, amount }) => (note === of ? [{ line, amount }] : []))
}

async function whole(tx: Tx, row: Omit<CreditNote, 'lines'>): Promise<CreditNote> {
  return { ...row, lines: linesOf(await rows.selectCreditNoteLines(tx, [row.id]), row.id) }
}

/** A credit note by its id or number; null: there is none. */
export async function creditNote(tx: Tx, name: string): Promise<CreditNote | null> {
  const row = await rows.selectCreditNote(tx, name)
  return row && whole(tx, row)
}

/** The credit notes of invoices, oldest first. */
export async function creditNotesOf(tx: Tx, invoices: readonly string[]): Promise<readonly CreditNote[]> {
  const found = await rows.selectCreditNotesOf(tx, invoices)
  const lines = await rows.selectCreditNoteLines(
    tx,
    found.map(({ id }) => id),
  )
  return found.map((row) => ({ ...row, lines: linesOf(lines, row.id) }))
}

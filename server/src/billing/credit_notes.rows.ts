import { sql } from 'kysely'
import { at, type Tx } from '../store/store.ts'
import type { CreditNote, CreditNoteLine } from './credit_notes.rules.ts'

/** A credit note with the digest of what was asked for. */
export interface NewCreditNote extends CreditNote {
  readonly requestHash: string
}

export async function insertCreditNote(tx: Tx, note: NewCreditNote): Promise<void> {
  const { id, invoice, organization, number, reason, net, tax, issuedBy, issuedAt, requestHash, lines } = note
  await sql`
    insert into credit_note (id, invoice, organization, number, reason, net, tax, issued_by, issued_at,
      request_hash)
    values (${id}, ${invoice}, ${organization}, ${number}, ${reason}, ${String(net)}, ${String(tax)},
      ${issuedBy}, ${at(issuedAt)}, ${requestHash})`.execute(tx.db)
  await sql`
    insert into credit_note_line (credit_note, position, line, amount)
    select ${id}, * from unnest(${lines.map((_, index) => index + 1)}::integer[],
      ${lines.map(({ line }) => line)}::integer[],
      ${lines.map(({ amount }) => amount.toString())}::numeric[])`.execute(tx.db)
}

type NoteRow = Omit<NewCreditNote, 'lines'>

const noteColumns = sql.raw(`id, invoice, organization, number, reason, net, tax, issued_by as "issuedBy",
  issued_at as "issuedAt", request_hash as "requestHash"`)

/** By its id or number. */
export async function selectCreditNote(tx: Tx, name: string): Promise<NoteRow | null> {
  const { rows } = await sql<NoteRow>`
    select ${noteColumns} from credit_note where id = ${name} or number = ${name}`.execute(tx.db)
  return rows[0] ?? null
}

/** The credit notes of invoices, oldest first. */
export async function selectCreditNotesOf(tx: Tx, invoices: readonly string[]): Promise<readonly NoteRow[]> {
  const { rows } = await sql<NoteRow>`
    select ${noteColumns} from credit_note where invoice = any(${invoices}::text[])
    order by issued_at, id`.execute(tx.db)
  return rows
}

export async function selectCreditNoteLines(
  tx: Tx,
  notes: readonly string[],
): Promise<readonly (CreditNoteLine & { readonly note: string })[]> {
  const { rows } = await sql<CreditNoteLine & { note: string }>`
    select credit_note as note, line, amount from credit_note_line where credit_note = any(${notes}::text[])
    order by credit_note, position`.execute(tx.db)
  return rows
}

import { sql } from 'kysely'
import type { OrganizationId } from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'
import type { ObjectStat } from '../objects/objects.ts'
import { at, type Tx } from '../store/store.ts'
import type { CreditNoteId, InvoiceId } from './invoices.rules.ts'

/** The names of papers: what is written of each document. */
export type PaperName = 'en.pdf' | 'zh.pdf' | 'bill.json'

/** A paper that is still to be written. */
export interface Unwritten {
  readonly document: InvoiceId | CreditNoteId
  readonly organization: OrganizationId
  readonly number: string
  readonly name: PaperName
}

/** What was issued and has no paper yet; the open bill first, oldest documents first. */
export async function selectUnwritten(tx: Tx): Promise<readonly Unwritten[]> {
  const { rows } = await sql<Unwritten>`
    select issued.id as document, organization, number, wanted.name from (
      select id, organization, number, closed_at as issued_at, array['bill.json', 'en.pdf', 'zh.pdf'] as names
      from invoice where state = 'finalised'
      union all
      select id, organization, number, issued_at, array['en.pdf', 'zh.pdf'] from credit_note) issued
    cross join lateral unnest(names) wanted(name)
    where not exists (select from paper where document = issued.id and paper.name = wanted.name)
    order by issued.issued_at, issued.id, wanted.name`.execute(tx.db)
  return rows
}

/** A paper as it was stored. */
export interface PaperRow {
  readonly name: PaperName
  readonly key: ObjectStat['key']
  readonly sha256: string
  readonly sizeBytes: bigint
  readonly storedAt: Instant
}

export async function insertPaper(
  tx: Tx,
  { document, name }: Pick<Unwritten, 'document' | 'name'>,
  { key, sha256, sizeBytes, storedAt }: ObjectStat,
): Promise<void> {
  await sql`
    insert into paper (document, name, object_key, sha256, size_bytes, stored_at)
    values (${document}, ${name}, ${key}, ${sha256}, ${sizeBytes}, ${at(storedAt)})
    on conflict on constraint paper_pkey do nothing`.execute(tx.db)
}

/** The papers of documents. */
export async function selectPapers(
  tx: Tx,
  documents: readonly string[],
): Promise<readonly (PaperRow & { readonly document: string })[]> {
  const { rows } = await sql<PaperRow & { document: string }>`
    select document, name, object_key as key, sha256, size_bytes as "sizeBytes", stored_at as "storedAt"
    from paper where document = any(${documents}::text[]) order by document, name`.execute(tx.db)
  return rows
}

import { canonicalHash, canonicalJson } from '../kernel/canonical.ts'
import { invariant } from '../kernel/errors.ts'
import { bytesOf, objectKey, type ObjectStat, type ObjectStore } from '../objects/objects.ts'
import type { Store, Tx } from '../store/store.ts'
import { creditNote } from './credit_notes.ts'
import { invoice, openBill } from './invoices.ts'
import type { Invoice } from './invoices.rules.ts'
import { creditNotePaper, type FinalInvoice, invoicePaper } from './paper.rules.ts'
import { paperPdf } from './paper.ts'
import * as rows from './papers.rows.ts'

export type { PaperName, PaperRow, Unwritten } from './papers.rows.ts'
export { selectUnwritten as unwritten } from './papers.rows.ts'

/** The papers of documents, as they were stored. */
export async function papersOf(
  tx: Tx,
  documents: readonly string[],
): Promise<ReadonlyMap<string, readonly rows.PaperRow[]>> {
  return Map.groupBy(await rows.selectPapers(tx, documents), ({ document }) => document)
}

/**
 * Writes a paper and stores it for ever. What lies under its name already was written by somebody who was
 * killed before it was noted: it is adopted as it is. Harmless to repeat.
 */
export async function write(
  store: Store,
  objects: ObjectStore,
  paper: rows.Unwritten,
  signal: AbortSignal,
): Promise<ObjectStat> {
  const { organization, number, name } = paper
  const key = objectKey('invoices', organization, `${number}.${name}`)
  const there = await objects.stat(key, signal)
  const stat = there ?? (await objects.put(key, bytesOf(await bytesFor(store, paper)), signal))
  await store.transact((tx) => rows.insertPaper(tx, paper, stat))
  return stat
}

async function bytesFor(store: Store, { document, name }: rows.Unwritten): Promise<Uint8Array> {
  const language = name === 'zh.pdf' ? 'zh' : 'en'
  const { note, issued } = await store.read(async (tx) => {
    const found = await creditNote(tx, document)
    return { note: found, issued: await invoice(tx, found?.invoice ?? document) }
  })
  invariant(issued && isFinal(issued), 'only what is finalised has papers', { document })
  if (note) return paperPdf(creditNotePaper(note, issued, language))
  if (name !== 'bill.json') return paperPdf(invoicePaper(issued, language))
  // Closed periods do not change: the bill is the one whose digest the invoice bears.
  const bill = await store.transact((tx) => openBill(tx, issued))
  invariant(canonicalHash(bill) === issued.billSha256, 'a closed period has one bill', { document })
  return new TextEncoder().encode(canonicalJson(bill))
}

/** Has it a number, and everything that comes with it? */
function isFinal(issued: Invoice): issued is FinalInvoice {
  return issued.state === 'finalised'
}

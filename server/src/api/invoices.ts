import type { CreditNote, Invoice, InvoiceSummary } from '@gpuhour/sdk/contract'
import * as notes from '../billing/credit_notes.ts'
import type { CreditNote as Note } from '../billing/credit_notes.rules.ts'
import * as billing from '../billing/invoices.ts'
import type { Invoice as Issued } from '../billing/invoices.rules.ts'
import { papersOf, type PaperRow } from '../billing/papers.ts'
import { AppError, invariant, notFound, unreachable } from '../kernel/errors.ts'
import { asId, type OrganizationId } from '../kernel/ids.ts'
import { formatAmount, nanos } from '../kernel/money.ts'
import { instant, parseInstant } from '../kernel/time.ts'
import type { Tx } from '../store/store.ts'
import type { Action, Principal } from '../tenancy/rules.ts'
import * as tenancy from '../tenancy/tenancy.ts'
import { organizationFor } from './access.ts'
import { type Download, type Handlers, made, ok } from './calls.ts'
import { decodeCursor, pageOf } from './pages.rules.ts'
import type { ApiParts } from './parts.ts'
import { shown } from './views.rules.ts'

/** May they look at the organization's money? Whose it is, a stranger does not learn. */
async function requireMoney(
  tx: Tx,
  principal: Principal,
  action: Action,
  organization: OrganizationId,
  missing: AppError,
): Promise<tenancy.OrganizationRow> {
  return organizationFor(tx, principal, action, organization).catch((error: unknown) => {
    throw error instanceof AppError && error.code === 'not_found' ? missing : error
  })
}

/** The invoice, if the principal may do this with it; a draft is an operator's to see. */
async function invoiceFor(tx: Tx, principal: Principal, action: Action, name: string): Promise<Issued> {
  const missing = notFound('invoice', name)
  const found = await billing.invoice(tx, name)
  if (!found) throw missing
  await requireMoney(tx, principal, action, found.organization, missing)
  if (found.state === 'draft' && !principal.isOperator) throw missing
  return found
}

async function noteFor(tx: Tx, principal: Principal, name: string): Promise<Note> {
  const missing = notFound('credit note', name)
  const found = await notes.creditNote(tx, name)
  if (!found) throw missing
  await requireMoney(tx, principal, 'read_money', found.organization, missing)
  return found
}

function paperView({ name, sha256, sizeBytes }: PaperRow): Invoice['papers'][number] {
  return { name, sha256, sizeBytes: Number(sizeBytes) }
}

function noteView(
  note: Note,
  issued: Pick<Issued, 'number' | 'currency'>,
  papers: readonly PaperRow[],
): CreditNote {
  const { id, number, organization, invoice, reason, lines, net, tax, issuedAt } = note
  return {
    id,
    number,
    organization,
    invoice,
    invoiceNumber: issued.number ?? '',
    currency: issued.currency,
    reason,
    lines: lines.map(({ line, amount }) => ({ line, amountNanos: String(amount) })),
    netNanos: String(net),
    taxNanos: String(tax),
    totalNanos: String(net + tax),
    issuedAt: shown(issuedAt),
    papers: papers.map(paperView),
  }
}

function summaryView(row: billing.ListedInvoice, credited: readonly Note[]): InvoiceSummary {
  const { id, organization, number, state, from, to, timeZone, currency, net, tax, total, due } = row
  return {
    id,
    organization,
    number,
    state,
    from: shown(from),
    to: shown(to),
    timeZone,
    currency,
    netNanos: String(net),
    taxNanos: String(tax),
    totalNanos: String(total),
    dueNanos: String(due),
    creditedNanos: String(credited.reduce((sum, note) => sum + note.net + note.tax, 0n)),
    closedAt: shown(row.closedAt),
    problem: row.problem,
  }
}

async function invoiceView(tx: Tx, found: Issued): Promise<Invoice> {
  const credited = await notes.creditNotesOf(tx, [found.id])
  const papers = await papersOf(tx, [found.id, ...credited.map(({ id }) => id)])
  const due = found.funding.find(({ source }) => source === 'due')?.amount ?? nanos(0n)
  return {
    ...summaryView({ ...found, due }, credited),
    seller: found.seller,
    buyer: found.buyer,
    exactNanos: String(found.exact),
    billSha256: found.billSha256,
    lines: found.lines.map(({ rate, unitMillis, exact, amount, ...line }) => ({
      ...line,
      nanosPerUnitHour: String(rate),
      unitMillis: String(unitMillis),
      exactNanos: String(exact),
      amountNanos: String(amount),
    })),
    taxes: found.taxes.map(({ base, amount, ...tax }) => ({
      ...tax,
      baseNanos: String(base),
      amountNanos: String(amount),
    })),
    funding: found.funding.map(({ source, exact, amount }) => ({
      source,
      exactNanos: String(exact),
      amountNanos: String(amount),
    })),
    credits: found.credits.map(({ code, at, amount, explanation }) => ({
      code,
      at: shown(at),
      amountNanos: String(amount),
      explanation,
    })),
    papers: (papers.get(found.id) ?? []).map(paperView),
    creditNotes: credited.map((note) => noteView(note, found, papers.get(note.id) ?? [])),
  }
}

/** Sends a paper as it was stored, once its bytes were found to be those that were issued. */
async function sendPaper(
  { store, objects }: ApiParts,
  document: { readonly id: string; readonly number: string | null },
  name: string,
  signal: AbortSignal,
): Promise<Download> {
  const papers = await store.read((tx) => papersOf(tx, [document.id]))
  const paper = papers.get(document.id)?.find((one) => one.name === name)
  if (!paper && !/^(?:en|zh)\.pdf$|^bill\.json$/.test(name)) throw notFound('paper', name)
  if (!paper) throw new AppError('unavailable', 'The paper is being written. Ask again in a few seconds.')
  const stored = await objects.stat(paper.key, signal)
  invariant(stored?.sha256 === paper.sha256, 'what was issued lies as it was stored', { key: paper.key })
  const pieces = await objects.get(paper.key, signal)
  invariant(pieces, 'what was just looked at is there', { key: paper.key })
  return {
    fileName: `gpuhour-${document.number}.${name}`,
    mediaType: name.endsWith('.pdf') ? 'application/pdf' : 'application/json',
    isCompressed: false,
    pieces,
  }
}

function refused(result: Extract<notes.IssuedCreditNote, { ok: false }>, currency: string): AppError {
  switch (result.reason) {
    case 'not_finalised':
      return new AppError('invalid_state', 'The invoice is a draft: nothing of it can be given back yet.')
    case 'exists_with_different_content':
      return new AppError('conflict', 'Another credit note has this id already. Use a new one.', {}, [
        { pointer: '/id', message: 'belongs to another credit note' },
      ])
    case 'not_whole_minor_units':
      return new AppError('invalid_request', 'Amounts are whole hundredths above zero.', {}, [
        { pointer: '/lines', message: 'must hold whole hundredths above zero' },
      ])
    case 'not_a_line':
      return new AppError('invalid_request', `The invoice has no line ${result.line}.`, {}, [
        { pointer: '/lines', message: `names line ${result.line}, which the invoice does not have` },
      ])
    case 'exceeds': {
      const of = result.line === null ? 'the invoice' : `line ${result.line}`
      const left = `${formatAmount(result.left)} ${currency}`
      return new AppError('conflict', `Only ${left} of ${of} can still be given back, before tax.`, {}, [
        { pointer: '/lines', message: `must be at most ${left} of ${of}` },
      ])
    }
    default:
      return unreachable(result)
  }
}

function creditNoteHandler({ store }: ApiParts): Handlers['createCreditNote'] {
  return async ({ principal, params, body, requestHash, requestId }) => {
    const answer = await store.transact(async (tx) => {
      const issued = await invoiceFor(tx, principal, 'operate', params.invoice)
      const id = asId('creditNote', body.id)
      const lines = body.lines.map(({ line, amountNanos }) => ({ line, amount: nanos(BigInt(amountNanos)) }))
      const { reason } = body
      const asked = { id, invoice: issued.id, reason, lines, by: principal.person, requestHash }
      const result = await notes.issueCreditNote(tx, asked)
      if (!result.ok) throw refused(result, issued.currency)
      const isNew = result.is === 'new'
      const { organization } = issued
      const change = {
        organization,
        principal,
        action: 'credit_note.create',
        target: id,
        requestId,
        after: body,
      }
      if (isNew) await tenancy.audit(tx, change)
      const papers = (await papersOf(tx, [id])).get(id) ?? []
      return { isNew, view: noteView(result.note, issued, papers) }
    })
    return made(answer.isNew, answer.view)
  }
}

function closeHandler({ store }: ApiParts): Handlers['closeBooks'] {
  return async ({ principal, params, body, requestId }) =>
    ok(
      await store.transact(async (tx) => {
        const { id } = await organizationFor(tx, principal, 'operate', params.organization)
        const upTo = body.upTo === undefined ? null : parseInstant(body.upTo)
        const closed = await billing.closeNow(tx, { organization: id, upTo, by: principal.person })
        const periods = closed.map(({ from, to, invoice }) => ({ from: shown(from), to: shown(to), invoice }))
        const change = {
          organization: id,
          principal,
          action: 'books.close',
          target: id,
          requestId,
          after: periods,
        }
        if (closed.length > 0) await tenancy.audit(tx, change)
        return { periods }
      }),
    )
}

type InvoiceRoutes =
  | 'listInvoices'
  | 'getInvoice'
  | 'getInvoicePaper'
  | 'closeBooks'
  | 'createCreditNote'
  | 'getCreditNote'
  | 'getCreditNotePaper'

/** What was issued, and the operator's acts about it. */
export function invoiceHandlers(parts: ApiParts): Pick<Handlers, InvoiceRoutes> {
  const { store } = parts
  return {
    createCreditNote: creditNoteHandler(parts),
    closeBooks: closeHandler(parts),

    listInvoices: async ({ principal, params, query }) =>
      ok(
        await store.read(async (tx) => {
          const { id } = await organizationFor(tx, principal, 'read_money', params.organization)
          const after = decodeCursor(query.cursor, /^\d{1,15}$/)
          const found = await billing.invoices(tx, id, {
            withDrafts: principal.isOperator,
            before: after === null ? null : instant(Number(after)),
            limit: query.limit + 1,
          })
          const credited = await notes.creditNotesOf(
            tx,
            found.map((one) => one.id),
          )
          return pageOf(
            found,
            query.limit,
            ({ from }) => String(from),
            (row) =>
              summaryView(
                row,
                credited.filter(({ invoice }) => invoice === row.id),
              ),
          )
        }),
      ),

    getInvoice: async ({ principal, params }) =>
      ok(
        await store.read(async (tx) =>
          invoiceView(tx, await invoiceFor(tx, principal, 'read_money', params.invoice)),
        ),
      ),

    getInvoicePaper: async ({ principal, params, signal }) =>
      sendPaper(
        parts,
        await store.read((tx) => invoiceFor(tx, principal, 'read_money', params.invoice)),
        params.paper,
        signal,
      ),

    getCreditNote: async ({ principal, params }) =>
      ok(
        await store.read(async (tx) => {
          const note = await noteFor(tx, principal, params.creditNote)
          const issued = await billing.invoice(tx, note.invoice)
          invariant(issued, 'a credit note is of an invoice', { note: note.id })
          return noteView(note, issued, (await papersOf(tx, [note.id])).get(note.id) ?? [])
        }),
      ),

    getCreditNotePaper: async ({ principal, params, signal }) =>
      sendPaper(
        parts,
        await store.read((tx) => noteFor(tx, principal, params.creditNote)),
        params.paper,
        signal,
      ),
  }
}

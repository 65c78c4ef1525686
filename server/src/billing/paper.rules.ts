import { formatAmount } from '../kernel/money.ts'
import { hourMs, type Instant } from '../kernel/time.ts'
import type { CreditNote } from './credit_notes.rules.ts'
import type { Buyer, Funding, Invoice, InvoiceLine, Seller } from './invoices.rules.ts'
import type { TaxLine } from './tax.rules.ts'
import { momentIn, type PaperLanguage, type PaperWords, reasonIn, wordsOf } from './paper.words.rules.ts'

/*
 * What stands on a paper, word by word, before anybody draws it: a pure function of what was issued. Its text
 * form is the golden file that a finance person can read; the PDF draws the same.
 */

/** A finalised invoice: only such has papers. */
export type FinalInvoice = Invoice & {
  readonly number: string
  readonly seller: Seller
  readonly buyer: Buyer
  readonly closedAt: Instant
}

/** A label and what it says. */
export interface Fact {
  readonly label: string
  readonly value: string
}

/** A party: its name, then lines of text. */
export interface PartyBlock {
  readonly label: string
  readonly name: string
  readonly lines: readonly string[]
}

/** A cell: what it says, and smaller below it what explains that. */
export interface Cell {
  readonly text: string
  readonly small?: string
}

/** A row of a table; a heading spans all columns. */
export type Row =
  | { readonly kind: 'heading'; readonly text: string }
  | { readonly kind: 'cells'; readonly cells: readonly Cell[] }

/** A table; the first column is as wide as it can be, numbers stand at the right. */
export interface PaperTable {
  readonly title: string | null
  readonly head: readonly string[]
  /** Widths of the columns after the first, in points. */
  readonly widths: readonly number[]
  readonly rows: readonly Row[]
}

/** A sum below the lines. */
export interface SumRow extends Fact {
  readonly small?: string
  readonly isTotal?: boolean
}

/** A paper, ready to be drawn. */
export interface Paper {
  readonly language: PaperLanguage
  readonly title: string
  readonly number: string
  readonly issuer: string
  readonly issuedAt: Instant
  readonly facts: readonly Fact[]
  readonly seller: PartyBlock
  readonly buyer: PartyBlock
  /** What is seen first. */
  readonly figure: Fact
  readonly lines: PaperTable
  readonly sums: readonly SumRow[]
  /** Below the sums, side by side on paper: how it is paid; where to pay. */
  readonly notes: readonly { readonly title: string; readonly lines: readonly string[] }[]
  readonly tables: readonly PaperTable[]
  readonly proof: { readonly title: string; readonly text: string; readonly code: readonly string[] } | null
  readonly proofFacts: readonly Fact[]
  readonly footer: string
  readonly pages: string
}

function grouped(digits: string): string {
  return digits.replaceAll(/\B(?=(?:\d{3})+$)/g, ',')
}

/** Nano-units as a decimal with grouped thousands; so many decimals at least, more where they are there. */
export function decimalOf(value: bigint): string {
  const [whole = '', fraction = ''] = formatAmount(value < 0n ? -value : value).split('.')
  return `${value < 0n ? '−' : ''}${grouped(whole)}.${fraction}`
}

/** Unit-hours to the millionth, cut; "≈" where that is not all. */
export function hoursOf(unitMillis: bigint): string {
  const size = unitMillis < 0n ? -unitMillis : unitMillis
  const scale = 1_000_000n
  const cut = (size * scale) / BigInt(hourMs)
  const isExact = cut * BigInt(hourMs) === size * scale
  const fraction = (cut % scale)
    .toString()
    .padStart(6, '0')
    .replace(/0{1,3}$/, '')
  return `${isExact ? '' : '≈ '}${unitMillis < 0n ? '−' : ''}${grouped((cut / scale).toString())}.${fraction}`
}

/** The same, exactly: hours, minutes, seconds and milliseconds. */
export function clockOf(unitMillis: bigint): string {
  const size = unitMillis < 0n ? -unitMillis : unitMillis
  const two = (value: bigint): string => value.toString().padStart(2, '0')
  const millis = size % 1000n
  const seconds = (size / 1000n) % 60n
  const rest = millis === 0n ? '' : `.${millis.toString().padStart(3, '0').replace(/0+$/, '')}`
  const hours = grouped((size / BigInt(hourMs)).toString())
  return `${unitMillis < 0n ? '−' : ''}${hours}:${two((size / 60_000n) % 60n)}:${two(seconds)}${rest}`
}

/** A rate in percent: "19 %", "7.5 %". */
export function percentOf(basisPoints: number): string {
  return `${basisPoints / 100} %`
}

function linesOf(text: string | null): readonly string[] {
  return (text ?? '').split('\n').filter((line) => line.trim() !== '')
}

function sellerBlock(words: PaperWords, { legalName, address, taxId, contact }: Seller): PartyBlock {
  return {
    label: words.from,
    name: legalName,
    lines: [
      ...linesOf(address),
      ...(taxId === null ? [] : [`${words.taxId}: ${taxId}`]),
      ...linesOf(contact),
    ],
  }
}

function buyerBlock(words: PaperWords, { legalName, address, taxId }: Buyer): PartyBlock {
  return {
    label: words.billedTo,
    name: legalName,
    lines: [...linesOf(address), ...(taxId === null ? [] : [`${words.taxId}: ${taxId}`])],
  }
}

function lineCells(language: PaperLanguage, line: InvoiceLine): readonly Cell[] {
  const words = wordsOf(language)
  const { kind, sku, unit, unitMillis, rate, amount, name, reason } = line
  const unitWord = words[unit]
  const what =
    reason === null
      ? { text: `${words[kind]} · ${sku}` }
      : { text: `${words.back}: ${name ?? ''} · ${sku}`, small: reasonIn(language, reason) }
  return [
    what,
    { text: `${hoursOf(unitMillis)} ${unitWord}`, small: clockOf(unitMillis) },
    { text: decimalOf(rate) },
    { text: decimalOf(amount) },
  ]
}

/** Lines under the name of their project; where there is one project only, its name is said all the same. */
function lineRows(language: PaperLanguage, lines: readonly InvoiceLine[]): readonly Row[] {
  const { project } = wordsOf(language)
  return lines.flatMap((line, index): readonly Row[] => {
    const isFirst = lines[index - 1]?.project !== line.project
    const cells: Row = { kind: 'cells', cells: lineCells(language, line) }
    return isFirst ? [{ kind: 'heading', text: `${project} ${line.projectName}` }, cells] : [cells]
  })
}

function taxRows(words: PaperWords, net: bigint, taxes: readonly TaxLine[]): readonly SumRow[] {
  return taxes.map(({ name, basisPoints, base, amount, note }) => {
    const more = [...(base === net ? [] : [words.lessPromo]), ...(note === null ? [] : [note])]
    return {
      label: `${name} ${percentOf(basisPoints)} ${words.on} ${decimalOf(base)}`,
      value: decimalOf(amount),
      ...(more.length === 0 ? {} : { small: more.join(' · ') }),
    }
  })
}

function fundingLines(words: PaperWords, funding: readonly Funding[], currency: string): readonly string[] {
  return funding.map(({ source, exact, amount }) => {
    const more = exact === amount ? '' : ` (${words.exactly} ${decimalOf(exact)})`
    return `${words[source]}: ${currency} ${decimalOf(amount)}${more}`
  })
}

function periodOf(language: PaperLanguage, { from, to, timeZone }: Invoice): string {
  const moment = (at: Instant): string => momentIn(language, at, timeZone, true)
  return `${moment(from)} – ${moment(to)}`
}

/** A code of the ledger in words. */
function codeWord(words: PaperWords, code: string): string {
  const found = Object.entries(words).find(([name]) => name === code)
  return found ? found[1] : code
}

function creditTable(
  language: PaperLanguage,
  { credits, timeZone, currency }: Invoice,
): readonly PaperTable[] {
  const words = wordsOf(language)
  if (credits.length === 0) return []
  return [
    {
      title: words.credits,
      head: [words.what, words.date, `${words.amount} (${currency})`],
      widths: [120, 110],
      rows: credits.map(({ code, at, amount, explanation }): Row => ({
        kind: 'cells',
        cells: [
          { text: codeWord(words, code), ...(explanation === null ? {} : { small: explanation }) },
          { text: momentIn(language, at, timeZone, false) },
          { text: decimalOf(amount) },
        ],
      })),
    },
  ]
}

function dueOf({ funding }: Invoice): bigint {
  return funding.find(({ source }) => source === 'due')?.amount ?? 0n
}

function notesOf(words: PaperWords, invoice: Invoice, { bank, terms }: Seller): Paper['notes'] {
  const { funding, currency } = invoice
  const pay = dueOf(invoice) > 0n ? [...linesOf(terms), ...linesOf(bank)] : []
  return [
    ...(funding.length > 0 ? [{ title: words.funding, lines: fundingLines(words, funding, currency) }] : []),
    ...(pay.length > 0 ? [{ title: words.payTo, lines: pay }] : []),
  ]
}

/** An invoice's paper. */
export function invoicePaper(invoice: FinalInvoice, language: PaperLanguage): Paper {
  const words = wordsOf(language)
  const { number, seller, buyer, currency, organization, timeZone, closedAt, exact, net, total } = invoice
  const due = dueOf(invoice)
  return {
    language,
    title: words.invoice,
    number,
    issuer: seller.legalName,
    issuedAt: closedAt,
    facts: [
      { label: words.number, value: number },
      { label: words.issued, value: momentIn(language, closedAt, timeZone, false) },
      { label: `${words.period} (${timeZone})`, value: periodOf(language, invoice) },
      ...(buyer.reference === null ? [] : [{ label: words.reference, value: buyer.reference }]),
      { label: words.account, value: organization },
    ],
    seller: sellerBlock(words, seller),
    buyer: buyerBlock(words, buyer),
    figure:
      due > 0n
        ? { label: words.due, value: `${currency} ${decimalOf(due)}` }
        : { label: words.paid, value: `${currency} 0.00` },
    lines: {
      title: null,
      head: [
        words.description,
        words.quantity,
        `${words.rate} (${currency})`,
        `${words.amount} (${currency})`,
      ],
      widths: [138, 72, 84],
      rows: lineRows(language, invoice.lines),
    },
    sums: [
      { label: words.net, value: decimalOf(net) },
      ...taxRows(words, net, invoice.taxes),
      { label: words.total, value: `${currency} ${decimalOf(total)}`, isTotal: true },
    ],
    notes: notesOf(words, invoice, seller),
    tables: creditTable(language, invoice),
    proof: {
      title: words.check,
      text: words.checkText,
      code: [`gpuhour invoice ${number} --bundle bill.json`, 'gpuhour verify-bill bill.json'],
    },
    proofFacts: [
      { label: words.billHash, value: invoice.billSha256 },
      { label: words.exactCharges, value: `${currency} ${decimalOf(exact)}` },
      { label: words.rounding, value: `${currency} ${decimalOf(net - exact)}` },
    ],
    footer: `${seller.legalName} · ${words.invoice} ${number}`,
    pages: words.page,
  }
}

/** What a line of a credit note gives back, in words. */
function givenBackOf(words: PaperWords, { lines }: Invoice, line: number | null): Cell {
  const own = lines.find(({ position }) => position === line)
  if (!own) return { text: words.wholeInvoice }
  return { text: `${words[own.kind]} · ${own.sku}`, small: `${words.line} ${line} · ${own.projectName}` }
}

/** A credit note's paper: to whom and from whom the invoice was. */
export function creditNotePaper(note: CreditNote, invoice: FinalInvoice, language: PaperLanguage): Paper {
  const words = wordsOf(language)
  const { seller, buyer, currency, timeZone, organization } = invoice
  const { number, issuedAt, net, tax, reason } = note
  const date = (at: Instant): string => momentIn(language, at, timeZone, false)
  const total = decimalOf(net + tax)
  const taxNames = invoice.taxes.map(({ name, basisPoints }) => `${name} ${percentOf(basisPoints)}`)
  return {
    language,
    title: words.creditNote,
    number,
    issuer: seller.legalName,
    issuedAt,
    facts: [
      { label: words.number, value: number },
      { label: words.issued, value: date(issuedAt) },
      { label: words.toInvoice, value: `${invoice.number} · ${date(invoice.closedAt)}` },
      ...(buyer.reference === null ? [] : [{ label: words.reference, value: buyer.reference }]),
      { label: words.account, value: organization },
    ],
    seller: sellerBlock(words, seller),
    buyer: buyerBlock(words, buyer),
    figure: { label: words.givenBack, value: `${currency} ${total}` },
    lines: {
      title: null,
      head: [words.description, `${words.amount} (${currency})`],
      widths: [120],
      rows: note.lines.map(({ line, amount }): Row => ({
        kind: 'cells',
        cells: [givenBackOf(words, invoice, line), { text: decimalOf(amount) }],
      })),
    },
    sums: [
      { label: words.net, value: decimalOf(net) },
      ...(tax === 0n ? [] : [{ label: taxNames.join(' + '), value: decimalOf(tax) }]),
      { label: words.total, value: `${currency} ${total}`, isTotal: true },
    ],
    notes: [{ title: words.reason, lines: linesOf(reason) }],
    tables: [],
    proof: null,
    proofFacts: [],
    footer: `${seller.legalName} · ${words.creditNote} ${number}`,
    pages: words.page,
  }
}

function tableText({ title, head, rows }: PaperTable): readonly string[] {
  const cellText = ({ text, small }: Cell): string => (small === undefined ? text : `${text} [${small}]`)
  return [
    ...(title === null ? [] : [title]),
    head.join(' | '),
    ...rows.map((row) => (row.kind === 'heading' ? `# ${row.text}` : row.cells.map(cellText).join(' | '))),
    '',
  ]
}

/** A paper as plain text: every word that the PDF bears, in its order. */
export function paperText(paper: Paper): string {
  const { title, number, facts, seller, buyer, figure, lines, sums, notes, tables, proof, proofFacts } = paper
  const party = ({ label, name, lines: rest }: PartyBlock): readonly string[] => [label, name, ...rest, '']
  const fact = ({ label, value }: Fact): string => `${label}: ${value}`
  const all = [
    `${title} ${number}`,
    '',
    ...facts.map(fact),
    '',
    ...party(seller),
    ...party(buyer),
    fact(figure),
    '',
    ...tableText(lines),
    ...sums.map((row) => `${fact(row)}${row.small === undefined ? '' : ` [${row.small}]`}`),
    '',
    ...notes.flatMap((note) => [note.title, ...note.lines, '']),
    ...tables.flatMap(tableText),
    ...(proof ? [proof.title, proof.text, ...proof.code] : []),
    ...proofFacts.map(fact),
    '',
    paper.footer,
  ]
  return `${all.join('\n')}\n`
}

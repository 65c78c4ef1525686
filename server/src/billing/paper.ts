import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import Pdf from 'pdfkit'
import type { Cell, Fact, Paper, PaperTable, PartyBlock, Row } from './paper.rules.ts'

/*
 * Draws a paper as PDF: A4, deterministic bytes (the same paper, the same file, by the same version of us),
 * with the fonts embedded. Nothing is decided here; what stands on it was said by the rules.
 */

const margin = 48
const pageWidth = 595.28
const pageHeight = 841.89
const width = pageWidth - 2 * margin
/** Where a page's content ends: below it stands the footer. */
const bottom = pageHeight - 64

const ink = '#16202a'
const soft = '#5b6873'
const line = '#d9e0e4'
const ground = '#f3f7f6'
const accent = '#0b7a5f'

/** Noto Sans SC has Latin, Cyrillic, Greek and Chinese; Noto Sans the Latin letters that it lacks (ł, ğ). */
const fontFiles = {
  regular: '@expo-google-fonts/noto-sans-sc/400Regular/NotoSansSC_400Regular.ttf',
  medium: '@expo-google-fonts/noto-sans-sc/500Medium/NotoSansSC_500Medium.ttf',
  bold: '@expo-google-fonts/noto-sans-sc/700Bold/NotoSansSC_700Bold.ttf',
  'regular latin': '@expo-google-fonts/noto-sans/400Regular/NotoSans_400Regular.ttf',
  'medium latin': '@expo-google-fonts/noto-sans/500Medium/NotoSans_500Medium.ttf',
  'bold latin': '@expo-google-fonts/noto-sans/700Bold/NotoSans_700Bold.ttf',
} as const
type FontName = keyof typeof fontFiles
type Weight = 'regular' | 'medium' | 'bold'

let fonts: Promise<ReadonlyMap<FontName, Buffer>> | null = null

/** The fonts' bytes, read once. */
function loadFonts(): Promise<ReadonlyMap<FontName, Buffer>> {
  fonts ??= Promise.all(
    // Object.entries forgets that the keys are the names above.
    (Object.entries(fontFiles) as [FontName, string][]).map(async ([name, file]) => {
      return [name, await readFile(fileURLToPath(import.meta.resolve(file)))] as const
    }),
  ).then((loaded) => new Map(loaded))
  return fonts
}

interface Style {
  readonly size: number
  readonly weight?: Weight
  readonly color?: string
  readonly align?: 'left' | 'right'
}

/** What the Chinese font lacks, Latin letters with rarer marks, or has as wide as a character: the dot. */
const rareLatin = /[\u00b7\u0100-\u024f\u1e00-\u1eff]+/g

/** A sheet that is being drawn on, and how far down it is. */
class Sheet {
  readonly doc: PDFKit.PDFDocument
  y = margin
  /** Drawn at the top of a page that goes on with a table. */
  onNewPage: (() => void) | null = null

  constructor(doc: PDFKit.PDFDocument) {
    this.doc = doc
  }

  #font({ size, weight = 'regular', color = ink }: Style, isLatin = false): void {
    this.doc
      .font(isLatin ? `${weight} latin` : weight)
      .fontSize(size)
      .fillColor(color)
  }

  /** How high a text will be in a column. */
  heightOf(text: string, style: Style, columnWidth: number): number {
    this.#font(style)
    return this.doc.heightOfString(text, { width: columnWidth, lineGap: 1 })
  }

  /** Writes a text into a column; does not move. */
  write(text: string, x: number, y: number, columnWidth: number, style: Style): void {
    const options = { width: columnWidth, lineGap: 1, align: style.align ?? ('left' as const) }
    const runs = runsOf(text)
    for (const [index, { part, isLatin }] of runs.entries()) {
      this.#font(style, isLatin)
      const continued = index < runs.length - 1
      if (index === 0) this.doc.text(part, x, y, { ...options, continued })
      else this.doc.text(part, { ...options, continued })
    }
  }

  /** Makes room; where there is none, on a new page. */
  room(height: number): void {
    if (this.y + height <= bottom) return
    this.doc.addPage()
    this.y = margin
    this.onNewPage?.()
  }

  rule(y: number, color = line, thickness = 0.6): void {
    this.doc
      .moveTo(margin, y)
      .lineTo(margin + width, y)
      .lineWidth(thickness)
      .strokeColor(color)
      .stroke()
  }
}

/** A text in runs of one font each. */
function runsOf(text: string): readonly { readonly part: string; readonly isLatin: boolean }[] {
  const runs: { part: string; isLatin: boolean }[] = []
  let from = 0
  for (const found of text.matchAll(rareLatin)) {
    if (found.index > from) runs.push({ part: text.slice(from, found.index), isLatin: false })
    runs.push({ part: found[0], isLatin: true })
    from = found.index + found[0].length
  }
  if (from < text.length || runs.length === 0) runs.push({ part: text.slice(from), isLatin: false })
  return runs
}

const label = { size: 7.5, weight: 'medium', color: soft } as const
const plain = { size: 9 } as const
const small = { size: 7.5, color: soft } as const

function drawHead(sheet: Sheet, { title, number, issuer, figure }: Paper): void {
  sheet.doc.rect(0, 0, pageWidth, 6).fill(accent)
  sheet.write(issuer, margin, sheet.y + 4, width / 2, { size: 11, weight: 'bold' })
  sheet.write(title, margin, sheet.y + 26, width / 2, { size: 26, weight: 'bold' })
  sheet.write(number, margin, sheet.y + 64, width / 2, { size: 11, weight: 'medium', color: soft })
  const [boxWidth, boxHeight] = [200, 62]
  const x = margin + width - boxWidth
  sheet.doc.roundedRect(x, sheet.y + 20, boxWidth, boxHeight, 6).fill(ground)
  sheet.write(figure.label, x + 14, sheet.y + 32, boxWidth - 28, { ...label, size: 8 })
  sheet.write(figure.value, x + 14, sheet.y + 46, boxWidth - 28, { size: 18, weight: 'bold', color: accent })
  sheet.y += 104
}

function drawFacts(sheet: Sheet, facts: readonly Fact[]): void {
  sheet.rule(sheet.y)
  sheet.y += 9
  const labelWidth = 150
  for (const fact of facts) {
    sheet.write(fact.label, margin, sheet.y + 1, labelWidth, { ...label, size: 8 })
    sheet.write(fact.value, margin + labelWidth, sheet.y, width - labelWidth, plain)
    sheet.y += sheet.heightOf(fact.value, plain, width - labelWidth) + 3
  }
  sheet.y += 6
  sheet.rule(sheet.y)
  sheet.y += 14
}

function drawParty(
  sheet: Sheet,
  { label: what, name, lines }: PartyBlock,
  x: number,
  columnWidth: number,
): number {
  let y = sheet.y
  sheet.write(what, x, y, columnWidth, label)
  y += 13
  sheet.write(name, x, y, columnWidth, { size: 10, weight: 'bold' })
  y += sheet.heightOf(name, { size: 10, weight: 'bold' }, columnWidth) + 2
  for (const text of lines) {
    sheet.write(text, x, y, columnWidth, plain)
    y += sheet.heightOf(text, plain, columnWidth)
  }
  return y
}

function drawParties(sheet: Sheet, { seller, buyer }: Paper): void {
  const columnWidth = (width - 24) / 2
  const left = drawParty(sheet, buyer, margin, columnWidth)
  const right = drawParty(sheet, seller, margin + columnWidth + 24, columnWidth)
  sheet.y = Math.max(left, right) + 22
}

interface Column {
  readonly x: number
  readonly width: number
  readonly isNumber: boolean
}

function columnsOf({ widths }: PaperTable): readonly Column[] {
  const gap = 10
  const first = width - widths.reduce((sum, one) => sum + one + gap, 0)
  let x = margin + first
  return [
    { x: margin, width: first, isNumber: false },
    ...widths.map((own) => {
      const column = { x: x + gap, width: own, isNumber: true }
      x += own + gap
      return column
    }),
  ]
}

function cellHeight(sheet: Sheet, { text, small: more }: Cell, column: Column): number {
  const below = more === undefined ? 0 : sheet.heightOf(more, small, column.width)
  return sheet.heightOf(text, plain, column.width) + below
}

function drawTableHead(sheet: Sheet, table: PaperTable, columns: readonly Column[]): void {
  for (const [index, column] of columns.entries())
    sheet.write(table.head[index] ?? '', column.x, sheet.y, column.width, {
      ...label,
      align: column.isNumber ? 'right' : 'left',
    })
  sheet.y += 14
  sheet.rule(sheet.y, ink, 0.8)
  sheet.y += 6
}

function drawRow(sheet: Sheet, row: Row, columns: readonly Column[]): void {
  if (row.kind === 'heading') {
    sheet.room(44)
    sheet.y += 2
    sheet.write(row.text, margin, sheet.y, width, { size: 9, weight: 'bold' })
    sheet.y += 17
    return
  }
  const cells = columns.map((column, index) => ({ column, cell: row.cells[index] ?? { text: '' } }))
  const height = Math.max(...cells.map(({ column, cell }) => cellHeight(sheet, cell, column)))
  sheet.room(height + 10)
  for (const { column, cell } of cells) {
    const align = column.isNumber ? 'right' : 'left'
    sheet.write(cell.text, column.x, sheet.y, column.width, { ...plain, align })
    if (cell.small === undefined) continue
    const y = sheet.y + sheet.heightOf(cell.text, plain, column.width)
    sheet.write(cell.small, column.x, y, column.width, { ...small, align })
  }
  sheet.y += height + 5
  sheet.rule(sheet.y, line, 0.5)
  sheet.y += 6
}

function drawTable(sheet: Sheet, table: PaperTable): void {
  const columns = columnsOf(table)
  sheet.room(70)
  if (table.title !== null) {
    sheet.write(table.title, margin, sheet.y, width, { size: 10, weight: 'bold' })
    sheet.y += 20
  }
  const head = (): void => drawTableHead(sheet, table, columns)
  head()
  sheet.onNewPage = head
  for (const row of table.rows) drawRow(sheet, row, columns)
  sheet.onNewPage = null
}

function drawSums(sheet: Sheet, { sums }: Paper): void {
  const blockWidth = 300
  const x = margin + width - blockWidth
  // Together: a total on another page than what it sums is hard to read.
  sheet.room(sums.length * 20 + 28)
  sheet.y += 4
  for (const { label: what, value, small: more, isTotal } of sums) {
    const style = isTotal ? ({ size: 12, weight: 'bold' } as const) : plain
    if (isTotal) {
      sheet.doc.roundedRect(x - 10, sheet.y, blockWidth + 10, 30, 4).fill(ground)
      sheet.y += 6
    }
    sheet.write(what, x, sheet.y, blockWidth - 130, style)
    const color = isTotal ? accent : ink
    sheet.write(value, x + blockWidth - 136, sheet.y, 130, { ...style, color, align: 'right' })
    sheet.y += sheet.heightOf(what, style, blockWidth - 130) + 4
    if (more === undefined) continue
    sheet.write(more, x, sheet.y - 3, blockWidth - 6, small)
    sheet.y += sheet.heightOf(more, small, blockWidth - 6)
  }
  sheet.y += 26
}

function drawNotes(sheet: Sheet, { notes }: Paper): void {
  const columnWidth = (width - 24) / 2
  const heightOf = (lines: readonly string[]): number =>
    lines.reduce((sum, text) => sum + sheet.heightOf(text, plain, columnWidth), 18)
  if (notes.length === 0) return
  const height = Math.max(...notes.map(({ lines }) => heightOf(lines)))
  sheet.room(height)
  for (const [index, { title, lines }] of notes.entries()) {
    const x = margin + index * (columnWidth + 24)
    let y = sheet.y
    sheet.write(title, x, y, columnWidth, { size: 10, weight: 'bold' })
    y += 18
    for (const text of lines) {
      sheet.write(text, x, y, columnWidth, plain)
      y += sheet.heightOf(text, plain, columnWidth)
    }
  }
  sheet.y += height + 20
}

function drawProof(sheet: Sheet, { proof, proofFacts }: Paper): void {
  if (proof) {
    sheet.room(96)
    sheet.write(proof.title, margin, sheet.y, width, { size: 10, weight: 'bold' })
    sheet.y += 18
    sheet.write(proof.text, margin, sheet.y, width, small)
    sheet.y += sheet.heightOf(proof.text, small, width) + 4
    for (const text of proof.code) {
      sheet.doc.font('Courier').fontSize(8).fillColor(ink).text(text, margin, sheet.y, { width })
      sheet.y += 12
    }
    sheet.y += 6
  }
  for (const fact of proofFacts) {
    sheet.room(14)
    sheet.write(fact.label, margin, sheet.y, 150, small)
    sheet.write(fact.value, margin + 150, sheet.y, width - 150, { ...small, color: ink })
    sheet.y += 12
  }
}

function drawFooters(sheet: Sheet, { footer, pages }: Paper): void {
  const { doc } = sheet
  const { start, count } = doc.bufferedPageRange()
  for (let page = start; page < start + count; page += 1) {
    doc.switchToPage(page)
    // Text below the bottom margin would begin a page of its own.
    doc.page.margins.bottom = 0
    sheet.rule(pageHeight - 46)
    const numbered = pages.replace('{page}', String(page + 1)).replace('{pages}', String(count))
    sheet.write(footer, margin, pageHeight - 38, width - 120, small)
    sheet.write(numbered, margin + width - 120, pageHeight - 38, 120, { ...small, align: 'right' })
  }
}

/** The PDF of a paper. The same paper makes the same bytes. */
export async function paperPdf(paper: Paper): Promise<Uint8Array> {
  const loaded = await loadFonts()
  const date = new Date(paper.issuedAt)
  const doc = new Pdf({
    size: 'A4',
    margins: { top: margin, bottom: 20, left: margin, right: margin },
    bufferPages: true,
    lang: paper.language,
    displayTitle: true,
    info: {
      Title: `${paper.title} ${paper.number}`,
      Author: paper.issuer,
      Creator: 'gpuhour',
      Producer: 'gpuhour',
      CreationDate: date,
      ModDate: date,
    },
  })
  for (const [name, bytes] of loaded) doc.registerFont(name, bytes)
  const chunks: Uint8Array[] = []
  doc.on('data', (chunk: Uint8Array) => chunks.push(chunk))
  const ended = new Promise<void>((resolve, reject) => doc.once('end', resolve).once('error', reject))
  const sheet = new Sheet(doc)
  drawHead(sheet, paper)
  drawFacts(sheet, paper.facts)
  drawParties(sheet, paper)
  drawTable(sheet, paper.lines)
  drawSums(sheet, paper)
  drawNotes(sheet, paper)
  for (const table of paper.tables) {
    drawTable(sheet, table)
    sheet.y += 18
  }
  drawProof(sheet, paper)
  drawFooters(sheet, paper)
  doc.end()
  await ended
  return Buffer.concat(chunks)
}

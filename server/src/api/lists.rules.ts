import type { Cell, Row } from '../billing/exports.rules.ts'

/*
 * Lists as files. CSV by RFC 4180 in UTF-8: lines end with CR LF, a field is quoted where it must be, nothing
 * is an empty field. JSON Lines: an object a line; whole numbers that may outgrow 2^53 are decimal strings,
 * as everywhere in the API.
 */

/**
 * What makes a spreadsheet take a text for a formula: OWASP's list, with the full-width forms that some
 * locales read likewise.
 */
const formulaStart = /^[=+\-@\t\r\n＝＋－＠]/u
const isNumber = /^-?\d+(?:\.\d+)?$/

/** A text as a cell: never a formula, quoted where RFC 4180 asks for it. */
function textField(text: string): string {
  const harmless = formulaStart.test(text) && !isNumber.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}

function field(cell: Cell | undefined): string {
  if (cell === null || cell === undefined) return ''
  if (typeof cell === 'string') return textField(cell)
  return typeof cell === 'object' ? textField(JSON.stringify(cell)) : String(cell)
}

/** The header of a CSV file. */
export function csvHeader(columns: readonly string[]): string {
  return `${columns.map(textField).join(',')}\r\n`
}

/** Rows as lines of CSV. */
export function csvLines(columns: readonly string[], rows: readonly Row[]): string {
  return rows.map((row) => `${columns.map((column) => field(row[column])).join(',')}\r\n`).join('')
}

/** Rows as JSON Lines. */
export function jsonLines(columns: readonly string[], rows: readonly Row[]): string {
  const shown = (cell: Cell | undefined): unknown =>
    typeof cell === 'bigint' ? String(cell) : (cell ?? null)
  return rows
    .map((row) => `${JSON.stringify(Object.fromEntries(columns.map((name) => [name, shown(row[name])])))}\n`)
    .join('')
}

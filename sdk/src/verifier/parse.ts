/**
 * A strict reader of I-JSON (RFC 7493). The platform's `JSON.parse` cannot be used: it keeps the last of two
 * equal names, lets lone surrogates through and rounds numbers without a word, so that two readers of the
 * same bytes could see two different bills.
 *
 * What is refused here makes a document unreadable: bytes that are not UTF-8, a byte order mark, anything
 * outside the JSON grammar, duplicate names (compared after unescaping), surrogates and noncharacters (raw or
 * escaped) and arrays or objects nested deeper than 64. bill.md names all of these in one breath as what
 * "I-JSON" means. Which numbers are allowed is a rule of the bill, not of I-JSON (`1.5` and `1e3` are good
 * I-JSON): such a number is kept as an `IllegalNumber`, and the shapes refuse it as `schema`.
 */

/** Any JSON value. Objects are Maps, so that no name (`__proto__`) can mean anything but itself. */
export type JsonValue = null | boolean | number | string | IllegalNumber | JsonValue[] | JsonObject

/** A JSON object; the order of its names is that of the text, and means nothing. */
export type JsonObject = Map<string, JsonValue>

/** A number that JSON allows and the bill does not: a fraction, an exponent, `-0`, or 2^53 and more. */
export interface IllegalNumber {
  readonly illegalNumber: string
}

/** What reading came to: the value, or why there is none. */
export type Parsed = { readonly value: JsonValue } | { readonly fault: string }

/** Arrays and objects within each other, the outermost one counted as the first. */
const nestingMax = 64

/** From here on upwards two neighbouring integers can be one and the same JavaScript number. */
const firstUnsafeInteger = 2 ** 53

/** Thrown inside this file only; `parse` turns it into a `fault`. */
class NotIJson extends Error {}

interface Cursor {
  readonly text: string
  position: number
}

/** Reads a whole document; never throws, whatever the input. */
export function parse(input: Uint8Array | string): Parsed {
  try {
    const cursor = { text: typeof input === 'string' ? input : decode(input), position: 0 }
    skipSpace(cursor)
    const value = readValue(cursor, 0)
    skipSpace(cursor)
    if (cursor.position < cursor.text.length) fail(cursor, 'the document goes on after its end')
    return { value }
  } catch (error) {
    if (error instanceof NotIJson) return { fault: error.message }
    throw error
  }
}

/** `ignoreBOM` keeps a byte order mark in the text, where the grammar then refuses it. */
function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new NotIJson('the bytes are not UTF-8')
  }
}

function fail(cursor: Cursor, why: string): never {
  throw new NotIJson(`${why} (character ${cursor.position})`)
}

function skipSpace(cursor: Cursor): void {
  for (;;) {
    const code = cursor.text.charCodeAt(cursor.position)
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
    cursor.position += 1
  }
}

function readValue(cursor: Cursor, depth: number): JsonValue {
  switch (cursor.text[cursor.position]) {
    case '{':
      return readObject(cursor, depth + 1)
    case '[':
      return readArray(cursor, depth + 1)
    case '"':
      return readString(cursor)
    case 't':
      return readWord(cursor, 'true', true)
    case 'f':
      return readWord(cursor, 'false', false)
    case 'n':
      return readWord(cursor, 'null', null)
    default:
      return readNumber(cursor)
  }
}

function readWord(cursor: Cursor, word: string, value: boolean | null): boolean | null {
  if (!cursor.text.startsWith(word, cursor.position)) fail(cursor, 'not JSON')
  cursor.position += word.length
  return value
}

function readObject(cursor: Cursor, depth: number): JsonObject {
  const object: JsonObject = new Map()
  if (enter(cursor, depth, '}')) return object
  for (;;) {
    if (cursor.text[cursor.position] !== '"') fail(cursor, 'a name was expected')
    const name = readString(cursor)
    if (object.has(name)) fail(cursor, `the name ${JSON.stringify(name)} stands twice in one object`)
    skipSpace(cursor)
    if (cursor.text[cursor.position] !== ':') fail(cursor, 'a colon was expected')
    cursor.position += 1
    skipSpace(cursor)
    object.set(name, readValue(cursor, depth))
    if (leaveOrGoOn(cursor, '}')) return object
  }
}

function readArray(cursor: Cursor, depth: number): JsonValue[] {
  const array: JsonValue[] = []
  if (enter(cursor, depth, ']')) return array
  for (;;) {
    array.push(readValue(cursor, depth))
    if (leaveOrGoOn(cursor, ']')) return array
  }
}

/** Steps over the opening bracket; true if the closing one follows at once. */
function enter(cursor: Cursor, depth: number, closing: string): boolean {
  if (depth > nestingMax) fail(cursor, `nested deeper than ${nestingMax}`)
  cursor.position += 1
  skipSpace(cursor)
  if (cursor.text[cursor.position] !== closing) return false
  cursor.position += 1
  return true
}

/** After a member: true behind the closing bracket, false behind a comma. */
function leaveOrGoOn(cursor: Cursor, closing: string): boolean {
  skipSpace(cursor)
  const next = cursor.text[cursor.position]
  if (next !== closing && next !== ',') fail(cursor, `a comma or ${closing} was expected`)
  cursor.position += 1
  if (next === closing) return true
  skipSpace(cursor)
  return false
}

/** Most strings are plain and are cut from the text in one piece; the others are looked at more closely. */
function readString(cursor: Cursor): string {
  const { text } = cursor
  let whole = ''
  let isPlain = true
  let start = cursor.position + 1
  let position = start
  for (;;) {
    const code = text.charCodeAt(position)
    if (code === 0x22) break
    if (code === 0x5c) {
      isPlain = false
      whole += text.slice(start, position)
      cursor.position = position
      whole += readEscape(cursor)
      position = cursor.position
      start = position
      continue
    }
    // NaN, the end of the text, fails this comparison as well as a control character does.
    if (!(code >= 0x20)) {
      cursor.position = position
      fail(cursor, position < text.length ? 'a control character in a string' : 'a string has no end')
    }
    if (code >= 0xd800) isPlain = false
    position += 1
  }
  whole = start === cursor.position + 1 ? text.slice(start, position) : whole + text.slice(start, position)
  cursor.position = position + 1
  if (!isPlain) requireCharacters(cursor, whole)
  return whole
}

const escapes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])

function readEscape(cursor: Cursor): string {
  const letter = cursor.text[cursor.position + 1] ?? ''
  if (letter === 'u') {
    const digits = cursor.text.slice(cursor.position + 2, cursor.position + 6)
    if (!/^[0-9A-Fa-f]{4}$/.test(digits)) fail(cursor, 'four hex digits were expected')
    cursor.position += 6
    return String.fromCharCode(Number.parseInt(digits, 16))
  }
  const meant = escapes.get(letter)
  if (meant === undefined) fail(cursor, 'an unknown escape')
  cursor.position += 2
  return meant
}

/** RFC 7493 §2.1: neither surrogates nor noncharacters, whether they stand there or are escaped. */
function requireCharacters(cursor: Cursor, text: string): void {
  if (!text.isWellFormed()) fail(cursor, 'a lone surrogate in a string')
  if (/\p{Noncharacter_Code_Point}/u.test(text)) fail(cursor, 'a noncharacter in a string')
}

const numberGrammar = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y

function readNumber(cursor: Cursor): number | IllegalNumber {
  numberGrammar.lastIndex = cursor.position
  const written = numberGrammar.exec(cursor.text)?.[0]
  if (written === undefined) fail(cursor, 'not JSON')
  cursor.position += written.length
  const number = Number(written)
  const isPlainInteger = /^-?[0-9]+$/.test(written) && written !== '-0'
  return isPlainInteger && Math.abs(number) < firstUnsafeInteger ? number : { illegalNumber: written }
}

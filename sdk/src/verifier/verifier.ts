import { differenceAfter } from './after.ts'
import type { Bill } from './bill.ts'
import { billOf } from './bill.ts'
import { differenceInBooks, ratesOf } from './books.ts'
import type { RecomputedLine } from './charges.ts'
import { differenceInCharges, differenceInTotal, recompute } from './charges.ts'
import type { Difference } from './difference.ts'
import { shown } from './difference.ts'
import { differenceInHashes } from './hashes.ts'
import type { JsonObject } from './parse.ts'
import { parse } from './parse.ts'
import { differenceInPresence } from './presence.ts'
import { differenceInSequence } from './sequence.ts'
import { differenceInShapes } from './shapes.ts'

/** How a bill is to be verified. */
export interface VerifyOptions {
  /**
   * Only rate the events (`--rate`): charges and total are ignored, may be absent, and are reported as 0 and
   * null. Default false.
   */
  readonly rateOnly?: boolean | undefined
  /** An earlier bill of the same organization that this one must follow from (`--after`). Default none. */
  readonly after?: Uint8Array | string | undefined
}

/** The answer of bill.md §4, member by member as `--json` prints it. */
export interface Verdict {
  /** Null where the events were only rated: nothing was there to be verified. */
  readonly verified: boolean | null
  /** How many events stand in the document. */
  readonly events: number
  /** How many charges stand in the document; 0 where they are ignored. */
  readonly charges: number
  /** The total as it stands; null where it is ignored, or no text at all. */
  readonly total: string | null
  readonly firstDifference: Difference | null
  /** Empty if the first difference is one of schema, sequence, hash and price_book. */
  readonly recomputed: readonly RecomputedLine[]
}

/** Why a document cannot be read at all: not I-JSON, no object, another `format`. */
export interface Unreadable {
  readonly unreadable: string
}

/** What verifying came to. */
export type VerifyResult = Verdict | Unreadable

/**
 * Recomputes an open bill from its events and price books alone. Called by `gpuhour verify-bill` and by the
 * console; needs no server, login or network, and never rejects because of what a document holds. Bytes are
 * better than a string: only in them a wrong encoding can still be seen.
 *
 * It is a promise although nothing in it waits, so that one day it may: for a worker, or for Web Crypto.
 * With `rateOnly` and `after` together the earlier document is only rated as well; no charges are compared.
 */
export async function verifyBill(
  text: Uint8Array | string,
  options: VerifyOptions = {},
): Promise<VerifyResult> {
  const isRated = options.rateOnly === true
  const document = documentIn(text, 'the bill')
  if ('unreadable' in document) return document
  // Both are read before either is judged: a file that cannot be read is no difference in the other one.
  const earlier = options.after === undefined ? null : documentIn(options.after, 'the earlier bill')
  if (earlier !== null && 'unreadable' in earlier) return earlier
  const judged = judge(document.object, isRated)
  let difference = judged.difference
  if (judged.bill !== null && difference === null && earlier !== null) {
    difference = differenceFromEarlier(judged.bill, earlier.object, isRated)
  }
  const total = document.object.get('total')
  return {
    verified: isRated ? null : difference === null,
    events: lengthOf(document.object, 'events'),
    charges: isRated ? 0 : lengthOf(document.object, 'charges'),
    total: isRated || typeof total !== 'string' ? null : total,
    firstDifference: difference,
    recomputed: judged.recomputed,
  }
}

/** 0 if nothing differs, 1 if something does, 2 if the document cannot be read. */
export function exitCodeOf(result: VerifyResult): 0 | 1 | 2 {
  if ('unreadable' in result) return 2
  return result.firstDifference === null ? 0 : 1
}

/** One line for a person; safe to print on a terminal, whatever the document holds. */
export function sentenceOf(result: VerifyResult): string {
  if ('unreadable' in result) return printable(`cannot be read: ${result.unreadable}`)
  const { events, charges, total, firstDifference, recomputed } = result
  if (firstDifference !== null) {
    const { kind, where, found, expected } = firstDifference
    return printable(`${kind}: ${where} is ${found}; right is ${expected}`)
  }
  if (result.verified === null) return `${events} events, ${recomputed.length} lines: rated`
  return `${events} events, ${charges} charges, total ${total}: verified`
}

type Document = { readonly object: JsonObject } | Unreadable

function documentIn(text: Uint8Array | string, name: string): Document {
  const parsed = parse(text)
  if ('fault' in parsed) return { unreadable: `${name} is not I-JSON: ${parsed.fault}` }
  if (!(parsed.value instanceof Map)) return { unreadable: `${name} is not an object` }
  const format = parsed.value.get('format')
  if (format === 'gpuhour-bill/1') return { object: parsed.value }
  return { unreadable: `${name} has the format ${shown(format)}, not gpuhour-bill/1` }
}

interface Judged {
  /** Null where the shapes are wrong. */
  readonly bill: Bill | null
  readonly difference: Difference | null
  readonly recomputed: readonly RecomputedLine[]
}

/** All kinds but `after`, each over the whole document before the next. */
function judge(document: JsonObject, isRated: boolean): Judged {
  const inShapes = differenceInShapes(isRated ? withoutCharges(document) : document, isRated)
  if (inShapes !== null) return { bill: null, difference: inShapes, recomputed: [] }
  const bill = billOf(document, isRated)
  const inHistory =
    differenceInPresence(bill, isRated) ??
    differenceInSequence(bill) ??
    differenceInHashes(bill) ??
    differenceInBooks(bill)
  if (inHistory !== null) return { bill, difference: inHistory, recomputed: [] }
  const rates = ratesOf(bill)
  const inMoney = isRated ? null : (differenceInCharges(bill, rates) ?? differenceInTotal(bill))
  return { bill, difference: inMoney, recomputed: recompute(bill, rates) }
}

function differenceFromEarlier(bill: Bill, document: JsonObject, isRated: boolean): Difference | null {
  const earlier = judge(document, isRated)
  if (earlier.difference !== null) {
    const { kind, where, found, expected } = earlier.difference
    return { kind: 'after', where: `the earlier bill does not verify (${kind}): ${where}`, found, expected }
  }
  return earlier.bill === null ? null : differenceAfter(bill, earlier.bill)
}

/** What `--rate` ignores may be malformed as well. */
function withoutCharges(document: JsonObject): JsonObject {
  return new Map([...document].filter(([name]) => name !== 'charges' && name !== 'total'))
}

function lengthOf(document: JsonObject, name: string): number {
  const list = document.get(name)
  return Array.isArray(list) ? list.length : 0
}

/** Control and formatting characters would let a forged bill write its own verdict onto the screen. */
function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
  })
}

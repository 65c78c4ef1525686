import { createHash } from 'node:crypto'
import { invariant } from './errors.ts'

/** What a hashed record may hold: JSON whose numbers are whole. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json | undefined }

/** RFC 8785 (JSON Canonicalization Scheme) for values whose numbers are integers below 2^53. */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') {
    invariant(Number.isSafeInteger(value), 'a hashed number is a whole number', { value })
    return String(value === 0 ? 0 : value)
  }
  if (typeof value === 'string') return JSON.stringify(value)
  if (isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const members = Object.entries(value)
    .filter((member): member is [string, Json] => member[1] !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`)
  return `{${members.join(',')}}`
}

// Array.isArray does not narrow a readonly array by itself.
function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}

/** SHA-256, lower-case hex, of the canonical form. */
export function canonicalHash(value: Json): string {
  return createHash('sha256').update(canonicalJson(value), 'utf8').digest('hex')
}

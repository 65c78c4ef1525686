import type { JsonObject, JsonValue } from './parse.ts'

/**
 * The JSON Canonicalization Scheme (RFC 8785) for what a bill can hold. Its rule for strings is that of
 * ECMAScript's `JSON.stringify`, and names are sorted by UTF-16 code units, which is what `sort` does by
 * itself. Numbers are integers below 2^53 (bill.md §1) and need no rule: the shapes have refused all others
 * before anything is hashed, and an `IllegalNumber` is written as it stands only to be shown in a message.
 */
export function canonical(value: JsonValue): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (value instanceof Map) return canonicalObject(value, [...value.keys()])
  return value.illegalNumber
}

/** The canonical form of an object without one of its members: what `hash` is taken over (bill.md §1). */
export function canonicalWithout(object: JsonObject, left: string): string {
  return canonicalObject(
    object,
    [...object.keys()].filter((name) => name !== left),
  )
}

function canonicalObject(object: JsonObject, names: string[]): string {
  const members = names.sort().map((name) => {
    // The names come from the object itself, so there is always a value.
    return `${JSON.stringify(name)}:${canonical(object.get(name) ?? null)}`
  })
  return `{${members.join(',')}}`
}

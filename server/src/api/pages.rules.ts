import { AppError } from '../kernel/errors.ts'

/** A cursor is what the next page begins after, encoded so that nobody builds on its form. */
export function encodeCursor(after: string): string {
  return Buffer.from(after, 'utf8').toString('base64url')
}

function notOurs(): AppError {
  return new AppError(
    'invalid_request',
    'The cursor is none of ours, or what it named is gone. Begin again.',
    {},
    [{ pointer: '?cursor', message: 'must be the "next" of an earlier answer' }],
  )
}

/** Reads a cursor; null at the beginning. Refuses what is none of ours. */
export function decodeCursor(cursor: string | undefined, form: RegExp): string | null {
  if (cursor === undefined) return null
  const after = Buffer.from(cursor, 'base64url').toString('utf8')
  if (form.test(after)) return after
  throw notOurs()
}

/** Two halves of a cursor that are joined by a slash. */
export function cursorPair(cursor: string | undefined, form: RegExp): readonly [string, string] | null {
  const after = decodeCursor(cursor, form)
  if (after === null) return null
  const slash = after.indexOf('/')
  return [after.slice(0, slash), after.slice(slash + 1)]
}

/**
 * A page of what was asked for with one more than its limit: the last one only says that there is a next
 * page.
 */
export function pageOf<T, U>(
  rows: readonly T[],
  limit: number,
  keyOf: (row: T) => string,
  show: (row: T) => U,
): { items: U[]; next: string | null } {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const next = rows.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null
  return { items: shown.map(show), next }
}

/** The same for a list that is read whole: it is short, and its order is that of the key. */
export function pageOfAll<T, U>(
  rows: readonly T[],
  query: { readonly limit: number; readonly cursor?: string | undefined },
  keyOf: (row: T) => string,
  show: (row: T) => U,
): { items: U[]; next: string | null } {
  const after = decodeCursor(query.cursor, /^.{1,200}$/su)
  const start = after === null ? 0 : rows.findIndex((row) => keyOf(row) === after) + 1
  if (after !== null && start === 0) throw notOurs()
  return pageOf(rows.slice(start, start + query.limit + 1), query.limit, keyOf, show)
}

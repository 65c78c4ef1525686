/** The closed list of codes that leave the platform, with the HTTP status of each (house.md §9). */
export const httpStatusOf = {
  invalid_request: 400,
  unauthenticated: 401,
  insufficient_funds: 402,
  forbidden: 403,
  quota_exceeded: 403,
  not_found: 404,
  conflict: 409,
  invalid_state: 409,
  payload_too_large: 413,
  unsupported_media_type: 415,
  rate_limited: 429,
  internal: 500,
  unavailable: 503,
} as const

/** A public error code. */
export type ErrorCode = keyof typeof httpStatusOf

/** What our own log should know beside the message; never shown to a customer. */
export type Detail = Readonly<Record<string, unknown>>

/** One thing that is wrong with a request: a JSON pointer and a sentence. */
export interface FieldError {
  readonly pointer: string
  readonly message: string
}

/** Thrown for faults; `code` is closed and public, `message` is for the person, `detail` for our log. */
export class AppError<Code extends string = ErrorCode> extends Error {
  readonly code: Code
  readonly detail: Detail | undefined
  readonly fields: readonly FieldError[]

  constructor(code: Code, message: string, detail?: Detail, fields: readonly FieldError[] = []) {
    super(message)
    this.name = 'AppError'
    this.code = code
    this.detail = detail
    this.fields = fields
  }
}

/** Is this one of our faults with a public code? */
export function isAppError(error: unknown): error is AppError {
  return error instanceof AppError && Object.hasOwn(httpStatusOf, error.code)
}

/** A request that names something that is not there, or not the asker's to know of. */
export function notFound(what: string, name: string): AppError {
  const shown = name.length > 80 ? `${name.slice(0, 80)}…` : name
  return new AppError('not_found', `There is no ${what} "${shown}" here. Check the name or the id.`)
}

/** A programmer's mistake: throws `internal`, so the transaction rolls back and the request or pass ends. */
export function invariant(condition: unknown, message: string, detail?: Detail): asserts condition {
  if (!condition) throw new AppError('internal', `Invariant violated: ${message}`, detail)
}

/** The end of an exhaustive `switch`. */
export function unreachable(value: never): never {
  throw new AppError('internal', `Unreachable: ${JSON.stringify(value)}`)
}

/** The message of anything thrown, for logs. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

import type { Problem } from '@gpuhour/sdk/contract'
import { AppError, type ErrorCode, httpStatusOf, isAppError, messageOf } from '../kernel/errors.ts'

/** What a person reads first; `detail` says the rest. */
const titleOf: Readonly<Record<ErrorCode, string>> = {
  invalid_request: 'The request is not right',
  unauthenticated: 'Nobody is signed in',
  insufficient_funds: 'Not enough money',
  forbidden: 'Not allowed',
  quota_exceeded: 'Over the quota',
  not_found: 'Not found',
  conflict: 'In conflict with what is there',
  invalid_state: 'Not possible in this state',
  payload_too_large: 'Too large',
  unsupported_media_type: 'Not JSON',
  rate_limited: 'Too many requests',
  internal: 'A fault of ours',
  unavailable: 'Not available just now',
}

const retryableCodes: readonly ErrorCode[] = ['rate_limited', 'unavailable']

/** Seconds after which to come back when something is down or busy. */
const retryAfterSeconds = 1

/** Constraints that a race may still meet after the room has looked, and what that means for the person. */
const conflictOf: Readonly<Record<string, { readonly pointer: string; readonly message: string }>> = {
  project_name_unique: { pointer: '/name', message: 'is taken' },
  instance_name_unique: { pointer: '/name', message: 'is taken' },
  volume_name_unique: { pointer: '/name', message: 'is taken' },
  instance_pkey: { pointer: '/id', message: 'was used a moment ago' },
  job_run_pkey: { pointer: '/id', message: 'was used a moment ago' },
}

function stateOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

/**
 * Unique violation, deadlock, serialization: another request was quicker, and a second look finds what it
 * made.
 */
export function isRace(error: unknown): boolean {
  return ['23505', '40P01', '40001'].includes(stateOf(error))
}

/**
 * What an error means for whoever asked: one of ours stays, what the database refused is named, the rest
 * is a bug.
 */
export function publicErrorOf(error: unknown): AppError {
  if (isAppError(error)) return error
  const code = stateOf(error)
  const constraint = error instanceof Error && 'constraint' in error ? String(error.constraint) : ''
  const conflict = conflictOf[constraint]
  if (code === '23505' && conflict)
    return new AppError('conflict', 'Something with this name or id exists already. Choose another.', {}, [
      conflict,
    ])
  if (isRace(error))
    return new AppError('unavailable', 'Another request was quicker. Try again.', { cause: messageOf(error) })
  // The socket itself failed, in whatever way the system has a word for.
  if (error instanceof Error && 'syscall' in error)
    return new AppError('unavailable', 'The database does not answer just now. Try again in a few seconds.', {
      cause: messageOf(error),
    })
  // The class of values that PostgreSQL cannot hold: whatever brought it here, it came with the request.
  if (code.startsWith('22'))
    return new AppError(
      'invalid_request',
      'A value of the request cannot be stored. Check it for odd characters.',
      {
        cause: messageOf(error),
      },
    )
  return new AppError('internal', 'Something went wrong on our side. Quote the request id to the operator.', {
    cause: messageOf(error),
  })
}

/** The problem details of an error (RFC 9457). */
export function problemOf(error: AppError, requestId: string): Problem {
  const { code, message, fields } = error
  return {
    type: `urn:gpuhour:problem:${code}`,
    title: titleOf[code],
    status: httpStatusOf[code],
    code,
    // A bug's message is for our log: it may name what is nobody's business.
    detail:
      code === 'internal'
        ? 'Something went wrong on our side. Quote the request id to the operator.'
        : message,
    instance: `urn:gpuhour:request:${requestId}`,
    requestId,
    retryable: retryableCodes.includes(code),
    errors: fields.map(({ pointer, message: what }) => ({ pointer, message: what })),
  }
}

/** The answer that tells of an error. */
export function problemResponse(error: AppError, requestId: string): Response {
  const { code } = error
  const headers = new Headers({ 'content-type': 'application/problem+json', 'cache-control': 'no-store' })
  if (code === 'unauthenticated') headers.set('www-authenticate', 'Bearer realm="gpuhour"')
  if (retryableCodes.includes(code)) headers.set('retry-after', String(retryAfterSeconds))
  // What is left of the body is not read: the connection cannot be used again.
  if (code === 'payload_too_large') headers.set('connection', 'close')
  return new Response(JSON.stringify(problemOf(error, requestId)), { status: httpStatusOf[code], headers })
}

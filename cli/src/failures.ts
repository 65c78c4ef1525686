import { ApiError } from '@gpuhour/sdk/client'
import { UsageError } from './command.ts'

/** Nobody is signed in, or the configuration cannot be used. */
export class SignInError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'SignInError'
  }
}

/**
 * What the exit codes mean; `run` passes its command's own through, and `verify-bill` has 0, 1, 2 of its
 * own.
 */
export const exitCodes = {
  usage: 2,
  auth: 3,
  notFound: 4,
  payment: 5,
  capacity: 6,
  conflict: 7,
  tryAgain: 8,
} as const

/** The exit code of an error. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage
  if (error instanceof SignInError) return exitCodes.auth
  if (!(error instanceof ApiError)) return 1
  switch (error.code) {
    case 'invalid_request':
    case 'payload_too_large':
    case 'unsupported_media_type':
      return exitCodes.usage
    case 'unauthenticated':
    case 'forbidden':
      return exitCodes.auth
    case 'not_found':
      return exitCodes.notFound
    case 'insufficient_funds':
      return exitCodes.payment
    case 'quota_exceeded':
      return exitCodes.capacity
    case 'conflict':
    case 'invalid_state':
      return exitCodes.conflict
    default:
      return exitCodes.tryAgain
  }
}

/** One line: what happened, why, what to do. */
export function lineOf(error: unknown): string {
  if (error instanceof ApiError) {
    const id = error.code === 'internal' && error.requestId ? ` (request ${error.requestId})` : ''
    return `${error.message}${id}`.replaceAll(/\s*\n\s*/g, ' ')
  }
  return error instanceof Error ? error.message.replaceAll(/\s*\n\s*/g, ' ') : String(error)
}

/** The same for a program: what `--json` prints instead of an answer. */
export function jsonOf(error: unknown): object {
  if (!(error instanceof ApiError)) return { error: { code: 'usage', detail: lineOf(error) } }
  const { code, message: detail, requestId, retryable, errors } = error
  return { error: { code, detail, requestId, retryable, errors } }
}

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

/** Why a file that somebody named is of no use. */
export function fileTrouble(error: unknown, path: string, what: 'read' | 'written'): string {
  const code = error instanceof Error && 'code' in error ? error.code : null
  if (code === 'ENOENT' && what === 'read') return `There is no file ${path}.`
  if (code === 'ENOENT') return `There is no folder for ${path}. Make it first, or name another file.`
  if (code === 'EISDIR') return `${path} is a folder. Name a file in it.`
  if (code === 'EACCES' || code === 'EPERM') return `${path} cannot be ${what}: you may not.`
  return `${path} cannot be ${what}: ${error instanceof Error ? error.message : String(error)}`
}

/** What somebody typed is told apart by its beginning; the rest of a whole book of it is not said back. */
const wordLengthMax = 80

/** Cuts what is too long to be a name: between quotes, or without a space or slash in it. */
export function brief(text: string): string {
  return text.replaceAll(/"[^"]*"|[^\s"'/]+/g, (word) => {
    if (word.length <= wordLengthMax + 2) return word
    return `${word.slice(0, wordLengthMax)}…${word.startsWith('"') ? '"' : ''}`
  })
}

/** One line: what happened, why, what to do. */
export function lineOf(error: unknown): string {
  if (error instanceof ApiError) {
    const id = error.code === 'internal' && error.requestId ? ` (request ${error.requestId})` : ''
    return brief(`${error.message}${id}`.replaceAll(/\s*\n\s*/g, ' '))
  }
  return brief(error instanceof Error ? error.message.replaceAll(/\s*\n\s*/g, ' ') : String(error))
}

/** The same for a program: what `--json` prints instead of an answer. */
export function jsonOf(error: unknown): object {
  if (!(error instanceof ApiError)) return { error: { code: 'usage', detail: lineOf(error) } }
  const { code, message: detail, requestId, retryable, errors } = error
  return { error: { code, detail, requestId, retryable, errors } }
}

import type { ErrorCode, Problem } from '../contract/problem.ts'
import type { Reply } from './transport.ts'

/** An answer other than 2xx, or none at all (`unreachable`). */
export class ApiError extends Error {
  readonly code: ErrorCode | 'unreachable'
  readonly status: number
  readonly requestId: string | null
  /** The same request may succeed later, unchanged. */
  readonly retryable: boolean
  readonly errors: Problem['errors']
  /** Seconds that the server asks to wait. */
  readonly retryAfter: number | null

  constructor(code: ErrorCode | 'unreachable', status: number, detail: string, rest: Partial<ApiError> = {}) {
    super(detail)
    this.name = 'ApiError'
    this.code = code
    this.status = status
    this.requestId = rest.requestId ?? null
    this.retryable = rest.retryable ?? false
    this.errors = rest.errors ?? []
    this.retryAfter = rest.retryAfter ?? null
  }
}

/** Makes the error of an answer; one that is not ours (a proxy's page) becomes `unreachable`. */
export async function errorOf(response: Reply): Promise<ApiError> {
  const type = response.headers.get('content-type') ?? ''
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN)
  if (!type.startsWith('application/problem+json')) {
    const what = `Something other than gpuhour answered with status ${response.status}. Check the address.`
    return new ApiError('unreachable', response.status, what, { retryable: response.status >= 500 })
  }
  // The media type says that it is one of ours, and a schema test on the server holds them to this shape.
  const body = (await response.json()) as Problem
  return new ApiError(body.code, body.status, body.detail, {
    requestId: body.requestId,
    retryable: body.retryable,
    errors: body.errors,
    retryAfter: Number.isFinite(retryAfter) ? retryAfter : null,
  })
}

/** The error of a request that met nobody. */
export function unreachableError(baseUrl: string, cause: unknown): ApiError {
  const why =
    cause instanceof Error ? (cause.cause instanceof Error ? cause.cause.message : cause.message) : ''
  const where = baseUrl || 'the platform'
  const what = `Cannot reach ${where}${why ? ` (${why})` : ''}. Check the address, and that it is running.`
  return new ApiError('unreachable', 0, what, { retryable: true })
}

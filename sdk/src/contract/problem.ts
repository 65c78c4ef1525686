import { z } from 'zod'

/** The closed list of error codes; the HTTP status stands beside each in the answer. */
export const errorCodes = [
  'invalid_request',
  'unauthenticated',
  'insufficient_funds',
  'forbidden',
  'quota_exceeded',
  'not_found',
  'conflict',
  'invalid_state',
  'payload_too_large',
  'unsupported_media_type',
  'rate_limited',
  'internal',
  'unavailable',
] as const

/** A public error code. */
export type ErrorCode = (typeof errorCodes)[number]

/** RFC 9457 problem details, as every answer other than 2xx carries them (`application/problem+json`). */
export const problem = z.strictObject({
  type: z.string().describe('urn:gpuhour:problem:<code>'),
  title: z.string(),
  status: z.int(),
  code: z.enum(errorCodes),
  detail: z.string().describe('What happened, why, what to do; English. Translate by `code`.'),
  instance: z.string().describe('urn:gpuhour:request:<requestId>'),
  requestId: z.string(),
  retryable: z.boolean().describe('The same request may succeed later, unchanged.'),
  errors: z
    .array(z.strictObject({ pointer: z.string(), message: z.string() }))
    .describe(
      'Everything that is wrong, at once: a JSON pointer into the body, "?name" of the query, or "".',
    ),
})

export type Problem = z.infer<typeof problem>

import { revokeDoorSessions } from '../identity/doors.ts'
import { identify } from '../identity/identity.ts'
import { clientAddressHeader } from '../identity/sessions.ts'
import { AppError, type ErrorCode } from '../kernel/errors.ts'
import type { ApiParts } from './parts.ts'
import { problemResponse } from './problems.ts'
import { readText } from './requests.ts'

/** Signing in takes a name and a password, not a megabyte. */
const bodyBytesMax = 16 * 1024

const codeOfStatus: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid_request',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
  422: 'invalid_request',
  429: 'rate_limited',
}

/**
 * better-auth's own refusals in the form of all others; OAuth's (RFC 8628 §3.5) keep theirs, clients know
 * it.
 */
async function asProblem(response: Response, requestId: string): Promise<Response> {
  if (response.status < 400) return response
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => null)
  if (body !== null && typeof body === 'object' && 'error' in body) return response
  const said = body !== null && typeof body === 'object' && 'message' in body ? String(body.message) : ''
  const code = codeOfStatus[response.status] ?? (response.status >= 500 ? 'unavailable' : 'invalid_request')
  const what = said === '' ? 'This was refused' : said.replace(/\.$/, '')
  const todo = code === 'unavailable' ? 'Try again in a few seconds.' : 'Check it, and try again.'
  return problemResponse(new AppError(code, said.includes('. ') ? said : `${what}. ${todo}`), requestId)
}

/** Leaving the console also closes the apps that were opened from it. */
async function leave(parts: ApiParts, request: Request): Promise<void> {
  await parts.store.transact(async (tx) => {
    const principal = await identify(tx, [parts.sessions.identity], request).catch(() => null)
    if (principal) await revokeDoorSessions(tx, principal.person, null)
  })
}

/** Answers `/api/auth/*`: the one private endpoint, by which a browser or the CLI signs in. */
export async function serveSigning(
  parts: ApiParts,
  request: Request,
  client: { readonly address: string; readonly requestId: string },
): Promise<Response> {
  const text = request.method === 'GET' ? '' : await readText(request, bodyBytesMax)
  const headers = new Headers(request.headers)
  headers.set(clientAddressHeader, client.address)
  const { method } = request
  const forwarded = new Request(request.url, { method, headers, ...(text === '' ? {} : { body: text }) })
  if (new URL(request.url).pathname === '/api/auth/sign-out') await leave(parts, request)
  const response = await asProblem(await parts.sessions.handle(forwarded), client.requestId)
  response.headers.set('cache-control', 'no-store')
  return response
}

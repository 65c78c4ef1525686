import { contract, type RouteName, type Shape } from '@gpuhour/sdk/contract'
import type { z } from 'zod'
import { canonicalHash, type Json } from '../kernel/canonical.ts'
import { AppError, type FieldError } from '../kernel/errors.ts'
import { bodyBytesMax, jsonFaults, pointerOf } from './json.rules.ts'

/** What a request holds, checked against the contract, with its defaults. */
export interface CheckedRequest {
  readonly query: unknown
  readonly body: unknown
  readonly requestHash: string
}

/** One sentence for the person: the first fault, and how many more there are. */
function refusal(faults: readonly FieldError[]): AppError {
  const [first] = faults
  const where = first?.pointer ? `"${first.pointer}" ${first.message}` : (first?.message ?? 'is not right')
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : ''
  return new AppError(
    'invalid_request',
    `The request is not right: ${where}${more}. Correct it.`,
    undefined,
    faults,
  )
}

/** Everything that a schema found wrong; a field that nobody knows is named by itself. */
function faultsOf(error: z.ZodError, prefix: '' | '?'): readonly FieldError[] {
  const pointer = (path: readonly PropertyKey[]): string =>
    prefix === '?' ? `?${path.map(String).join('.').slice(0, 80)}` : pointerOf(path)
  return error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ pointer: pointer([...issue.path, key]), message: 'is not a known field' }))
      : [{ pointer: pointer(issue.path), message: messageOf(issue) }],
  )
}

/** Our own sentences stay; zod's begin with "Invalid …" and are said in our form. */
function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.message.startsWith('Invalid input'))
    return issue.message.endsWith('received undefined') ? 'is missing' : `must be a ${issue.expected}`
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.map(String).join(', ')}`
  return issue.message
}

function checkedQuery(
  shape: Shape,
  search: URLSearchParams,
): { query: unknown; faults: readonly FieldError[] } {
  const names = [...search.keys()]
  const twice = names.filter((name, index) => names.indexOf(name) !== index)
  const faults = twice.map((name) => ({ pointer: `?${name.slice(0, 80)}`, message: 'stands twice' }))
  if (!shape.query) {
    const unknown = names.map((name) => ({
      pointer: `?${name.slice(0, 80)}`,
      message: 'is not a known field',
    }))
    return { query: undefined, faults: [...faults, ...unknown] }
  }
  const parsed = shape.query.safeParse(Object.fromEntries(search))
  return parsed.success
    ? { query: parsed.data, faults }
    : { query: undefined, faults: [...faults, ...faultsOf(parsed.error, '?')] }
}

function tooLarge(): AppError {
  return new AppError('payload_too_large', `The body is larger than ${bodyBytesMax} bytes. Send less.`)
}

/** The body as text, never more of it than the limit. */
export async function readText(request: Request, bytesMax = bodyBytesMax): Promise<string> {
  if (Number(request.headers.get('content-length') ?? 0) > bytesMax) throw tooLarge()
  if (!request.body) return ''
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body) {
    size += chunk.byteLength
    if (size > bytesMax) throw tooLarge()
    chunks.push(chunk)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch {
    throw new AppError('invalid_request', 'The body is not UTF-8. Send JSON in UTF-8.')
  }
}

function requireJson(request: Request): void {
  const type = request.headers.get('content-type') ?? ''
  if (/^application\/json\s*(?:;|$)/i.test(type)) return
  const what = type === '' ? 'The request has no Content-Type' : `"${type.slice(0, 80)}" is not taken here`
  throw new AppError('unsupported_media_type', `${what}. Send application/json.`)
}

/** JSON as a value; refuses what is none, and what a lenient parser would guess at. */
export function parseJson(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    // V8 says where; what stands there may be a secret, so only the place is repeated.
    const place = error instanceof Error ? /position (\d+)/.exec(error.message)?.[1] : undefined
    const where = place === undefined ? '' : ` at character ${place}`
    throw new AppError('invalid_request', `The body is not JSON${where}. Correct it.`, undefined, [
      { pointer: '', message: `is not JSON${where}` },
    ])
  }
  const faults = jsonFaults(text)
  if (faults.length > 0) throw refusal(faults)
  return value
}

async function checkedBody(
  shape: Shape,
  request: Request,
): Promise<{ body: unknown; faults: readonly FieldError[] }> {
  if (!shape.body) {
    const text = request.method === 'GET' ? '' : await readText(request)
    if (text.trim() === '' || text.trim() === '{}') return { body: undefined, faults: [] }
    return {
      body: undefined,
      faults: [{ pointer: '', message: 'must be empty: this request takes no body' }],
    }
  }
  requireJson(request)
  const parsed = shape.body.safeParse(parseJson(await readText(request)))
  return parsed.success
    ? { body: parsed.data, faults: [] }
    : { body: undefined, faults: faultsOf(parsed.error, '') }
}

/** Reads and checks everything that the contract says of a request; refuses with all faults at once. */
export async function checkRequest(name: RouteName, request: Request): Promise<CheckedRequest> {
  const shape: Shape = contract[name]
  const { query, faults } = checkedQuery(shape, new URL(request.url).searchParams)
  const { body, faults: bodyFaults } = await checkedBody(shape, request)
  const all = [...faults, ...bodyFaults]
  if (all.length > 0) throw refusal(all)
  // What a schema of ours lets pass is JSON without fractions.
  return { query, body, requestHash: canonicalHash((body ?? null) as Json) }
}

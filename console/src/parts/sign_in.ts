/** What signing in answered when it did not work. */
export type SignInProblem = 'used_or_old' | 'too_many' | 'unreachable' | 'signed_out' | 'not_yours' | 'wrong'

async function ask(path: string, body?: unknown): Promise<Response | null> {
  const init: RequestInit =
    body === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  return fetch(`/api/auth${path}`, { ...init, credentials: 'same-origin' }).catch(() => null)
}

function problemOf(response: Response | null): SignInProblem {
  if (response === null || response.status >= 500) return 'unreachable'
  if (response.status === 429) return 'too_many'
  return response.status === 403 ? 'not_yours' : 'wrong'
}

const attempts = new Map<string, Promise<SignInProblem | null>>()

/** Uses a one-time link up; null: signed in. The same link is sent once, however often a page is drawn. */
export function signInByLink(token: string): Promise<SignInProblem | null> {
  const attempt = attempts.get(token) ?? redeem(token)
  attempts.set(token, attempt)
  return attempt
}

/** Forgets an attempt that met nobody, so that it can be made again. */
export function forgetAttempt(token: string): void {
  attempts.delete(token)
}

async function redeem(token: string): Promise<SignInProblem | null> {
  const response = await ask('/link', { token })
  if (response?.ok) return null
  const problem = problemOf(response)
  return problem === 'wrong' || problem === 'not_yours' ? 'used_or_old' : problem
}

/** The one-time secret of an address such as `/sign-in#gpl_…`: a browser sends that part to nobody. */
export function tokenOf(hash: string): string | null {
  return /^#(gpl_[A-Za-z0-9_-]{10,190})$/.exec(hash)?.[1] ?? null
}

/** Signing out works, or the cookie is worthless already. */
export async function signOut(): Promise<void> {
  await ask('/sign-out', {})
}

/** The letters of a device code as they stand on the terminal. */
export function deviceCodeOf(text: string): string {
  const letters = text.toUpperCase().replace(/[^A-Z0-9]/g, '')
  return letters.length > 4 ? `${letters.slice(0, 4)}-${letters.slice(4)}` : letters
}

/** Looks a device code up and takes it for whoever is signed in. */
export async function claimDevice(code: string): Promise<SignInProblem | 'pending' | 'approved' | 'denied'> {
  const response = await ask(`/device?user_code=${encodeURIComponent(code)}`)
  if (!response?.ok) return problemOf(response)
  // better-auth answers `{ user_code, status }`; anything else is as good as no answer.
  const { status } = (await response.json().catch(() => ({}))) as { status?: unknown }
  return status === 'pending' || status === 'approved' || status === 'denied' ? status : 'unreachable'
}

/** Lets the terminal in, or sends it away; null: done. */
export async function answerDevice(code: string, answer: 'approve' | 'deny'): Promise<SignInProblem | null> {
  const response = await ask(`/device/${answer}`, { userCode: code })
  if (response?.ok) return null
  return response?.status === 401 ? 'signed_out' : problemOf(response)
}

/** Where to go after signing in: an address of the console itself, never another host. */
export function nextOf(search: string): string {
  const next = new URLSearchParams(search).get('next') ?? '/'
  return /^\/(?![/\\])[^\s\\]*$/.test(next) && !next.startsWith('/sign-in') ? next : '/'
}

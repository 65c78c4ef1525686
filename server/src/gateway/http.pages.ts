import { randomBytes } from 'node:crypto'
import { httpStatusOf } from '../kernel/errors.ts'
import { ownPath } from './http.rules.ts'
import { consoleLink, type Language, type Subject, wordsOf } from './http.words.ts'

/** An answer of our own: what is said, and how. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A page about a subject. */
export interface Page {
  readonly subject: Subject
  readonly status: number
  readonly language: Language
  /** The instance's name, where the reader may know it. */
  readonly name: string | null
  /** Where the link leads. */
  readonly consoleUrl: string
  /** Does it follow the instance's state, and open the app when it runs? */
  readonly isFollowing: boolean
}

const ours = {
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'SAMEORIGIN',
} as const

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; --line: #8883; --quiet: #767676 }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem }
main { width: 100%; max-width: 28rem; padding: 2rem; border: 1px solid var(--line); border-radius: .75rem }
h1 { font-size: 1.375rem; line-height: 1.3; margin: 0 0 .5rem; overflow-wrap: anywhere }
p { margin: 0 0 1.5rem }
small { display: block; color: var(--quiet); margin-bottom: .25rem; overflow-wrap: anywhere }
a { display: inline-block; padding: .5rem 1rem; border-radius: .5rem; background: #0b6b4f; color: #fff;
  text-decoration: none }
a:hover { background: #095840 }
a:focus-visible { outline: 3px solid #5cc9a7; outline-offset: 2px }`

// Follows the state; a browser without scripts asks again by itself.
const script = `
new EventSource('${ownPath}state').onmessage = (event) => {
  const now = JSON.parse(event.data)
  if (now.state === 'running') return location.reload()
  document.title = document.querySelector('h1').textContent = now.title
  document.querySelector('p').textContent = now.text
}`

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** The page as HTML, without a single thing from outside. */
export function pageOf(page: Page): Answer {
  const { title, text } = wordsOf(page.subject, page.language)
  const nonce = randomBytes(16).toString('base64url')
  const follow = page.isFollowing
    ? `<noscript><meta http-equiv="refresh" content="5"></noscript>
<script nonce="${nonce}">${script}</script>`
    : ''
  const name = `<small>${escaped(page.name ?? 'gpuhour')}</small>`
  const link = `<a href="${escaped(page.consoleUrl)}">${consoleLink[page.language]}</a>`
  return {
    status: page.status,
    headers: {
      ...ours,
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Language': page.language === 'zh' ? 'zh-CN' : 'en',
      'Content-Security-Policy':
        `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; connect-src 'self'; ` +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
      ...(page.status === 503 ? { 'Retry-After': '5' } : {}),
    },
    body: `<!doctype html>
<html lang="${page.language === 'zh' ? 'zh-CN' : 'en'}">
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><style nonce="${nonce}">${style}</style>
<main>${name}<h1>${title}</h1><p role="status">${text}</p>${link}</main>${follow}
</html>
`,
  }
}

const codeOf: Readonly<Record<number, keyof typeof httpStatusOf>> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
}

/** The same as a problem document (RFC 9457), for programs. */
export function problemOf(subject: Subject, status: number, requestId: string): Answer {
  const { title, text } = wordsOf(subject, 'en')
  const code = codeOf[status] ?? 'unavailable'
  const retryable = code === 'unavailable'
  const type = `urn:gpuhour:problem:${code}`
  const instance = `urn:gpuhour:request:${requestId}`
  const problem = {
    type,
    title,
    status,
    code,
    detail: text,
    instance,
    requestId,
    retryable,
    errors: [],
  }
  return {
    status,
    headers: {
      ...ours,
      'Content-Type': 'application/problem+json',
      ...(status === 503 ? { 'Retry-After': '5' } : {}),
    },
    body: `${JSON.stringify(problem)}\n`,
  }
}

/** An answer to something that is no request we can read: its connection ends with it. */
export function plainOf(status: number, why: string): Answer {
  return {
    status,
    headers: { ...ours, 'Content-Type': 'text/plain; charset=utf-8' },
    body: `${why}\n`,
  }
}

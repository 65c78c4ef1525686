import { readFile, stat } from 'node:fs/promises'
import { extname, join, normalize } from 'node:path'
import { sha256Hex } from '../kernel/ids.ts'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
}

/** Files under here carry the hash of their content in their name. */
const immutableFolder = '/assets/'

/** Without a built console: a page that still lets the one-time link work. */
const bareScript = `const token = location.hash.slice(1)
history.replaceState(null, '', location.pathname)
const say = (text) => { document.querySelector('main').textContent = text }
if (token) fetch('/api/auth/link', { method: 'POST', headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ token }) }).then((reply) => reply.ok ? say('You are signed in.') : reply.json()
  .then((problem) => say(problem.detail)))`

const barePage = `<!doctype html><html lang="en"><meta charset="utf-8"><title>gpuhour</title>
<main>The console is not built here. The API and the gpuhour command work.</main>
<script>${bareScript}</script></html>`

const bareHash = Buffer.from(sha256Hex(bareScript), 'hex').toString('base64')

/** What a page of ours may load and do: itself, and nobody else. Mantine writes its styles into the page. */
function policy(scripts: string): string {
  return [
    "default-src 'self'",
    `script-src ${scripts}`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/** Sent with every page of the console. */
const pageHeaders = {
  'content-security-policy': policy("'self'"),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=()',
}

async function fileResponse(
  path: string,
  cacheControl: string,
  ifNoneMatch: string | null,
): Promise<Response | null> {
  const facts = await stat(path).catch(() => null)
  if (!facts?.isFile()) return null
  const etag = `"${facts.size.toString(36)}-${Math.floor(facts.mtimeMs).toString(36)}"`
  const headers = {
    ...pageHeaders,
    'content-type': types[extname(path)] ?? 'application/octet-stream',
    'cache-control': cacheControl,
    etag,
  }
  if (ifNoneMatch === etag) return new Response(null, { status: 304, headers })
  return new Response(await readFile(path), { headers })
}

/**
 * Answers with a file of the built console, or with its first page for every address that the browser
 * routes itself.
 */
export async function serveConsole(dir: string | null, request: Request): Promise<Response | null> {
  const { pathname } = new URL(request.url)
  if (dir === null) {
    const headers = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }
    const csp = policy(`'sha256-${bareHash}'`)
    return extname(pathname) === ''
      ? new Response(barePage, { headers: { ...pageHeaders, ...headers, 'content-security-policy': csp } })
      : null
  }
  let path: string
  try {
    path = normalize(decodeURIComponent(pathname))
  } catch {
    return null
  }
  if (!path.startsWith('/') || path.includes('\0')) return null
  const ifNoneMatch = request.headers.get('if-none-match')
  const isImmutable = path.startsWith(immutableFolder)
  const cacheControl = isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache'
  const file = path === '/' ? null : await fileResponse(join(dir, path), cacheControl, ifNoneMatch)
  if (file || extname(path) !== '') return file
  return fileResponse(join(dir, 'index.html'), 'no-cache', ifNoneMatch)
}

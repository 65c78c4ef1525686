import { asId, type InstanceId } from '../kernel/ids.ts'

/**
 * The cookie of an app's host. The prefix makes browsers refuse it with a Domain, so no neighbour can plant
 * one.
 */
export const cookieName = '__Host-gpuhour'

/** Our own pages on an app's host live below this; nothing below it reaches the app. */
export const ownPath = '/.gpuhour/'

/** JupyterLab's port: the one to which the gateway adds the token. */
export const jupyterPort = 8888

/** More header lines than any browser sends. */
const headerLinesMax = 100

/** Longer than any address of JupyterLab's; beyond it the answer is 414. */
const urlBytesMax = 8192

/** What an app's host name says. */
export interface AppHost {
  /** `ins-…` */
  readonly label: string
  readonly instance: InstanceId
  readonly port: number
}

/**
 * Reads `<label>--<port>.apps.<domain>[:port]`; null for any other host. One spelling only: an origin each.
 */
export function parseAppHost(host: string, domain: string): AppHost | null {
  const [name = '', ...rest] = host.toLowerCase().split(':')
  if (rest.length > 1 || (rest.length === 1 && !/^\d{1,5}$/.test(rest[0] ?? ''))) return null
  const suffix = `.apps.${domain}`
  if (!name.endsWith(suffix)) return null
  const match = /^(ins-[0-9a-z]{1,60})--([1-9]\d{0,4})$/.exec(name.slice(0, -suffix.length))
  if (!match) return null
  const [, label = '', digits = ''] = match
  const port = Number(digits)
  return port > 65_535 ? null : { label, instance: asId('instance', label.replace('-', '_')), port }
}

/** Header lines as Node hands them over: name, value, name, value. */
export type RawHeaders = readonly string[]

/** The lines as pairs; names as they were sent. */
export function* headerLines(raw: RawHeaders): Generator<readonly [name: string, value: string]> {
  for (let index = 0; index + 1 < raw.length; index += 2) yield [raw[index] ?? '', raw[index + 1] ?? '']
}

function valuesOf(raw: RawHeaders, wanted: string): readonly string[] {
  return [...headerLines(raw)].filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value)
}

/** What is refused before anybody asks whose request it is. */
export interface Fault {
  readonly status: 400 | 405 | 414 | 431
  readonly why: string
}

/** The parts of a request that say where it ends and the next one begins. */
export interface Framing {
  readonly httpVersion: string
  readonly method: string
  readonly url: string
  readonly rawHeaders: RawHeaders
  readonly isUpgrade: boolean
}

/**
 * Is there a doubt about what this request is or where it ends? Node's parser has refused the worst already
 * (bare line feeds, folded lines, both lengths); here everything is refused that another parser might read
 * another way.
 */
export function framingFault(request: Framing): Fault | null {
  const { httpVersion, method, url, rawHeaders } = request
  if (rawHeaders.length / 2 > headerLinesMax) return { status: 431, why: 'There are too many header lines.' }
  if (url.length > urlBytesMax) return { status: 414, why: 'The address is too long.' }
  if (method === 'CONNECT' || method === 'TRACE') return { status: 405, why: `${method} is not served here.` }
  const bad = (why: string): Fault => ({ status: 400, why })
  if (!url.startsWith('/')) return bad('The address has to begin with "/".')
  if (/[^\x21-\x7e]/.test(url)) return bad('The address holds characters that have to be encoded.')
  if (valuesOf(rawHeaders, 'host').length !== 1) return bad('There has to be exactly one Host.')
  const lengths = valuesOf(rawHeaders, 'content-length')
  const codings = valuesOf(rawHeaders, 'transfer-encoding')
  if (lengths.length + codings.length > 1) return bad('The length of the body is given more than once.')
  if (lengths.some((value) => !/^\d{1,15}$/.test(value))) return bad('Content-Length is no number.')
  if (codings.some((value) => value.toLowerCase() !== 'chunked'))
    return bad('The only Transfer-Encoding served is "chunked".')
  if (codings.length > 0 && httpVersion !== '1.1') return bad('Transfer-Encoding needs HTTP/1.1.')
  if (hopNames(rawHeaders).some((name) => framingNames.has(name)))
    return bad('Connection names a header that cannot be dropped.')
  if (request.isUpgrade && (method !== 'GET' || codings.length > 0 || lengths.some((value) => value !== '0')))
    return bad('A WebSocket begins with a GET without a body.')
  return null
}

const framingNames: ReadonlySet<string> = new Set([
  'content-length',
  'transfer-encoding',
  'host',
  'cookie',
  'origin',
])

const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])

/** The header names that `Connection` declares to be for one hop only. */
function hopNames(raw: RawHeaders): readonly string[] {
  return valuesOf(raw, 'connection').flatMap((value) =>
    value.split(',').map((name) => name.trim().toLowerCase()),
  )
}

/** What browsers say about where a request comes from. */
export interface Provenance {
  readonly method: string
  readonly isUpgrade: boolean
  readonly origin: string | undefined
  /** `Sec-Fetch-Site`, `-Mode`, `-Dest`. */
  readonly site: string | undefined
  readonly mode: string | undefined
  readonly destination: string | undefined
}

/**
 * May a page of another origin have caused this request? All instances' hosts are one site, so cookies do
 * not part them, and the token that we add switches Jupyter's own check off: this is that check (access.md
 * §3).
 */
export function isForeign(request: Provenance, ownOrigin: string): boolean {
  const { method, isUpgrade, origin, site, mode, destination } = request
  const isOwnSite = site === undefined || site === 'same-origin' || site === 'none'
  const isTopLevelGet = method === 'GET' && !isUpgrade && mode === 'navigate' && destination === 'document'
  if (!isOwnSite && !isTopLevelGet) return true
  const mayChange = isUpgrade || (method !== 'GET' && method !== 'HEAD')
  return mayChange && origin !== ownOrigin
}

/** Does a person look at the answer, so that it should be a page? */
export function isNavigation(request: Provenance, accept: string | undefined): boolean {
  if (request.isUpgrade || (request.method !== 'GET' && request.method !== 'HEAD')) return false
  return request.mode === undefined ? (accept ?? '').includes('text/html') : request.mode === 'navigate'
}

/** The value of our cookie in a Cookie header; null where there is none. */
export function cookieSecret(header: string | undefined): string | null {
  for (const part of (header ?? '').split(';')) {
    const [name, value] = part.trim().split('=', 2)
    if (name === cookieName && value) return value
  }
  return null
}

/** Set-Cookie for a secret: to this host alone, never to scripts, gone with the session. */
export function setCookie(secret: string, maxAgeS: number): string {
  return `${cookieName}=${secret}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${maxAgeS}`
}

/** Where to go after entering: a path of the same host, or the default. Never anywhere else. */
export function safeTarget(wanted: string | null, port: number): string {
  const usual = port === jupyterPort ? '/lab' : '/'
  if (wanted === null || wanted.length > 2000) return usual
  const isPath = /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(wanted)
  return isPath && !wanted.startsWith(ownPath) ? wanted : usual
}

/** What the gateway tells an app about a request, and the token it adds to it. */
export interface Onward {
  readonly host: string
  readonly remoteAddress: string
  readonly scheme: 'http' | 'https'
  /** Jupyter's token; null where the client's own Authorization is for the app. */
  readonly token: string | null
  readonly isUpgrade: boolean
  /** A page is asked for, which must not come compressed: it is searched for the token. */
  readonly isSearched: boolean
}

/** The header lines for the app: without ours and what is for one hop only, with what only we may say. */
export function onwardHeaders(raw: RawHeaders, onward: Onward): string[] {
  const dropped = new Set([...hopByHop, ...hopNames(raw), 'expect'])
  const sent: string[] = []
  for (const [name, value] of headerLines(raw)) {
    // Some servers read "_" as "-".
    const plain = name.toLowerCase().replaceAll('_', '-')
    if (
      dropped.has(plain) ||
      plain.startsWith('x-forwarded-') ||
      plain === 'forwarded' ||
      plain === 'x-real-ip'
    )
      continue
    if (plain === 'authorization' && onward.token !== null) continue
    if (plain === 'accept-encoding' && onward.isSearched) continue
    if (plain !== 'cookie') sent.push(name, value)
    else {
      const others = value.split(';').filter((part) => part.trim().split('=', 1)[0] !== cookieName)
      if (others.length > 0) sent.push(name, others.join(';').trim())
    }
  }
  if (onward.isUpgrade) sent.push('Connection', 'Upgrade', 'Upgrade', 'websocket')
  else if (valuesOf(raw, 'transfer-encoding').length > 0) sent.push('Transfer-Encoding', 'chunked')
  sent.push('X-Forwarded-For', onward.remoteAddress)
  sent.push('X-Forwarded-Host', onward.host, 'X-Forwarded-Proto', onward.scheme)
  if (onward.token !== null) sent.push('Authorization', `token ${onward.token}`)
  return sent
}

/**
 * The header lines for the browser: without what is for one hop only, the token, or another host's cookies.
 */
export function returnHeaders(raw: RawHeaders, token: string | null): string[] {
  const dropped = new Set([...hopByHop, ...hopNames(raw)])
  const sent: string[] = []
  let hasNosniff = false
  for (const [name, value] of headerLines(raw)) {
    const plain = name.toLowerCase()
    if (dropped.has(plain) || (token !== null && value.includes(token))) continue
    if (plain === 'x-content-type-options') hasNosniff = true
    if (plain !== 'set-cookie') sent.push(name, value)
    else if (value.split('=', 1)[0]?.trim() !== cookieName) sent.push(name, withoutDomain(value))
  }
  if (!hasNosniff) sent.push('X-Content-Type-Options', 'nosniff')
  // A second policy beside the app's own: browsers obey both.
  sent.push('Content-Security-Policy', "frame-ancestors 'self'")
  return sent
}

/** May an answer with these headers hold the token where a person or a script reads it? */
export function isPage(raw: RawHeaders): boolean {
  return valuesOf(raw, 'content-type').some((value) => /^\s*text\/html\b/i.test(value))
}

/** A cookie for the host alone: with a Domain it would reach every other instance. */
function withoutDomain(cookie: string): string {
  return cookie
    .split(';')
    .filter((part, index) => index === 0 || !/^\s*domain\s*=?/i.test(part))
    .join(';')
}

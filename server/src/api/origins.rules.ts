import { isIP } from 'node:net'

/** The name of a Host header without its port; null where it is none. */
function hostName(host: string): string | null {
  const match = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?$/.exec(host)
  return match?.[1]?.toLowerCase() ?? null
}

/**
 * May a request name this host? Our own names and plain addresses only: a page of another site whose name
 * was pointed at this machine (DNS rebinding) comes with that name.
 */
export function isOurHost(host: string | null, consoleUrl: string): boolean {
  const name = host === null ? null : hostName(host)
  if (name === null) return false
  if (name === 'localhost' || name === new URL(consoleUrl).hostname) return true
  return isIP(name.replace(/^\[|\]$/g, '')) !== 0
}

/** What browsers say about where a request comes from. */
export interface Provenance {
  readonly method: string
  readonly host: string | null
  readonly origin: string | null
  readonly fetchSite: string | null
  readonly hasCookie: boolean
}

const safeMethods: readonly string[] = ['GET', 'HEAD', 'OPTIONS']

/**
 * Does a request that changes something come from our own pages, or from no browser at all? A browser
 * names its origin with every such request; what carries our cookie and names none is refused.
 */
export function isOwnOrigin({ method, host, origin, fetchSite, hasCookie }: Provenance): boolean {
  if (safeMethods.includes(method)) return true
  if (fetchSite !== null && fetchSite !== 'same-origin' && fetchSite !== 'none') return false
  if (origin === null) return !hasCookie || fetchSite === 'same-origin'
  // "null" is what a sandboxed or file: page says.
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase()
}

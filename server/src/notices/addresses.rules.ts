import { BlockList, isIP } from 'node:net'

/*
 * Where a webhook may lead. The address that a customer names is dialled by us, from inside the operator's
 * network: what only we can reach must not be reachable through us (server-side request forgery).
 */

/** What the operator allows beside the public internet. */
export interface AddressPolicy {
  /** Address ranges (CIDR) that are named as allowed: a lab's own. There also plain http, on any port. */
  readonly networks: readonly string[]
}

/** Ports of the public internet: TLS's own, and the one that programs without root take for it. */
const portsAllowed: readonly number[] = [443, 8443]

// IANA's special-purpose registry for IPv4, and multicast.
const special4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  // Link-local: the clouds' metadata services answer here.
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]

// Of IPv6 only global unicast (2000::/3) is public; in it, what embeds or stands for something else is not:
// Teredo and its siblings, documentation, 6to4, and the registry's other special purposes. Mapped IPv4,
// NAT64, unique local, link-local, site-local, loopback and multicast all lie outside.
const global6 = ['2000::/3']
const special6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20']

function familyOf(address: string): 'ipv4' | 'ipv6' | null {
  const family = isIP(address)
  return family === 4 ? 'ipv4' : family === 6 ? 'ipv6' : null
}

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', bits = ''] = range.split('/')
    const family = familyOf(address)
    if (family) list.addSubnet(address, Number(bits), family)
  }
  return list
}

const closed4 = listOf(special4)
const open6 = listOf(global6)
const closed6 = listOf(special6)

/** Is it a range as an operator may name one: `10.1.0.0/16`, `fd12::/48`, `192.168.7.9/32`? */
export function isNetwork(text: string): boolean {
  const [address = '', bits = '', ...rest] = text.split('/')
  const family = familyOf(address)
  const most = family === 'ipv4' ? 32 : 128
  return family !== null && rest.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= most
}

/** Has the operator named a range that it lies in? IPv4 in IPv6's clothes is not named by its range. */
export function isNamed(address: string, { networks }: AddressPolicy): boolean {
  const family = familyOf(address)
  // A list with rules of one family would also match the other's mapped form.
  return (
    family !== null &&
    listOf(networks.filter((one) => familyOf(one.split('/')[0] ?? '') === family)).check(address, family)
  )
}

/** Does the whole internet reach it under this address? */
export function isPublic(address: string): boolean {
  const family = familyOf(address)
  if (family === 'ipv4') return !closed4.check(address, 'ipv4')
  // A scope is meant for this machine alone.
  if (family === null || address.includes('%')) return false
  return open6.check(address, 'ipv6') && !closed6.check(address, 'ipv6')
}

/** A URL that a webhook may have. */
export interface CheckedUrl {
  readonly href: string
  /** A name, or an address without brackets. */
  readonly host: string
  readonly port: number
  readonly isTls: boolean
  /** May lead only to ranges that the operator has named. */
  readonly needsNamed: boolean
}

/**
 * Reads the URL of a webhook; a sentence where it cannot be one. What its name resolves to is checked when it
 * is dialled, each time.
 */
export function checkUrl(text: string, policy: AddressPolicy): CheckedUrl | { readonly refused: string } {
  // URL.parse says nothing of the spaces and control characters that it drops.
  if (!/^https?:\/\/[^\s\p{Cc}\p{Cs}\\]+$/iu.test(text)) return { refused: 'must be an https:// address' }
  const url = URL.parse(text)
  if (!url) return { refused: 'is not a URL' }
  if (url.username !== '' || url.password !== '') return { refused: 'must not contain a user or a password' }
  if (url.hash !== '') return { refused: 'must not contain a "#"' }
  const isTls = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
  const port = Number(url.port || (isTls ? 443 : 80))
  const hasNamed = policy.networks.length > 0
  if (!isTls && !hasNamed) return { refused: 'must begin with https://' }
  const isUsual = isTls && portsAllowed.includes(port)
  if (!isUsual && !hasNamed) return { refused: `must use port ${portsAllowed.join(' or ')}` }
  const needsNamed = !isUsual
  const verdict = familyOf(host) === null ? null : addressRefusal(host, needsNamed, policy)
  if (verdict !== null) return { refused: verdict }
  return { href: url.href, host, port, isTls, needsNamed }
}

/** Why an address must not be dialled; null where it may. */
export function addressRefusal(address: string, needsNamed: boolean, policy: AddressPolicy): string | null {
  if (isNamed(address, policy)) return null
  if (!isPublic(address)) return `leads to ${address}, which is not an address of the public internet`
  return needsNamed ? 'may use http and other ports only in networks that the operator has named' : null
}

import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'

/** A public key that the SSH gateway can check. */
export interface ParsedSshKey {
  readonly type: string
  /** Type and base64, without the comment. */
  readonly text: string
  readonly comment: string
  /** `SHA256:…` as OpenSSH prints it. */
  readonly fingerprint: string
}

/** The least that BSI TR-02102 and NIST SP 800-131A still accept. */
const rsaBitsMin = 2048
/** Beyond it a signature check costs so much that it is an attack. */
const rsaBitsMax = 16_384

const curves: Readonly<Record<string, { crv: string; bytes: number }>> = {
  'ecdsa-sha2-nistp256': { crv: 'P-256', bytes: 32 },
  'ecdsa-sha2-nistp384': { crv: 'P-384', bytes: 48 },
  'ecdsa-sha2-nistp521': { crv: 'P-521', bytes: 66 },
}

/** Reads one line of OpenSSH (RFC 4253 §6.6); a sentence for the person where it cannot be used. */
export function parseSshKey(line: string): ParsedSshKey | { readonly refused: string } {
  const text = line.trim()
  if (text.includes('PRIVATE KEY'))
    return { refused: 'is a private key: keep it to yourself and send the ".pub" file beside it' }
  if (/[\r\n\0]/.test(text)) return { refused: 'must be one line: type, base64, comment' }
  const [type = '', base64 = '', ...comment] = text.split(/[ \t]+/)
  if (type === 'ssh-dss')
    return { refused: 'is a DSA key, which is broken: make one with "ssh-keygen -t ed25519"' }
  const isKnown = type === 'ssh-ed25519' || type === 'ssh-rsa' || type in curves
  if (!isKnown || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64))
    return {
      refused: 'is not an OpenSSH public key of type ed25519, ecdsa or rsa: send the line of a ".pub" file',
    }
  const blob = Buffer.from(base64, 'base64')
  const refused = refusalOf(type, blob)
  if (refused !== null) return { refused }
  const digest = createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')
  return {
    type,
    text: `${type} ${blob.toString('base64')}`,
    comment: comment.join(' ').slice(0, 80),
    fingerprint: `SHA256:${digest}`,
  }
}

function refusalOf(type: string, blob: Buffer): string | null {
  const damaged = `is damaged: what follows "${type}" is no such key`
  const fields = fieldsOf(blob)
  if (!fields || fields[0]?.toString('latin1') !== type) return damaged
  const jwk = jwkOf(type, fields)
  if (!jwk) return damaged
  let key: KeyObject
  try {
    // Refuses a point that is not on its curve.
    key = createPublicKey({ key: jwk, format: 'jwk' })
  } catch {
    return damaged
  }
  const bits = key.asymmetricKeyDetails?.modulusLength
  if (bits !== undefined && bits < rsaBitsMin)
    return `is an RSA key of ${bits} bits; at least ${rsaBitsMin} are needed`
  if (bits !== undefined && bits > rsaBitsMax)
    return `is an RSA key of ${bits} bits; at most ${rsaBitsMax} are taken`
  return null
}

/** The length-prefixed strings of a blob; null unless they fill it exactly. */
function fieldsOf(blob: Buffer): readonly Buffer[] | null {
  const fields: Buffer[] = []
  for (let offset = 0; offset < blob.length;) {
    if (offset + 4 > blob.length) return null
    const end = offset + 4 + blob.readUInt32BE(offset)
    if (end > blob.length) return null
    fields.push(blob.subarray(offset + 4, end))
    offset = end
  }
  return fields
}

function jwkOf(type: string, fields: readonly Buffer[]): JsonWebKey | null {
  const [, first, second] = fields
  if (type === 'ssh-ed25519') {
    if (fields.length !== 2 || first?.length !== 32) return null
    return { kty: 'OKP', crv: 'Ed25519', x: first.toString('base64url') }
  }
  if (fields.length !== 3 || !first || !second) return null
  if (type === 'ssh-rsa') return { kty: 'RSA', e: unsigned(first), n: unsigned(second) }
  const curve = curves[type]
  if (!curve || first.toString('latin1') !== type.slice('ecdsa-sha2-'.length)) return null
  // An uncompressed point: 4, x, y.
  if (second.length !== 1 + 2 * curve.bytes || second[0] !== 4) return null
  const x = second.subarray(1, 1 + curve.bytes).toString('base64url')
  const y = second.subarray(1 + curve.bytes).toString('base64url')
  return { kty: 'EC', crv: curve.crv, x, y }
}

/** An mpint without its leading zero. */
function unsigned(bytes: Buffer): string {
  return (bytes[0] === 0 ? bytes.subarray(1) : bytes).toString('base64url')
}

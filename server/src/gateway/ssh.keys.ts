import { createHash, createPublicKey } from 'node:crypto'
import ssh2, { type PublicKeyAuthContext } from 'ssh2'

/** The key types that people may use; RSA only with SHA-2. */
const types: ReadonlySet<string> = new Set([
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'ssh-rsa',
])

/** The least that is still accepted; what costs more to check than this is an attack. */
const rsaBitsMin = 2048
const rsaBitsMax = 16_384

/** `SHA256:…` as OpenSSH prints it. */
export function fingerprintOf(blob: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`
}

/**
 * What a client has shown of a key: that it has one of a kind we take (`offered`), or that it holds the
 * private half (`proved`). Null for everything else: other kinds, certificates, damaged keys, SHA-1, wrong
 * signatures.
 */
export function verifiedKey(context: PublicKeyAuthContext): 'offered' | 'proved' | null {
  if (!types.has(context.key.algo)) return null
  // ssh2 names the hash of the two SHA-2 kinds; without one it is SHA-1.
  if (context.key.algo === 'ssh-rsa' && context.hashAlgo === undefined) return null
  const parsed = ssh2.utils.parseKey(context.key.data)
  if (parsed instanceof Error || parsed.type !== context.key.algo) return null
  const bits = createPublicKey(parsed.getPublicPEM()).asymmetricKeyDetails?.modulusLength
  if (bits !== undefined && (bits < rsaBitsMin || bits > rsaBitsMax)) return null
  if (context.signature === undefined || context.blob === undefined) return 'offered'
  // Its type says boolean; where the check itself fails it returns the error, which is truthy.
  const isProved: unknown = parsed.verify(context.blob, context.signature, context.hashAlgo)
  return isProved === true ? 'proved' : null
}

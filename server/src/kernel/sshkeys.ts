import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto'

/** An Ed25519 key in the forms that OpenSSH reads. */
export interface SshKeyPair {
  /** `-----BEGIN OPENSSH PRIVATE KEY-----` …, unencrypted. */
  readonly privateKey: string
  /** `ssh-ed25519 AAAA… comment`. */
  readonly publicKey: string
}

const algorithm = 'ssh-ed25519'

/** A length-prefixed string of the SSH wire format (RFC 4251 §5). */
function field(bytes: Uint8Array | string): Buffer {
  const body = Buffer.from(bytes)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length)
  return Buffer.concat([length, body])
}

/** Makes a fresh Ed25519 key. */
export function makeSshKey(comment: string): SshKeyPair {
  const { privateKey } = generateKeyPairSync('ed25519')
  const jwk = createPrivateKey(privateKey.export({ format: 'pem', type: 'pkcs8' })).export({ format: 'jwk' })
  const seed = Buffer.from(jwk.d ?? '', 'base64url')
  const point = Buffer.from(jwk.x ?? '', 'base64url')
  const blob = Buffer.concat([field(algorithm), field(point)])
  return {
    privateKey: encodePrivateKey(blob, seed, point, comment),
    publicKey: `${algorithm} ${blob.toString('base64')} ${comment}`,
  }
}

/** The format of OpenSSH's PROTOCOL.key, without cipher and passphrase. */
function encodePrivateKey(blob: Buffer, seed: Buffer, point: Buffer, comment: string): string {
  const check = randomBytes(4)
  const secret = Buffer.concat([
    check,
    check,
    field(algorithm),
    field(point),
    field(Buffer.concat([seed, point])),
    field(comment),
  ])
  const blockBytes = 8
  const padding = Buffer.from(
    Array.from({ length: (blockBytes - (secret.length % blockBytes)) % blockBytes }, (_, index) => index + 1),
  )
  const count = Buffer.from([0, 0, 0, 1])
  const body = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    field('none'),
    field('none'),
    field(''),
    count,
    field(blob),
    field(Buffer.concat([secret, padding])),
  ])
  const lines = body.toString('base64').match(/.{1,70}/g) ?? []
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join('\n')}\n-----END OPENSSH PRIVATE KEY-----\n`
}

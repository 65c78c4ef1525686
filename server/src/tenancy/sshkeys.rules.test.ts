import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { makeSshKey } from '../kernel/sshkeys.ts'
import { parseSshKey } from './sshkeys.rules.ts'

function field(bytes: Buffer | string): Buffer {
  const body = Buffer.from(bytes)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length)
  return Buffer.concat([length, body])
}

function line(type: string, ...fields: Buffer[]): string {
  return `${type} ${Buffer.concat([field(type), ...fields.map(field)]).toString('base64')}`
}

function unsigned(text: string | undefined): Buffer {
  const bytes = Buffer.from(text ?? '', 'base64url')
  return (bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes
}

function rsa(bits: number): string {
  const jwk = generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ format: 'jwk' })
  return line('ssh-rsa', unsigned(jwk.e), unsigned(jwk.n))
}

function ecdsa(key: KeyObject, curve: string): string {
  const jwk = key.export({ format: 'jwk' })
  const point = Buffer.concat([
    Buffer.from([4]),
    Buffer.from(jwk.x ?? '', 'base64url'),
    Buffer.from(jwk.y ?? '', 'base64url'),
  ])
  return line(`ecdsa-sha2-${curve}`, Buffer.from(curve), point)
}

test('a key that ssh-keygen made has the fingerprint that ssh-keygen prints', () => {
  // Made once by `ssh-keygen -t ed25519`, printed by `ssh-keygen -lf`.
  const parsed = parseSshKey(
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl github.com\n',
  )
  assert.ok(!('refused' in parsed))
  assert.equal(parsed.fingerprint, 'SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU')
  assert.equal(parsed.comment, 'github.com')
})

test('what can be used', () => {
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
  const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey
  for (const key of [makeSshKey('me').publicKey, rsa(2048), ecdsa(p256, 'nistp256'), ecdsa(p521, 'nistp521')])
    assert.ok('fingerprint' in parseSshKey(key), key)
})

test('what cannot, and why', () => {
  const good = makeSshKey('me')
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /not an OpenSSH public key/],
    ['hello', /not an OpenSSH public key/],
    ['x'.repeat(10_000), /not an OpenSSH public key/],
    [good.privateKey, /private key/],
    [`${good.publicKey}\n${good.publicKey}`, /one line/],
    [`from="*" ${good.publicKey}`, /not an OpenSSH public key/],
    [good.publicKey.slice(0, 60), /damaged/],
    [`ssh-rsa ${good.publicKey.split(' ')[1]}`, /damaged/],
    [line('ssh-ed25519', Buffer.alloc(31)), /damaged/],
    [line('ecdsa-sha2-nistp256', Buffer.from('nistp256'), Buffer.alloc(65, 4)), /damaged/],
    ['ssh-dss AAAA', /DSA/],
    [rsa(1024), /1024 bits/],
  ]
  for (const [text, why] of cases) {
    const parsed = parseSshKey(text)
    assert.ok('refused' in parsed, text)
    assert.match(parsed.refused, why)
  }
})

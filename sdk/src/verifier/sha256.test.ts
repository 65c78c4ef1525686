import assert from 'node:assert/strict'
import { test } from 'node:test'

import { sha256 } from './sha256.ts'

async function platformSha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

test('the vectors of FIPS 180-4', () => {
  assert.equal(sha256(''), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  assert.equal(sha256('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  assert.equal(
    sha256('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'),
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  )
  assert.equal(
    sha256('a'.repeat(1_000_000)),
    'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0',
  )
})

test('every length around the blocks and every width of character, as Web Crypto has them', async () => {
  for (const character of ['a', 'é', '€', '😀', '\u0000']) {
    for (let length = 0; length <= 200; length += 1) {
      const text = character.repeat(length)
      assert.equal(sha256(text), await platformSha256(text), `${length} times ${character}`)
    }
    const long = `${character.repeat(50_000)}end`
    assert.equal(sha256(long), await platformSha256(long))
  }
})

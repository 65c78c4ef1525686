import { argon2, type Argon2Parameters, randomBytes, timingSafeEqual } from 'node:crypto'

/** OWASP's second choice for Argon2id: 19 MiB, two passes, one lane. */
const cost = { memory: 19 * 1024, passes: 2, parallelism: 1, tagLength: 32 } as const

function tagOf(password: string, nonce: Buffer): Promise<Buffer> {
  const parameters: Argon2Parameters = { ...cost, message: Buffer.from(password.normalize('NFKC')), nonce }
  return new Promise((resolve, reject) => {
    argon2('argon2id', parameters, (error, tag) => (error ? reject(error) : resolve(tag)))
  })
}

/**
 * What is kept of a password: algorithm, cost, salt and tag, so that a dearer cost can replace it one
 * day.
 */
export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(16)
  const tag = await tagOf(password, nonce)
  return `argon2id$${cost.memory}$${cost.passes}$${nonce.toString('base64url')}$${tag.toString('base64url')}`
}

/** Is it the password that was kept so? */
export async function verifyPassword(kept: { hash: string; password: string }): Promise<boolean> {
  const [algorithm, , , nonce = '', tag = ''] = kept.hash.split('$')
  const expected = Buffer.from(tag, 'base64url')
  if (algorithm !== 'argon2id' || expected.length !== cost.tagLength) return false
  return timingSafeEqual(await tagOf(kept.password, Buffer.from(nonce, 'base64url')), expected)
}

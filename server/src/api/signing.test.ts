import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { makeId } from '@gpuhour/sdk/client'
import { contract, problem } from '@gpuhour/sdk/contract'
import { mintLoginLink, operatorLoginLink } from '../identity/links.ts'
import { deviceClient, sessionCookie } from '../identity/sessions.ts'
import { consoleUrl, testApi } from './testing.ts'

const api = await testApi()
after(() => api.close())

const json = { 'content-type': 'application/json', origin: consoleUrl }

function post(path: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  return api.ask(path, { method: 'POST', body: JSON.stringify(body), headers: { ...json, ...headers } })
}

/** Opens the link that a start prints, as the console does; the cookie that comes back. */
async function openLink(): Promise<string> {
  const link = await operatorLoginLink(api.store, consoleUrl)
  const { hash, pathname, search } = new URL(link ?? '')
  assert.deepEqual([pathname, search], ['/sign-in', ''])
  const answer = await post('/api/auth/link', { token: hash.slice(1) })
  assert.equal(answer.status, 200, await answer.clone().text())
  const cookie = answer.headers.get('set-cookie') ?? ''
  assert.match(cookie, new RegExp(`^${sessionCookie}=[^;]+;`))
  for (const attribute of ['Path=/', 'HttpOnly', 'Secure', 'SameSite=Lax'])
    assert.ok(cookie.includes(attribute), cookie)
  assert.ok(!/domain/i.test(cookie))
  return cookie.split(';')[0] ?? ''
}

test('the link signs in once, and what it gives is the operator', async () => {
  const link = await operatorLoginLink(api.store, consoleUrl)
  const token = new URL(link ?? '').hash.slice(1)
  const answers = await Promise.all([post('/api/auth/link', { token }), post('/api/auth/link', { token })])
  assert.deepEqual(
    answers.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 401],
  )
  const refused = answers.find(({ status }) => status === 401)
  const { code, detail } = problem.parse(await refused?.json())
  assert.equal(code, 'unauthenticated')
  assert.match(detail, /used already, or is too old/)
})

test('a session sees what its person sees, and ends when it is left', async () => {
  const cookie = await openLink()
  const me = await api.ask('/v1/me', { headers: { cookie } })
  const { person, method } = contract.getMe.reply.parse(await me.json())
  assert.deepEqual([person.isOperator, method], [true, 'browser_session'])
  assert.equal((await post('/api/auth/sign-out', {}, { cookie })).status, 200)
  assert.equal((await api.ask('/v1/me', { headers: { cookie } })).status, 401)
})

test('a cookie changes nothing from another origin, nor from none', async () => {
  const cookie = await openLink()
  const body = JSON.stringify({ id: makeId('apiKey'), name: 'stolen' })
  const type = { 'content-type': 'application/json' }
  const from = (headers: Record<string, string>) =>
    api.ask('/v1/me/api-keys', { method: 'POST', body, headers: { ...type, cookie, ...headers } })
  assert.equal((await from({ origin: 'http://evil.example' })).status, 403)
  assert.equal((await from({ origin: 'http://ins-x--8888.apps.localhost:7071' })).status, 403)
  assert.equal((await from({})).status, 403)
  assert.equal((await from({ origin: consoleUrl })).status, 201)
  assert.equal((await post('/api/auth/link', { token: 'x' }, { origin: 'http://evil.example' })).status, 403)
})

test('nobody signs up, and a wrong password is refused like an unknown name', async () => {
  const signUp = { email: 'new@example.com', name: 'New', password: 'a long enough password' }
  const answer = await post('/api/auth/sign-up/email', signUp)
  assert.ok(answer.status === 400 || answer.status === 403 || answer.status === 404, String(answer.status))
  problem.parse(await answer.json())
  const signIn = await post('/api/auth/sign-in/email', {
    email: 'new@example.com',
    password: 'wrong password!',
  })
  assert.equal(signIn.status, 401)
  problem.parse(await signIn.json())
})

test('a password can be set after the link, and signs in', async () => {
  const cookie = await openLink()
  const newPassword = 'correct horse battery staple'
  const set = await post('/api/auth/set-password', { newPassword }, { cookie })
  assert.equal(set.status, 200, await set.clone().text())
  const email = 'operator@gpuhour.internal'
  const answer = await post('/api/auth/sign-in/email', { email, password: newPassword })
  assert.equal(answer.status, 200, await answer.clone().text())
  assert.equal((await post('/api/auth/sign-in/email', { email, password: `${newPassword}!` })).status, 401)
})

test('the CLI signs in by a device code that a person approves in the browser', async () => {
  const asked = await api.ask('/api/auth/device/code', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_id: deviceClient }),
  })
  // The form of RFC 8628 §3.2.
  const code = (await asked.json()) as {
    device_code: string
    user_code: string
    verification_uri_complete: string
  }
  assert.equal(new URL(code.verification_uri_complete).pathname, '/device')
  const poll = (): Promise<Response> =>
    api.ask('/api/auth/device/token', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        device_code: code.device_code,
        client_id: deviceClient,
      }),
    })
  const pending = await poll()
  assert.equal(pending.status, 400)
  assert.equal(((await pending.json()) as { error: string }).error, 'authorization_pending') // RFC 8628 §3.5
  const cookie = await openLink()
  const seen = await api.ask(`/api/auth/device?user_code=${code.user_code}`, { headers: { cookie } })
  assert.equal(seen.status, 200)
  const approved = await post('/api/auth/device/approve', { userCode: code.user_code }, { cookie })
  assert.equal(approved.status, 200, await approved.clone().text())
  await new Promise((resolve) => setTimeout(resolve, 2_100))
  const given = await poll()
  assert.equal(given.status, 200, await given.clone().text())
  const { access_token: token } = (await given.json()) as { access_token: string } // RFC 6749 §5.1
  const client = api.client(token)
  const key = await client.createApiKey({ body: { id: makeId('apiKey'), name: 'laptop' } })
  assert.equal((await api.client(key.secret ?? '').getMe()).method, 'api_key')
})

test('a link past its time is refused', async () => {
  const token = await api.store.transact((tx) => mintLoginLink(tx, api.demo.operator, -1))
  assert.equal((await post('/api/auth/link', { token })).status, 401)
})

test('another client’s device code is refused', async () => {
  const answer = await post('/api/auth/device/code', { client_id: 'somebody-else' })
  assert.equal(answer.status, 400)
})

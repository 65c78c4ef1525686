import assert from 'node:assert/strict'
import { after, mock, test } from 'node:test'
import { systemClock } from '../kernel/clock.ts'
import { newSecret } from '../kernel/ids.ts'
import { addressLimit, callerLimit } from './limits.ts'
import { consoleUrl, testApi } from './testing.ts'

// Buckets fill only when a test lets time pass.
let elapsedMs = 0
const api = await testApi({ ...systemClock, monotonic: () => elapsedMs })
after(() => api.close())

function ask(address: string, headers: Record<string, string>): Promise<Response> {
  const request = new Request(`${consoleUrl}/v1/me`, { headers })
  return api.app.fetch(request, { incoming: { socket: { remoteAddress: address } } })
}

function askWith(address: string, secret: string): Promise<Response> {
  return ask(address, { authorization: `Bearer ${secret}` })
}

/** How many of so many requests at once were answered with which status. */
async function count(
  times: number,
  one: (index: number) => Promise<Response>,
): Promise<Record<number, number>> {
  const answers = await Promise.all(Array.from({ length: times }, (_, index) => one(index)))
  const counted: Record<number, number> = {}
  for (const { status } of answers) counted[status] = (counted[status] ?? 0) + 1
  return counted
}

const spellings = [
  (key: string) => ({ authorization: `Bearer ${key}` }),
  (key: string) => ({ authorization: `bEaReR   ${key}` }),
  (key: string, index: number) => ({ authorization: `Bearer ${key}`, cookie: `a=${index}` }),
]

test('however a key is spelled, its limit is one', async () => {
  const { secret } = await api.person('member')
  const spelled = (index: number): Promise<Response> =>
    ask('192.0.2.1', spellings[index % spellings.length]?.(secret, index) ?? {})
  assert.deepEqual(await count(callerLimit.burst, spelled), { 200: callerLimit.burst })
  for (const [index] of spellings.entries()) {
    const refused = await spelled(index)
    assert.equal(refused.status, 429)
    assert.equal(refused.headers.get('ratelimit-policy'), '"caller";q=300;w=3')
    assert.equal(refused.headers.get('ratelimit'), '"caller";r=0;t=1')
    assert.equal(refused.headers.get('retry-after'), '1')
  }
  const other = await api.person('member')
  assert.equal((await askWith('192.0.2.1', other.secret)).status, 200)
  elapsedMs += 1000
  const again = await count(callerLimit.perSecond + 1, () => spelled(0))
  assert.deepEqual(again, { 200: callerLimit.perSecond, 429: 1 })
})

test('strangers are limited by address before the database is asked; who is known there is not', async () => {
  const [here, there] = ['192.0.2.2', '192.0.2.3']
  const { secret: known } = await api.person('member')
  const { secret: unknown } = await api.person('member')
  assert.equal((await askWith(here, known)).status, 200)
  const guess = (address: string): Promise<Response> => askWith(address, newSecret('gph_'))
  assert.deepEqual(await count(addressLimit.burst - 1, () => guess(here)), { 401: addressLimit.burst - 1 })
  assert.equal((await ask(here, {})).status, 401)
  const transact = mock.method(api.store, 'transact')
  const refused = await guess(here)
  assert.deepEqual([refused.status, transact.mock.callCount()], [429, 0])
  assert.equal(refused.headers.get('ratelimit'), '"address";r=0;t=1')
  assert.equal(refused.headers.get('retry-after'), '1')
  assert.deepEqual(
    [(await ask(here, {})).status, (await askWith(here, unknown)).status, transact.mock.callCount()],
    [429, 429, 0],
  )
  assert.deepEqual(await count(callerLimit.burst - 1, () => askWith(here, known)), {
    200: callerLimit.burst - 1,
  })
  assert.equal((await guess(there)).status, 401)
  elapsedMs += 1000
  assert.equal((await askWith(here, unknown)).status, 200)
  transact.mock.restore()
})

test('a busy client is not held up by its own beginning', async () => {
  const { secret } = await api.person('member')
  for (let round = 0; round < 3; round += 1) {
    assert.deepEqual(await count(callerLimit.burst, () => askWith('192.0.2.4', secret)), {
      200: callerLimit.burst,
    })
    elapsedMs += 3000
  }
})

test('a key that is known no more is a stranger’s', async () => {
  const { secret, client } = await api.person('owner')
  const address = '192.0.2.5'
  assert.equal((await askWith(address, secret)).status, 200)
  await client.deleteApiKey({ params: { apiKey: (await client.getMe()).apiKey?.id ?? '' } })
  const rest = addressLimit.burst - 1
  assert.equal((await askWith(address, secret)).status, 401)
  assert.deepEqual(await count(rest, () => askWith(address, secret)), { 401: rest })
  const refused = await askWith(address, secret)
  assert.deepEqual([refused.status, refused.headers.get('ratelimit')], [429, '"address";r=0;t=1'])
})

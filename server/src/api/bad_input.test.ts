import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { makeId } from '@gpuhour/sdk/client'
import { type BodyOf, problem, type Problem } from '@gpuhour/sdk/contract'
import { auditOf } from '../tenancy/tenancy.ts'
import { freshId, testApi } from './testing.ts'

const api = await testApi()
after(() => api.close())

const { project } = api.demo
const instances = `/v1/projects/${project}/instances`
const json = { 'content-type': 'application/json' }
let launched = 0

function launch(over: object = {}): BodyOf<'createInstance'> {
  launched += 1
  return { id: freshId('instance'), name: `box-${launched}`, image: 'sim/ok:1', flavor: 'cpu.1x2', ...over }
}

async function post(path: string, body: string, headers: Record<string, string> = json): Promise<Response> {
  return api.ask(path, { method: 'POST', secret: api.operatorSecret, body, headers })
}

async function refusal(answer: Response): Promise<Problem> {
  assert.equal(answer.headers.get('content-type'), 'application/problem+json')
  return problem.parse(await answer.json())
}

test('bodies that are none', async () => {
  const cases: readonly (readonly [string, string, number, RegExp])[] = [
    ['{"gpu_count": 1,}', 'application/json', 400, /not JSON at character 16/],
    ['', 'application/json', 400, /not JSON/],
    ['{}', 'text/plain', 415, /Send application\/json/],
    ['{}', '', 415, /no Content-Type|not taken here/],
    [JSON.stringify({ pad: 'x'.repeat(2_000_000) }), 'application/json', 413, /larger than 1048576 bytes/],
    ['['.repeat(10_000) + ']'.repeat(10_000), 'application/json', 400, /deeper than 32/],
    ['{"name":"a","name":"b"}', 'application/json', 400, /\/name" stands twice/],
    ['{"__proto__":{"admin":true}}', 'application/json', 400, /__proto__" is not a known field/],
    ['null', 'application/json', 400, /must be a object/],
    ['"\\ud800"', 'application/json', 400, /must be a object/],
  ]
  for (const [body, type, status, detail] of cases) {
    const answer = await post(instances, body, { 'content-type': type })
    assert.equal(answer.status, status, body.slice(0, 60))
    assert.match((await refusal(answer)).detail, detail)
  }
  assert.equal(Object.hasOwn(Object.prototype, 'admin'), false)
})

test('all faults are named at once, by pointer', async () => {
  const body = {
    id: 'x',
    name: 'Ä'.repeat(10_000),
    image: 'UPPER',
    flavor: '',
    volumeGib: 0,
    privileged: true,
  }
  const { errors, code } = await refusal(await post(instances, JSON.stringify(body)))
  assert.equal(code, 'invalid_request')
  const pointers = errors.map(({ pointer }) => pointer).toSorted()
  assert.deepEqual(pointers, ['/flavor', '/id', '/image', '/name', '/privileged', '/volumeGib'])
})

test('sizes and names', async () => {
  for (const volumeGib of [-1, 0, 1.5, '1', 1e9, 1e300, null])
    assert.equal(
      (await post(instances, JSON.stringify(launch({ volumeGib })))).status,
      400,
      String(volumeGib),
    )
  for (const name of [
    '',
    'x'.repeat(10_000),
    'a\0b',
    'a\u202eb',
    '😀',
    '../../etc',
    'A',
    '-a',
    'a-',
    'a_b',
    7,
  ])
    assert.equal(
      (await post(instances, JSON.stringify(launch({ name })))).status,
      400,
      String(name).slice(0, 20),
    )
})

test('unknown images and flavors are not found, and say what there is', async () => {
  const image = await refusal(await post(instances, JSON.stringify(launch({ image: 'pytorch-cuda:9.9' }))))
  assert.equal(image.code, 'not_found')
  assert.match(image.detail, /sim\/ok:1/)
  const flavor = await refusal(await post(instances, JSON.stringify(launch({ flavor: 'h100.8' }))))
  assert.equal(flavor.code, 'not_found')
})

test('the same request twice is one instance; another under its id is a conflict', async () => {
  const asked = launch()
  assert.equal((await post(instances, JSON.stringify(asked))).status, 201)
  assert.equal((await post(instances, JSON.stringify(asked))).status, 200)
  const other = await refusal(await post(instances, JSON.stringify({ ...asked, flavor: 'cpu.1x4' })))
  assert.equal(other.code, 'conflict')
  assert.deepEqual(
    other.errors.map(({ pointer }) => pointer),
    ['/flavor'],
  )
  const sameName = await refusal(await post(instances, JSON.stringify({ ...asked, id: freshId('instance') })))
  assert.deepEqual(
    sameName.errors.map(({ pointer }) => pointer),
    ['/name'],
  )
})

test('ten racing requests of the same bytes make one instance', async () => {
  const body = JSON.stringify(launch())
  const answers = await Promise.all(Array.from({ length: 10 }, () => post(instances, body)))
  const statuses = answers.map(({ status }) => status).toSorted((a, b) => b - a)
  assert.equal(statuses.filter((status) => status === 201).length, 1, String(statuses))
  assert.ok(
    statuses.every((status) => status === 201 || status === 200 || status === 409),
    String(statuses),
  )
})

test('without money a launch is refused, and nothing is there afterwards', async () => {
  const { secret, project: poor } = await api.withoutMoney()
  const path = `/v1/projects/${poor}/instances`
  const answer = await api.ask(path, {
    method: 'POST',
    secret,
    body: JSON.stringify(launch()),
    headers: json,
  })
  const { code, detail } = await refusal(answer)
  assert.equal(code, 'insufficient_funds')
  assert.match(detail, /0\.\d+ USD are missing/)
  const list: unknown = await (await api.ask(path, { secret })).json()
  assert.deepEqual(list, { items: [], next: null })
})

test('keys that are no keys', async () => {
  const body = (publicKey: string): string => JSON.stringify({ id: freshId('sshKey'), name: 'k', publicKey })
  for (const publicKey of ['hello', 'ssh-ed25519 AAAA', 'ssh-dss AAAA', `ssh-rsa ${'A'.repeat(10_000)}`]) {
    const { code, errors } = await refusal(await post('/v1/me/ssh-keys', body(publicKey)))
    assert.equal(code, 'invalid_request')
    assert.deepEqual(
      errors.map(({ pointer }) => pointer),
      ['/publicKey'],
    )
  }
})

test('credentials that are none look alike', async () => {
  const details = new Set<string>()
  for (const authorization of [
    'Bearer gph_unknown',
    'Bearer nothing',
    'Basic eDp5',
    'Bearer',
    'gph_x',
    'Bearer a b',
  ]) {
    const answer = await api.ask('/v1/me', { headers: { authorization } })
    assert.equal(answer.status, 401, authorization)
    assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer/)
    details.add((await refusal(answer)).code)
  }
  assert.deepEqual([...details], ['unauthenticated'])
})

test('a key that was revoked, or is past its end, is no key', async () => {
  const made = await api.operator.createApiKey({ body: { id: makeId('apiKey'), name: 'short' } })
  const client = api.client(made.secret ?? '')
  assert.equal((await client.getMe()).apiKey?.name, 'short')
  await api.operator.deleteApiKey({ params: { apiKey: made.id } })
  await assert.rejects(client.getMe(), { code: 'unauthenticated' })
})

test('names of other machines, and pages of other sites, are refused', async () => {
  const asHost = (host: string) => api.ask('/v1/me', { secret: api.operatorSecret, headers: { host } })
  assert.equal((await asHost('127.0.0.1:7070')).status, 200)
  assert.equal((await asHost('rebound.example')).status, 400)
  const from = (origin: string) =>
    post(instances, JSON.stringify(launch()), { ...json, origin, 'sec-fetch-site': 'cross-site' })
  assert.equal((await from('http://evil.example')).status, 403)
})

test('addresses that are none', async () => {
  for (const [method, path] of [
    ['GET', '/v1/nothing'],
    ['PUT', instances],
    ['DELETE', '/v1/me'],
    ['GET', '/v1/..%2f..%2fetc/passwd'],
    ['GET', '/assets/../../../../etc/passwd.js'],
    ['GET', '/%ff.js'],
    ['POST', '/'],
  ] as const)
    assert.equal(
      (await api.ask(path, { method, secret: api.operatorSecret })).status,
      404,
      `${method} ${path}`,
    )
})

test('a monitor may ask for the head alone, and the console has its headers', async () => {
  const head = await api.ask('/', { method: 'HEAD' })
  assert.deepEqual([head.status, await head.text()], [200, ''])
  assert.match(
    head.headers.get('content-security-policy') ?? '',
    /^default-src 'self'; .*frame-ancestors 'none'$/,
  )
  assert.equal(head.headers.get('x-content-type-options'), 'nosniff')
  assert.equal((await api.ask('/healthz')).status, 200)
  assert.equal((await api.ask('/readyz')).status, 200)
  assert.match(await (await api.ask('/metrics')).text(), /gpuhour_api_requests_total/)
})

test('a thousand requests at once: some are told to wait, nobody else is', async () => {
  const { secret } = await api.person('member')
  const all = Array.from({ length: 600 }, () => api.ask('/v1/nothing-here', { secret }))
  await Promise.all(all)
  const mine = await Promise.all(
    Array.from({ length: 400 }, () => api.ask('/v1/me/ssh-keys?limit=x', { secret })),
  )
  const limited = mine.filter(({ status }) => status === 429)
  assert.ok(limited.length > 0)
  assert.equal(limited[0]?.headers.get('retry-after'), '1')
  const other = await api.person('member')
  const answer = await api.ask('/v1/me', { secret: other.secret })
  assert.equal(answer.status, 200)
  assert.match(answer.headers.get('ratelimit') ?? '', /^"caller";r=\d+;t=\d+$/)
})

test('a stop of what is stopped is the same answer; a start of what is deleted is refused', async () => {
  const { id } = await api.operator.createInstance({ params: { project }, body: launch() })
  const params = { instance: id }
  const first = await api.operator.stopInstance({ params })
  const second = await api.operator.stopInstance({ params })
  assert.equal(first.state, 'stopped')
  assert.deepEqual([second.state, second.changedAt], [first.state, first.changedAt])
  assert.equal(first.actions.start.allowed, true)
  assert.equal((await api.operator.deleteInstance({ params })).state, 'deleting')
  await assert.rejects(api.operator.startInstance({ params }), { code: 'invalid_state' })
  await assert.rejects(api.operator.openDoor({ params: { instance: id, port: '8888' } }), {
    code: 'invalid_state',
  })
})

test('every change is in the audit record, with who, what and the request; a repeat is none', async () => {
  const body = launch()
  const first = await post(instances, JSON.stringify(body))
  await post(instances, JSON.stringify(body))
  await api.operator.stopInstance({ params: { instance: body.id } })
  const records = await api.store.read((tx) => auditOf(tx, body.id))
  assert.deepEqual(
    records.map(({ action }) => action),
    ['instance.create', 'instance.stop'],
  )
  assert.equal(records[0]?.requestId, first.headers.get('x-request-id'))
  assert.match(records[0]?.actor ?? '', /^per_\w+\/key_\w+$/)
  assert.notEqual(records[1]?.beforeDigest, records[1]?.afterDigest)
})

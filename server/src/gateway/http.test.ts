import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { mintDoorCode, revokeDoorSessions } from '../identity/doors.ts'
import type { InstanceId, PersonId } from '../kernel/ids.ts'
import { ask, askRaw, type TestGateway, testGateway } from './testing.ts'
import { age, deleteMember } from './testing.rows.ts'

const token = 'tokentokentokentoken'

/** An app that remembers what reached it and answers by the path. */
function startApp(): Promise<{ server: Server; port: number; seen: IncomingMessage[] }> {
  const seen: IncomingMessage[] = []
  const server = createServer((message, response) => {
    seen.push(message)
    const chunks: Buffer[] = []
    message.on('data', (chunk: Buffer) => chunks.push(chunk))
    message.on('end', () => {
      if (message.url === '/cookies')
        response.setHeader('Set-Cookie', [
          'a=1; Domain=apps.localhost; Path=/',
          '__Host-gpuhour=stolen; Path=/',
        ])
      if (message.url === '/leak') response.setHeader('Location', `/lab?token=${token}`)
      if (message.url === '/page') {
        response.setHeader('Content-Type', 'text/html; charset=utf-8')
        const page = `<p>${token}</p>${'.'.repeat(1000)}${token}`
        response.setHeader('Content-Length', page.length)
        for (let index = 0; index < page.length; index += 7) response.write(page.slice(index, index + 7))
        return void response.end()
      }
      if (message.url === '/half') {
        response.writeHead(200, { 'Content-Length': '100' })
        response.write('half')
        return void setImmediate(() => response.destroy())
      }
      response.setHeader('X-App', 'yes')
      response.end(message.url === '/echo' ? Buffer.concat(chunks) : `${message.method} ${message.url}`)
    })
  })
  server.on('upgrade', (message, socket) => {
    seen.push(message)
    if (message.url === '/no')
      return void socket.end(
        'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n',
      )
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
    socket.on('data', (chunk: Buffer) => socket.write(`echo:${chunk.toString('latin1')}`))
    socket.on('end', () => socket.end())
    socket.on('error', () => {})
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      // A TCP server's address is an object.
      resolve({ server, port: (server.address() as AddressInfo).port, seen })
    })
  })
}

describe('the HTTP door', () => {
  let doors: TestGateway
  let app: Awaited<ReturnType<typeof startApp>>
  let ada: PersonId
  let own: InstanceId
  let other: InstanceId
  let host: string
  let cookie: string
  let apps: number

  before(async () => {
    doors = await testGateway()
    app = await startApp()
    apps = doors.gateway.appsPort
    ada = await doors.person('per_ada')
    own = await doors.instance('ins_own', {
      token,
      ports: { 8888: app.port, 5000: app.port, 9: 1 },
    })
    other = await doors.instance('ins_other', {
      organization: 'org_2',
      token,
      ports: { 8888: app.port },
    })
    host = doors.hostOf(own, 8888)
    cookie = await doors.enter(ada, own, 8888)
  })
  after(async () => {
    await doors.close()
    app.server.closeAllConnections()
    app.server.close()
  })

  test('hands a request on with the token and without the cookie', async () => {
    app.seen.length = 0
    const headers = {
      Cookie: `a=1; ${cookie}; b=2`,
      Authorization: 'Basic abc',
      'X-Forwarded-For': '1.2.3.4',
      X_Forwarded_Host: 'evil.test',
      Forwarded: 'for=1.2.3.4',
      'Proxy-Authorization': 'x',
      Connection: 'keep-alive, X-Secret',
      'X-Secret': '1',
    }
    const answer = await ask(apps, { host, path: '/api/status?x=1', headers })
    assert.equal(answer.status, 200)
    assert.equal(answer.body, 'GET /api/status?x=1')
    const got = app.seen[0]?.headers
    assert.equal(got?.authorization, `token ${token}`)
    assert.equal(got?.cookie, 'a=1; b=2')
    assert.equal(got?.host, host)
    assert.equal(got?.['x-forwarded-for'], '127.0.0.1')
    assert.equal(got?.['x-forwarded-host'], host)
    assert.equal(got?.['x-forwarded-proto'], 'http')
    for (const name of ['forwarded', 'proxy-authorization', 'x-secret', 'x_forwarded_host'])
      assert.equal(got?.[name], undefined, name)
    assert.equal(answer.headers['x-content-type-options'], 'nosniff')
    assert.match(String(answer.headers['content-security-policy']), /frame-ancestors 'self'/)
  })

  test("leaves another port's Authorization to the app", async () => {
    app.seen.length = 0
    const there = doors.hostOf(own, 5000)
    const entered = await doors.enter(ada, own, 5000)
    await ask(apps, { host: there, headers: { Cookie: entered, Authorization: 'Bearer mine' } })
    assert.equal(app.seen[0]?.headers.authorization, 'Bearer mine')
  })

  test('gives back no cookie of ours, no Domain, no token', async () => {
    const cookies = await ask(apps, { host, path: '/cookies', headers: { Cookie: cookie } })
    assert.deepEqual(cookies.headers['set-cookie'], ['a=1; Path=/'])
    const leak = await ask(apps, { host, path: '/leak', headers: { Cookie: cookie } })
    assert.equal(leak.headers.location, undefined)
    const page = await ask(apps, { host, path: '/page', headers: { Cookie: cookie, Accept: 'text/html' } })
    assert.equal(
      page.body,
      `<p>${'x'.repeat(token.length)}</p>${'.'.repeat(1000)}${'x'.repeat(token.length)}`,
    )
  })

  test('a code works once, on its own host, for half a minute', async () => {
    const mint = async (): Promise<string> =>
      (await doors.store.transact((tx) => mintDoorCode(tx, { person: ada, instance: own, port: 8888 }))).code
    const code = await mint()
    const path = `/.gpuhour/enter?code=${code}&to=${encodeURIComponent('/lab/tree/a%20b')}`
    const first = await ask(apps, { host, path })
    assert.equal(first.status, 303)
    assert.equal(first.headers.location, '/lab/tree/a%20b')
    assert.match(
      first.headers['set-cookie']?.[0] ?? '',
      /; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=43200$/,
    )
    assert.equal((await ask(apps, { host, path })).status, 401)
    const again = await ask(apps, { host, path, headers: { Cookie: cookie } })
    assert.equal(again.status, 303)
    const wrongPort = await mint()
    const elsewhere = doors.hostOf(own, 5000)
    assert.equal(
      (await ask(apps, { host: elsewhere, path: `/.gpuhour/enter?code=${wrongPort}` })).status,
      401,
    )
    assert.equal((await ask(apps, { host, path: `/.gpuhour/enter?code=${wrongPort}` })).status, 401)
    const old = await mint()
    await doors.put((tx) => age(tx, 31))
    assert.equal((await ask(apps, { host, path: `/.gpuhour/enter?code=${old}` })).status, 401)
    const raced = await mint()
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => ask(apps, { host, path: `/.gpuhour/enter?code=${raced}` })),
    )
    assert.equal(answers.filter(({ status }) => status === 303).length, 1)
    for (const secret of [code, wrongPort, old, raced, cookie.split('=')[1] ?? '', token])
      assert.ok(!doors.logged().includes(secret))
  })

  test('a redirect after entering stays on the host', async () => {
    for (const to of [
      '//evil.test',
      '/\\evil.test',
      'https://evil.test/',
      '/.gpuhour/state',
      '/a\\b',
      'lab',
    ]) {
      const path = `/.gpuhour/enter?code=x&to=${encodeURIComponent(to)}`
      const answer = await ask(apps, { host, path, headers: { Cookie: cookie } })
      assert.equal(answer.headers.location, '/lab', to)
    }
  })

  test('a cookie is good for one instance and one port, while the person has the right', async () => {
    assert.equal((await ask(apps, { host })).status, 401)
    assert.equal(
      (await ask(apps, { host: doors.hostOf(own, 5000), headers: { Cookie: cookie } })).status,
      401,
    )
    assert.equal(
      (await ask(apps, { host: doors.hostOf(other, 8888), headers: { Cookie: cookie } })).status,
      401,
    )
    const { code } = await doors.store.transact((tx) =>
      mintDoorCode(tx, { person: ada, instance: other, port: 8888 }),
    )
    const foreign = { host: doors.hostOf(other, 8888), path: `/.gpuhour/enter?code=${code}` }
    assert.equal((await ask(apps, foreign)).status, 401, 'a code does not give the right')
    const bob = await doors.person('per_bob')
    const bobs = { host, headers: { Cookie: await doors.enter(bob, own, 8888) } }
    assert.equal((await ask(apps, bobs)).status, 200)
    await doors.put((tx) => deleteMember(tx, bob, 'org_1'))
    assert.equal((await ask(apps, bobs)).status, 401)
    const eve = await doors.person('per_eve')
    const eves = { host, headers: { Cookie: await doors.enter(eve, own, 8888) } }
    await doors.put((tx) => revokeDoorSessions(tx, eve, own))
    assert.equal((await ask(apps, eves)).status, 401)
  })

  test('pages speak two languages and programs get a problem document', async () => {
    const headers = { Accept: 'text/html', 'Accept-Language': 'zh-CN,zh;q=0.9,en;q=0.8' }
    const page = await ask(apps, { host, headers })
    assert.equal(page.status, 401)
    assert.match(page.body, /请从控制台打开/)
    assert.match(page.body, /http:\/\/localhost:7070\/instances\/ins_own/)
    const problem = await ask(apps, { host, headers: { Accept: 'application/json' } })
    assert.equal(JSON.parse(problem.body).code, 'unauthenticated')
    const unknown = await ask(apps, { host: 'ins-none--8888.apps.localhost', headers })
    assert.equal(unknown.status, 404)
  })

  test('a stopped instance answers a page that follows its state, and cuts what is open', async () => {
    const there = await doors.instance('ins_off', { token, ports: { 8888: app.port } })
    const offHost = doors.hostOf(there, 8888)
    const offCookie = await doors.enter(ada, there, 8888)
    const lines = [
      'GET /ws HTTP/1.1',
      `Host: ${offHost}`,
      `Origin: http://${offHost}`,
      `Cookie: ${offCookie}`,
    ]
    const upgrade = [...lines, 'Connection: Upgrade', 'Upgrade: websocket', '', ''].join('\r\n')
    const open = askRaw(apps, upgrade, 5000)
    await new Promise((resolve) => setImmediate(resolve))
    await ask(apps, { host: offHost, headers: { Cookie: offCookie } })
    const startedAt = performance.now()
    await doors.setState(there, 'stopping')
    assert.match(await open, /101 Switching/)
    assert.ok(performance.now() - startedAt < 2000, 'the WebSocket is cut at once')
    await doors.setState(there, 'stopped')
    const page = await ask(apps, {
      host: offHost,
      headers: { Cookie: offCookie, Accept: 'text/html' },
    })
    assert.equal(page.status, 503)
    assert.equal(page.headers['retry-after'], '5')
    assert.match(page.body, /costs nothing/)
    assert.match(page.body, /EventSource/)
    const state = await ask(apps, {
      host: offHost,
      path: '/.gpuhour/state',
      headers: { Cookie: offCookie },
    })
    assert.equal(JSON.parse(state.body).state, 'stopped')
    await doors.setState(there, 'running')
    assert.equal((await ask(apps, { host: offHost, headers: { Cookie: offCookie } })).status, 200)
  })

  test('says what is missing behind a port', async () => {
    const nobody = {
      host: doors.hostOf(own, 9),
      headers: { Cookie: await doors.enter(ada, own, 9) },
    }
    assert.equal((await ask(apps, nobody)).status, 502)
    const post = await ask(apps, {
      ...nobody,
      method: 'POST',
      headers: { ...nobody.headers, Origin: `http://${nobody.host}` },
      body: 'x'.repeat(1000),
    })
    assert.equal(post.status, 502)
    const closed = {
      host: doors.hostOf(own, 7),
      headers: { Cookie: await doors.enter(ada, own, 7) },
    }
    assert.equal((await ask(apps, closed)).status, 404)
  })

  test('bodies pass whole both ways, and half an answer is not taken for one', async () => {
    const body = Buffer.alloc(3_000_000, 'abcdefg')
    const headers = { Cookie: cookie, Origin: `http://${host}` }
    const echoed = await ask(apps, { host, method: 'POST', path: '/echo', headers, body })
    assert.equal(echoed.body.length, body.length)
    const chunked = { ...headers, 'Transfer-Encoding': 'chunked' }
    const deleted = await ask(apps, {
      host,
      method: 'DELETE',
      path: '/echo',
      headers: chunked,
      body: 'gone',
    })
    assert.equal(deleted.body, 'gone')
    await assert.rejects(
      ask(apps, { host, path: '/half', headers: { Cookie: cookie } }),
      /aborted|ECONNRESET|hang up/,
    )
    const counted = doors.gateway.activity().get(own)
    assert.ok(counted && counted.bytesIn >= body.length && counted.bytesOut >= body.length)
  })

  test('a refused upgrade ends its connection', async () => {
    const lines = ['GET /no HTTP/1.1', `Host: ${host}`, `Origin: http://${host}`, `Cookie: ${cookie}`]
    const upgrade = [...lines, 'Connection: Upgrade', 'Upgrade: websocket', '', ''].join('\r\n')
    app.seen.length = 0
    const answer = await askRaw(apps, `${upgrade}GET /marker HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    assert.doesNotMatch(answer, /marker/)
    assert.ok(app.seen.every(({ url }) => url !== '/marker'))
  })

  test('a WebSocket is joined byte by byte', async () => {
    const lines = ['GET /ws HTTP/1.1', `Host: ${host}`, `Origin: http://${host}`, `Cookie: ${cookie}`]
    const upgrade = [...lines, 'Connection: Upgrade', 'Upgrade: websocket', '', ''].join('\r\n')
    app.seen.length = 0
    const answer = await askRaw(apps, `${upgrade}early`)
    assert.match(answer, /^HTTP\/1\.1 101 Switching Protocols\r\n/)
    assert.match(answer, /echo:early$/)
    assert.equal(app.seen[0]?.headers.authorization, `token ${token}`)
    assert.equal(app.seen[0]?.headers.cookie, undefined)
  })
})

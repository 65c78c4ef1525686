import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { askRaw, type TestGateway, testGateway } from './testing.ts'

/**
 * Bytes that two parsers may read differently; after each comes a request that must not be taken for
 * another's.
 */
const corpus: Readonly<Record<string, readonly string[]>> = {
  'both lengths': ['Content-Length: 4', 'Transfer-Encoding: chunked', '', '0', '', ''],
  'both lengths, other order': ['Transfer-Encoding: chunked', 'Content-Length: 4', '', '0', '', ''],
  'two lengths': ['Content-Length: 0', 'Content-Length: 40', '', ''],
  'two equal lengths': ['Content-Length: 0', 'Content-Length: 0', '', ''],
  'a list of lengths': ['Content-Length: 0, 0', '', ''],
  'a signed length': ['Content-Length: +0', '', ''],
  'a negative length': ['Content-Length: -1', '', ''],
  'a hexadecimal length': ['Content-Length: 0x0', '', ''],
  'an empty length': ['Content-Length: ', '', ''],
  'a long length': ['Content-Length: 99999999999999999999', '', ''],
  'space before the colon': ['Content-Length : 0', '', ''],
  'a tab before the colon': ['Transfer-Encoding\t: chunked', '', '0', '', ''],
  'two codings': ['Transfer-Encoding: gzip, chunked', '', '0', '', ''],
  'chunked not last': ['Transfer-Encoding: chunked, identity', '', '0', '', ''],
  'chunked twice': ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked', '', '0', '', ''],
  'an unknown coding': ['Transfer-Encoding: xchunked', '', '0', '', ''],
  identity: ['Transfer-Encoding: identity', '', ''],
  'a quoted coding': ['Transfer-Encoding: "chunked"', '', '0', '', ''],
  'a vertical tab in a coding': ['Transfer-Encoding: \x0bchunked', '', '0', '', ''],
  'a folded header': ['Transfer-Encoding:', ' chunked', '', '0', '', ''],
  'a folded length': ['X: a', '\tContent-Length: 9', '', ''],
  'a header without a colon': ['nonsense', '', ''],
  'a header without a name': [': x', '', ''],
  'a NUL in a value': ['X: a\0b', '', ''],
  'a bare carriage return': ['X: a\rContent-Length: 9', '', ''],
  'a length that Connection drops': ['Connection: content-length', 'Content-Length: 0', '', ''],
  'a second Host': ['Host: ins-other--8888.apps.localhost', 'Content-Length: 0', '', ''],
  'a chunk size with a sign': ['Transfer-Encoding: chunked', '', '-1', 'x', '0', '', ''],
  'a chunk size that overflows': ['Transfer-Encoding: chunked', '', 'fffffffffffffffff', 'x', '0', '', ''],
  'a chunk that is longer than it says': ['Transfer-Encoding: chunked', '', '1', 'xyz', '0', '', ''],
  'two thousand header lines': [
    ...Array.from({ length: 2000 }, (_, index) => `X-${index}: a`),
    'Content-Length: 9',
    '',
    '',
  ],
  '101 header lines': [...Array.from({ length: 101 }, (_, index) => `X-${index}: a`), '', ''],
}

describe('requests whose end is in doubt', () => {
  let doors: TestGateway
  let app: Server
  let head: readonly string[]
  let host: string
  let cookie: string
  const seen: string[] = []

  before(async () => {
    doors = await testGateway()
    app = createServer((message, response) => {
      seen.push(message.url ?? '')
      message.resume()
      message.on('end', () => response.end('ok'))
      message.on('error', () => {})
    })
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
    // A TCP server's address is an object.
    const { port } = app.address() as AddressInfo
    const person = await doors.person('per_ada')
    const instance = await doors.instance('ins_own', { token: 't', ports: { 8888: port } })
    host = doors.hostOf(instance, 8888)
    cookie = await doors.enter(person, instance, 8888)
    head = [`Host: ${host}`, `Origin: http://${host}`, `Cookie: ${cookie}`]
  })
  after(async () => {
    await doors.close()
    app.closeAllConnections()
    app.close()
  })

  const marker = (): string => ['GET /marker HTTP/1.1', ...head, '', ''].join('\r\n')

  for (const [name, lines] of Object.entries(corpus)) {
    test(`${name}: refused, and what follows is nobody's request`, async () => {
      seen.length = 0
      const request = ['POST /first HTTP/1.1', ...head, ...lines].join('\r\n')
      const answer = await askRaw(doors.gateway.appsPort, request + marker())
      assert.match(answer, /^HTTP\/1\.1 (400|431) /)
      assert.equal(answer.split('HTTP/1.1 ').length, 2, 'one answer, then the end')
      assert.ok(!seen.includes('/marker'))
    })
  }

  const firstLines = {
    'absolute form': [`GET http://internal/ HTTP/1.1`, 400],
    CONNECT: ['CONNECT internal:80 HTTP/1.1', 405],
    TRACE: ['TRACE / HTTP/1.1', 405],
    'an asterisk': ['OPTIONS * HTTP/1.1', 400],
    'no path': ['GET  HTTP/1.1', 400],
    'a version that is none': ['GET / HTTP/9.9', 400],
    'lower case': ['get / HTTP/1.1', 400],
    'a long address': [`GET /${'a'.repeat(16_000)} HTTP/1.1`, 414],
    'a very long address': [`GET /${'a'.repeat(70_000)} HTTP/1.1`, 431],
    TLS: ['\x16\x03\x01\x02\x00\x01\x00', 400],
    SSH: ['SSH-2.0-OpenSSH_9.2', 400],
  } as const
  for (const [name, [line, status]] of Object.entries(firstLines)) {
    test(`${name}: ${status}`, async () => {
      seen.length = 0
      const answer = await askRaw(doors.gateway.appsPort, [line, ...head, '', ''].join('\r\n'))
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `))
      assert.deepEqual(seen, [])
    })
  }

  test("an upgrade behind a request in doubt is nobody's", async () => {
    seen.length = 0
    const keys = ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']
    const upgrade = [
      'GET /marker HTTP/1.1',
      ...head,
      'Upgrade: websocket',
      'Connection: Upgrade',
      ...keys,
      '',
      '',
    ]
    const first = ['GET http://internal/ HTTP/1.1', ...head, '', ''].join('\r\n')
    const answer = await askRaw(doors.gateway.appsPort, first + upgrade.join('\r\n'))
    assert.match(answer, /^HTTP\/1\.1 400 /)
    assert.equal(answer.split('HTTP/1.1 ').length, 2, 'one answer, then the end')
    assert.deepEqual(seen, [])
  })

  test('bare line feeds end no header', async () => {
    seen.length = 0
    await askRaw(
      doors.gateway.appsPort,
      `POST /first HTTP/1.1\n${head.join('\n')}\nContent-Length: 0\n\n${marker()}`,
    )
    assert.deepEqual(seen, [])
  })

  test('an absent and an empty Host are no instance', async () => {
    assert.match(await askRaw(doors.gateway.appsPort, 'GET / HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 400 /)
    assert.match(await askRaw(doors.gateway.appsPort, 'GET / HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 400 /)
    assert.match(await askRaw(doors.gateway.appsPort, 'GET / HTTP/1.1\r\nHost:\r\n\r\n'), /^HTTP\/1\.1 404 /)
  })

  test('two good requests on one connection are two', async () => {
    seen.length = 0
    const post = ['POST /first HTTP/1.1', ...head, 'Content-Length: 3', '', 'abc'].join('\r\n')
    const answer = await askRaw(doors.gateway.appsPort, post + marker())
    assert.deepEqual(seen, ['/first', '/marker'])
    assert.equal(answer.split('HTTP/1.1 200 OK').length, 3)
  })

  test('a refused body is not read as the next request', async () => {
    seen.length = 0
    const foreign = ['POST /first HTTP/1.1', `Host: ${host}`, 'Origin: http://evil.test', `Cookie: ${cookie}`]
    const length = Buffer.byteLength(marker())
    const request = [...foreign, `Content-Length: ${length + 1000}`, '', marker()].join('\r\n')
    const answer = await askRaw(doors.gateway.appsPort, request)
    assert.match(answer, /^HTTP\/1\.1 403 /)
    assert.deepEqual(seen, [])
  })

  test('slow header lines are cut after ten seconds', { timeout: 20_000 }, async () => {
    const startedAt = performance.now()
    const socket = connect(doors.gateway.appsPort, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nX: ')
    const drip = setInterval(() => socket.write('a'), 500)
    socket.on('error', () => {})
    socket.resume()
    await new Promise((resolve) => socket.once('close', resolve))
    clearInterval(drip)
    const seconds = (performance.now() - startedAt) / 1000
    assert.ok(seconds > 8 && seconds < 13, `${seconds} s`)
  })
})

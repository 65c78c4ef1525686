import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  cookieSecret,
  framingFault,
  isForeign,
  isNavigation,
  onwardHeaders,
  parseAppHost,
  returnHeaders,
  safeTarget,
} from './http.rules.ts'
import { languageOf } from './http.words.ts'

/** Plain rows: columns apart by "|", the last one the answer. */
function rowsOf(table: string): readonly (readonly string[])[] {
  return table
    .trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
}

test('an app stands on one host name, and on no other', () => {
  const table = `
    ins-01ab--8888.apps.localhost            | ins_01ab 8888
    ins-01ab--8888.apps.localhost:7071       | ins_01ab 8888
    INS-01AB--8888.Apps.LocalHost:7071       | ins_01ab 8888
    ins-01ab--65535.apps.localhost           | ins_01ab 65535
    ins-01ab--65536.apps.localhost           | -
    ins-01ab--08888.apps.localhost           | -
    ins-01ab--0.apps.localhost               | -
    ins-01ab.apps.localhost                  | -
    ins-01ab--8888.apps.localhost.           | -
    ins-01ab--8888.apps.localhost.evil.test  | -
    evil.ins-01ab--8888.apps.localhost       | -
    ins_01ab--8888.apps.localhost            | -
    ins-01ab--8888-apps.localhost            | -
    ins-01ab--8888.apps.localhost:7071:1     | -
    ins-01ab--8888.apps.localhost:x          | -
    apps.localhost                           | -
    127.0.0.1:7071                           | -
    [::1]:7071                               | -
    localhost                                | -`
  for (const [host = '', expected] of rowsOf(table)) {
    const app = parseAppHost(host, 'localhost')
    assert.equal(app ? `${app.instance} ${app.port}` : '-', expected, host)
  }
})

test('who may have caused a request', () => {
  const own = 'http://ins-a--8888.apps.localhost:7071'
  const table = `
    GET     | -                                        | -           | -         | -        | ok
    HEAD    | -                                        | -           | -         | -        | ok
    GET     | -                                        | none        | navigate  | document | ok
    GET     | -                                        | same-origin | cors      | empty    | ok
    GET     | -                                        | same-site   | navigate  | document | ok
    GET     | -                                        | cross-site  | navigate  | document | ok
    HEAD    | -                                        | cross-site  | navigate  | document | foreign
    GET     | -                                        | cross-site  | navigate  | iframe   | foreign
    GET     | -                                        | same-site   | no-cors   | script   | foreign
    GET     | -                                        | same-site   | no-cors   | image    | foreign
    GET     | http://ins-b--8888.apps.localhost:7071   | same-site   | cors      | empty    | foreign
    GET     | -                                        | Cross-Site  | no-cors   | image    | foreign
    POST    | ${own}                                   | same-origin | cors      | empty    | ok
    POST    | ${own}                                   | -           | -         | -        | ok
    POST    | -                                        | -           | -         | -        | foreign
    POST    | null                                     | -           | -         | -        | foreign
    POST    | http://ins-b--8888.apps.localhost:7071   | same-site   | cors      | empty    | foreign
    POST    | http://ins-a--8888.apps.localhost        | -           | -         | -        | foreign
    POST    | https://ins-a--8888.apps.localhost:7071  | -           | -         | -        | foreign
    POST    | ${own}.evil.test                         | -           | -         | -        | foreign
    POST    | ${own}, ${own}                           | -           | -         | -        | foreign
    POST    | ${own}                                   | cross-site  | navigate  | document | foreign
    PUT     | -                                        | none        | navigate  | document | foreign
    DELETE  | ${own}                                   | same-origin | cors      | empty    | ok
    OPTIONS | http://ins-b--8888.apps.localhost:7071   | same-site   | cors      | empty    | foreign
    UPGRADE | ${own}                                   | same-origin | websocket | empty    | ok
    UPGRADE | ${own}                                   | -           | -         | -        | ok
    UPGRADE | -                                        | -           | -         | -        | foreign
    UPGRADE | null                                     | cross-site  | websocket | empty    | foreign
    UPGRADE | http://ins-b--8888.apps.localhost:7071   | same-site   | websocket | empty    | foreign
    UPGRADE | http://localhost:7070                    | cross-site  | websocket | empty    | foreign`
  for (const row of rowsOf(table)) {
    const [verb = '', origin, site, mode, destination, expected] = row
    const given = (cell: string | undefined): string | undefined => (cell === '-' ? undefined : cell)
    const isUpgrade = verb === 'UPGRADE'
    const provenance = {
      method: isUpgrade ? 'GET' : verb,
      isUpgrade,
      origin: given(origin),
      site: given(site),
      mode: given(mode),
      destination: given(destination),
    }
    assert.equal(isForeign(provenance, own) ? 'foreign' : 'ok', expected, row.join(' | '))
  }
})

test('what is in doubt is refused', () => {
  const host = ['Host', 'h']
  const base = { httpVersion: '1.1', method: 'POST', url: '/', rawHeaders: host, isUpgrade: false }
  const statusOf = (change: Partial<typeof base>): number =>
    framingFault({ ...base, ...change })?.status ?? 200
  assert.equal(statusOf({}), 200)
  assert.equal(statusOf({ rawHeaders: [...host, 'Content-Length', '3'] }), 200)
  assert.equal(statusOf({ rawHeaders: [...host, 'Transfer-Encoding', 'Chunked'] }), 200)
  assert.equal(statusOf({ rawHeaders: [] }), 400)
  assert.equal(statusOf({ rawHeaders: [...host, ...host] }), 400)
  assert.equal(statusOf({ rawHeaders: [...host, 'Content-Length', '3', 'content-length', '3'] }), 400)
  assert.equal(statusOf({ rawHeaders: [...host, 'Content-Length', '3, 3'] }), 400)
  assert.equal(
    statusOf({ rawHeaders: [...host, 'Content-Length', '3', 'Transfer-Encoding', 'chunked'] }),
    400,
  )
  for (const coding of ['gzip, chunked', 'chunked, identity', 'xchunked', 'identity', '', 'chunked,'])
    assert.equal(statusOf({ rawHeaders: [...host, 'Transfer-Encoding', coding] }), 400, coding)
  assert.equal(statusOf({ httpVersion: '1.0', rawHeaders: [...host, 'Transfer-Encoding', 'chunked'] }), 400)
  assert.equal(statusOf({ rawHeaders: [...host, 'Connection', 'close, Content-Length'] }), 400)
  assert.equal(statusOf({ url: 'http://internal/' }), 400)
  assert.equal(statusOf({ url: '*', method: 'OPTIONS' }), 400)
  assert.equal(statusOf({ url: '/é' }), 400)
  assert.equal(statusOf({ url: `/${'a'.repeat(16_000)}` }), 414)
  assert.equal(statusOf({ rawHeaders: [...host, ...Array.from({ length: 400 }, () => 'x')] }), 431)
  assert.equal(statusOf({ method: 'TRACE' }), 405)
  assert.equal(statusOf({ isUpgrade: true }), 400)
  assert.equal(statusOf({ isUpgrade: true, method: 'GET' }), 200)
  assert.equal(
    statusOf({ isUpgrade: true, method: 'GET', rawHeaders: [...host, 'Content-Length', '5'] }),
    400,
  )
})

test('headers on the way', () => {
  const onward = {
    host: 'h',
    remoteAddress: '::1',
    scheme: 'http',
    token: 't',
    isUpgrade: false,
    isSearched: true,
  } as const
  assert.deepEqual(
    onwardHeaders(
      ['Cookie', '__Host-gpuhour=a', 'X-Real-IP', '1', 'A', 'b', 'Accept-Encoding', 'br'],
      onward,
    ),
    [
      ...['A', 'b', 'X-Forwarded-For', '::1', 'X-Forwarded-Host', 'h', 'X-Forwarded-Proto', 'http'],
      ...['Authorization', 'token t'],
    ],
  )
  assert.deepEqual(
    returnHeaders(['Set-Cookie', 'a=b; domain=.apps.localhost; Secure', 'Keep-Alive', '1'], null),
    [
      ...['Set-Cookie', 'a=b; Secure', 'X-Content-Type-Options', 'nosniff'],
      ...['Content-Security-Policy', "frame-ancestors 'self'"],
    ],
  )
  assert.equal(cookieSecret('a=1; __Host-gpuhour=x; b=2'), 'x')
  assert.equal(cookieSecret('__Host-gpuhour2=x'), null)
  assert.equal(cookieSecret(undefined), null)
})

test('where an entrance leads', () => {
  assert.equal(safeTarget(null, 8888), '/lab')
  assert.equal(safeTarget(null, 6006), '/')
  assert.equal(safeTarget('/lab/tree/a.ipynb?x=1#y', 8888), '/lab/tree/a.ipynb?x=1#y')
  for (const away of [
    '//e',
    '/\\e',
    '/a\nb',
    '/a b',
    'e',
    'http://e',
    '/.gpuhour/enter',
    `/${'a'.repeat(3000)}`,
  ])
    assert.equal(safeTarget(away, 8888), '/lab', away)
})

test('who reads the answer, and in which language', () => {
  const person = {
    method: 'GET',
    isUpgrade: false,
    origin: undefined,
    site: undefined,
    destination: undefined,
  }
  assert.equal(isNavigation({ ...person, mode: 'navigate' }, '*/*'), true)
  assert.equal(isNavigation({ ...person, mode: 'cors' }, 'text/html'), false)
  assert.equal(isNavigation({ ...person, mode: undefined }, 'text/html,*/*'), true)
  assert.equal(isNavigation({ ...person, mode: undefined }, '*/*'), false)
  assert.equal(languageOf('zh-CN,zh;q=0.9,en;q=0.8'), 'zh')
  assert.equal(languageOf('en-GB,zh;q=0.5'), 'en')
  assert.equal(languageOf('fr,zh;q=0.5,en;q=0.2'), 'zh')
  assert.equal(languageOf('zh;q=0,en'), 'en')
  assert.equal(languageOf(undefined), 'en')
})

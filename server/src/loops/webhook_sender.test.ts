import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { Resolver } from 'node:dns/promises'
import http from 'node:http'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { systemClock } from '../kernel/clock.ts'
import type { Outcome } from '../notices/webhooks.rules.ts'
import { type NameServer, openNameServer, openReceiver, type Receiver } from './testing.receiver.ts'
import { makeWebhookSender, type SenderOptions } from './webhook_sender.ts'

// Real sockets, a real resolver and a real name server: 127.0.0.2 stands for an address that may be reached,
// 127.0.0.1 for what must not be.

const never = new AbortController().signal
const allowed = { networks: ['127.0.0.2/32'] }
const headers = { 'content-type': 'application/cloudevents+json', 'webhook-id': 'ntc_1' }
const body = '{"id":"ntc_1"}'

let names: NameServer
let mine: Receiver
let victim: Receiver

before(async () => {
  names = await openNameServer()
})
after(() => names.close())
beforeEach(async () => {
  mine = await openReceiver('127.0.0.2')
  victim = await openReceiver('127.0.0.1', null, mine.port)
  names.asked = 0
})
afterEach(async () => {
  await mine.close()
  await victim.close()
})

function send(url: string, options: Partial<SenderOptions> = {}): Promise<Outcome> {
  const resolver = new Resolver()
  resolver.setServers([names.address])
  const sender = makeWebhookSender({
    policy: allowed,
    clock: systemClock,
    version: '0.0.0-test',
    resolve: (name) => resolver.resolve4(name),
    ...options,
  })
  return sender({ url, headers, body }, never)
}

function refused({ status, error }: Outcome, why: RegExp): void {
  assert.equal(status, null)
  assert.match(error ?? '', why)
  assert.equal(victim.got.length, 0, 'nobody else was reached')
}

describe('what is sent', () => {
  test('arrives as it is, by its name', async () => {
    names.answer = () => ['127.0.0.2']
    mine.answer = (response) => response.writeHead(200).end('thank you\0\u001b[31m')
    const outcome = await send(`http://hooks.lab:${mine.port}/in?a=b`)
    assert.deepEqual(
      { status: outcome.status, error: outcome.error, excerpt: outcome.excerpt },
      { status: 200, error: null, excerpt: 'thank you[31m' },
    )
    const [got] = mine.got
    assert.ok(got)
    assert.deepEqual([got.path, got.body], ['/in?a=b', body])
    assert.equal(got.headers.host, `hooks.lab:${mine.port}`)
    assert.equal(got.headers['webhook-id'], 'ntc_1')
    assert.equal(got.headers['user-agent'], 'gpuhour/0.0.0-test')
    assert.equal(got.headers['transfer-encoding'], undefined)
  })

  test('goes by no proxy of the environment', async () => {
    const restore = http.setGlobalProxyFromEnv({ HTTP_PROXY: `http://127.0.0.1:${victim.port}` })
    try {
      names.answer = () => ['127.0.0.2']
      assert.equal((await send(`http://hooks.lab:${mine.port}/`)).status, 204)
      assert.equal(victim.got.length, 0)
    } finally {
      restore()
    }
  })

  test('of a refusal the status and the beginning are kept', async () => {
    names.answer = () => ['127.0.0.2']
    mine.answer = (response) => response.writeHead(500).end('x'.repeat(5000))
    const { status, excerpt } = await send(`http://hooks.lab:${mine.port}/`)
    assert.deepEqual([status, excerpt?.length], [500, 1000])
  })
})

describe('what is refused', () => {
  test('an address that is not public, however it is written', async () => {
    const { port } = victim
    const hosts = ['127.0.0.1', '127.1', '2130706433', '0x7f.1', '0177.1', '[::ffff:127.0.0.1]', '[::1]', '0']
    for (const host of hosts) refused(await send(`http://${host}:${port}/`), /not an address|named/)
  })

  test('a name that leads there', async () => {
    names.answer = () => ['127.0.0.1']
    refused(await send(`http://hooks.lab:${victim.port}/`), /127\.0\.0\.1/)
  })

  test('a name of which one address leads there', async () => {
    names.answer = () => ['127.0.0.2', '127.0.0.1']
    refused(await send(`http://hooks.lab:${victim.port}/`), /127\.0\.0\.1/)
    assert.equal(mine.got.length, 0)
  })

  test('a name that leads elsewhere as soon as it was checked', async () => {
    let answers = 0
    names.answer = () => {
      answers += 1
      return [answers === 1 ? '127.0.0.2' : '127.0.0.1']
    }
    assert.equal((await send(`http://rebind.lab:${mine.port}/`)).status, 204)
    assert.equal(names.asked, 1, 'the address that was checked is the one that is dialled')
    assert.equal(victim.got.length, 0)
    refused(await send(`http://rebind.lab:${mine.port}/`), /127\.0\.0\.1/)
    assert.equal(mine.got.length, 1)
  })

  test('a redirect there', async () => {
    names.answer = () => ['127.0.0.2']
    const location = `http://127.0.0.1:${victim.port}/latest/meta-data/`
    for (const code of [301, 302, 303, 307, 308]) {
      mine.answer = (response) => response.writeHead(code, { location }).end()
      const { status, error } = await send(`http://hooks.lab:${mine.port}/`)
      assert.equal(status, code)
      assert.match(error ?? '', /not followed/)
    }
    assert.equal(victim.got.length, 0)
  })

  test('the platform’s own addresses, though they are public', async () => {
    const ours = { policy: { networks: [] }, resolve: async () => ['93.184.216.34', '1.1.1.1'] }
    refused(
      await send('https://hooks.lab/', { ...ours, ownAddresses: () => ['1.1.1.1'] }),
      /the platform itself/,
    )
  })

  test('a name without an address', async () => {
    names.answer = () => []
    refused(await send(`http://nowhere.lab:${victim.port}/`), /does not resolve/)
  })
})

describe('a receiver that misbehaves', () => {
  beforeEach(() => {
    names.answer = () => ['127.0.0.2']
  })

  test('does not answer', async () => {
    mine.answer = () => {}
    const { status, error } = await send(`http://hooks.lab:${mine.port}/`, { answerMsMax: 300 })
    assert.deepEqual([status, error], [null, 'It did not answer within 0.3 seconds.'])
  })

  test('answers without end, and is cut off', async () => {
    let isClosed = false
    mine.answer = (response) => {
      response.writeHead(200)
      response.on('close', () => (isClosed = true))
      const pour = (): void => {
        while (!isClosed && response.write('x'.repeat(65_536)));
      }
      response.on('drain', pour)
      pour()
    }
    const { status, excerpt } = await send(`http://hooks.lab:${mine.port}/`)
    assert.deepEqual([status, excerpt?.length], [200, 1000])
    for (let waits = 0; !isClosed && waits < 500; waits += 1) await systemClock.sleep(10, never)
    assert.ok(isClosed)
  })

  test('drips its answer: what came until then counts', async () => {
    mine.answer = (response) => response.writeHead(200).write('a')
    const { status } = await send(`http://hooks.lab:${mine.port}/`, { answerMsMax: 300 })
    assert.equal(status, 200)
  })

  test('sends headers without end', async () => {
    mine.answer = (response) => response.writeHead(200, { 'x-long': 'x'.repeat(40_000) }).end()
    const { status, error } = await send(`http://hooks.lab:${mine.port}/`)
    assert.equal(status, null)
    assert.ok(error)
  })

  test('hangs up, or is not there', async () => {
    mine.answer = (response) => response.destroy()
    assert.match((await send(`http://hooks.lab:${mine.port}/`)).error ?? '', /closed the connection/)
    const { port } = mine
    await mine.close()
    assert.match((await send(`http://hooks.lab:${port}/`)).error ?? '', /refuses connections/)
    mine = await openReceiver('127.0.0.2', null, port)
  })

  test('is left alone when we end: that is no outcome', async () => {
    mine.answer = () => {}
    const ending = new AbortController()
    const sender = makeWebhookSender({ policy: allowed, clock: systemClock, version: '0' })
    const sending = sender({ url: `http://127.0.0.2:${mine.port}/`, headers, body }, ending.signal)
    while (mine.got.length === 0) await systemClock.sleep(5, never)
    ending.abort(new Error('the role ends'))
    await assert.rejects(sending, { message: 'the role ends' })
  })
})

describe('by TLS', () => {
  let folder = ''
  let secure: Receiver
  let ca = ''
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'gpuhour-tls-'))
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const made = spawnSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', '/CN=hooks.lab', '-addext', 'subjectAltName=DNS:hooks.lab', '-keyout', key, '-out', cert],
    ])
    assert.equal(made.status, 0, String(made.stderr))
    ca = readFileSync(cert, 'utf8')
    secure = await openReceiver('127.0.0.2', { key: readFileSync(key, 'utf8'), cert: ca })
  })
  after(async () => {
    await secure.close()
    rmSync(folder, { recursive: true })
  })
  beforeEach(() => {
    names.answer = () => ['127.0.0.2']
    secure.got.length = 0
  })

  test('a certificate of that name is needed', async () => {
    assert.equal((await send(`https://hooks.lab:${secure.port}/`, { ca })).status, 204)
    const other = await send(`https://other.lab:${secure.port}/`, { ca })
    assert.match(other.error ?? '', /certificate is not trusted/)
    assert.equal(secure.got.length, 1)
  })

  test('and one that is trusted', async () => {
    const { status, error } = await send(`https://hooks.lab:${secure.port}/`)
    assert.equal(status, null)
    assert.match(error ?? '', /certificate is not trusted/)
    assert.equal(secure.got.length, 0)
  })
})

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { gatewayHostKeys, mintDoorCode } from '../identity/doors.ts'
import type { InstanceId, PersonId } from '../kernel/ids.ts'
import { databaseUrl, startTestServer, templateName } from '../store/testing.ts'
import { type Guest, startGuest, whyNoGuest } from './testing.guest.ts'
import { insertSshKey } from './testing.rows.ts'
import { type Home, makeHome, run } from './testing.ssh.ts'
import { ask, type TestGateway, testGateway } from './testing.ts'

const skip = (await whyNoGuest()) ?? false

describe('both doors, with a real instance', { skip }, () => {
  let guest: Guest
  let stopDatabase: () => Promise<void>
  let doors: TestGateway
  let home: Home
  let ada: PersonId
  let own: InstanceId

  before(async () => {
    guest = await startGuest()
    const server = await startTestServer()
    let isThere = true
    stopDatabase = async () => {
      if (isThere) await server.stop()
      isThere = false
    }
    doors = await testGateway({ url: databaseUrl(server.url, templateName), drop: stopDatabase })
    home = await makeHome()
    ada = await doors.person('per_ada')
    await doors.put((tx) => insertSshKey(tx, 'ssh_ada', ada, home.fingerprint))
    const { hostPublicKey, gatewayKey, token, host } = guest
    const ports = { 2222: { host, port: 2222 }, 8888: { host, port: 8888 } }
    own = await doors.instance('ins_own', { name: 'lab', hostPublicKey, gatewayKey, token, ports })
  })
  after(async () => {
    await Promise.all([guest?.close(), doors?.close(), home?.remove()])
  })

  test('Jupyter lets the gateway in, and its pages do not hold the token', { timeout: 60_000 }, async () => {
    const host = doors.hostOf(own, 8888)
    const headers = { Cookie: await doors.enter(ada, own, 8888) }
    const { appsPort } = doors.gateway
    const status = await ask(appsPort, { host, path: '/api/status', headers })
    assert.equal(status.status, 200, status.body)
    for (const path of ['/lab', '/lab?token=x', '/api', '/no/such/page', '/login']) {
      const page = await ask(appsPort, { host, path, headers })
      assert.ok(!page.body.includes(guest.token), path)
      assert.ok(!JSON.stringify(page.rawHeaders).includes(guest.token), path)
    }
    const kernel = { host, path: '/api/kernels', method: 'POST', body: '{}' }
    assert.equal((await ask(appsPort, { ...kernel, headers })).status, 403, 'without an Origin')
    const own8888 = { ...headers, Origin: `http://${host}` }
    assert.equal((await ask(appsPort, { ...kernel, headers: own8888 })).status, 201)
  })

  test('the SSH door has one key, whoever opens it', { timeout: 60_000 }, async () => {
    const again = await doors.another()
    assert.equal(again.hostKey, doors.gateway.hostKey)
    assert.deepEqual(await doors.store.read(gatewayHostKeys), [again.hostKey])
    const options = await home.options(again.sshPort, doors.gateway.hostKey)
    assert.equal((await run('ssh', [...options, 'lab@127.0.0.1', 'true'])).code, 0)
    await again.close()
  })

  // The last one: there is no database after it.
  test(
    'without the database both doors stay open, for who is in and for who comes',
    { timeout: 60_000 },
    async () => {
      const host = doors.hostOf(own, 8888)
      const { appsPort, sshPort, hostKey } = doors.gateway
      const options = await home.options(sshPort, hostKey)
      const headers = { Cookie: await doors.enter(ada, own, 8888) }
      const { code } = await doors.store.transact((tx) =>
        mintDoorCode(tx, { person: ada, instance: own, port: 8888 }),
      )
      const session = spawn('ssh', [...options, 'lab@127.0.0.1', 'cat'])
      session.stdin.write('before\n')
      await once(session.stdout, 'data')
      await stopDatabase()
      assert.equal((await ask(appsPort, { host, path: '/api/status', headers })).status, 200)
      assert.equal((await ask(appsPort, { host, path: `/.gpuhour/enter?code=${code}` })).status, 503)
      session.stdin.write('after\n')
      const [echoed] = await once(session.stdout, 'data')
      assert.equal(String(echoed), 'after\n')
      session.stdin.end()
      assert.deepEqual(await once(session, 'close'), [0, null])
      const newcomer = await run('ssh', [...options, 'lab@127.0.0.1', 'exit 9'])
      assert.equal(newcomer.code, 9, newcomer.stderr)
      const stranger = await makeHome()
      const theirs = await stranger.options(sshPort, hostKey)
      assert.equal((await run('ssh', [...theirs, 'lab@127.0.0.1', 'true'])).code, 255)
      await stranger.remove()
    },
  )
})

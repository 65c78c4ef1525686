import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { after, before, describe, test } from 'node:test'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { type Guest, startGuest, whyNoGuest } from '../../server/src/gateway/testing.guest.ts'
import { ask, type TestGateway, testGateway } from '../../server/src/gateway/testing.ts'
import { mintDoorCode } from '../../server/src/identity/doors.ts'
import type { InstanceId } from '../../server/src/kernel/ids.ts'
import { openBrowser, whyNoBrowser } from '../journeys/browser.ts'

const skip = (await whyNoGuest()) ?? whyNoBrowser

/** Chromium gives up what is under way when a network appears, and other tests' containers bring networks. */
async function persistent<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = 5; ; left -= 1) {
    try {
      return await attempt()
    } catch (error) {
      if (left === 0 || !/NETWORK_CHANGED|Failed to fetch/.test(String(error))) throw error
    }
  }
}

async function goTo(page: Page, url: string): Promise<void> {
  await persistent(() => page.goto(url))
}

/**
 * One person, entered in two instances; B's page is the attacker's. Both hosts are the same site, so the
 * browser sends A's cookie along with everything that B's page asks of A.
 */
describe("instance B's page against instance A", { skip }, () => {
  let guest: Guest
  let doors: TestGateway
  let attacker: Server
  let browser: Browser
  let context: BrowserContext
  let page: Page
  let a: InstanceId
  let b: InstanceId

  before(async () => {
    guest = await startGuest()
    doors = await testGateway()
    attacker = createServer((_, response) => {
      response.setHeader('Content-Type', 'text/html')
      response.setHeader('Set-Cookie', [
        'planted=1; Domain=apps.localhost; Path=/',
        '_xsrf=planted; Domain=apps.localhost; Path=/',
        '__Host-gpuhour=planted; Path=/; Secure',
      ])
      response.end('<!doctype html><title>B</title><p>B')
    })
    attacker.listen(0, '127.0.0.1')
    await once(attacker, 'listening')
    const address = attacker.address()
    assert.ok(address !== null && typeof address === 'object')
    const person = await doors.person('per_ada')
    const { token, host } = guest
    a = await doors.instance('ins_a', { token, ports: { 8888: { host, port: 8888 } } })
    b = await doors.instance('ins_b', { token: 'b', ports: { 8888: address.port } })
    browser = await openBrowser()
    context = await browser.newContext()
    page = await context.newPage()
    for (const instance of [a, b]) {
      const { code } = await doors.store.transact((tx) => mintDoorCode(tx, { person, instance, port: 8888 }))
      await goTo(page, `http://${doors.hostOf(instance, 8888)}/.gpuhour/enter?code=${code}&to=/api`)
    }
    await goTo(page, urlOf(b, '/'))
  })
  after(async () => {
    await browser?.close()
    attacker?.close()
    await Promise.all([guest?.close(), doors?.close()])
  })

  const urlOf = (instance: InstanceId, path: string): string =>
    `http://${doors.hostOf(instance, 8888)}${path}`

  /** Asked of Jupyter itself, past the gateway. */
  const kernels = async (): Promise<readonly string[]> => {
    const headers = { Authorization: `token ${guest.token}` }
    const answer = await fetch(`http://${guest.host}:8888/api/kernels`, { headers })
    const list: unknown = await answer.json()
    assert.ok(Array.isArray(list))
    return list.map((kernel: { readonly id: string }) => kernel.id)
  }

  test('A itself can: the attack below would work if it were let through', { timeout: 60_000 }, async () => {
    const own = await context.newPage()
    // Not /api: its own policy forbids it to ask for anything.
    await goTo(own, urlOf(a, '/lab'))
    const start = "fetch('/api/kernels', { method: 'POST', body: '{}' }).then((answer) => answer.status)"
    assert.equal(await persistent(() => own.evaluate(start)), 201)
    await own.close()
    for (const id of await kernels()) {
      const headers = { Authorization: `token ${guest.token}` }
      await fetch(`http://${guest.host}:8888/api/kernels/${id}`, { method: 'DELETE', headers })
    }
    assert.deepEqual(await kernels(), [])
  })

  test('no request starts a kernel', { timeout: 60_000 }, async () => {
    const attempts = [
      "{ method: 'POST', body: '{}', credentials: 'include' }",
      "{ method: 'POST', body: '{}', credentials: 'include', mode: 'no-cors' }",
      "{ method: 'POST', body: '{}', credentials: 'include', headers: { 'X-Any': '1' } }",
      "{ method: 'GET', credentials: 'include' }",
      "{ method: 'GET', credentials: 'include', mode: 'no-cors' }",
      "{ method: 'PUT', body: '{}', credentials: 'include' }",
    ]
    for (const attempt of attempts) {
      const sent = `fetch('${urlOf(a, '/api/kernels')}', ${attempt})`
      const seen = await page.evaluate(
        `${sent}.then(({ type, status }) => type + ' ' + status, () => 'blocked')`,
      )
      // An opaque answer is one that the page cannot read; the kernels tell that it was a refusal.
      assert.ok(seen === 'blocked' || seen === 'opaque 0', `${attempt}: ${String(seen)}`)
    }
    await page.evaluate(`navigator.sendBeacon('${urlOf(a, '/api/kernels')}', '{}')`)
    assert.deepEqual(await kernels(), [])
  })

  test('no form starts a kernel', { timeout: 60_000 }, async () => {
    const other = await context.newPage()
    await goTo(other, urlOf(b, '/'))
    const answered = other.waitForResponse(urlOf(a, '/api/kernels'))
    await other.evaluate(`{
      const form = document.createElement('form')
      Object.assign(form, { method: 'POST', enctype: 'text/plain', action: '${urlOf(a, '/api/kernels')}' })
      document.body.append(form)
      // After this answer: a page that goes elsewhere while it is asked may never answer.
      setTimeout(() => form.submit())
    }`)
    // The page stays until the browser closes: one that is on its way elsewhere may not close for a minute.
    assert.equal((await answered).status(), 403)
    assert.deepEqual(await kernels(), [])
  })

  test('no WebSocket opens', { timeout: 60_000 }, async () => {
    for (const path of ['/api/events/subscribe', '/api/kernels/x/channels', '/terminals/websocket/1']) {
      const outcome = await page.evaluate(`new Promise((resolve) => {
        const socket = new WebSocket('${urlOf(a, path).replace('http:', 'ws:')}')
        socket.addEventListener('open', () => resolve('open'))
        socket.addEventListener('error', () => resolve('refused'))
      })`)
      assert.equal(outcome, 'refused', path)
    }
  })

  test('no frame, script or picture of A shows', { timeout: 60_000 }, async () => {
    for (const [element, outcome] of [
      ['script', 'error'],
      ['img', 'error'],
      ['iframe', 'load'],
    ]) {
      const seen = await page.evaluate(`new Promise((resolve) => {
        const element = document.createElement('${element}')
        element.addEventListener('load', () => resolve('load'))
        element.addEventListener('error', () => resolve('error'))
        element.src = '${urlOf(a, '/lab')}'
        document.body.append(element)
      })`)
      assert.equal(seen, outcome, element)
    }
    // A frame "loads" whatever it shows: it must not show JupyterLab.
    for (const frame of page.frames()) assert.ok(!(await frame.content()).includes('jupyter'), frame.url())
  })

  test("B's app plants no cookie on A's host, and does not replace ours", { timeout: 60_000 }, async () => {
    const cookies = await context.cookies(urlOf(a, '/'))
    assert.ok(cookies.every(({ name, value }) => value !== 'planted' && name !== 'planted'))
    assert.ok(cookies.some(({ name }) => name === '__Host-gpuhour'))
  })

  test("B's cookie is worth nothing at A", { timeout: 60_000 }, async () => {
    const cookies = await context.cookies(urlOf(b, '/'))
    const secret = cookies.find(({ name }) => name === '__Host-gpuhour')?.value ?? ''
    const headers = { Cookie: `__Host-gpuhour=${secret}` }
    assert.equal((await ask(doors.gateway.appsPort, { host: doors.hostOf(b, 8888), headers })).status, 200)
    assert.equal((await ask(doors.gateway.appsPort, { host: doors.hostOf(a, 8888), headers })).status, 401)
  })

  test('a link from B to A opens A, as links do', { timeout: 60_000 }, async () => {
    await page.evaluate(`location.assign('${urlOf(a, '/api')}')`)
    await page.waitForURL(urlOf(a, '/api'))
    assert.match(await page.content(), /version/)
  })
})

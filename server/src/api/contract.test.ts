import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { contract, pathOf, problem, type RouteName, routes, type Shape } from '@gpuhour/sdk/contract'
import { allocate } from '../compute/allocations.ts'
import { instance, instanceLifecycle } from '../compute/compute.ts'
import { offered } from '../catalog/catalog.ts'
import { invariant } from '../kernel/errors.ts'
import { systemClock } from '../kernel/clock.ts'
import { asId, derivedId } from '../kernel/ids.ts'
import { makeSshKey } from '../kernel/sshkeys.ts'
import { testWebhook } from '../notices/deliveries.ts'
import { createWebhook } from '../notices/webhooks.ts'
import { findRoom, registerNodes } from '../placement/placement.ts'
import { linesOf } from '../pricing/flavors.rules.ts'
import { bookInForce } from '../pricing/pricing.ts'
import { bySku } from '../pricing/rules.ts'
import { flavor as flavorOf } from '../catalog/catalog.ts'
import { makeInvoicer } from '../loops/invoicer.ts'
import { freshId, testApi } from './testing.ts'
import { withInvoice } from './testing.invoices.ts'
import { byCard, openVendor, pay, paymentCases, paymentId } from './testing.payments.ts'

const vendor = await openVendor()
const api = await testApi(systemClock, undefined, vendor.payments)
after(async () => {
  await api.close()
  await vendor.close()
})

const { organization, project } = api.demo
const stranger = await api.person(null)
const member = await api.person('member')
const reader = await api.person('member', ['read'])

/** What a route is tried with. */
interface Case {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** The status of the allowed request; default 200. */
  readonly status?: number
  /** Who is refused, and how; default: a stranger, by 404. */
  readonly refused?: readonly [secret: string, status: number]
  /** What makes the request malformed; default: a query that no route knows. */
  readonly malformed?: { readonly query?: Readonly<Record<string, string>>; readonly body?: unknown }
  readonly malformedStatus?: number
}

const instanceId = freshId('instance')
const runId = freshId('run')
const volumeId = freshId('volume')
const webhookId = freshId('webhook')
const deliveryId = await tellSomebody()
const sshKeyId = freshId('sshKey')
const apiKeyId = freshId('apiKey')
const budgetId = freshId('budget')
const ownBookId = freshId('priceBook')
const generalBookId = await api.store.read(async (tx) => {
  const book = await bookInForce(tx, { organization: null, currency: 'USD' }, await tx.now())
  invariant(book, 'the test platform has a price book')
  return book.id
})
const draft = {
  ...{ currency: 'USD', organization, effectiveFrom: '2999-01-01T00:00:00Z' },
  rates: [{ sku: 'cpu', unit: 'vcpu-hour', nanos: '30000000' }],
}
const name = (text: string) => text.slice(0, 4) + text.slice(-8)
const newInstance = {
  id: instanceId,
  name: name(instanceId).replace('_', '-'),
  image: 'sim/ok:1',
  flavor: 'cpu.1x2',
}
const readOnly = [reader.secret, 403] as const
const invoiced = await withInvoice(api)
const creditNoteId = freshId('creditNote')
const seller = { legalName: 'Example Compute GmbH', address: 'Berlin' }
const noOperator = [member.secret, 403] as const

const node = derivedId('node', 'simulated', 'spare', 'engine-2')
const device = 'GPU-spare-0'
const spare = {
  ...{ name: 'spare', engineId: 'engine-2', bootId: 'boot-1', cpus: 8, memoryGib: 34, diskGib: 500 },
  ...{ devices: [{ id: device, model: 'h100', memoryMib: 81_559, healthy: true }] },
  ...{ gpuDriver: '550', cudaDriver: '12.8', missing: [] },
}
await api.store.transact((tx) => registerNodes(tx, 'simulated', [spare]))
/** Of the instance, once it was brought up. */
let allocation = ''

// In an order in which what a request needs has been made before it.
const cases: Record<RouteName, Case> = {
  getMe: { refused: ['gph_unknown', 401] },
  changeMe: { body: { language: 'zh' }, refused: readOnly, malformed: { body: { language: 'fr' } } },
  getPlatform: { refused: ['gph_unknown', 401] },

  createLoginLink: { refused: readOnly },
  createSshKey: {
    body: { id: sshKeyId, name: 'laptop', publicKey: makeSshKey('me').publicKey },
    status: 201,
    refused: readOnly,
    malformed: { body: { id: sshKeyId, name: 'laptop', publicKey: 'no key' } },
  },
  listSshKeys: { refused: ['gph_unknown', 401], malformed: { query: { limit: '100000' } } },
  deleteSshKey: { params: { sshKey: sshKeyId }, refused: [stranger.secret, 404] },
  createApiKey: {
    body: { id: apiKeyId, name: 'ci', organization, actions: ['read'] },
    status: 201,
    refused: readOnly,
    malformed: { body: { id: apiKeyId, name: '', organization, actions: [], expiresInDays: 0 } },
  },
  listApiKeys: { refused: ['gph_unknown', 401], malformed: { query: { cursor: '??' } } },
  deleteApiKey: { params: { apiKey: apiKeyId } },

  listOrganizations: { refused: ['gph_unknown', 401], malformed: { query: { limit: '0' } } },
  getOrganization: { params: { organization } },
  changeOrganization: {
    params: { organization },
    body: { language: 'zh' },
    refused: [member.secret, 403],
    malformed: { body: {} },
  },
  listProjects: { params: { organization }, malformed: { query: { cursor: 'garbage' } } },
  createProject: {
    params: { organization },
    body: { id: freshId('project'), name: 'second' },
    status: 201,
    refused: [member.secret, 403],
    malformed: { body: { id: freshId('project'), name: '../../etc' } },
  },
  getProject: { params: { project } },

  listImages: { refused: ['gph_unknown', 401] },
  listBuilds: { refused: ['gph_unknown', 401] },
  listOffers: { params: { project }, query: { image: 'sim/ok:1' }, malformed: { query: { image: 'A B' } } },

  createInstance: {
    params: { project },
    body: newInstance,
    status: 201,
    malformed: { body: { ...newInstance, volumeGib: -1, privileged: true } },
  },
  listInstances: {
    params: { project },
    query: { name: newInstance.name },
    malformed: { query: { sort: 'x' } },
  },
  getInstance: { params: { instance: instanceId } },
  followInstance: { params: { instance: instanceId } },
  openDoor: { params: { instance: instanceId, port: '8888' }, malformed: { body: { x: 1 } } },
  restartInstance: { params: { instance: instanceId }, refused: readOnly, malformed: { body: { x: 1 } } },
  stopInstance: { params: { instance: instanceId }, refused: readOnly, malformed: { body: { x: 1 } } },
  startInstance: { params: { instance: instanceId }, refused: readOnly, malformed: { body: [] } },
  deleteInstance: { params: { instance: instanceId }, refused: readOnly },

  createVolume: {
    params: { project },
    body: { id: volumeId, name: 'data', sizeGib: 5 },
    status: 201,
    malformed: { body: { id: volumeId, name: 'data', sizeGib: 1e9 } },
  },
  listVolumes: { params: { project }, query: { name: 'data' }, malformed: { query: { limit: 'x' } } },
  getVolume: { params: { volume: volumeId } },
  resizeVolume: { params: { volume: volumeId }, body: { sizeGib: 6 }, malformed: { body: { sizeGib: 0.5 } } },
  createRun: {
    params: { project },
    body: {
      id: runId,
      image: 'sim/ok:1',
      flavor: 'cpu.1x2',
      command: ['python', 'train.py'],
      volume: 'data',
    },
    status: 201,
    malformed: {
      body: { id: runId, image: 'sim/ok:1', flavor: 'cpu.1x2', command: [], environment: { LD_X: '' } },
    },
  },
  listRuns: { params: { project }, malformed: { query: { cursor: 'AAAA' } } },
  getRun: { params: { run: runId } },
  followRun: { params: { run: runId } },
  followProject: { params: { project } },
  cancelRun: { params: { run: runId }, refused: readOnly, malformed: { body: { x: 1 } } },
  followRunLog: { params: { run: runId } },
  deleteVolume: { params: { volume: volumeId }, refused: readOnly },

  getBalance: { params: { organization }, refused: readOnly },
  listLots: { params: { organization }, refused: readOnly, malformed: { query: { cursor: 'AAAA' } } },
  listUsage: { params: { organization }, malformed: { query: { cursor: 'AAAA' } } },
  listCharges: { params: { organization }, malformed: { query: { cursor: 'AAAA' } } },
  listUsageEvents: { params: { organization }, malformed: { query: { cursor: 'AAAA' } } },
  listPriceBooks: { params: { organization } },
  getStatement: { params: { organization }, malformed: { query: { from: 'month 13' } } },
  getBill: { params: { organization }, malformed: { query: { from: '2999-01-01T00:00:00Z' } } },
  createBudget: {
    params: { organization },
    body: {
      id: budgetId,
      name: 'Spring school',
      scope: 'project',
      target: project,
      period: 'month',
      limitNanos: '50000000000',
      currency: 'USD',
      action: 'stop',
    },
    status: 201,
    refused: [member.secret, 403],
    malformed: { body: { id: budgetId, name: '', scope: 'planet', limitNanos: '0' } },
  },
  listBudgets: { params: { organization }, malformed: { query: { cursor: '??' } } },
  getBudget: { params: { budget: budgetId } },
  changeBudget: {
    params: { budget: budgetId },
    body: { limitNanos: '60000000000', action: 'refuse' },
    refused: [member.secret, 403],
    malformed: { body: { limitNanos: '-1' } },
  },
  deleteBudget: { params: { budget: budgetId }, refused: readOnly },
  createGrant: {
    params: { organization },
    body: { id: freshId('transfer'), amountNanos: '1000000000', currency: 'USD' },
    status: 201,
    refused: [member.secret, 403],
    malformed: {
      body: { id: freshId('transfer'), amountNanos: '-5', currency: 'XXX', priority: -1, expiresAt: 'soon' },
    },
  },

  listNotices: { params: { organization }, refused: readOnly, malformed: { query: { of: 'nobody' } } },
  exportUsage: { params: { organization }, refused: readOnly, malformed: { query: { format: 'xlsx' } } },
  exportCharges: { params: { organization }, malformed: { query: { from: 'month 13' } } },
  exportEvents: { params: { organization }, malformed: { query: { from: '2999-01-01T00:00:00Z' } } },
  exportLedger: { params: { organization }, malformed: { query: { compression: 'zip' } } },
  exportFocus: { params: { organization }, malformed: { query: { version: '0.5' } } },
  createWebhook: {
    params: { organization },
    body: { id: webhookId, name: 'ci', url: 'https://example.com/hooks', types: ['run.changed'] },
    status: 201,
    refused: [member.secret, 403],
    malformed: { body: { id: webhookId, name: '', url: 'https://127.0.0.1/', types: ['no.such'] } },
  },
  listWebhooks: { params: { organization }, refused: [member.secret, 403] },
  getWebhook: { params: { webhook: webhookId } },
  changeWebhook: {
    params: { webhook: webhookId },
    body: { types: [], name: 'everything' },
    malformed: { body: {} },
  },
  rotateWebhookSecret: { params: { webhook: webhookId }, refused: [member.secret, 403] },
  testWebhook: { params: { webhook: webhookId }, refused: [member.secret, 403] },
  replayWebhook: {
    params: { webhook: webhookId },
    body: { since: '2026-11-27T08:00:00+01:00' },
    malformed: { body: { since: 'yesterday' } },
  },
  listDeliveries: { params: { webhook: webhookId }, malformed: { query: { state: 'lost' } } },
  getDelivery: { params: { delivery: deliveryId } },
  replayDelivery: { params: { delivery: deliveryId }, refused: [member.secret, 403] },
  deleteWebhook: { params: { webhook: webhookId }, refused: [member.secret, 403] },
  publishPriceBook: {
    body: { id: ownBookId, ...draft },
    status: 201,
    refused: [member.secret, 403],
    malformed: { body: { id: ownBookId, ...draft, rates: [{ sku: 'cpu', unit: 'day', nanos: '-1' }] } },
  },
  checkPriceBook: {
    body: { ...draft, effectiveFrom: '2999-02-01T00:00:00Z' },
    refused: [member.secret, 403],
    malformed: { body: { ...draft, rates: [] } },
  },
  listAllPriceBooks: { refused: [member.secret, 403], malformed: { query: { currency: 'XXX' } } },
  getPriceBook: { params: { priceBook: ownBookId } },
  diffPriceBooks: { params: { before: generalBookId, after: ownBookId } },
  endPriceBook: {
    params: { priceBook: ownBookId },
    body: { endsAt: '2999-06-01T00:00:00Z' },
    refused: [member.secret, 403],
    malformed: { body: { endsAt: 'never' } },
  },

  getSeller: { refused: ['gph_unknown', 401] },
  setSeller: {
    body: seller,
    refused: [member.secret, 403],
    malformed: { body: { legalName: '', address: 'a\u0000b', iban: 'DE' } },
  },
  getBillingDetails: { params: { organization }, refused: readOnly },
  setBillingDetails: {
    params: { organization },
    body: { legalName: 'Acme', address: '1 High St\nLondon', taxId: 'GB123' },
    refused: [member.secret, 403],
    malformed: { body: { legalName: 'x'.repeat(1000) } },
  },
  setTax: {
    params: { organization },
    body: { tax: { name: 'VAT', basisPoints: 1900 } },
    refused: [member.secret, 403],
    malformed: { body: { tax: { name: 'VAT', basisPoints: 1.5 } } },
  },
  closeBooks: {
    params: { organization: invoiced },
    body: {},
    refused: [member.secret, 404],
    malformed: { body: { upTo: 'yesterday' } },
  },
  listInvoices: { params: { organization: invoiced }, malformed: { query: { cursor: 'AAAA' } } },
  getInvoice: { params: { invoice: 'INV-000001' } },
  getInvoicePaper: { params: { invoice: 'INV-000001', paper: 'zh.pdf' } },
  createCreditNote: {
    params: { invoice: 'INV-000001' },
    body: { id: creditNoteId, reason: 'by mistake', lines: [{ amountNanos: '10000000' }] },
    status: 201,
    malformed: { body: { id: creditNoteId, reason: '', lines: [{ amountNanos: '10000001', line: 0 }] } },
  },
  getCreditNote: { params: { creditNote: creditNoteId } },
  getCreditNotePaper: { params: { creditNote: creditNoteId, paper: 'en.pdf' } },
  ...paymentCases(organization, member.secret),

  getDoctor: { refused: noOperator },
  listNodes: { refused: noOperator, malformed: { query: { limit: '0' } } },
  drainNode: { params: { node }, refused: noOperator, malformed: { body: { x: 1 } } },
  readyNode: { params: { node }, refused: noOperator, malformed: { body: [] } },
  fenceNode: { params: { node }, refused: noOperator, malformed: { body: { force: true } } },
  listAllocations: { params: { node }, refused: noOperator, malformed: { query: { cursor: 'AAAA' } } },
  drainDevice: {
    params: { device },
    body: { why: 'runs hot' },
    refused: noOperator,
    malformed: { body: { why: ' ' } },
  },
  readyDevice: { params: { device }, refused: noOperator, malformed: { body: { x: 1 } } },
  reportFault: {
    get params() {
      return { allocation }
    },
    body: { evidence: 'XID 79: the GPU has fallen off the bus' },
    refused: noOperator,
    malformed: { body: { evidence: '', at: 'yesterday', nodes: [] } },
  },
}

/** A webhook that was sent something. */
function tellSomebody(): Promise<string> {
  return api.store.transact(async (tx) => {
    const [id, url] = [freshId('webhook'), 'https://example.com/']
    const by = { organization, createdBy: api.demo.operator }
    await createWebhook(tx, { id, url, name: 'told', types: [], ...by }, { networks: [] })
    return testWebhook(tx, id)
  })
}

function ask(route: RouteName, one: Case, secret: string, stop?: AbortSignal): Promise<Response> {
  const query = one.query ? `?${new URLSearchParams(one.query).toString()}` : ''
  const hasBody = one.body !== undefined
  return api.ask(`${pathOf(route, one.params)}${query}`, {
    secret,
    method: routes[route].method,
    ...(hasBody ? { body: JSON.stringify(one.body), headers: { 'content-type': 'application/json' } } : {}),
    ...(stop ? { signal: stop } : {}),
  })
}

async function requireProblem(answer: Response, status: number, about: string): Promise<void> {
  const text = await answer.text()
  assert.equal(answer.status, status, `${about}: ${text}`)
  assert.equal(answer.headers.get('content-type'), 'application/problem+json', about)
  const parsed = problem.parse(JSON.parse(text))
  assert.equal(parsed.status, status)
  assert.equal(parsed.requestId, answer.headers.get('x-request-id'))
}

/** The placer's and the observer's part: a door opens on a running instance only. */
async function bringUp(): Promise<void> {
  await api.store.transact(async (tx) => {
    const row = await instance(tx, asId('instance', instanceId))
    const flavor = await flavorOf(tx, newInstance.flavor)
    const version = await offered(tx, 'sim/ok', '1')
    const book = await bookInForce(
      tx,
      { organization: row?.organization ?? null, currency: 'USD' },
      await tx.now(),
    )
    invariant(row && flavor && version && book, 'the test made them')
    const choice = await findRoom(tx, flavor, null)
    invariant(choice, 'the node is empty')
    const lines = linesOf(flavor, version.image, bySku(book.rates))
    invariant(lines, 'the book prices it')
    const given = { choice, flavor, lines, imageVersion: version.id, book: book.id, purses: [] }
    await allocate(tx, instanceLifecycle, row, given)
    const preparing = await instanceLifecycle.lock(tx, row.id)
    invariant(preparing, 'it is there')
    await instanceLifecycle.advance(tx, preparing, 'seen_ready', { actor: 'observer' })
    allocation = preparing.allocation ?? ''
  })
}

/** The observer's part: it looks, and the spare node has not answered for two minutes. */
async function fallSilent(): Promise<void> {
  const { rows } = await api.store.pool.query<{ now: number }>(
    "update node set seen_at = now() - interval '2 minutes' where id = $1 returning now()",
    [node],
  )
  const observer = { name: 'observer', passes: 7, failures: 0, lastReport: null, lastError: null }
  const health = { at: rows[0]?.now, loops: [observer] }
  await writeFile(join(api.dataDir, 'loops.json'), JSON.stringify(health))
}

test('the routes tested are the routes there are', () => {
  assert.deepEqual(Object.keys(cases).toSorted(), Object.keys(routes).toSorted())
})

// Object.entries forgets that the keys of `cases` are the routes' names.
for (const [route, one] of Object.entries(cases) as [RouteName, Case][]) {
  const skip = byCard.includes(route) && vendor.skip
  test(`${route}: allowed, refused, malformed, unknown`, { skip }, async () => {
    if (route === 'openDoor') await bringUp()
    if (route === 'getCreditNotePaper')
      await makeInvoicer(api.store, api.objects).pass(AbortSignal.timeout(60_000))
    if (route === 'fenceNode') await fallSilent()
    if (route === 'refundPayment') await pay(api, paymentId)
    const shape: Shape = contract[route]
    const malformed = { ...one, query: { ...one.query, unheard: 'of' }, ...one.malformed }
    await requireProblem(
      await ask(route, malformed, api.operatorSecret),
      one.malformedStatus ?? 400,
      'malformed',
    )
    const [secret, status] = one.refused ?? [stranger.secret, 404]
    await requireProblem(await ask(route, one, secret), status, 'refused')
    await requireProblem(await ask(route, one, ''), 401, 'nobody')

    const stop = new AbortController()
    const answer = await ask(route, one, api.operatorSecret, stop.signal)
    if (routes[route].kind === 'stream') {
      assert.equal(answer.headers.get('content-type'), 'text/event-stream')
      await firstEvents(route, answer)
      return
    }
    const text = await answer.text()
    assert.equal(answer.status, one.status ?? 200, text)
    if (shape.files) {
      const mediaType = answer.headers.get('content-type')?.split(';')[0] ?? ''
      assert.ok(shape.files.includes(mediaType), mediaType)
      assert.match(
        answer.headers.get('content-disposition') ?? '',
        /^attachment; filename="gpuhour-[\w.-]+"$/,
      )
      return
    }
    shape.reply?.parse(JSON.parse(text))
    if (shape.creates) {
      const again = await ask(route, one, api.operatorSecret)
      assert.equal(again.status, 200, 'the same request again finds what the first one made')
      shape.reply?.parse(await again.json())
    }
  })
}

/** Reads the first chunk of a stream, checks its events by the contract, and goes away. */
async function firstEvents(route: RouteName, answer: Response): Promise<void> {
  const shape: Shape = contract[route]
  const reader = answer.body?.getReader()
  const { value } = (await reader?.read()) ?? {}
  await reader?.cancel()
  const text = new TextDecoder().decode(value)
  const found = [...text.matchAll(/^event: (\w+)\ndata: (.*)$/gm)]
  assert.ok(found.length > 0, text)
  for (const [, event = '', data = ''] of found) shape.events?.[event]?.parse(JSON.parse(data))
}

test('every id that is none, or somebody else’s, is answered alike', async () => {
  const paths = Object.entries(routes).filter(
    ([, { path, method }]) => method === 'GET' && path.includes('{'),
  )
  for (const [route, { path }] of paths) {
    const fill = (id: string): string => path.replaceAll(/\{\w+\}/g, encodeURIComponent(id))
    for (const id of ['nothing', '../../etc/passwd', 'ins_\0', `ins_${'0'.repeat(26)}`, 'x'.repeat(10_000)])
      await requireProblem(
        await api.ask(fill(id), { secret: api.operatorSecret }),
        404,
        `${route} ${id.slice(0, 40)}`,
      )
  }
})

test('a name that is asked for is found by everybody who may', async () => {
  const { items } = await member.client.listProjects({ params: { organization } })
  assert.deepEqual(items.map((item) => item.name).toSorted(), ['demo', 'second'])
  await assert.rejects(stranger.client.listProjects({ params: { organization } }), { code: 'not_found' })
})

/** Compile-time: every route has a function of the client. */
const functions: Record<RouteName, unknown> = api.operator
test('the client has a function for every route', () => {
  for (const route of Object.keys(routes)) assert.ok(route in functions, route)
})

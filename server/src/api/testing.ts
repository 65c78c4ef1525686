import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, createClient } from '@gpuhour/sdk/client'
import { grant } from '../billing/billing.ts'
import { offerCharacters } from '../catalog/catalog.ts'
import { openSessions, type Sessions } from '../identity/sessions.ts'
import { type Clock, systemClock } from '../kernel/clock.ts'
import { type Id, newSecret, systemIds } from '../kernel/ids.ts'
import { nanos, nanosPerUnit } from '../kernel/money.ts'
import type { ObjectStore } from '../objects/objects.ts'
import { DiskStore } from '../objects/disk.ts'
import { grantPayments } from '../payments/grant.ts'
import { registerNodes } from '../placement/placement.ts'
import { marketRates } from '../pricing/market.rules.ts'
import { publish } from '../pricing/pricing.ts'
import { databaseClock, type TxClock } from '../store/clock.ts'
import { openStore, type Store, type Tx } from '../store/store.ts'
import { testDatabase } from '../store/testing.ts'
import type { KeyAction, Role } from '../tenancy/rules.ts'
import * as tenancy from '../tenancy/tenancy.ts'
import { type App, createApp } from './app.ts'
import { openNudges } from './nudges.ts'
import type { Doors } from './parts.ts'

/** Where the app of a test believes to stand. */
export const consoleUrl = 'http://localhost:7070'

/** The app in process on a database of its own, with the demo project, a node, a price book and money. */
export interface TestApi {
  readonly app: App
  readonly store: Store
  readonly objects: ObjectStore
  readonly databaseUrl: string
  readonly sessions: Sessions
  readonly demo: tenancy.Demo
  readonly dataDir: string
  /** The operator, by the key of platform.json. */
  readonly operator: Client
  readonly operatorSecret: string
  /** Another person: a member in the role, or of nothing; by a key that is allowed these actions. */
  person(role: Role | null, actions?: readonly KeyAction[]): Promise<{ secret: string; client: Client }>
  /** Somebody whose organization has never had any money, with a project in it. */
  withoutMoney(): Promise<{ secret: string; project: string }>
  client(secret: string | undefined): Client
  /** The answer to a request as it is. */
  ask(path: string, init?: RequestInit & { secret?: string }): Promise<Response>
  close(): Promise<void>
}

const node = {
  name: 'node-1',
  engineId: 'engine-1',
  bootId: 'boot-1',
  cpus: 8,
  memoryGib: 34,
  diskGib: 500,
  devices: [],
  gpuDriver: null,
  cudaDriver: null,
  missing: ['a promise that it cannot keep'],
}

/** Where the doors of instances would be. */
const doors: Doors = {
  apps: { scheme: 'http', host: 'apps.localhost', port: 7071 },
  ssh: { host: 'localhost', port: 2222 },
}

async function furnish(store: Store, secret: string): Promise<tenancy.Demo> {
  return store.transact(async (tx) => {
    const demo = await tenancy.seedDemo(tx, 'plt_test')
    await tenancy.ensureOperator(tx, demo, secret)
    await publish(tx, { currency: 'USD', effectiveFrom: await tx.now(), rates: marketRates('USD') })
    const id = tx.newId('transfer')
    await grant(tx, {
      organization: demo.organization,
      amount: nanos(10n * nanosPerUnit),
      by: demo.operator,
      id,
    })
    await registerNodes(tx, 'simulated', [node])
    await offerCharacters(tx, ['sim/ok'])
    return demo
  })
}

/**
 * Opens one; by another clock the limits and streams of the app go as a test wants, by another `time` all
 * that is recorded does. Without a payment vendor, unless one is given.
 */
export async function testApi(
  clock: Clock = systemClock,
  time: TxClock = databaseClock,
  payments = grantPayments,
): Promise<TestApi> {
  const database = await testDatabase()
  const store = openStore({ url: database.url, clock: time })
  const dataDir = await mkdtemp(join(tmpdir(), 'gpuhour-api-'))
  const operatorSecret = newSecret('gph_')
  const demo = await furnish(store, operatorSecret)
  const ending = new AbortController()
  const nudges = await openNudges(store, systemClock)
  const origins = [consoleUrl] as const
  const sessions = openSessions({ databaseUrl: database.url, store, origins, secret: operatorSecret })
  const objects = new DiskStore(join(dataDir, 'objects'), clock)
  const app = createApp({
    ...{ store, objects, clock, sessions, nudges, payments },
    log: { info() {}, warn() {}, error() {} },
    doors,
    consoleUrl,
    dataDir,
    consoleDir: null,
    version: '0.0.0-test',
    installation: 'plt_test',
    webhookPolicy: { networks: [] },
    runtime: 'simulated',
    region: 'test-1',
    configuration: [{ name: 'GPUHOUR_DATA', value: dataDir, meaning: 'Everything the platform keeps.' }],
    signal: ending.signal,
  })
  const client = (secret: string | undefined): Client =>
    createClient({
      baseUrl: consoleUrl,
      fetch: (request) => app.fetch(request),
      ...(secret === undefined ? {} : { apiKey: secret }),
    })
  return {
    app,
    store,
    objects,
    databaseUrl: database.url,
    sessions,
    demo,
    dataDir,
    operatorSecret,
    operator: client(operatorSecret),
    client,
    person: async (role, actions = ['read', 'compute', 'storage', 'connect', 'billing', 'manage']) => {
      const secret = await makePerson(store, demo, role, actions)
      return { secret, client: client(secret) }
    },
    withoutMoney: () => makePoor(store),
    ask: (path, { secret, ...init } = {}) => {
      const headers = new Headers(init.headers)
      if (secret !== undefined) headers.set('authorization', `Bearer ${secret}`)
      return app.fetch(new Request(`${consoleUrl}${path}`, { ...init, headers }))
    },
    async close() {
      ending.abort()
      await nudges.close()
      await sessions.close()
      await store.close()
      await database.drop()
      await rm(dataDir, { recursive: true })
    },
  }
}

let persons = 0

function addSomebody(tx: Tx): Promise<tenancy.PersonRow> {
  persons += 1
  const email = `person-${persons}@example.com`
  return tenancy.addPerson(tx, { email, name: `Person ${persons}`, isOperator: false, identityUser: null })
}

/** The secret of a key that is confined to no project and never ends. */
export async function keyFor(
  tx: Tx,
  person: tenancy.PersonRow,
  organization: Id<'organization'>,
  actions: readonly KeyAction[],
): Promise<string> {
  const principal = await tenancy.principalOf(tx, person, 'browser_session')
  const id = systemIds.make('apiKey')
  const asked = { id, name: 'test', organization, project: null, actions, expiresAt: null }
  return (await tenancy.createApiKey(tx, principal, asked)).secret ?? ''
}

function makePerson(
  store: Store,
  { organization }: tenancy.Demo,
  role: Role | null,
  actions: readonly KeyAction[],
): Promise<string> {
  return store.transact(async (tx) => {
    const person = await addSomebody(tx)
    if (role !== null) await tenancy.addMember(tx, organization, person.id, role)
    return keyFor(tx, person, organization, actions)
  })
}

function makePoor(store: Store): Promise<{ secret: string; project: string }> {
  return store.transact(async (tx) => {
    const person = await addSomebody(tx)
    const [id, project] = [tx.newId('organization'), tx.newId('project')]
    await tenancy.createOrganization(tx, { id, name: 'Poor', currency: 'USD', timeZone: 'UTC' }, person.id)
    await tenancy.createProject(tx, { id: project, organization: id, name: 'poor' })
    return { secret: await keyFor(tx, person, id, ['read', 'compute']), project }
  })
}

/** An id as a caller makes it. */
export function freshId<K extends Parameters<typeof systemIds.make>[0]>(kind: K): Id<K> {
  return systemIds.make(kind)
}

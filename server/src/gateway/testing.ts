import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { mintDoorCode } from '../identity/doors.ts'
import { systemClock } from '../kernel/clock.ts'
import { asId, hostLabelOf, type InstanceId, type PersonId, systemIds } from '../kernel/ids.ts'
import { openStore, type Store, type Tx } from '../store/store.ts'
import { type TestDatabase, testDatabase } from '../store/testing.ts'
import { type Gateway, openGateway } from './gateway.ts'
import { cookieName } from './http.rules.ts'
import * as rows from './testing.rows.ts'

/** A database of its own, and a gateway on it, on free ports of loopback. */
export interface TestGateway {
  readonly gateway: Gateway
  readonly store: Store
  /** Everything the gateway wrote to its log. */
  readonly logged: () => string
  /** Writes rows without those that they refer to, tells the gateway, and waits until it knows. */
  put(write: (tx: Tx) => Promise<void>): Promise<void>
  /** A member of the organization `org_1`, or of another. */
  person(id: string, organization?: string, role?: string): Promise<PersonId>
  /** A running instance of `org_1`, or of another, with ports of loopback. */
  instance(id: string, options: InstanceOptions): Promise<InstanceId>
  setState(id: InstanceId, state: string): Promise<void>
  /** Host and port of an app. */
  hostOf(instance: InstanceId, port: number): string
  /** Enters an app the way a browser does; the answer is the Cookie header. */
  enter(person: PersonId, instance: InstanceId, port: number): Promise<string>
  /** Opens a second gateway on the same database. */
  another(): Promise<Gateway>
  close(): Promise<void>
}

/** What an instance of a test is. */
export interface InstanceOptions {
  readonly name?: string
  readonly organization?: string
  readonly state?: string
  readonly token?: string
  readonly hostPublicKey?: string
  readonly gatewayKey?: string
  readonly ports: Readonly<Record<number, number | { readonly host: string; readonly port: number }>>
}

function openOn(store: Store, lines: string[]): Promise<Gateway> {
  const write = (detail: object, message: string): void =>
    void lines.push(`${message} ${JSON.stringify(detail)}`)
  return openGateway(
    {
      host: '127.0.0.1',
      appsPort: 0,
      sshPort: 0,
      domain: 'localhost',
      consoleUrl: 'http://localhost:7070',
      store,
      clock: systemClock,
      ids: systemIds,
      log: { info: write, warn: write, error: write },
    },
    new AbortController().signal,
  )
}

/** Starts both; on a database of the test's own choice where it names one. */
export async function testGateway(given?: TestDatabase): Promise<TestGateway> {
  const database = given ?? (await testDatabase())
  const store = openStore({ url: database.url })
  const lines: string[] = []
  const open = (): Promise<Gateway> => openOn(store, lines)
  const gateway = await open()
  const put = async (change: (tx: Tx) => Promise<void>): Promise<void> => {
    await store.transact(async (tx) => {
      await rows.withoutReferences(tx)
      await change(tx)
    })
    await gateway.refresh()
  }
  const test: TestGateway = {
    gateway,
    store,
    logged: () => lines.join('\n'),
    put,
    async person(id, organization = 'org_1', role = 'member') {
      await put((tx) => rows.insertMember(tx, id, organization, role))
      return asId('person', id)
    },
    async instance(id, options) {
      await put((tx) => putInstance(tx, id, options))
      return asId('instance', id)
    },
    async setState(id, state) {
      await put((tx) => putInstance(tx, id, { ports: {}, state }))
    },
    hostOf: (instance, port) => `${hostLabelOf(instance)}--${port}.apps.localhost:${gateway.appsPort}`,
    async enter(person, instance, port) {
      const { code } = await store.transact((tx) => mintDoorCode(tx, { person, instance, port }))
      const host = test.hostOf(instance, port)
      const answer = await ask(gateway.appsPort, { host, path: `/.gpuhour/enter?code=${code}` })
      const cookie = answer.headers['set-cookie']?.[0]?.split(';')[0]
      if (answer.status !== 303 || !cookie?.startsWith(`${cookieName}=`))
        throw new Error(`not in: ${answer.body}`)
      return cookie
    },
    another: open,
    async close() {
      await gateway.close()
      await store.close()
      await database.drop()
    },
  }
  return test
}

const isLive: ReadonlySet<string> = new Set(['preparing', 'running', 'unreachable', 'stopping'])

async function putInstance(tx: Tx, id: string, options: InstanceOptions): Promise<void> {
  const state = options.state ?? 'running'
  const allocation = `alo_${id.slice(4)}`
  await rows.putInstance(tx, {
    id,
    name: options.name ?? id,
    organization: options.organization ?? 'org_1',
    state,
    allocation: isLive.has(state) ? allocation : null,
    hostPublicKey: options.hostPublicKey ?? 'ssh-ed25519 AAAA',
  })
  if (options.token !== undefined || options.gatewayKey !== undefined)
    await rows.insertDoor(tx, allocation, options.token ?? '', options.gatewayKey ?? '')
  for (const [port, to] of Object.entries(options.ports)) {
    const { host, port: targetPort } = typeof to === 'number' ? { host: '127.0.0.1', port: to } : to
    await rows.putRoute(tx, { subject: id, port: Number(port), allocation, host, targetPort })
  }
}

/** A request of a test; Node's fetch would neither resolve `*.localhost` nor send a Host of ours. */
export interface Asked {
  readonly host: string
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/** What came back. */
export interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly body: string
}

/** Sends one request to a port of loopback and reads its answer. */
export function ask(
  port: number,
  { host, method = 'GET', path = '/', headers = {}, body }: Asked,
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({
      host: '127.0.0.1',
      port,
      method,
      path,
      agent: false,
      headers: { Host: host, ...headers },
    })
    sent.on('error', reject)
    sent.on('response', (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('error', reject)
      answer.on('end', () => {
        const { statusCode = 0, headers: received, rawHeaders } = answer
        resolve({
          status: statusCode,
          headers: received,
          rawHeaders,
          body: Buffer.concat(chunks).toString('utf8'),
        })
      })
    })
    sent.end(body)
  })
}

/** Sends bytes as they are and reads until the other side closes, or was silent for a moment. */
export function askRaw(port: number, bytes: string | Uint8Array, silenceMs = 300): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    const done = (): void => {
      socket.destroy()
      resolve(Buffer.concat(chunks).toString('latin1'))
    }
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.setTimeout(silenceMs, done)
    socket.on('end', done)
    socket.on('error', (error) => ('code' in error && error.code === 'ECONNRESET' ? done() : reject(error)))
  })
}

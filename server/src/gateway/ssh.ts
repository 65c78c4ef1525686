import { type AddressInfo, createServer, type Socket } from 'node:net'
import ssh2, { type AuthContext, type Connection, type ServerConfig } from 'ssh2'
import type { DoorInstance, KeyHolder } from '../identity/doors.ts'
import type { Clock } from '../kernel/clock.ts'
import { messageOf } from '../kernel/errors.ts'
import type { SshKeyPair } from '../kernel/sshkeys.ts'
import { secondMs } from '../kernel/time.ts'
import type { Activities } from './activity.ts'
import type { Connections } from './connections.ts'
import type { GatewayLog, Routes } from './routes.ts'
import { fingerprintOf, verifiedKey } from './ssh.keys.ts'
import { dialInstance, type OpenHop } from './ssh.hop.ts'
import { openVisitors, type Visitors } from './ssh.limits.ts'
import { refuseSessions } from './ssh.refusal.ts'
import { relay } from './ssh.relay.ts'
import { type Meant, meantBy } from './ssh.rules.ts'
import { type Wire, wireOf } from './ssh.wire.ts'

/** From the first byte to being let in; OpenSSH's own default is 120 s, for people who type passwords. */
const graceMs = 20 * secondMs

/** Keys that a client may offer before it is sent away: an agent holds a handful. */
const offersMax = 10

/** How long a refused client that opens no session is kept. */
const refusedMs = 10 * secondMs

/**
 * A client that is gone is noticed after three questions without an answer: its processes end within 30 s.
 */
const keepaliveMs = 6 * secondMs
const keepalivesMax = 3

/** How often the database is asked, for everybody together, about keys that memory does not know. */
const refreshMs = secondMs

/** How long a client with such a key waits for the answer. */
const patienceMs = 3 * secondMs

/**
 * What OpenSSH and VS Code speak; no compression, no SHA-1, no CBC. The client's order counts, and OpenSSH
 * would rather have ChaCha20 or AES-CTR: a gigabyte then took 7.7 and 6.2 s of a processor instead of 4.7, so
 * only AES-GCM is offered (OpenSSH has it since 6.2, of 2013).
 */
const algorithms = {
  cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'],
  compress: ['none'],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256'],
  kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org', 'ecdh-sha2-nistp256', 'ecdh-sha2-nistp384'],
} as const

/** What the SSH door needs. */
export interface SshDoorOptions {
  /** The address to listen on. */
  readonly host: string
  /** 0: a free one. */
  readonly port: number
  /** The one key by which every instance's address is known. */
  readonly hostKey: SshKeyPair
  readonly routes: Routes
  readonly activities: Activities
  readonly connections: Connections
  readonly clock: Clock
  readonly log: GatewayLog
  /** Told of every key that opened a session. */
  readonly onUse: (key: KeyHolder) => void
}

/** A door that listens. */
export interface SshDoor {
  readonly port: number
  /** Ends it, and everything that is open. */
  close(): Promise<void>
}

/** Opens the SSH door. Rejects where the port is taken. */
export async function openSshDoor(options: SshDoorOptions): Promise<SshDoor> {
  const visitors = openVisitors(options.clock)
  const refreshed = refresher(options.routes, options.clock)
  const ssh = new ssh2.Server({
    hostKeys: [options.hostKey.privateKey],
    ident: 'gpuhour',
    // Lists of names that ssh2 knows; its types want them mutable.
    algorithms: structuredClone(algorithms) as unknown as NonNullable<ServerConfig['algorithms']>,
    keepaliveInterval: keepaliveMs,
    keepaliveCountMax: keepalivesMax,
  })
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true, keepAlive: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    if (!visitors.arrived(socket)) return void socket.destroy()
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    // From the first byte on: also a client that never says its name is a visitor of twenty seconds.
    const grace = new AbortController()
    socket.once('close', () => grace.abort())
    options.clock.sleep(graceMs, grace.signal).then(
      () => visitors.isWaiting(socket) && socket.destroy(),
      () => {},
    )
    ssh.injectSocket(socket)
  })
  ssh.on('connection', (connection) => new Visit(connection, visitors, refreshed, options))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  return {
    // A TCP server's address is an object.
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/**
 * Reads the routes again, once a second at most; resolves when a reading that began after the call is done.
 */
function refresher(routes: Routes, clock: Clock): () => Promise<void> {
  let next: Promise<void> | null = null
  let begunAt = -Infinity
  const refresh = async (): Promise<void> => {
    await clock.sleep(Math.max(0, begunAt + refreshMs - clock.monotonic()), new AbortController().signal)
    begunAt = clock.monotonic()
    // Who comes from here on may know of something newer.
    next = null
    await routes.refresh()
  }
  return () => (next ??= refresh())
}

/** One client, from its greeting to its end. */
class Visit {
  readonly #connection: Connection
  readonly #wire: Wire
  readonly #visitors: Visitors
  readonly #options: SshDoorOptions
  readonly #refreshed: () => Promise<void>
  #offers = 0
  #hasAsked = false

  constructor(
    connection: Connection,
    visitors: Visitors,
    refreshed: () => Promise<void>,
    options: SshDoorOptions,
  ) {
    this.#connection = connection
    this.#visitors = visitors
    this.#refreshed = refreshed
    this.#options = options
    this.#wire = wireOf(connection)
    // What a client does wrong ends its own connection and nothing else.
    connection.on('error', () => this.#end())
    connection.on('authentication', (context) => {
      this.#authenticate(context).catch((error: unknown) => {
        this.#options.log.error({ cause: messageOf(error) }, 'an SSH client could not be admitted')
        this.#end()
      })
    })
    // Remote forwards. That somebody listens also makes ssh2 note that no more sessions are wanted.
    connection.on('request', (_, reject) => {
      reject?.()
    })
  }

  #end(): void {
    this.#wire.socket.destroy()
  }

  async #authenticate(context: AuthContext): Promise<void> {
    if (context.method !== 'publickey') return context.reject(['publickey'])
    this.#offers += 1
    if (this.#offers > offersMax) return void this.#connection.end()
    const verified = verifiedKey(context)
    const holder = verified && (await this.#holderOf(fingerprintOf(context.key.data)))
    if (!verified || !holder) return context.reject(['publickey'])
    // Not signed yet: the client asks whether a signature by this key is worth the trouble.
    if (verified === 'offered') return context.accept()
    this.#visitors.admitted(this.#wire.socket)
    this.#options.onUse(holder)
    await this.#admit(context, holder)
  }

  /**
   * A key that was added a moment ago may not have reached our memory: the first unknown one is asked
   * about.
   */
  async #holderOf(fingerprint: string): Promise<KeyHolder | null> {
    const { routes, clock } = this.#options
    const known = routes.holderOf(fingerprint)
    if (known || this.#hasAsked) return known
    this.#hasAsked = true
    const enough = new AbortController()
    await Promise.race([this.#refreshed(), clock.sleep(patienceMs, enough.signal).catch(() => {})])
    enough.abort()
    return routes.holderOf(fingerprint)
  }

  async #admit(context: AuthContext, holder: KeyHolder): Promise<void> {
    const { routes, log, connections } = this.#options
    const { person } = holder
    const meant: Meant = routes.isStale()
      ? {
          kind: 'refused',
          line: 'the platform cannot check who may connect just now. Try again in a minute.',
        }
      : meantBy(context.username, routes.named(person, context.username))
    if (meant.kind === 'refused') return this.#refuse(context, meant.line)
    const { instance } = meant
    const hop = await dialInstance(instance, this.#options.clock)
    if (hop.kind === 'failed') {
      log.warn(
        { instance: instance.id, allocation: instance.allocation, cause: hop.cause },
        'no SSH in an instance',
      )
      return this.#refuse(context, `${instance.name} runs, but its SSH server does not answer. Try again.`)
    }
    if (this.#wire.socket.destroyed) return hop.end()
    const connection = {
      instance: instance.id,
      allocation: hop.allocation,
      isGood: () =>
        routes.holderOf(holder.fingerprint)?.id === holder.id && routes.mayConnect(person, instance),
      end: () => {
        hop.end()
        this.#end()
      },
    }
    const leave = connections.add(connection)
    if (leave === null) {
      hop.end()
      return this.#refuse(
        context,
        `${instance.name} has as many open connections as it may have. Close some.`,
      )
    }
    this.#join(instance, hop, leave)
    log.info(
      { instance: instance.id, allocation: hop.allocation, person, key: holder.id },
      'connected by SSH',
    )
    context.accept()
  }

  #join(instance: DoorInstance, hop: OpenHop, leave: () => void): void {
    const meter = this.#options.activities.meter(instance.id)
    meter.opened()
    const joined = relay({
      client: this.#wire,
      instance: hop.wire,
      meter,
      mayOpenSessions: () => !this.#connection.noMoreSessions,
    })
    this.#wire.socket.once('close', () => {
      leave()
      meter.closed()
      joined.hangUp()
      hop.end()
    })
    hop.wire.socket.once('close', () => {
      joined.say(`gpuhour: the connection to ${instance.name} is lost`)
      this.#connection.end()
    })
  }

  #refuse(context: AuthContext, line: string): void {
    const { clock } = this.#options
    refuseSessions(this.#wire, line, () => this.#connection.end())
    context.accept()
    const gone = new AbortController()
    this.#wire.socket.once('close', () => gone.abort())
    clock.sleep(refusedMs, gone.signal).then(
      () => this.#connection.end(),
      () => {},
    )
  }
}

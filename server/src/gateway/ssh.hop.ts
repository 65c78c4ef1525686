import { connect } from 'node:net'
import ssh2 from 'ssh2'
import type { DoorInstance } from '../identity/doors.ts'
import type { Clock } from '../kernel/clock.ts'
import { messageOf } from '../kernel/errors.ts'
import type { AllocationId } from '../kernel/ids.ts'
import { secondMs } from '../kernel/time.ts'
import { connectWithin } from './dialling.ts'
import { type Wire, wireOf } from './ssh.wire.ts'

/** The port of the container's own sshd, as the image contract has it. */
const sshPort = 2222

/** The one account of an instance. */
const user = 'user'

/** From dialling to being let in: sshd on the same machine needs some 30 ms. */
const readyMs = 10 * secondMs

const keepaliveMs = 10 * secondMs
const keepalivesMax = 3

/** An authenticated connection to the sshd of an instance. */
export interface OpenHop {
  readonly kind: 'open'
  readonly allocation: AllocationId
  readonly wire: Wire
  /** Says goodbye; what was sent before still arrives. */
  end(): void
}

/** The hop, or why there is none (for our log). */
export type Hop = OpenHop | { readonly kind: 'failed'; readonly cause: string }

/**
 * Connects to the instance's sshd with the key of its allocation; only the host key that we gave it is
 * believed.
 */
export function dialInstance(instance: DoorInstance, clock: Clock): Promise<Hop> {
  const { allocation, gatewayKey, sshHostPublicKey } = instance
  const door = instance.ports.get(sshPort)
  if (!door || allocation === null || gatewayKey === null)
    return Promise.resolve({ kind: 'failed', cause: 'it has no route to port 2222' })
  const hostKey = Buffer.from(sshHostPublicKey.split(' ')[1] ?? '', 'base64')
  const socket = connect({ host: door.host, port: door.port, noDelay: true, keepAlive: true })
  return new Promise((resolve) => {
    const fail = (error: unknown): void => {
      socket.destroy()
      resolve({ kind: 'failed', cause: messageOf(error) })
    }
    socket.once('error', fail)
    connectWithin(socket, readyMs, clock)
    socket.once('connect', () => {
      const client = new ssh2.Client()
      client.on('error', fail)
      client.once('close', () => fail(new Error('it closed the connection')))
      client.once('ready', () => resolve({ kind: 'open', allocation, wire, end: () => void client.end() }))
      client.connect({
        sock: socket,
        username: user,
        privateKey: gatewayKey,
        hostVerifier: (key: Buffer) => key.equals(hostKey),
        readyTimeout: readyMs,
        keepaliveInterval: keepaliveMs,
        keepaliveCountMax: keepalivesMax,
        ident: 'gpuhour',
        algorithms: {
          cipher: ['aes128-gcm@openssh.com'],
          compress: ['none'],
          serverHostKey: ['ssh-ed25519'],
          kex: ['curve25519-sha256', 'ecdh-sha2-nistp256'],
        },
      })
      // After connect(), which makes the protocol, and before any byte of the other side is read.
      const wire = wireOf(client)
    })
  })
}

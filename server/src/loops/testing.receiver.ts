import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** A request as a receiver of webhooks got it. */
export interface Got {
  readonly path: string
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
}

/** A program of somebody who receives webhooks, on a real socket. */
export interface Receiver {
  readonly port: number
  readonly got: Got[]
  /** What it answers from now on; default 204. */
  answer: (response: http.ServerResponse, got: Got) => void
  close(): Promise<void>
}

/** Opens one on the address, with TLS where there is a certificate. */
export async function openReceiver(
  address = '127.0.0.1',
  tls: { readonly key: string; readonly cert: string } | null = null,
  port = 0,
): Promise<Receiver> {
  const receiver: Omit<Receiver, 'port' | 'close'> = {
    got: [],
    answer: (response) => response.writeHead(204).end(),
  }
  const serve = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    const got = { path: request.url ?? '', headers: request.headers, body: await text(request) }
    receiver.got.push(got)
    receiver.answer(response, got)
  }
  const listener: http.RequestListener = (request, response) => void serve(request, response)
  const server = tls ? https.createServer({ ...tls }, listener) : http.createServer(listener)
  server.listen(port, address)
  await once(server, 'listening')
  return Object.assign(receiver, {
    // A server on TCP has an address of this kind.
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  })
}

/** A name server that says what it is told to, and counts how often it is asked. */
export interface NameServer {
  readonly address: string
  asked: number
  /** IPv4 addresses for the next question for an A record. */
  answer: () => readonly string[]
  close(): Promise<void>
}

const typeA = 1

/** Opens one: just enough of RFC 1035 for a real resolver to believe it, with a time to live of zero. */
export async function openNameServer(): Promise<NameServer> {
  const socket = createSocket('udp4')
  const server: Omit<NameServer, 'address' | 'close'> = { asked: 0, answer: () => [] }
  socket.on('message', (message, { address, port }) => {
    const end = message.indexOf(0, 12) + 5
    const isA = message.readUInt16BE(end - 4) === typeA
    if (isA) server.asked += 1
    const addresses = isA ? server.answer() : []
    const header = Buffer.from(message.subarray(0, 12))
    header.writeUInt16BE(0x8580, 2)
    header.writeUInt16BE(addresses.length, 6)
    header.writeUInt32BE(0, 8)
    const answers = addresses.map((one) => {
      const fixed = Buffer.from([0xc0, 0x0c, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4])
      return Buffer.concat([fixed, Buffer.from(one.split('.').map(Number))])
    })
    socket.send(Buffer.concat([header, message.subarray(12, end), ...answers]), port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return Object.assign(server, {
    address: `127.0.0.1:${socket.address().port}`,
    async close() {
      socket.close()
      await once(socket, 'close')
    },
  })
}

import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import type { Duplex } from 'node:stream'

/** Where a server is dialled, and under which name it is asked: Node resolves no `*.localhost`. */
export interface Door {
  readonly address: string
  readonly port: number
  readonly host: string
  readonly headers: Readonly<Record<string, string>>
}

/** A WebSocket's text messages, one after the other. */
export interface TextSocket {
  send(text: string): void
  next(): Promise<string>
  close(): void
}

const textFrame = 0x81

/** A masked text frame, as a client must send it (RFC 6455 §5.2). */
function frameOf(text: string): Buffer {
  const body = Buffer.from(text)
  const mask = randomBytes(4)
  const masked = Buffer.from(body.map((byte, index) => byte ^ (mask[index % 4] ?? 0)))
  const head =
    body.length < 126
      ? Buffer.from([textFrame, 0x80 | body.length])
      : Buffer.from([textFrame, 0x80 | 126, body.length >> 8, body.length & 0xff])
  return Buffer.concat([head, mask, masked])
}

/** The frames that a server's bytes hold, and what is left of an unfinished one. */
function framesOf(bytes: Buffer): {
  readonly frames: readonly { opcode: number; body: Buffer }[]
  rest: Buffer
} {
  const frames: { opcode: number; body: Buffer }[] = []
  let rest = bytes
  while (rest.length >= 2) {
    const short = (rest[1] ?? 0) & 0x7f
    const headBytes = short === 126 ? 4 : short === 127 ? 10 : 2
    if (rest.length < headBytes) break
    const length =
      short === 126 ? rest.readUInt16BE(2) : short === 127 ? Number(rest.readBigUInt64BE(2)) : short
    if (rest.length < headBytes + length) break
    frames.push({ opcode: (rest[0] ?? 0) & 0x0f, body: rest.subarray(headBytes, headBytes + length) })
    rest = rest.subarray(headBytes + length)
  }
  return { frames, rest }
}

/** Opens a WebSocket through a door. */
export function openSocket(door: Door, path: string): Promise<TextSocket> {
  return new Promise((resolve, reject) => {
    const asked = request({
      host: door.address,
      port: door.port,
      path,
      headers: {
        ...door.headers,
        Host: door.host,
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
      },
    })
    asked.on('upgrade', (_, socket, head) => resolve(textSocketOf(socket, head)))
    asked.on('response', (answer) => reject(new Error(`no upgrade of ${path}: ${answer.statusCode}`)))
    asked.on('error', reject)
    asked.end()
  })
}

function textSocketOf(socket: Duplex, head: Buffer): TextSocket {
  const messages: string[] = []
  const waiting: ((text: string) => void)[] = []
  let rest = head
  const take = (bytes: Buffer): void => {
    const read = framesOf(Buffer.concat([rest, bytes]))
    rest = read.rest
    for (const { opcode, body } of read.frames) {
      if (opcode !== 1) continue
      const heard = waiting.shift()
      if (heard) heard(body.toString())
      else messages.push(body.toString())
    }
  }
  socket.on('data', take)
  take(Buffer.alloc(0))
  return {
    send: (text) => void socket.write(frameOf(text)),
    next: () => {
      const message = messages.shift()
      return message === undefined
        ? new Promise((resolve) => waiting.push(resolve))
        : Promise.resolve(message)
    },
    close: () => void socket.destroy(),
  }
}

import { createSecretKey, type KeyObject } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Client, Connection } from 'ssh2'

/**
 * Why we reach into ssh2: its channels are Node streams, which merge end-of-file with close, drop an exit
 * status that comes after the end of output, lose bytes that are not UTF-8 in a command, and copy every
 * packet twice. We need none of that: a channel message is handed on as it is. So ssh2 keeps what is hard
 * (key exchange, ciphers, authentication, re-keying) and the messages 90–100 of RFC 4254 go to us. The
 * version is pinned exactly; every name of its inside that we use is in this file, and the tests with
 * OpenSSH's clients would miss any of them.
 */
interface Inside {
  readonly _sock: Socket
  readonly _protocol: {
    _onPayload: (payload: Buffer) => unknown
    readonly _onPacket: () => void
    /** Set while keys are exchanged: what is sent then waits in `_queue`. */
    readonly _kexinit: unknown
    _queue: Buffer[] | undefined
    readonly _packetRW: {
      readonly write: { readonly allocStart: number; alloc(bytes: number): Buffer }
    }
    readonly _cipher: { _encKey?: Buffer | KeyObject; encrypt(packet: Buffer): void }
    readonly _decipher: { _decipherKey?: Buffer | KeyObject }
  }
}

/** Channel messages (RFC 4254 §5). */
export const message = {
  globalRequest: 80,
  open: 90,
  openConfirmation: 91,
  openFailure: 92,
  windowAdjust: 93,
  data: 94,
  extendedData: 95,
  eof: 96,
  close: 97,
  request: 98,
  success: 99,
  failure: 100,
} as const

/** One end of an authenticated connection: channel messages in and out, as they are. */
export interface Wire {
  readonly socket: Socket
  /** Who gets channel messages; until it is set, ssh2 (which refuses them before authentication). */
  onMessage: ((payload: Buffer) => void) | null
  send(payload: Uint8Array): void
}

/**
 * Takes the channel messages of a connection. Call it before keys are exchanged: it is then in every key's
 * place.
 */
export function wireOf(connection: Connection | Client): Wire {
  // ssh2's own fields, of the exact version that we pin; see above.
  const { _sock: socket, _protocol: protocol } = connection as unknown as Inside
  const wire: Wire = {
    socket,
    onMessage: null,
    send(payload) {
      if (!socket.writable) return
      const { write } = protocol._packetRW
      const packet = write.alloc(payload.length)
      packet.set(payload, write.allocStart)
      if (protocol._kexinit === undefined) preparedCipher(protocol).encrypt(packet)
      else (protocol._queue ??= []).push(packet)
    },
  }
  const usual = protocol._onPayload
  protocol._onPayload = (payload) => {
    const type = payload[0] ?? 0
    if (wire.onMessage === null || type < message.open || type > message.failure) return usual(payload)
    protocol._onPacket()
    prepareDecipher(protocol)
    wire.onMessage(payload)
    return undefined
  }
  return wire
}

type Protocol = Inside['_protocol']

/**
 * ssh2 makes a cipher for each packet from the key's bytes, which Node prepares anew each time: a quarter
 * of it all.
 */
function preparedCipher({ _cipher: cipher }: Protocol): Protocol['_cipher'] {
  if (Buffer.isBuffer(cipher._encKey)) cipher._encKey = createSecretKey(cipher._encKey)
  return cipher
}

function prepareDecipher({ _decipher: decipher }: Protocol): void {
  if (Buffer.isBuffer(decipher._decipherKey)) decipher._decipherKey = createSecretKey(decipher._decipherKey)
}

/** Makes a message: numbers as 32 bits, texts and bytes with their length, booleans as a byte. */
export function payloadOf(
  type: number,
  ...fields: readonly (number | string | boolean | Uint8Array)[]
): Buffer {
  const parts: Uint8Array[] = [Uint8Array.of(type)]
  for (const field of fields) {
    if (typeof field === 'boolean') parts.push(Uint8Array.of(field ? 1 : 0))
    else if (typeof field === 'number') parts.push(uint32(field))
    else {
      const bytes = typeof field === 'string' ? Buffer.from(field) : field
      parts.push(uint32(bytes.length), bytes)
    }
  }
  return Buffer.concat(parts)
}

function uint32(value: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/**
 * Reads a message field by field. Throws a RangeError where it is too short: ssh2 then ends the connection.
 */
export class Reader {
  readonly #payload: Buffer
  #offset = 1

  constructor(payload: Buffer) {
    this.#payload = payload
  }

  number(): number {
    const value = this.#payload.readUInt32BE(this.#offset)
    this.#offset += 4
    return value
  }

  boolean(): boolean {
    const value = this.#payload.readUInt8(this.#offset)
    this.#offset += 1
    return value !== 0
  }

  text(): string {
    const length = this.number()
    const end = this.#offset + length
    if (end > this.#payload.length) throw new RangeError('a text is longer than its message')
    const text = this.#payload.toString('utf8', this.#offset, end)
    this.#offset = end
    return text
  }
}

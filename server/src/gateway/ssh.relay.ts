import type { Meter } from './activity.ts'
import { channelsMax, isLoopback, mayAsk, mayTell, openFailure } from './ssh.rules.ts'
import { message, payloadOf, Reader, type Wire } from './ssh.wire.ts'

/** ssh2 takes packets up to 35 000 bytes, so nobody may be told to send more data than OpenSSH does. */
const packetBytesMax = 32 * 1024

/**
 * Above this much unsent, the other side is not read: the channels' own windows keep honest peers far
 * below.
 */
const unsentBytesMax = 8 * 1024 * 1024

/** One channel: the number that both sides know it by is ours. */
interface Channel {
  readonly number: number
  readonly isSession: boolean
  readonly clientId: number
  /** Null until the instance has confirmed it. */
  instanceId: number | null
  /**
   * Answers that the client waits for, oldest first: from the instance, or a refusal of ours that waits its
   * turn.
   */
  readonly answers: ('instance' | 'refused')[]
  hasExited: boolean
  isClosedByClient: boolean
  isClosedByInstance: boolean
}

const newChannel = {
  instanceId: null,
  hasExited: false,
  isClosedByClient: false,
  isClosedByInstance: false,
} as const

/** A pair of connections whose channels are one. */
export interface Relay {
  /** Ends the sessions' processes: called when the client is gone. */
  hangUp(): void
  /** Says a line to every session: called when the instance is gone. */
  say(line: string): void
}

/** The two ends that a relay joins, and what it asks and tells while it does. */
export interface Ends {
  readonly client: Wire
  readonly instance: Wire
  readonly meter: Meter
  /** False once the client said that it will open no more sessions. */
  mayOpenSessions(): boolean
}

/**
 * Joins a client's connection with ours to the instance's sshd, channel by channel. Windows, end-of-file,
 * exit status and close are handed on as they come, so flow control and half-close are the two ends' own.
 */
export function relay(ends: Ends): Relay {
  return new ChannelRelay(ends)
}

class ChannelRelay implements Relay {
  readonly #client: Wire
  readonly #instance: Wire
  readonly #meter: Meter
  readonly #mayOpenSessions: () => boolean
  readonly #channels = new Map<number, Channel>()
  #last = 0

  constructor(ends: Ends) {
    this.#client = ends.client
    this.#instance = ends.instance
    this.#meter = ends.meter
    this.#mayOpenSessions = () => ends.mayOpenSessions()
    join(ends.client, ends.instance, (payload) => this.#fromClient(payload))
    join(ends.instance, ends.client, (payload) => this.#fromInstance(payload))
  }

  hangUp(): void {
    for (const channel of this.#channels.values()) this.#hangUpSession(channel)
    this.#channels.clear()
  }

  say(line: string): void {
    for (const { clientId, isSession, instanceId } of this.#channels.values())
      if (isSession && instanceId !== null)
        this.#client.send(payloadOf(message.extendedData, clientId, 1, `${line}\r\n`))
    this.#channels.clear()
  }

  #fromClient(payload: Buffer): void {
    const type = payload[0] ?? 0
    if (type === message.open) return this.#openFromClient(payload)
    const channel = this.#channels.get(payload.readUInt32BE(1))
    if (!channel || channel.instanceId === null || channel.isClosedByClient) return
    switch (type) {
      case message.request:
        return this.#requestFromClient(channel, payload)
      case message.windowAdjust:
      case message.extendedData:
      case message.eof:
        return handOn(this.#instance, channel.instanceId, payload)
      case message.data:
        this.#meter.in(payload.length)
        return handOn(this.#instance, channel.instanceId, payload)
      case message.close:
        this.#hangUpSession(channel)
        channel.isClosedByClient = true
        this.#forgetClosed(channel)
        return handOn(this.#instance, channel.instanceId, payload)
      default:
      // Answers: the instance asked the client nothing that would have one.
    }
  }

  #openFromClient(payload: Buffer): void {
    const reader = new Reader(payload)
    const type = reader.text()
    const clientId = reader.number()
    reader.number()
    const packetBytes = reader.number()
    const isSession = type === 'session'
    const refuse = (reason: number, why: string): void =>
      this.#client.send(payloadOf(message.openFailure, clientId, reason, why, ''))
    if (!isSession && type !== 'direct-tcpip')
      return refuse(openFailure.unknownType, `${type.slice(0, 80)} is not offered here`)
    if (isSession && !this.#mayOpenSessions())
      return refuse(openFailure.prohibited, 'no more sessions, as asked')
    if (!isSession && !isLoopback(reader.text()))
      return refuse(openFailure.prohibited, "only the instance's own localhost can be reached")
    if (this.#channels.size >= channelsMax) return refuse(openFailure.shortage, 'too many channels are open')
    const number = this.#freeNumber()
    this.#channels.set(number, { ...newChannel, number, isSession, clientId, answers: [] })
    // Type, then the sender's number, its window and the bytes that a packet may have.
    const idAt = 5 + type.length
    payload.writeUInt32BE(number, idAt)
    payload.writeUInt32BE(Math.min(packetBytes, packetBytesMax), idAt + 8)
    this.#instance.send(payload)
  }

  #requestFromClient(channel: Channel, payload: Buffer): void {
    const reader = new Reader(payload)
    reader.number()
    const request = reader.text()
    const isAnswered = reader.boolean()
    const detail = request === 'env' || request === 'subsystem' ? reader.text() : ''
    const isPassed = channel.isSession && mayAsk(request, detail)
    if (isAnswered) channel.answers.push(isPassed ? 'instance' : 'refused')
    if (isPassed) handOn(this.#instance, channel.instanceId, payload)
    else this.#answerRefusals(channel)
  }

  /** Answers bear no name: the client takes them in the order of its requests. */
  #answerRefusals(channel: Channel): void {
    while (channel.answers[0] === 'refused') {
      channel.answers.shift()
      this.#client.send(payloadOf(message.failure, channel.clientId))
    }
  }

  #fromInstance(payload: Buffer): void {
    const type = payload[0] ?? 0
    if (type === message.open) return this.#openFromInstance(payload)
    const channel = this.#channels.get(payload.readUInt32BE(1))
    if (!channel || channel.isClosedByInstance) return
    switch (type) {
      case message.openConfirmation:
        if (channel.instanceId !== null) return
        channel.instanceId = payload.readUInt32BE(5)
        payload.writeUInt32BE(channel.number, 5)
        payload.writeUInt32BE(Math.min(payload.readUInt32BE(13), packetBytesMax), 13)
        break
      case message.openFailure:
        if (channel.instanceId !== null) return
        this.#channels.delete(channel.number)
        break
      case message.request:
        return this.#requestFromInstance(channel, payload)
      case message.success:
      case message.failure:
        if (channel.answers.shift() === undefined) return
        handOn(this.#client, channel.clientId, payload)
        return this.#answerRefusals(channel)
      case message.data:
      case message.extendedData:
        this.#meter.out(payload.length)
        break
      case message.close:
        channel.isClosedByInstance = true
        this.#forgetClosed(channel)
        break
      default:
    }
    handOn(this.#client, channel.clientId, payload)
  }

  #openFromInstance(payload: Buffer): void {
    const reader = new Reader(payload)
    reader.text()
    const why = 'nothing is forwarded from an instance'
    this.#instance.send(payloadOf(message.openFailure, reader.number(), openFailure.prohibited, why, ''))
  }

  #requestFromInstance(channel: Channel, payload: Buffer): void {
    const reader = new Reader(payload)
    reader.number()
    const request = reader.text()
    const isAnswered = reader.boolean()
    if (request === 'exit-status' || request === 'exit-signal') channel.hasExited = true
    if (mayTell(request)) return handOn(this.#client, channel.clientId, payload)
    // Also sshd's question whether we are still there, which is ours to answer.
    if (isAnswered && channel.instanceId !== null)
      this.#instance.send(payloadOf(message.failure, channel.instanceId))
  }

  #hangUpSession(channel: Channel): void {
    if (!channel.isSession || channel.hasExited || channel.instanceId === null) return
    if (channel.isClosedByClient || channel.isClosedByInstance) return
    // sshd ends only what has a terminal when its client goes; this ends the rest, but not what ignores a
    // hang-up.
    this.#instance.send(payloadOf(message.request, channel.instanceId, 'signal', false, 'HUP'))
  }

  #forgetClosed(channel: Channel): void {
    if (channel.isClosedByClient && channel.isClosedByInstance) this.#channels.delete(channel.number)
  }

  #freeNumber(): number {
    do this.#last = (this.#last + 1) % 2 ** 31
    while (this.#channels.has(this.#last))
    return this.#last
  }
}

/** Hands a message on to the side that knows the channel by the number. */
function handOn(to: Wire, id: number | null, payload: Buffer): void {
  if (id === null) return
  payload.writeUInt32BE(id, 1)
  to.send(payload)
}

/** Reads one side's messages; stops reading it while the other side does not take what it is sent. */
function join(from: Wire, to: Wire, take: (payload: Buffer) => void): void {
  from.onMessage = take
  // One write for all packets of a read: ssh2 writes each in three pieces.
  from.socket.prependListener('data', () => to.socket.cork())
  from.socket.on('data', () => {
    to.socket.uncork()
    if (to.socket.writableLength < unsentBytesMax || from.socket.isPaused()) return
    from.socket.pause()
    to.socket.once('drain', () => from.socket.resume())
  })
}

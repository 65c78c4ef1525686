import { openFailure } from './ssh.rules.ts'
import { message, payloadOf, Reader, type Wire } from './ssh.wire.ts'

/** OpenSSH's own code for "it is the connection, not your command". */
const exitStatus = 255

/** Room for what a client may send before it reads the answer. */
const windowBytes = 64 * 1024

/**
 * Answers every session of an admitted client with one line on its error output and exit status 255,
 * whatever it asks for. Calls `done` when a session has read it.
 */
export function refuseSessions(client: Wire, line: string, done: () => void): void {
  const clientIds = new Map<number, number>()
  const begins: ReadonlySet<string> = new Set(['shell', 'exec', 'subsystem'])

  const open = (payload: Buffer): void => {
    const reader = new Reader(payload)
    const type = reader.text()
    const clientId = reader.number()
    if (type !== 'session' || clientIds.size >= 10)
      return client.send(payloadOf(message.openFailure, clientId, openFailure.connectFailed, line, ''))
    const number = clientIds.size
    clientIds.set(number, clientId)
    client.send(payloadOf(message.openConfirmation, clientId, number, windowBytes, windowBytes / 2))
  }
  const request = (clientId: number, payload: Buffer): void => {
    const reader = new Reader(payload)
    reader.number()
    const asked = reader.text()
    if (reader.boolean()) client.send(payloadOf(message.success, clientId))
    if (!begins.has(asked)) return
    client.send(payloadOf(message.extendedData, clientId, 1, `gpuhour: ${line}\r\n`))
    client.send(payloadOf(message.request, clientId, 'exit-status', false, exitStatus))
    client.send(payloadOf(message.eof, clientId))
    client.send(payloadOf(message.close, clientId))
  }
  client.onMessage = (payload) => {
    const type = payload[0]
    if (type === message.open) return open(payload)
    const clientId = clientIds.get(payload.readUInt32BE(1))
    if (clientId === undefined) return
    if (type === message.request) request(clientId, payload)
    if (type === message.close) done()
  }
}

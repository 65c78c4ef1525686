import type { Socket } from 'node:net'
import type { Clock } from '../kernel/clock.ts'

/** Ends the socket unless it connects within the time. For a socket that is connecting. */
export function connectWithin(socket: Socket, ms: number, clock: Clock): void {
  const settled = new AbortController()
  const settle = (): void => settled.abort()
  socket.once('connect', settle)
  socket.once('close', settle)
  clock.sleep(ms, settled.signal).then(
    () => socket.destroy(new Error(`no connection within ${ms} ms`)),
    () => {},
  )
}

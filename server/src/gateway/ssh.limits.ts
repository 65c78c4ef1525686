import type { Socket } from 'node:net'
import type { Clock } from '../kernel/clock.ts'
import { secondMs } from '../kernel/time.ts'

/** Connections at most, whoever they are. */
const connectionsMax = 5000

/** Clients that have not shown a key yet: of all addresses, and of one. */
const waitingMax = 200
const waitingOfOneMax = 30

/**
 * Failed visits that an address may have at once, and how many it gets back each second: a person's typing
 * errors.
 */
const failuresMax = 60
const failuresBackPerS = 1

/** Who is at the SSH door, and who was there too often in vain. */
export interface Visitors {
  /** Counts a newcomer; false: send it away at once. */
  arrived(socket: Socket): boolean
  /** It has shown a key that we know. */
  admitted(socket: Socket): void
  isWaiting(socket: Socket): boolean
}

interface Address {
  waiting: number
  failures: number
  countedAt: number
}

/** Starts with nobody at the door. */
export function openVisitors(clock: Clock): Visitors {
  const addresses = new Map<string, Address>()
  const waiting = new Map<Socket, Address>()
  let open = 0

  const addressOf = (name: string): Address => {
    const found = addresses.get(name) ?? { waiting: 0, failures: 0, countedAt: clock.monotonic() }
    const back = ((clock.monotonic() - found.countedAt) / secondMs) * failuresBackPerS
    found.failures = Math.max(0, found.failures - back)
    found.countedAt = clock.monotonic()
    addresses.set(name, found)
    return found
  }
  const left = (socket: Socket, name: string): void => {
    open -= 1
    const address = addressOf(name)
    if (waiting.delete(socket)) {
      address.waiting -= 1
      address.failures += 1
    }
    if (addresses.size < 10_000) return
    for (const [other, { waiting: here, failures }] of addresses)
      if (here === 0 && failures < 1) addresses.delete(other)
  }
  return {
    arrived(socket) {
      const name = socket.remoteAddress ?? ''
      const address = addressOf(name)
      const isTooMany =
        open >= connectionsMax || waiting.size >= waitingMax || address.waiting >= waitingOfOneMax
      if (isTooMany || address.failures >= failuresMax) return false
      open += 1
      address.waiting += 1
      waiting.set(socket, address)
      socket.once('close', () => left(socket, name))
      return true
    },
    admitted(socket) {
      const address = waiting.get(socket)
      if (address) address.waiting -= 1
      waiting.delete(socket)
    },
    isWaiting: (socket) => waiting.has(socket),
  }
}

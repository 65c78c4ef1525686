import type { DoorInstance } from '../identity/doors.ts'
import type { AllocationId, InstanceId } from '../kernel/ids.ts'
import type { Routes } from './routes.ts'

/**
 * Connections and requests of one instance at most, at either door: enough for a class, too few for a
 * flood.
 */
const openMax = 2000

/** Something that is open between a person and an instance. */
export interface Connection {
  readonly instance: InstanceId
  readonly allocation: AllocationId
  /** May this person still be here? */
  isGood(): boolean
  /** Cuts it. */
  end(): void
}

/** What is open now, each cut as soon as it may not be. */
export interface Connections {
  /** Takes it in until the returned function is called; null where the instance has too many already. */
  add(connection: Connection): (() => void) | null
  /** Cuts everything. */
  close(): void
}

/** Seen running, or running and out of sight: what is open stays open. */
function isOpenFor(instance: DoorInstance | null, connection: Connection): boolean {
  if (instance === null || instance.allocation !== connection.allocation) return false
  return (instance.state === 'running' || instance.state === 'unreachable') && connection.isGood()
}

/** Watches the routes: a stop closes both doors at once, and so does a right that was taken away. */
export function openConnections(routes: Routes): Connections {
  const open = new Map<InstanceId, Set<Connection>>()
  const stopWatching = routes.onChange(() => {
    for (const [id, connections] of open) {
      const instance = routes.instance(id)
      for (const connection of connections) if (!isOpenFor(instance, connection)) connection.end()
    }
  })
  return {
    add(connection) {
      const others = open.get(connection.instance) ?? new Set()
      if (others.size >= openMax) return null
      open.set(connection.instance, others.add(connection))
      return () => {
        others.delete(connection)
        if (others.size === 0 && open.get(connection.instance) === others) open.delete(connection.instance)
      }
    },
    close() {
      stopWatching()
      for (const connections of open.values()) for (const connection of connections) connection.end()
    },
  }
}

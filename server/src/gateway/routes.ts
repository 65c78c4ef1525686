import {
  type DoorInstance,
  type DoorSession,
  type DoorTable,
  type KeyHolder,
  readDoor,
  readDoors,
  readDoorSessions,
  sessionsChanged,
} from '../identity/doors.ts'
import type { Clock } from '../kernel/clock.ts'
import { messageOf } from '../kernel/errors.ts'
import { hostLabelOf, type InstanceId, isId, type PersonId, sha256Hex } from '../kernel/ids.ts'
import { minuteMs, secondMs } from '../kernel/time.ts'
import type { Store, Tx } from '../store/store.ts'

/** A notification can be lost; nothing stays wrong for longer. */
const resyncMs = 10 * secondMs

/** After this long without the database the doors open for nobody new: rights may have changed. */
const staleMs = 10 * minuteMs

/** What is tried again when the database does not answer. */
const retryMs = 500

/** What the gateway writes; pino's logger is one. */
export interface GatewayLog {
  info(detail: object, message: string): void
  warn(detail: object, message: string): void
  error(detail: object, message: string): void
}

/** What the doors know without asking: instances, where they are dialled, who may enter. */
export interface Routes {
  instance(id: InstanceId): DoorInstance | null
  /** By the host label, `ins-…`. */
  labelled(label: string): DoorInstance | null
  /** The session of a cookie's secret, if it is still good for this instance and port. */
  session(secret: string, instance: InstanceId, port: number): DoorSession | null
  /** Is this session still good? Asked again whenever something changed. */
  isGood(session: DoorSession): boolean
  /** Takes in a session that was opened here a moment ago. */
  remember(session: DoorSession): void
  holderOf(fingerprint: string): KeyHolder | null
  mayConnect(person: PersonId, instance: DoorInstance): boolean
  /** Instances of that id, or of that name, which the person may connect to. */
  named(person: PersonId, name: string): readonly DoorInstance[]
  /** Reads everything again; resolves when it is read, however long the database takes. */
  refresh(): Promise<void>
  /** Has the database been silent for more than ten minutes? */
  isStale(): boolean
  /** Calls back after every change; returns what ends that. */
  onChange(changed: () => void): () => void
  /** Resolves when everything that was known to have changed is read. */
  close(): Promise<void>
}

interface Parts {
  readonly store: Store
  readonly clock: Clock
  readonly log: GatewayLog
}

const everything = 'everything'

/** What has to be read anew. */
type Stale = typeof everything | typeof sessionsChanged | InstanceId

/** The table itself, and what is asked of it. Nothing in here waits. */
class Table {
  readonly #clock: Clock
  #instances = new Map<InstanceId, DoorInstance>()
  #labels = new Map<string, InstanceId>()
  #sessions = new Map<string, { readonly session: DoorSession; readonly addedAt: number }>()
  #keys: DoorTable['keys'] = new Map()
  #connects: DoorTable['connects'] = new Map()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  instance(id: InstanceId): DoorInstance | null {
    return this.#instances.get(id) ?? null
  }

  labelled(label: string): DoorInstance | null {
    const id = this.#labels.get(label)
    return id === undefined ? null : this.instance(id)
  }

  session(secret: string, instance: InstanceId, port: number): DoorSession | null {
    const found = this.#sessions.get(sha256Hex(secret))?.session
    if (!found || found.instance !== instance || found.port !== port) return null
    return found.expiresAt > this.#clock.now() && this.isGood(found) ? found : null
  }

  isGood(session: DoorSession): boolean {
    const instance = this.instance(session.instance)
    return this.#sessions.has(session.hash) && instance !== null && this.mayConnect(session.person, instance)
  }

  remember(session: DoorSession): void {
    this.#sessions.set(session.hash, { session, addedAt: this.#clock.monotonic() })
  }

  holderOf(fingerprint: string): KeyHolder | null {
    return this.#keys.get(fingerprint) ?? null
  }

  mayConnect(person: PersonId, instance: DoorInstance): boolean {
    return this.#connects.get(person)?.has(instance.organization) ?? false
  }

  named(person: PersonId, name: string): readonly DoorInstance[] {
    const exact = isId('instance', name) ? this.instance(name) : null
    if (exact) return this.mayConnect(person, exact) ? [exact] : []
    const named = [...this.#instances.values()].filter(
      (one) => one.name === name && this.mayConnect(person, one),
    )
    return named.sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  put(id: InstanceId, instance: DoorInstance | null): void {
    if (instance === null) {
      this.#instances.delete(id)
      this.#labels.delete(hostLabelOf(id))
      return
    }
    this.#instances.set(id, instance)
    this.#labels.set(hostLabelOf(id), id)
  }

  /** A session that was remembered after the reading began is not in it, and stays. */
  putSessions(sessions: readonly DoorSession[], readFrom: number): void {
    const kept = [...this.#sessions].filter(([, { addedAt }]) => addedAt >= readFrom)
    this.#sessions = new Map(kept)
    for (const session of sessions)
      if (!this.#sessions.has(session.hash)) this.#sessions.set(session.hash, { session, addedAt: -Infinity })
  }

  replace(table: DoorTable, readFrom: number): void {
    this.#instances = new Map(table.instances.map((instance) => [instance.id, instance]))
    this.#labels = new Map(table.instances.map(({ id }) => [hostLabelOf(id), id]))
    this.#keys = table.keys
    this.#connects = table.connects
    this.putSessions(table.sessions, readFrom)
  }
}

/**
 * Keeps the table true: what is known to have changed is read in one go, and again until it could be read.
 */
class Reading {
  readonly #parts: Parts
  readonly #table: Table
  readonly #signal: AbortSignal
  readonly #stale = new Set<Stale>()
  readonly listeners = new Set<() => void>()
  #under: Promise<void> | null = null
  #readAt: number

  constructor(parts: Parts, table: Table, signal: AbortSignal) {
    this.#parts = parts
    this.#table = table
    this.#signal = signal
    this.#readAt = parts.clock.monotonic()
  }

  /** Resolves when a reading that began after this call is done, or when the signal has fired. */
  want(part: Stale): Promise<void> {
    this.#stale.add(part)
    this.#under ??= this.#readAll().finally(() => (this.#under = null))
    return this.#under
  }

  isStale(): boolean {
    return this.#parts.clock.monotonic() - this.#readAt > staleMs
  }

  /** Reads everything every ten seconds until the signal fires. */
  async resync(): Promise<void> {
    while (!this.#signal.aborted) {
      await this.#parts.clock.sleep(resyncMs, this.#signal).catch(() => {})
      await this.want(everything)
    }
  }

  async #readAll(): Promise<void> {
    const { clock, log } = this.#parts
    let isWarned = false
    while (this.#stale.size > 0 && !this.#signal.aborted) {
      try {
        await this.#readOnce()
      } catch (error) {
        if (!isWarned)
          log.warn({ cause: messageOf(error) }, 'the routes cannot be read; the last ones stay in use')
        isWarned = true
        await clock.sleep(retryMs, this.#signal).catch(() => {})
      }
    }
  }

  async #readOnce(): Promise<void> {
    const due: readonly Stale[] = this.#stale.has(everything) ? [everything] : [...this.#stale]
    this.#stale.clear()
    const from = this.#parts.clock.monotonic()
    try {
      await this.#parts.store.read(async (tx) => {
        for (const part of due) await this.#readPart(tx, part, from)
      })
    } catch (error) {
      for (const part of due) this.#stale.add(part)
      throw error
    }
    this.#readAt = from
    for (const changed of this.listeners) changed()
  }

  async #readPart(tx: Tx, part: Stale, from: number): Promise<void> {
    if (part === everything) this.#table.replace(await readDoors(tx), from)
    else if (part === sessionsChanged) this.#table.putSessions(await readDoorSessions(tx), from)
    else this.#table.put(part, await readDoor(tx, part))
  }
}

/**
 * Reads the table, and keeps it true by notifications and by reading all of it every ten seconds. Resolves
 * when it was read once; waits for the database as long as that takes. While the database is away the table
 * stays as it is.
 */
export async function openRoutes(parts: Parts, signal: AbortSignal): Promise<Routes> {
  const closed = new AbortController()
  const ended = AbortSignal.any([signal, closed.signal])
  const table = new Table(parts.clock)
  const reading = new Reading(parts, table, ended)
  // Listening comes first: what changes during the first reading is heard, and read again.
  const unlisten = await listening(parts, ended, (payload) => {
    if (isId('instance', payload) || payload === sessionsChanged) void reading.want(payload)
    else void reading.want(everything)
  })
  await reading.want(everything)
  const resynced = reading.resync()
  return {
    instance: (id) => table.instance(id),
    labelled: (label) => table.labelled(label),
    session: (secret, instance, port) => table.session(secret, instance, port),
    isGood: (session) => table.isGood(session),
    remember: (session) => table.remember(session),
    holderOf: (fingerprint) => table.holderOf(fingerprint),
    mayConnect: (person, instance) => table.mayConnect(person, instance),
    named: (person, name) => table.named(person, name),
    refresh: () => reading.want(everything),
    isStale: () => reading.isStale(),
    onChange(changed) {
      reading.listeners.add(changed)
      return () => reading.listeners.delete(changed)
    },
    async close() {
      closed.abort()
      await Promise.all([resynced, unlisten()])
    },
  }
}

/** Listens as soon as the database lets us; the store keeps it up from there. */
async function listening(
  { store, clock, log }: Parts,
  signal: AbortSignal,
  heard: (payload: string) => void,
): Promise<() => Promise<void>> {
  while (!signal.aborted) {
    try {
      return await store.listen(['routes'], (_, payload) => heard(payload))
    } catch (error) {
      log.warn({ cause: messageOf(error) }, 'cannot listen for changed routes yet')
      await clock.sleep(retryMs, signal).catch(() => {})
    }
  }
  return async () => {}
}

import { AppError } from '../../server/src/kernel/errors.ts'
import type { Store, Tx } from '../../server/src/store/store.ts'

/**
 * The process was killed here. Whoever catches it is dead as well: everything it calls afterwards throws it
 * again.
 */
export class Killed extends Error {
  constructor(where: string) {
    super(`killed ${where}`)
    this.name = 'Killed'
  }
}

/** Where in a transaction something goes wrong. */
export const failpoints = ['before it begins', 'before the commit', 'after the commit'] as const
export type Failpoint = (typeof failpoints)[number]

/** One transaction at a time, first come first served: so that the same seed gives the same history. */
export function oneAtATime(store: Store): Store {
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work)
    last = mine.catch(() => undefined)
    return mine
  }
  return {
    ...store,
    transact: (run) => inTurn(() => store.transact(run)),
    read: (run) => inTurn(() => store.read(run)),
  }
}

interface Armed {
  readonly failpoint: Failpoint
  readonly deadly: boolean
  /** So many transactions pass before it. */
  after: number
}

/** A process's way to the database, which can be cut at named points. */
export class Failable {
  readonly store: Store
  #armed: Armed | null = null
  #death: Killed | null = null
  /** Something was made to fail since this was last asked. */
  #hasFailed = false

  constructor(store: Store) {
    this.store = {
      ...store,
      transact: (run) => this.#transact(store, run),
      read: (run) => this.#read(store, run),
    }
  }

  /** After so many transactions the next one fails at the point; deadly: and the process with it. */
  arm(failpoint: Failpoint, deadly: boolean, after: number): void {
    this.#armed = { failpoint, deadly, after }
  }

  disarm(): void {
    this.#armed = null
  }

  get isDead(): boolean {
    return this.#death !== null
  }

  /** Kills the process from outside. */
  kill(): void {
    this.#death ??= new Killed('from outside')
    this.#hasFailed = true
  }

  /** Throws where the process is dead: what is dead sends no commands either. */
  requireAlive(): void {
    if (this.#death) throw this.#death
  }

  /** Whether anything was made to fail since the last call. */
  takeFailure(): boolean {
    const had = this.#hasFailed
    this.#hasFailed = false
    return had
  }

  async #read<T>(store: Store, run: (tx: Tx) => Promise<T>): Promise<T> {
    const value = await store.read((tx) => this.#alive(() => run(tx)))
    this.requireAlive()
    return value
  }

  /** It may have died while this waited for its turn. */
  #alive<T>(work: () => Promise<T>): Promise<T> {
    this.requireAlive()
    return work()
  }

  async #transact<T>(store: Store, run: (tx: Tx) => Promise<T>): Promise<T> {
    this.requireAlive()
    const armed = this.#armed
    if (!armed || armed.after > 0) {
      if (armed) armed.after -= 1
      return store.transact((tx) => this.#alive(() => run(tx)))
    }
    this.#armed = null
    if (armed.failpoint === 'before it begins') this.#fail(armed)
    const value = await store.transact(async (tx) => {
      const ran = await this.#alive(() => run(tx))
      if (armed.failpoint === 'before the commit') this.#fail(armed)
      return ran
    })
    return armed.failpoint === 'after the commit' ? this.#fail(armed) : value
  }

  #fail({ failpoint, deadly }: Armed): never {
    this.#hasFailed = true
    if (!deadly) throw new AppError('unavailable', `The database went away ${failpoint}.`)
    this.#death = new Killed(failpoint)
    throw this.#death
  }
}

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SimulatedClock } from '../../server/src/kernel/clock.ts'
import { seededIds } from '../../server/src/kernel/ids.ts'
import { instant } from '../../server/src/kernel/time.ts'
import { makeCreditKeeper } from '../../server/src/loops/credit_keeper.ts'
import { makeLeaseKeeper } from '../../server/src/loops/lease_keeper.ts'
import { makeLogKeeper } from '../../server/src/loops/log_keeper.ts'
import type { Loop, PassReport } from '../../server/src/loops/loop.ts'
import { makeMeter } from '../../server/src/loops/meter.ts'
import { makeObserver } from '../../server/src/loops/observer.ts'
import { makePlacer } from '../../server/src/loops/placer.ts'
import { makeReconciler } from '../../server/src/loops/reconciler.ts'
import { makeRegistrar } from '../../server/src/loops/registrar.ts'
import { endLease } from '../../server/src/loops/subjects.ts'
import { makeSweeper } from '../../server/src/loops/sweeper.ts'
import { emptyWorld } from '../../server/src/loops/world.ts'
import { DriverError } from '../../server/src/runtime/driver.ts'
import { SimulatedRuntime } from '../../server/src/runtime/simulated/simulated.ts'
import { SimulatedPool } from '../../server/src/runtime/simulated/volumes.ts'
import { type NodePlan, SimulatedWorld } from '../../server/src/runtime/simulated/world.ts'
import { openStore, type Store } from '../../server/src/store/store.ts'
import { type TestDatabase, testDatabase } from '../../server/src/store/testing.ts'
import { Chance } from './chance.ts'
import type { Look, Pass, StorageDoing } from './evidence.ts'
import { Failable, Killed, oneAtATime } from './failpoints.ts'
import { watchedPool, Wire } from './wire.ts'

/** Not on the hour, and not at midnight: boundaries come on the way. */
const beginning = instant(Date.UTC(2026, 9, 24, 20, 17, 3, 217))

/** Reading the clock takes so long at most: time moves on within a transaction, too. */
const readingMsMax = 2

const installation = 'plt_simulation'

/** One life of the controller: what dies with it. */
interface Controller {
  readonly process: Failable
  /** Ends with the process: what it had open is closed. */
  readonly life: AbortController
  readonly wire: Wire
  readonly driver: SimulatedRuntime
  readonly loops: ReadonlyMap<string, Loop>
}

/**
 * The whole platform but its processes: real database and rooms, a simulated clock and world, loops that are
 * called.
 */
export class Platform {
  readonly clock: SimulatedClock
  readonly world: SimulatedWorld
  readonly api: Failable
  readonly looks: Look[] = []
  readonly passes: Pass[] = []
  readonly storage: StorageDoing[] = []
  /** What went wrong without having been made to. */
  readonly troubles: string[] = []
  readonly #chance: Chance
  readonly #database: TestDatabase
  readonly #store: Store
  readonly #dataDir: string
  readonly #pool = new SimulatedPool()
  #controller: Controller | null = null
  #passBeganAt = 0

  constructor(
    seed: string,
    clock: SimulatedClock,
    database: TestDatabase,
    dataDir: string,
    nodes: readonly NodePlan[],
  ) {
    this.clock = clock
    this.#database = database
    this.#dataDir = dataDir
    this.#chance = new Chance(seed, 'platform')
    this.world = new SimulatedWorld({ clock, seed, nodes })
    const ids = seededIds(seed, () => clock.now())
    const reading = new Chance(seed, 'clock')
    const read = async () => {
      await clock.advance(reading.between(0, readingMsMax))
      return clock.now()
    }
    this.#store = oneAtATime(openStore({ url: database.url, clock: read, ids, poolMax: 2 }))
    this.api = new Failable(this.#store)
  }

  static async open(seed: string, nodes: readonly NodePlan[]): Promise<Platform> {
    const database = await testDatabase()
    const dataDir = await mkdtemp(join(tmpdir(), 'gpuhour-simulation-'))
    return new Platform(seed, new SimulatedClock(beginning), database, dataDir, nodes)
  }

  async close(): Promise<void> {
    await this.#store.close()
    await this.#database.drop()
    await rm(this.#dataDir, { recursive: true, force: true })
  }

  /** The database as the harness sees it: nothing fails here. */
  get store(): Store {
    return this.#store
  }

  get isUp(): boolean {
    return this.#controller !== null && !this.#controller.process.isDead
  }

  /** The controller that runs; asked for only while one does. */
  get controller(): Controller {
    if (!this.#controller) throw new Error('no controller runs')
    return this.#controller
  }

  /** Throws the controller away, with all that it remembered. */
  kill(): void {
    this.#controller?.process.kill()
    this.#controller?.life.abort()
    this.#controller = null
  }

  /** Starts a controller as `main` does: it registers the nodes, and looks once before anything else. */
  async start(): Promise<void> {
    this.#controller = this.#make()
    for (const loop of ['registrar', 'observer']) if (this.isUp) await this.pass(loop)
  }

  /** One pass of a loop; null where it failed as it was made to. */
  async pass(name: string): Promise<PassReport | null> {
    // Two things never happen in the same millisecond: what is recorded tells by whom.
    await this.clock.advance(1)
    const report = await this.#pass(name, this.controller)
    await this.clock.advance(1)
    return report
  }

  /** A pass in which an answer, a command or a reply is on its way while the work is done. */
  async passHeld(what: 'answer' | 'command' | 'reply' | 'volume', work: () => Promise<void>): Promise<void> {
    await this.clock.advance(1)
    const { wire } = this.controller
    const released = Promise.withResolvers<void>()
    const reached = wire.hold(what, released.promise)
    const pass = this.#pass(what === 'answer' ? 'observer' : 'reconciler', this.controller)
    await Promise.race([reached, pass])
    wire.holdNothing()
    try {
      await work()
    } finally {
      await this.clock.advance(1)
      released.resolve()
      await pass
      await this.clock.advance(1)
    }
  }

  async #pass(name: string, { loops, process, life }: Controller): Promise<PassReport | null> {
    const loop = loops.get(name)
    if (!loop) throw new Error(`there is no loop ${name}`)
    const from = this.clock.now()
    this.#passBeganAt = from
    const looksBefore = this.looks.length
    let report: PassReport | null = null
    try {
      report = await loop.pass(life.signal)
    } catch (error) {
      this.#note(name, error)
    }
    const isWhole = !process.takeFailure() && report !== null
    const to = this.clock.now()
    this.passes.push({ loop: name, from, to, isWhole })
    const look = this.looks[looksBefore]
    if (name === 'observer' && look) [look.endedAt, look.isWhole] = [to, isWhole]
    if (process.isDead && this.#controller?.process === process) this.kill()
    return isWhole ? report : null
  }

  #make(): Controller {
    const { clock, world } = this
    const process = new Failable(this.#store)
    const driver = new SimulatedRuntime({ world, installation })
    const onLook = (look: Look): void => void this.looks.push(look)
    const beganAt = (): number => this.#passBeganAt
    const wire = new Wire({ driver, clock, chance: this.#chance, process, beganAt, onLook })
    const pool = watchedPool(this.#pool, clock, process, wire, (doing) => this.storage.push(doing))
    const remembered = emptyWorld()
    const onTrouble = (_subject: string, what: string, error: unknown): void => this.#note(what, error)
    const { store } = process
    const background = { nudgeObserver: () => {}, onTrouble, inBackground: false }
    const loops = [
      makeObserver(store, wire, remembered),
      makeRegistrar(store, wire),
      makePlacer(store),
      makeReconciler({ store, driver: wire, pool, world: remembered, clock, ...background }),
      makeMeter(store),
      makeLeaseKeeper(store, endLease),
      makeCreditKeeper(store),
      makeLogKeeper({ store, driver: wire, world: remembered, clock, dataDir: this.#dataDir, onTrouble }),
      makeSweeper({ store, driverName: wire.name, pool, onTrouble }),
    ]
    return {
      process,
      life: new AbortController(),
      wire,
      driver,
      loops: new Map(loops.map((loop) => [loop.name, loop])),
    }
  }

  #note(what: string, error: unknown): void {
    const errors = error instanceof AggregateError ? error.errors : [error]
    for (const one of errors)
      if (!isExpected(one)) this.troubles.push(`${what}: ${String(one?.stack ?? one)}`)
  }
}

/** What faults that were made on purpose look like to a loop. */
function isExpected(error: unknown): boolean {
  if (error instanceof Killed || error instanceof DriverError) return true
  return error instanceof Error && 'code' in error && error.code === 'unavailable'
}

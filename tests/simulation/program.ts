import { createHash } from 'node:crypto'
import { Chance } from './chance.ts'
import { Customers } from './customers.ts'
import type { Evidence, Pass } from './evidence.ts'
import { Faults } from './faults.ts'
import { brokenInvariants } from './invariants.ts'
import { nodes, type Party, type Scale, settleIn } from './plan.ts'
import { Platform } from './platform.ts'

/** What a history came to. */
export interface Outcome {
  readonly seed: string
  readonly evidence: Evidence
  /** What went wrong without having been made to, and every invariant that was broken. */
  readonly troubles: readonly string[]
  readonly launched: number
  readonly simulatedMs: number
  readonly faults: ReadonlyMap<string, number>
  /** Of everything that happened and was charged: equal for equal seeds. */
  readonly digest: string
}

/** How likely each loop is to pass in one step. Whoever is late is late as in a busy process. */
const cadence: readonly (readonly [loop: string, probability: number])[] = [
  ['observer', 0.92],
  ['reconciler', 0.8],
  ['lease_keeper', 0.7],
  ['credit_keeper', 0.5],
  ['placer', 0.6],
  ['log_keeper', 0.5],
  ['meter', 0.4],
  ['sweeper', 0.35],
  ['registrar', 0.02],
]

const errandProbability = 0.15

/** How likely something goes wrong in one step: some seeds are calm, some are a bad day. */
const faultProbabilities: readonly number[] = [0.03, 0.08, 0.15, 0.3]

/** How likely an answer of the nodes is on its way while everything else goes on. */
const heldProbability = 0.05

/** Whatever was deleted is gone long before. */
const clearingMsMax = 3 * 3_600_000

/** One history: steps of time, each with passes, errands and faults in an order that the seed determines. */
class History {
  readonly #seed: string
  readonly #scale: Scale
  readonly #platform: Platform
  readonly #customers: Customers
  readonly #faults: Faults
  readonly #chance: Chance
  readonly #beganAt: number
  readonly #faultProbability: number
  readonly #broken: string[] = []

  constructor(seed: string, scale: Scale, platform: Platform, parties: readonly Party[]) {
    this.#seed = seed
    this.#scale = scale
    this.#platform = platform
    this.#chance = new Chance(seed, 'program')
    this.#customers = new Customers(platform, parties, new Chance(seed, 'customers'), seed)
    const names = nodes.map(({ name }) => name)
    this.#faults = new Faults(platform, new Chance(seed, 'faults'), names)
    this.#beganAt = platform.clock.now()
    this.#faultProbability = this.#chance.pick(faultProbabilities)
  }

  async run(): Promise<Outcome> {
    for (const party of this.#customers.parties) await this.#customers.grant(party, party.amount)
    const { hours, launches } = this.#scale
    const until = this.#beganAt + hours * 3_600_000
    while (this.#platform.clock.now() < until || this.#customers.launched < launches) await this.#step()
    await this.#clear()
    return this.#outcome()
  }

  async #step(): Promise<void> {
    const chance = this.#chance
    await this.#pass()
    this.#faults.heal()
    await this.#restartIfDue()
    if (chance.happens(this.#faultProbability)) await this.#faults.strike()
    if (chance.happens(errandProbability)) await this.#customers.errand()
    if (chance.happens(0.01))
      await this.#customers.keepBill(chance.pick(this.#customers.parties), this.#beganAt)
    const due = cadence.filter(([, probability]) => chance.happens(probability)).map(([loop]) => loop)
    if (this.#platform.isUp && chance.happens(heldProbability)) {
      const what = chance.pick(['answer', 'answer', 'command', 'reply', 'volume'] as const)
      const itself = what === 'answer' ? 'observer' : 'reconciler'
      await this.#platform.passHeld(what, () => this.#meanwhile(due.filter((loop) => loop !== itself)))
    } else await this.#passes(chance.shuffled(due))
    if (chance.happens(0.1)) await this.#customers.look(chance.pick(this.#customers.parties))
    if (chance.happens(0.1)) await this.#check()
  }

  /** What goes on while an answer is on its way: other loops, an errand, a minute. */
  async #meanwhile(loops: readonly string[]): Promise<void> {
    const chance = this.#chance
    if (chance.happens(0.4)) await this.#customers.errand()
    await this.#passes(loops)
    if (chance.happens(0.3)) await this.#platform.clock.advance(chance.between(1000, 90_000))
    if (chance.happens(0.2)) await this.#customers.errand()
    if (chance.happens(0.3)) await this.#passes(chance.shuffled(loops))
  }

  /** Time goes by: mostly seconds, sometimes almost a minute. */
  async #pass(): Promise<void> {
    const chance = this.#chance
    const kind = chance.next()
    const ms =
      kind < 0.6
        ? chance.between(150, 3000)
        : kind < 0.85
          ? chance.between(3000, 20_000)
          : chance.between(20_000, 56_000)
    await this.#platform.clock.advance(ms)
  }

  async #restartIfDue(): Promise<void> {
    if (this.#platform.isUp || this.#platform.clock.now() < this.#faults.downUntil) return
    // What is killed comes back within a second or a few.
    if (this.#faults.downUntil === 0 || this.#chance.happens(0.5)) await this.#platform.start()
  }

  async #passes(loops: readonly string[]): Promise<void> {
    for (const loop of loops) {
      if (!this.#platform.isUp) return
      const report = await this.#platform.pass(loop)
      const last = this.#platform.passes.at(-1) ?? null
      if (loop === 'lease_keeper' && report && (report['ended'] ?? 0) > 0) await this.#lookAtAll(last)
    }
  }

  async #lookAtAll(afterKeeper: Pass | null): Promise<void> {
    for (const party of this.#customers.parties) await this.#customers.look(party, afterKeeper)
  }

  async #check(): Promise<void> {
    for (const broken of await brokenInvariants(this.#platform.store))
      if (!this.#broken.includes(broken)) this.#broken.push(broken)
  }

  /** Everybody leaves: all is deleted, and the platform works until nothing is left. */
  async #clear(): Promise<void> {
    const { clock } = this.#platform
    const until = clock.now() + clearingMsMax
    this.#faults.calm()
    for (let isDone = false; !isDone;) {
      if (clock.now() > until) {
        this.#broken.push(`what was deleted is still not gone after hours: ${await this.#rest()}`)
        return
      }
      await clock.advance(this.#chance.between(500, 8000))
      this.#faults.heal()
      // A container that somebody paused is out of sight until somebody lets it go on.
      for (const { id, pausedAt } of this.#platform.world.containers())
        if (pausedAt !== null) this.#platform.world.resume(id)
      if (!this.#platform.isUp) await this.#platform.start()
      await this.#passes(cadence.map(([loop]) => loop))
      isDone = await this.#leave()
    }
    // The meter settles what was recorded before it looks.
    for (const loop of ['meter', 'observer', 'meter']) await this.#platform.pass(loop)
    await this.#check()
  }

  /** Deletes what can be deleted now; true when nothing is left. */
  async #leave(): Promise<boolean> {
    let isEmpty = this.#platform.world.containers().length === 0
    for (const party of this.#customers.parties) {
      const { instances, runs, volumes } = await this.#customers.remaining(party)
      isEmpty &&= instances.length === 0 && runs.length === 0 && volumes.length === 0
      for (const { id, intent } of instances)
        if (intent !== 'deleted') await this.#customers.change('delete', id, party)
      for (const { id, intent } of runs) if (intent === 'running') await this.#customers.cancel(id, party)
      for (const { id, attachedTo } of volumes)
        if (attachedTo === null) await this.#customers.deleteVolume(id, party)
    }
    return isEmpty
  }

  /** What did not go, for the person who looks for the reason. */
  async #rest(): Promise<string> {
    const rest: string[] = this.#platform.world
      .containers()
      .map(({ id, state }) => `container ${id} ${state}`)
    for (const party of this.#customers.parties) {
      const { instances, runs, volumes } = await this.#customers.remaining(party)
      for (const { id, state, intent } of [...instances, ...runs])
        rest.push(`${id} ${state}, asked for ${intent}`)
      for (const { id, attachedTo } of volumes) rest.push(`${id} mounted by ${attachedTo ?? 'nobody'}`)
    }
    return rest.join('; ')
  }

  async #outcome(): Promise<Outcome> {
    const { clock, world, looks, passes, storage, troubles } = this.#platform
    const { asks, balances, earlierBills, parties, launched } = this.#customers
    const bills = []
    const lastBalances = []
    for (const party of parties) {
      const bill = await this.#customers.bill(party, this.#beganAt)
      if (bill) bills.push({ organization: party.organization, text: JSON.stringify(bill) })
      else this.#broken.push(`there is no last bill of ${party.name}`)
      lastBalances.push(await this.#customers.look(party))
    }
    await this.#check()
    const { clockSteps, echoes, made } = this.#faults
    const happenings = [...world.happenings]
    const left = world.containers().map(({ id }) => id)
    const evidence: Evidence = {
      ...{ beganAt: this.#beganAt, endedAt: clock.now(), looks, passes, asks, storage, balances, clockSteps },
      ...{ echoes, happenings, left, earlierBills, bills, lastBalances },
    }
    const told = JSON.stringify([happenings, bills, asks], (_, value) =>
      typeof value === 'bigint' ? `${value}` : value,
    )
    return {
      ...{ seed: this.#seed, evidence, launched, faults: made, simulatedMs: clock.now() - this.#beganAt },
      troubles: [...troubles, ...this.#broken],
      digest: createHash('sha256').update(told).digest('hex'),
    }
  }
}

/** Runs the history of a seed from beginning to end. */
export async function simulate(seed: string, scale: Scale): Promise<Outcome> {
  const platform = await Platform.open(seed, nodes)
  try {
    return await new History(seed, scale, platform, await settleIn(platform)).run()
  } finally {
    await platform.close()
  }
}

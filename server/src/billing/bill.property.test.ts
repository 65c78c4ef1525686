import assert from 'node:assert/strict'
import { after as afterAll, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { instant, type Instant, later } from '../kernel/time.ts'
import type { VolumeId } from '../kernel/ids.ts'
import { type TestDatabase, testDatabase } from '../store/testing.ts'
import type { OpenBill } from './billing.ts'
import { makeBoundary } from './billing.ts'
import { type Machine, Stage } from './testing.ts'

// Random histories through the real front doors: whatever happens, in whatever order and however it is cut,
// the published verifier agrees with our bill to the last nano, and the ledger with both.

const rates = { 'gpu.h100': 2_990_000_000n, cpu: 40_000_001n, volume: 97_222n }
const rich = 1_000_000_000_000n

type Step =
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'launch'; readonly quantity: number }
  | {
      readonly do: 'ready' | 'stop' | 'release' | 'silence' | 'notice' | 'back' | 'note'
      readonly who: number
    }
  | { readonly do: 'exit' | 'fault'; readonly who: number; readonly backMs: number }
  | { readonly do: 'create'; readonly sizeGib: number }
  | { readonly do: 'resize'; readonly who: number; readonly sizeGib: number }
  | { readonly do: 'reprice' | 'delete'; readonly who: number }
  | { readonly do: 'meter' | 'keep' | 'boundary' | 'bill' }

const who = fc.nat(7)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.oneof(fc.nat(59_000), fc.nat(5_000_000)),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('launch' as const), quantity: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'ready' as const,
        'ready' as const,
        'silence' as const,
        'notice' as const,
        'back' as const,
        'stop' as const,
        'release' as const,
        'note' as const,
      ),
      who,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('exit' as const, 'fault' as const),
      who,
      backMs: fc.nat(4_000_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('create' as const), sizeGib: fc.integer({ min: 1, max: 500 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('resize' as const),
      who,
      sizeGib: fc.integer({ min: 1, max: 500 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('reprice' as const, 'delete' as const), who }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('meter' as const, 'keep' as const, 'boundary' as const, 'bill' as const),
    }),
  },
)

interface Actor {
  readonly machine: Machine
  readyAt: Instant | null
  lastSeen: Instant
  isSilent: boolean
  isLost: boolean
  isClosed: boolean
  isReleased: boolean
}

/** What one history came to. */
interface Told {
  readonly total: string
  readonly perResource: ReadonlyMap<string, bigint>
}

class Teller {
  readonly stage: Stage
  readonly start: Instant
  readonly actors: Actor[] = []
  readonly volumes: { readonly id: VolumeId; isDeleted: boolean }[] = []
  readonly #withMeter: boolean
  #earlier: OpenBill | null = null

  constructor(stage: Stage, withMeter: boolean) {
    this.stage = stage
    this.start = stage.now()
    this.#withMeter = withMeter
  }

  async tell(steps: readonly Step[]): Promise<Told> {
    for (const one of steps) await this.#do(one)
    // Whoever is silent is found so, so that the period can be closed.
    this.stage.skip(61_000)
    await this.#sight()
    for (const actor of this.actors) await this.#notice(actor)
    await this.stage.keep()
    this.stage.skip(1)
    await this.stage.meter()
    this.stage.skip(1)
    const bill = await this.stage.verified(this.start, null, this.#earlier ?? undefined)
    await this.stage.audit()
    const perResource = new Map<string, bigint>()
    for (const { machine } of this.actors)
      perResource.set(machine.subject, await this.stage.charged(machine.allocation))
    for (const [index, { id }] of this.volumes.entries())
      perResource.set(`volume ${index}`, await this.stage.charged(id))
    return { total: bill.total, perResource }
  }

  /** All machines that are not silent were seen without a gap until now. */
  async #sight(): Promise<void> {
    await this.stage.look()
    for (const actor of this.actors) if (!actor.isSilent) actor.lastSeen = this.stage.now()
  }

  /** A gap of more than a minute is written before anything else that is learned. */
  async #notice(actor: Actor): Promise<void> {
    const gap = this.stage.now() - actor.lastSeen
    if (actor.readyAt === null || actor.isLost || actor.isReleased || gap <= 60_000) return
    actor.isLost = true
    await this.stage.tell(actor.machine, 'contact_lost', later(actor.lastSeen, actor.readyAt))
  }

  async #do(one: Step): Promise<void> {
    const { stage } = this
    switch (one.do) {
      case 'wait':
        stage.skip(one.ms)
        return this.#sight()
      case 'launch':
        return this.#launch(one.quantity)
      case 'create':
        this.volumes.push({ id: await stage.createVolume(one.sizeGib), isDeleted: false })
        return
      case 'resize':
      case 'reprice':
      case 'delete':
        return this.#store(one)
      case 'meter':
        if (this.#withMeter) await stage.meter()
        return
      case 'keep':
        return stage.keep()
      case 'boundary':
      case 'bill':
        return this.#cut(one.do)
      default: {
        const actor = this.actors[one.who % Math.max(1, this.actors.length)]
        if (actor && !actor.isReleased) await this.#play(actor, one)
      }
    }
  }

  async #launch(quantity: number): Promise<void> {
    const machine = await this.stage.launch([
      { sku: 'gpu.h100', quantity },
      { sku: 'cpu', quantity: 2 },
    ])
    if (!('lease' in machine)) return
    const lastSeen = this.stage.now()
    const flags = { isSilent: false, isLost: false, isClosed: false, isReleased: false }
    this.actors.push({ machine, readyAt: null, lastSeen, ...flags })
  }

  async #store(one: Extract<Step, { do: 'resize' | 'reprice' | 'delete' }>): Promise<void> {
    const volume = this.volumes[one.who % Math.max(1, this.volumes.length)]
    if (!volume || volume.isDeleted) return
    if (one.do === 'resize') {
      await this.stage.tellVolume(volume.id, { type: 'resized', at: 'now', data: { sizeGib: one.sizeGib } })
    } else if (one.do === 'reprice') {
      const data = { priceBook: this.stage.book }
      await this.stage.tellVolume(volume.id, { type: 'repriced', at: 'now', data })
    } else {
      volume.isDeleted = true
      await this.stage.tellVolume(volume.id, { type: 'deleted', at: 'now', data: {} })
    }
  }

  async #cut(how: 'boundary' | 'bill'): Promise<void> {
    const { stage } = this
    // A lease that is used up must have been recorded so before a period can end; what is learned in a
    // millisecond is known from the next one on.
    await stage.keep()
    stage.skip(1)
    await this.#sight()
    if (!this.#withMeter) return
    if (how === 'boundary') {
      await stage.store.transact((tx) => makeBoundary(tx, stage.organization))
      return
    }
    if (this.actors.some(({ isSilent }) => isSilent)) return
    this.#earlier = await stage.verified(this.start, null, this.#earlier ?? undefined)
  }

  async #play(
    actor: Actor,
    one: Exclude<Extract<Step, { who: number }>, { do: 'resize' | 'reprice' | 'delete' }>,
  ): Promise<void> {
    const { stage } = this
    const { machine } = actor
    switch (one.do) {
      case 'ready':
        if (actor.readyAt !== null || actor.isClosed) return
        actor.readyAt = stage.now()
        actor.lastSeen = stage.now()
        await stage.tell(machine, 'ready')
        return
      case 'silence':
        actor.isSilent = actor.readyAt !== null
        if (actor.isSilent) stage.silence(machine)
        return
      case 'notice':
        return this.#notice(actor)
      case 'back':
        return this.#return(actor)
      case 'stop':
        actor.isClosed = true
        await stage.tell(machine, 'stop_accepted')
        return
      case 'exit':
        if (actor.isSilent || actor.readyAt === null) return
        actor.isClosed = true
        await stage.tell(machine, 'exited', instant(stage.now() - Math.min(one.backMs, 30_000)))
        return
      case 'fault':
        actor.isClosed = true
        await stage.tell(machine, 'fault', instant(stage.now() - one.backMs))
        return
      case 'release':
        if (actor.readyAt !== null && !actor.isClosed) return
        actor.isReleased = true
        await stage.tell(machine, 'released')
        return
      case 'note':
        await stage.tell(machine, 'note')
    }
  }

  async #return(actor: Actor): Promise<void> {
    if (!actor.isSilent) return
    await this.#notice(actor)
    actor.isSilent = false
    actor.lastSeen = this.stage.now()
    if (actor.isLost && !actor.isClosed) await this.stage.tell(actor.machine, 'seen_again')
    else this.stage.sight(actor.machine)
    actor.isLost = false
  }
}

async function play(steps: readonly Step[], wallet: bigint, withMeter: boolean): Promise<Told> {
  const stage = await Stage.open({ start: '2026-03-02T00:20:00.000Z', timeZone: 'Asia/Kolkata' })
  try {
    await stage.publish(rates)
    await stage.grant(wallet)
    return await new Teller(stage, withMeter).tell(steps)
  } finally {
    await stage.close()
  }
}

const lifetimes = fc.array(step, { minLength: 10, maxLength: 60 })

describe('any history', () => {
  let keptOpen: TestDatabase
  before(async () => {
    keptOpen = await testDatabase()
  })
  afterAll(() => keptOpen.drop())

  it('gives a bill that verifies, however it is cut, and the same total uncut', async () => {
    await fc.assert(
      fc.asyncProperty(lifetimes, async (steps) => {
        const cut = await play(steps, rich, true)
        const uncut = await play(steps, rich, false)
        assert.deepEqual(cut, uncut)
      }),
      { numRuns: 12, endOnFailure: false },
    )
  })

  it('with an empty purse gives a bill that verifies and a wallet that is never overdrawn', async () => {
    await fc.assert(
      fc.asyncProperty(
        lifetimes,
        fc.bigInt({ min: 50_000_000n, max: 3_000_000_000n }),
        async (steps, wallet) => {
          await play(steps, wallet, true)
        },
      ),
      { numRuns: 12 },
    )
  })
})

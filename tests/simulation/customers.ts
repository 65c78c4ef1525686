import { balance, bill, canAfford, grant, type OpenBill } from '../../server/src/billing/billing.ts'
import * as catalog from '../../server/src/catalog/catalog.ts'
import * as compute from '../../server/src/compute/compute.ts'
import type { Asked } from '../../server/src/compute/purses.rules.ts'
import * as jobs from '../../server/src/jobs/jobs.ts'
import { AppError, isAppError } from '../../server/src/kernel/errors.ts'
import { asId, type InstanceId, type RunId, seededIds, type VolumeId } from '../../server/src/kernel/ids.ts'
import { nanos } from '../../server/src/kernel/money.ts'
import { instant } from '../../server/src/kernel/time.ts'
import { linesOf } from '../../server/src/pricing/flavors.rules.ts'
import { bookInForce } from '../../server/src/pricing/pricing.ts'
import { bySku } from '../../server/src/pricing/rules.ts'
import * as storage from '../../server/src/storage/storage.ts'
import type { Tx } from '../../server/src/store/store.ts'
import type { Chance } from './chance.ts'
import type { Ask, AskKind, BalanceAnswer, GivenBill, Pass } from './evidence.ts'
import { flavors, instanceImages, type Party, runImages } from './plan.ts'
import type { Platform } from './platform.ts'

const actor = 'per_customer'

/** Beside what is asked, what an ask is about. */
type About = Partial<Pick<Ask, 'home' | 'sizeGib' | 'amount' | 'timeLimitMs'>>

/**
 * The people who use the platform: they ask through the front doors, keep what they were answered, and ask
 * again.
 */
export class Customers {
  readonly asks: Ask[] = []
  readonly balances: BalanceAnswer[] = []
  readonly earlierBills: GivenBill[] = []
  readonly parties: readonly Party[]
  readonly #platform: Platform
  readonly #chance: Chance
  readonly #ids: ReturnType<typeof seededIds>
  readonly #instances: { readonly id: InstanceId; readonly party: Party }[] = []
  readonly #runs: { readonly id: RunId; readonly party: Party }[] = []
  readonly #volumes: { readonly id: VolumeId; readonly party: Party; gib: number }[] = []

  constructor(platform: Platform, parties: readonly Party[], chance: Chance, seed: string) {
    this.#platform = platform
    this.parties = parties
    this.#chance = chance
    this.#ids = seededIds(`${seed}/customers`, () => platform.clock.now())
  }

  get launched(): number {
    return this.#instances.length + this.#runs.length
  }

  /** One errand of somebody. */
  async errand(): Promise<void> {
    const chance = this.#chance
    const verbs: readonly (() => Promise<void>)[] = [
      ...[() => this.launch(), () => this.launch(), () => this.run(), () => this.run()],
      ...[() => this.#change('stop'), () => this.#change('stop'), () => this.#change('start')],
      ...[() => this.#change('start'), () => this.#change('restart'), () => this.#change('delete')],
      ...[
        () => this.#cancel(),
        () => this.#makeVolume(),
        () => this.#growVolume(),
        () => this.#deleteVolume(),
      ],
      () => this.grant(chance.pick(this.parties), BigInt(chance.between(1, 200)) * 10_000_000n),
    ]
    await chance.pick(verbs)()
  }

  /** An operator gives money. */
  async grant(party: Party, amount: bigint): Promise<void> {
    const id = this.#ids.make('transfer')
    const { organization } = party
    await this.#ask('grant', party, id, { amount }, async (tx) => {
      const result = await grant(tx, { organization, amount: nanos(amount), by: 'per_operator', id })
      if (!result.ok) throw new AppError('conflict', result.reason)
      return {}
    })
  }

  /** Somebody who may start something now. */
  async #starter(): Promise<Party> {
    const party = this.#chance.pick(this.parties)
    const other = this.parties.find(({ isSingle }) => !isSingle)
    return other && party.isSingle && (await this.#isBusy(party)) ? other : party
  }

  /** Whether anything of theirs is on its way, runs or is being ended. */
  async #isBusy(party: Party): Promise<boolean> {
    const { instances, runs } = await this.remaining(party)
    const off = ['stopped', 'failed', 'deleting']
    return runs.length > 0 || instances.some(({ state }) => !off.includes(state))
  }

  async launch(): Promise<void> {
    const chance = this.#chance
    const [party, id] = [await this.#starter(), this.#ids.make('instance')]
    const [flavor, image] = [chance.pick(flavors), chance.pick(instanceImages)]
    const homeGib = chance.between(1, 20)
    const { organization, project } = party
    this.#instances.push({ id, party })
    const asked = { subject: id, project, askedBy: actor, askedKey: null, job: null }
    await this.#ask('launch', party, id, { sizeGib: homeGib }, async (tx) => {
      if (!(await compute.instance(tx, id))) await requireFunds(tx, party, flavor, asked)
      const { instance } = await compute.create(tx, {
        ...{ id, organization, project, name: id, image, version: '1', flavor, homeGib },
        ...{ createdBy: actor, askedKey: null, requestHash: id },
      })
      return { home: instance.home }
    })
  }

  async run(): Promise<void> {
    const chance = this.#chance
    const [party, id] = [await this.#starter(), this.#ids.make('run')]
    const [flavor, image] = [chance.pick(flavors), chance.pick(runImages)]
    const timeLimitMs = chance.happens(0.3) ? chance.between(20, 900) * 1000 : null
    const own = this.#volumes.filter((volume) => volume.party === party)
    const mounted = own.length > 0 && chance.happens(0.3) ? chance.pick(own).id : null
    const { organization, project } = party
    this.#runs.push({ id, party })
    const asked = { subject: id, project, askedBy: actor, askedKey: null, job: id }
    await this.#ask('run', party, id, { timeLimitMs }, async (tx) => {
      if (!(await jobs.run(tx, id))) await requireFunds(tx, party, flavor, asked)
      const volume = mounted ? await storage.volume(tx, mounted) : null
      if (mounted && volume?.deletedAt !== null) throw new AppError('not_found', 'The volume is gone.')
      await jobs.create(tx, {
        ...{
          id,
          organization,
          project,
          name: id,
          image,
          version: '1',
          flavor,
          command: ['true'],
          environment: {},
        },
        ...{ volume: mounted, timeLimitMs: timeLimitMs === null ? null : BigInt(timeLimitMs) },
        ...{ createdBy: actor, askedKey: null, costLimit: null, requestHash: id },
      })
      return {}
    })
  }

  async #change(kind: 'start' | 'stop' | 'restart' | 'delete'): Promise<void> {
    if (this.#instances.length === 0) return
    const { id, party } = this.#chance.pick(this.#instances)
    if (kind === 'start' && party.isSingle && (await this.#isBusy(party))) return
    await this.change(kind, id, party)
  }

  async change(kind: 'start' | 'stop' | 'restart' | 'delete', id: InstanceId, party: Party): Promise<void> {
    const verbs = {
      start: compute.start,
      stop: compute.stop,
      restart: compute.restart,
      delete: compute.remove,
    }
    await this.#ask(kind, party, id, {}, async (tx) => {
      const row = await compute.instance(tx, id)
      if (row && kind === 'start' && (row.state === 'stopped' || row.state === 'failed'))
        await requireFunds(tx, party, row.flavor, compute.instanceLifecycle.asked(row))
      await verbs[kind](tx, id, actor)
      return {}
    })
  }

  async #cancel(): Promise<void> {
    if (this.#runs.length === 0) return
    const { id, party } = this.#chance.pick(this.#runs)
    await this.cancel(id, party)
  }

  async cancel(id: RunId, party: Party): Promise<void> {
    await this.#ask('cancel', party, id, {}, async (tx) => {
      await jobs.cancel(tx, id, actor)
      return {}
    })
  }

  async #makeVolume(): Promise<void> {
    const [party, id] = [this.#chance.pick(this.parties), this.#ids.make('volume')]
    const sizeGib = this.#chance.between(1, 200)
    const { organization, project } = party
    this.#volumes.push({ id, party, gib: sizeGib })
    await this.#ask('make volume', party, id, { sizeGib }, async (tx) => {
      await storage.request(tx, { id, organization, project, name: id, sizeGib, homeOf: null })
      return {}
    })
  }

  async #growVolume(): Promise<void> {
    if (this.#volumes.length === 0) return
    const volume = this.#chance.pick(this.#volumes)
    const sizeGib = volume.gib + this.#chance.between(1, 50)
    const answer = await this.#ask('grow volume', volume.party, volume.id, { sizeGib }, async (tx) => {
      await storage.resize(tx, volume.id, sizeGib)
      return {}
    })
    if (answer !== 'refused') volume.gib = sizeGib
  }

  async #deleteVolume(): Promise<void> {
    if (this.#volumes.length === 0) return
    const { id, party } = this.#chance.pick(this.#volumes)
    await this.deleteVolume(id, party)
  }

  async deleteVolume(id: VolumeId, party: Party): Promise<void> {
    await this.#ask('delete volume', party, id, {}, async (tx) => {
      await storage.remove(tx, id, false)
      return {}
    })
  }

  /** What the balance page shows now. */
  async look(party: Party, afterKeeper: Pass | null = null): Promise<BalanceAnswer> {
    const { organization } = party
    const shown = await this.#platform.store.read((tx) => balance(tx, organization))
    const { posted, held, available, receivable } = shown
    const answer = {
      at: this.#platform.clock.now(),
      organization,
      posted,
      held,
      available,
      receivable,
      afterKeeper,
    }
    this.balances.push(answer)
    return answer
  }

  /** The bill of everything up to now; null where it has to be asked for again later. */
  async bill(party: Party, from: number): Promise<OpenBill | null> {
    await this.#platform.clock.advance(1)
    try {
      return await this.#platform.store.transact((tx) =>
        bill(tx, party.organization, { from: instant(from), to: null }),
      )
    } catch (error) {
      if (isAppError(error) && error.code === 'unavailable') return null
      throw error
    } finally {
      await this.#platform.clock.advance(1)
    }
  }

  /** Takes a bill home, to compare it with the last one. */
  async keepBill(party: Party, from: number): Promise<void> {
    const given = await this.bill(party, from)
    if (given) this.earlierBills.push({ organization: party.organization, text: JSON.stringify(given) })
  }

  /** Asks until there is an answer: whoever gets none asks again with the same id. */
  async #ask(
    kind: AskKind,
    party: Party,
    subject: string,
    about: About,
    work: (tx: Tx) => Promise<About>,
  ): Promise<Ask['answer']> {
    const { clock } = this.#platform
    for (let tries = 0; ; tries += 1) {
      const answer = await this.#try(kind, party, subject, about, work)
      if (answer !== 'lost' || tries === 4) return answer
      await clock.advance(this.#chance.between(100, 4000))
    }
  }

  async #try(
    kind: AskKind,
    { organization }: Party,
    subject: string,
    about: About,
    work: (tx: Tx) => Promise<About>,
  ): Promise<Ask['answer']> {
    const { clock, api, troubles } = this.#platform
    await clock.advance(1)
    const from = clock.now()
    const note = (answer: Ask['answer'], code: string | null, learned: About): Ask['answer'] => {
      const nothing = { home: null, sizeGib: null, amount: null, timeLimitMs: null }
      this.asks.push({
        kind,
        organization,
        subject,
        from,
        to: clock.now(),
        answer,
        code,
        ...nothing,
        ...about,
        ...learned,
      })
      return answer
    }
    try {
      return note('accepted', null, await api.store.transact(work))
    } catch (error) {
      const code = isAppError(error) ? error.code : null
      if (code === 'unavailable') return note('lost', code, {})
      if (!mayBeRefused(kind, code)) troubles.push(`${kind} ${subject}: ${String(error)}`)
      return note('refused', code, {})
    } finally {
      await clock.advance(1)
    }
  }

  /** What is still there, by the lists that the api shows. */
  async remaining(party: Party): Promise<{
    readonly instances: readonly compute.InstanceRow[]
    readonly runs: readonly jobs.RunRow[]
    readonly volumes: readonly storage.VolumeRow[]
  }> {
    const { project } = party
    const page = { before: null, limit: 1000 }
    return this.#platform.store.read(async (tx) => ({
      instances: await compute.instancesOf(tx, project, { ...page, includeDeleted: false }),
      runs: (await jobs.runsOf(tx, project, page)).filter(({ endedAt }) => endedAt === null),
      volumes: (await storage.volumesOf(tx, project)).filter(({ homeOf }) => homeOf === null),
    }))
  }
}

/** What is on offer stays on offer, and nothing of ours may break: other answers are bugs. */
function mayBeRefused(kind: AskKind, code: string | null): boolean {
  if (code === null || code === 'internal') return false
  return kind !== 'launch' || code === 'insufficient_funds'
}

/** What the api asks before a launch. */
async function requireFunds(tx: Tx, { organization }: Party, flavorId: string, asked: Asked): Promise<void> {
  const flavor = await catalog.resolveFlavor(tx, flavorId)
  const book = await bookInForce(tx, { organization, currency: 'USD' }, await tx.now())
  if (!book) throw new AppError('internal', 'There is no price book.')
  const lines = linesOf(flavor, null, bySku(book.rates))
  if (!lines) throw new AppError('internal', 'The flavor has no rate.')
  const answer = await canAfford(tx, organization, lines, asId('priceBook', book.id), asked)
  if (!answer.ok) throw new AppError('insufficient_funds', `${answer.shortfall} are missing.`)
}

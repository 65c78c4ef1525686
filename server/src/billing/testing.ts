import assert from 'node:assert/strict'
import { sql } from 'kysely'
import { verifyBill } from '../../../sdk/src/verifier/verifier.ts'
import { openLease, refreshLease } from '../compute/leases.ts'
import type { Asked, Purse } from '../compute/purses.rules.ts'
import type { EventData, EventType, Line, NewEvent, ResourceId, StopReason } from '../journal/rules.ts'
import { SimulatedClock } from '../kernel/clock.ts'
import {
  type AllocationId,
  asId,
  type LeaseId,
  type OrganizationId,
  type PriceBookId,
  seededIds,
  type SubjectId,
  type VolumeId,
} from '../kernel/ids.ts'
import { type Currency, type Nanos, nanos } from '../kernel/money.ts'
import { type Instant, instant, parseInstant } from '../kernel/time.ts'
import { checks } from '../ledger/ledger.ts'
import { makeLeaseKeeper } from '../loops/lease_keeper.ts'
import { makeMeter } from '../loops/meter.ts'
import { type Metered, record } from '../metering/metering.ts'
import { publish } from '../pricing/pricing.ts'
import type { Rate } from '../pricing/rules.ts'
import { clockOf } from '../store/clock.ts'
import { at, openStore, type Store, type Tx } from '../store/store.ts'
import { type TestDatabase, testDatabase } from '../store/testing.ts'
import { balance, bill, grant, type OpenBill, purses, settleForHold } from './billing.ts'

/** A machine on the stage, as the allocation that runs it. */
export interface Machine {
  readonly allocation: AllocationId
  readonly subject: SubjectId
  readonly lease: LeaseId
}

const stageProject = asId('project', 'prj_stage')

/** Whose wish a machine is where a test does not say. */
export const someones = {
  subject: asId('instance', 'ins_any'),
  project: stageProject,
  askedBy: 'per_us',
  askedKey: null,
  job: null,
}

/** Half a minute: the stage's observer looks that often, so that nothing falls silent by itself. */
const lookMs = 30_000

/**
 * A small platform for tests of money: real PostgreSQL, real front doors, a clock that moves when told to,
 * and machines that exist only as rows.
 */
export class Stage {
  readonly store: Store
  readonly clock: SimulatedClock
  readonly organization: OrganizationId
  readonly #database: TestDatabase
  readonly #seen = new Map<AllocationId, Machine>()
  #book: PriceBookId | null = null

  constructor(database: TestDatabase, store: Store, clock: SimulatedClock, organization: OrganizationId) {
    this.#database = database
    this.store = store
    this.clock = clock
    this.organization = organization
  }

  /** Sets the stage: one organization, one project, one node. */
  static async open(
    options: { start?: string; timeZone?: string; currency?: Currency; seed?: string } = {},
  ): Promise<Stage> {
    const { start = '2026-03-02T00:00:00.000Z', timeZone = 'UTC', currency = 'USD', seed = 'stage' } = options
    const database = await testDatabase()
    const clock = new SimulatedClock(parseInstant(start))
    const ids = seededIds(seed, () => clock.now())
    const store = openStore({ url: database.url, clock: clockOf(clock), ids })
    const organization = ids.make('organization')
    await store.transact(async (tx) => {
      const now = at(await tx.now())
      await sql`insert into organization (id, name, currency, time_zone, created_at)
        values (${organization}, 'Stage', ${currency}, ${timeZone}, ${now})`.execute(tx.db)
      await sql`insert into project (id, organization, name, created_at)
        values ('prj_stage', ${organization}, 'stage', ${now})`.execute(tx.db)
      await sql`insert into node (id, driver, name, engine_id, boot_id, cpus, memory_gib, disk_gib, seen_at,
          registered_at)
        values ('nod_stage', 'none', 'stage', 'engine', 'boot', 64, 64, 64, ${now}, ${now})`.execute(tx.db)
      await sql`insert into image (id, title, description, publisher, licences, created_at)
        values ('img_stage', '{}', '{}', 'us', '[]', ${now})`.execute(tx.db)
      await sql`insert into image_version (id, image, version, digest, recipe, needs, size_bytes, offered_at)
        values ('imv_stage', 'img_stage', '1', 'sha256:0', '0', '{}', 1, ${now})`.execute(tx.db)
    })
    return new Stage(database, store, clock, organization)
  }

  async close(): Promise<void> {
    await this.store.close()
    await this.#database.drop()
  }

  now(): Instant {
    return this.clock.now()
  }

  /** Publishes a price book; the first is in force at once. */
  async publish(rates: Readonly<Record<string, bigint>>, from: Instant = this.now()): Promise<PriceBookId> {
    const list = Object.entries(rates).map(([sku, rate]): Rate => ({
      sku,
      unit: unitOf(sku),
      nanos: nanos(rate),
    }))
    const book = await this.store.transact((tx) =>
      publish(tx, { currency: 'USD', effectiveFrom: from, rates: list }),
    )
    if (from <= this.now()) this.#book = book.id
    return book.id
  }

  /** From now on machines start with this book. */
  use(book: PriceBookId): void {
    this.#book = book
  }

  get book(): PriceBookId {
    assert.ok(this.#book)
    return this.#book
  }

  async grant(amount: bigint): Promise<void> {
    const result = await this.store.transact((tx) =>
      grant(tx, {
        organization: this.organization,
        amount: nanos(amount),
        by: 'per_us',
        id: tx.newId('transfer'),
      }),
    )
    assert.ok(result.ok)
  }

  /** Gives a machine devices; refused as the placer would be. */
  async launch(
    lines: readonly Line[],
    whose: Partial<Asked> = {},
  ): Promise<Machine | { readonly shortfall: Nanos; readonly purse: Purse['name'] }> {
    return this.store.transact(async (tx) => {
      const allocation = tx.newId('allocation')
      const subject = whose.subject ?? tx.newId('instance')
      const { organization, book } = this
      await settleForHold(tx, organization)
      const by = { ...someones, subject, ...whose }
      const allowed = await purses(tx, organization)
      const opened = await openLease(tx, { organization, allocation, lines, book, by, purses: allowed })
      if (!opened.ok) return { shortfall: opened.shortfall, purse: opened.purse }
      const machine = { allocation, subject, lease: opened.lease }
      await this.#insert(tx, machine, lines, by)
      await record(tx, allocation, organization, [
        {
          type: 'allocated',
          at: 'now',
          data: { for: subject, rank: 0, project: stageProject, flavor: 'f.1', priceBook: book, lines },
        },
      ])
      return machine
    })
  }

  /** Another rank of a distributed run: an allocation of its own on the same lease. */
  async join({ subject, lease }: Machine, rank: number, lines: readonly Line[]): Promise<Machine> {
    return this.store.transact(async (tx) => {
      const machine = { allocation: tx.newId('allocation'), subject, lease }
      // Distributed runs come with a later release; until then the schema knows one live allocation of a
      // subject.
      await sql`drop index if exists allocation_one_live`.execute(tx.db)
      await this.#insert(tx, machine, lines)
      const data = { for: subject, rank, project: stageProject, flavor: 'f.1', priceBook: this.book, lines }
      await record(tx, machine.allocation, this.organization, [{ type: 'allocated', at: 'now', data }])
      return machine
    })
  }

  /** A launch that is known to be affordable, and its readiness. */
  async run(lines: readonly Line[], whose: Partial<Asked> = {}): Promise<Machine> {
    const machine = await this.launch(lines, whose)
    assert.ok('lease' in machine, 'the wallet affords it')
    await this.tell(machine, 'ready')
    return machine
  }

  async #insert(
    tx: Tx,
    { allocation, subject, lease }: Machine,
    lines: readonly Line[],
    { project, askedBy, askedKey, job }: Omit<Asked, 'subject'> = someones,
  ): Promise<void> {
    await sql`insert into allocation (id, subject, organization, project, node, lease, flavor, cpus,
        memory_gib, disk_gib, image_version, price_book, lines, asked_by, asked_key, job, allocated_at)
      values (${allocation}, ${subject}, ${this.organization}, ${project}, 'nod_stage', ${lease}, 'f.1', 1,
        1, 1, 'imv_stage', ${this.book}, ${JSON.stringify(lines)}::jsonb, ${askedBy}, ${askedKey}, ${job},
        ${at(await tx.now())})`.execute(tx.db)
  }

  /** Records an event of a machine as compute does; an opener makes the observer see it from now on. */
  async tell(
    machine: Machine,
    type: Exclude<EventType, 'allocated' | 'created' | 'resized' | 'repriced' | 'deleted'>,
    when: Instant | 'now' = 'now',
  ): Promise<Metered> {
    const dated: Instant | 'now' = type === 'seen_again' ? 'now' : when
    // The data below is that of the type.
    const event = { type, at: dated, data: dataOf(type) } as NewEvent
    const metered = await this.store.transact(async (tx) => {
      const done = await record(tx, machine.allocation, this.organization, [event])
      await refreshLease(tx, machine.lease)
      return done
    })
    if (type === 'ready' || type === 'seen_again') this.#seen.set(machine.allocation, machine)
    if (type !== 'note') if (!metered.open) this.#seen.delete(machine.allocation)
    await this.look()
    return metered
  }

  /** The node falls silent: it is not sighted any more. */
  silence(machine: Machine): void {
    this.#seen.delete(machine.allocation)
  }

  /** It is sighted again, before anybody took it for silent. */
  sight(machine: Machine): void {
    this.#seen.set(machine.allocation, machine)
  }

  /** Writes that all machines that are not silent were seen now. */
  async look(): Promise<void> {
    await this.store.transact(async (tx) => {
      // In one order, so that two looks at once do not wait for each other.
      await sql`update allocation set last_seen_at = ${at(this.now())}
        from (select id from allocation where id = any(${[...this.#seen.keys()]}::text[])
          order by id for update) seen
        where allocation.id = seen.id`.execute(tx.db)
    })
  }

  async meter(): Promise<void> {
    await makeMeter(this.store).pass(AbortSignal.timeout(60_000))
  }

  /** One pass of the lease keeper; what it ends is stopped as compute would. */
  async keep(): Promise<void> {
    const keeper = makeLeaseKeeper(this.store, async (tx, _subject, allocation, when) => {
      const machine = this.#seen.get(allocation)
      if (!machine) return
      await record(tx, allocation, this.organization, [{ type: 'lease_ended', at: when, data: {} }])
      await refreshLease(tx, machine.lease)
      this.#seen.delete(allocation)
    })
    await keeper.pass(AbortSignal.timeout(60_000))
  }

  /** Lets time pass, observer, keeper and meter at work every half minute. */
  async pass(seconds: number): Promise<void> {
    const until = this.now() + seconds * 1000
    while (this.now() < until) {
      this.clock.step(Math.min(lookMs, until - this.now()))
      await this.look()
      await this.keep()
      await this.meter()
    }
  }

  /** Lets time pass with nobody at work. */
  skip(ms: number): void {
    this.clock.step(ms)
  }

  async createVolume(sizeGib: number, sku = 'volume'): Promise<VolumeId> {
    return this.store.transact(async (tx) => {
      const volume = tx.newId('volume')
      const data = { project: stageProject, sku, sizeGib, priceBook: this.book }
      await record(tx, volume, this.organization, [{ type: 'created', at: 'now', data }])
      return volume
    })
  }

  async tellVolume(volume: VolumeId, event: NewEvent): Promise<void> {
    await this.store.transact((tx) => record(tx, volume, this.organization, [event]))
  }

  /** What a resource has been charged so far. */
  async charged(resource?: ResourceId): Promise<bigint> {
    return this.store.read(async (tx) => {
      const { rows } = await sql<{ sum: bigint }>`select coalesce(sum(amount), 0) as sum from charge
        where organization = ${this.organization}
          and (${resource ?? null}::text is null or resource = ${resource ?? null})`.execute(tx.db)
      return rows[0]?.sum ?? 0n
    })
  }

  async balance(): ReturnType<typeof balance> {
    return this.store.read((tx) => balance(tx, this.organization))
  }

  async bill(from: Instant, to: Instant | null = null): Promise<OpenBill> {
    return this.store.transact((tx) => bill(tx, this.organization, { from, to }))
  }

  /** The bill of a period, after the published verifier has agreed with it. */
  async verified(from: Instant, to: Instant | null = null, after?: OpenBill): Promise<OpenBill> {
    const shown = await this.bill(from, to)
    const verdict = await verifyBill(JSON.stringify(shown), after ? { after: JSON.stringify(after) } : {})
    assert.ok('verified' in verdict, 'the bill can be read')
    assert.deepEqual(verdict.firstDifference, null)
    assert.equal(verdict.verified, true)
    return shown
  }

  /** I1, I2 and I3 of `money.md` §4, by the rows themselves; then the ledger's own checks. */
  async audit(): Promise<void> {
    for (const check of await this.store.read((tx) => checks(tx))) assert.ok(check.ok, JSON.stringify(check))
    const { rows: lots } = await this.store.read((tx) =>
      sql<{ account: string; remaining: bigint; reserved: bigint }>`
        select account, sum(remaining) as remaining, sum(reserved) as reserved from credit_lot
        group by account`.execute(tx.db),
    )
    const { rows } = await this.store.read((tx) =>
      sql<{ id: string; code: string; held: bigint; posted: bigint; heldRow: bigint; postedRow: bigint }>`
        select account.id, account.code,
          account.debits_pending as "heldRow", account.credits_posted - account.debits_posted as "postedRow",
          coalesce(sum(case when transfer.debit <> account.id then 0 when kind = 'hold' then amount
            when kind in ('settle', 'release') then -amount else 0 end), 0) as held,
          coalesce(sum(case when kind not in ('post', 'settle') then 0
            when transfer.credit = account.id then amount else -amount end), 0) as posted
        from ledger_account account
        left join transfer on account.id in (transfer.debit, transfer.credit)
        where account.owner <> 'platform' group by account.id`.execute(tx.db),
    )
    for (const row of rows) {
      assert.equal(row.heldRow, row.held, `held of ${row.id}`)
      assert.equal(row.postedRow, row.posted, `posted of ${row.id}`)
      if (row.code !== 'customer') continue
      const own = lots.find(({ account }) => account === row.id)
      assert.deepEqual(
        [own?.remaining ?? 0n, own?.reserved ?? 0n],
        [row.posted, row.held],
        `lots of ${row.id}`,
      )
    }
  }
}

function unitOf(sku: string): Rate['unit'] {
  if (sku.startsWith('gpu.')) return 'gpu-hour'
  return sku === 'cpu' ? 'vcpu-hour' : 'gib-hour'
}

function dataOf(type: EventType): EventData[EventType] {
  switch (type) {
    case 'stop_accepted':
      return { reason: 'customer' satisfies StopReason }
    case 'exited':
      return { exitCode: 0, signal: null, outOfMemory: false }
    case 'fault':
      return { evidence: 'XID 79' }
    default:
      return {}
  }
}

/** An instant so many seconds after another. */
export function after(from: Instant, seconds: number): Instant {
  return instant(from + Math.round(seconds * 1000))
}

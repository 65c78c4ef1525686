import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { sql } from 'kysely'
import { asId, type BudgetId, type RunId } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import { type Instant, parseInstant } from '../kernel/time.ts'
import { at } from '../store/store.ts'
import {
  type Budget,
  budgetStates,
  canAfford,
  changeBudget,
  createBudget,
  endBudget,
  tellBudgets,
} from './billing.ts'
import { type Machine, someones, Stage } from './testing.ts'

const second = 1_000_000n
const gpu = [{ sku: 'gpu.v100', quantity: 1 }]

describe('budgets', () => {
  let stage: Stage
  beforeEach(async () => {
    stage = await Stage.open({ timeZone: 'Asia/Shanghai' })
    await stage.publish({ 'gpu.v100': 3600n * second, volume: 3600n * second })
    await stage.grant(10n ** 12n)
  })
  afterEach(() => stage.close())

  let made = 0
  async function make(change: Partial<Budget & { requestHash: string }>): Promise<BudgetId> {
    made += 1
    const id = asId('budget', `bud_${made}`)
    const { organization } = stage
    const rest = {
      scope: 'organization',
      target: organization,
      job: null,
      period: 'day',
      action: 'stop',
    } as const
    await stage.store.transact((tx) =>
      createBudget(tx, {
        ...{ id, organization, name: `budget ${made}`, limit: nanos(1000n * second), createdBy: 'per_us' },
        ...{ requestHash: id, ...rest, ...change },
      }),
    )
    return id
  }

  async function stateOf(id: BudgetId) {
    const states = await stage.store.read((tx) => budgetStates(tx, stage.organization))
    return states.find(({ budget }) => budget.id === id) ?? assert.fail('it is there')
  }

  /** When the only spell of a machine ended; null: it runs. */
  async function endOf({ allocation }: Machine): Promise<Instant | null> {
    const { rows } = await stage.store.read((tx) =>
      sql<{ to: Instant | null }>`select to_at as to from spell where allocation = ${allocation}`.execute(
        tx.db,
      ),
    )
    assert.equal(rows.length, 1)
    return rows[0]?.to ?? null
  }

  it('ends what runs at the very second, whatever the wallet has', async () => {
    const id = await make({})
    const from = stage.now()
    const machine = await stage.run(gpu)
    await stage.pass(1500)
    assert.equal(await endOf(machine), from + 1_000_000)
    assert.equal(await stage.charged(), 1000n * second)
    const { spending } = await stateOf(id)
    assert.deepEqual(spending, { charged: 1000n * second, held: 0n, unbooked: 0n })
    await stage.verified(from)
    await stage.audit()
  })

  it('only what is in its scope ends, and the rest goes on', async () => {
    const [mine, theirs] = [{ askedBy: 'per_me' }, { askedBy: 'per_other' }]
    await make({ scope: 'person', target: 'per_me', limit: nanos(1300n * second) })
    await make({ scope: 'key', target: 'key_ci', limit: nanos(200n * second) })
    await make({ scope: 'job', target: someones.project, job: 'train', limit: nanos(300n * second) })
    const from = stage.now()
    const machines = {
      me: await stage.run(gpu, mine),
      meByKey: await stage.run(gpu, { ...mine, askedKey: 'key_ci' }),
      job: await stage.run(gpu, { ...theirs, job: 'train' }),
      other: await stage.run(gpu, theirs),
    }
    await stage.pass(1200)
    // Of the 1300 of one person the key's machine took its 200.
    assert.equal(await endOf(machines.meByKey), from + 200_000)
    assert.equal(await endOf(machines.me), from + 1_100_000)
    assert.equal(await endOf(machines.job), from + 300_000)
    assert.equal(await endOf(machines.other), null)
  })

  it('a start that does not fit is refused, naming the budget; nothing is held', async () => {
    const id = await make({ limit: nanos(59n * second) })
    const refused = await stage.launch(gpu)
    assert.deepEqual(refused, { shortfall: 1n * second, purse: id })
    const asked = () => stage.store.read((tx) => canAfford(tx, stage.organization, gpu, stage.book, someones))
    assert.deepEqual(await asked(), { ok: false, shortfall: 1n * second, purse: id })
    await stage.store.transact((tx) => changeBudget(tx, stage.organization, id, { action: 'warn' }))
    assert.deepEqual(await asked(), { ok: true })
  })

  it('one that refuses lets what runs go on', async () => {
    await make({ action: 'refuse', limit: nanos(700n * second) })
    const machine = await stage.run(gpu)
    await stage.pass(1200)
    assert.equal(await endOf(machine), null)
    assert.ok('shortfall' in (await stage.launch(gpu)))
  })

  it('a day is the organization’s: what was used up in one is there again in the next', async () => {
    // Midnight in Shanghai is 16:00 UTC.
    stage.skip(parseInstant('2026-03-02T15:50:00.000Z') - stage.now())
    const id = await make({ limit: nanos(900n * second) })
    const machine = await stage.run(gpu)
    await stage.pass(1400)
    assert.equal(await endOf(machine), null, 'ten minutes are yesterday’s, 800 s today’s')
    const { from, to, spending } = await stateOf(id)
    assert.deepEqual(
      [from, to],
      [parseInstant('2026-03-02T16:00:00.000Z'), parseInstant('2026-03-03T16:00:00.000Z')],
    )
    assert.equal(spending.charged + spending.unbooked, 800n * second)
    await stage.pass(200)
    assert.equal(await endOf(machine), parseInstant('2026-03-02T16:15:00.000Z'))
  })

  it('storage counts, and cannot be stopped', async () => {
    await stage.createVolume(2)
    const id = await make({ period: 'total', limit: nanos(3000n * second) })
    const machine = await stage.run(gpu)
    const from = stage.now()
    await stage.pass(2000)
    const { spending } = await stateOf(id)
    const end = await endOf(machine)
    assert.ok(end !== null && end < from + 1_500_000, 'compute had what storage left')
    assert.equal(
      spending.charged + spending.unbooked,
      2n * 2000n * second + BigInt((end - from) / 1000) * second,
    )
  })

  it('a limit that is raised in time goes on; one that is lowered ends it', async () => {
    const id = await make({})
    const from = stage.now()
    const machine = await stage.run(gpu)
    await stage.pass(900)
    await stage.store.transact((tx) =>
      changeBudget(tx, stage.organization, id, { limit: nanos(1800n * second) }),
    )
    await stage.pass(600)
    assert.equal(await endOf(machine), null)
    await stage.store.transact((tx) => changeBudget(tx, stage.organization, id, { limit: nanos(1n) }))
    await stage.pass(400)
    // What was held before stays held: it ends where that does.
    assert.equal(await endOf(machine), from + 1_800_000)
    await stage.store.transact((tx) => endBudget(tx, stage.organization, id))
    assert.ok('lease' in (await stage.launch(gpu)))
  })

  it('a run ends where its own limit does, over all its attempts', async () => {
    const subject: RunId = asId('run', 'run_limited')
    await stage.store.transact(async (tx) => {
      const now = at(stage.now())
      await sql`insert into flavor (id, cpus, memory_gib, disk_gib, lines)
        values ('f.1', 1, 1, 1, '[]')`.execute(tx.db)
      await sql`insert into job_run (id, organization, project, name, image, version, flavor,
      command, created_by,
          request_hash, intent, state, created_at, changed_at, cost_limit_nanos)
        values (${subject}, ${stage.organization}, 'prj_stage', 'train', 'sim', '1', 'f.1', '[]',
        'per_us', 'h',
          'running', 'queued', ${now}, ${now}, ${(400n * second).toString()})`.execute(tx.db)
    })
    const from = stage.now()
    const first = await stage.run(gpu, { subject, job: 'train' })
    await stage.pass(150)
    await stage.tell(first, 'exited')
    await stage.tell(first, 'released')
    await stage.store.transact((tx) =>
      sql`update allocation set released_at = ${at(stage.now())} where id = ${first.allocation}`.execute(
        tx.db,
      ),
    )
    stage.skip(1)
    const again = await stage.run(gpu, { subject, job: 'train' })
    await stage.pass(600)
    assert.equal(await endOf(again), from + 400_001)
    assert.equal(await stage.charged(), 400n * second)
    const other = await stage.launch(gpu, { subject: asId('run', 'run_other') })
    assert.ok('lease' in other, 'another run is not concerned')
  })

  it('people are told once of each share of each period', async () => {
    await make({ limit: nanos(1000n * second), action: 'warn' })
    await stage.run(gpu)
    const told = async () =>
      (await stage.store.transact((tx) => tellBudgets(tx, stage.organization))).map(({ percent }) => percent)
    await stage.pass(790)
    assert.deepEqual(await told(), [])
    await stage.pass(30)
    assert.deepEqual([await told(), await told()], [[80], []])
    await stage.pass(300)
    assert.deepEqual([await told(), await told()], [[100], []])
    await stage.pass(24 * 3600)
    assert.deepEqual([await told(), await told()], [[80, 100], []])
  })

  it('ids, names and rows are guarded', async () => {
    const id = await make({ name: 'one' })
    await assert.rejects(make({ name: 'one' }), { code: 'conflict' })
    await make({ id, name: 'one', requestHash: id })
    await assert.rejects(make({ id, name: 'one', requestHash: 'another' }), { code: 'conflict' })
    await stage.store.transact((tx) => endBudget(tx, stage.organization, id))
    await assert.rejects(
      stage.store.transact((tx) => changeBudget(tx, stage.organization, id, { name: 'two' })),
      { code: 'not_found' },
    )
    await make({ name: 'one' })
  })
})

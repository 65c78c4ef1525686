import assert from 'node:assert/strict'
import { after as afterAll, before, describe, it } from 'node:test'
import { canAfford } from './billing.ts'
import { hourMs, instant, parseInstant } from '../kernel/time.ts'
import type { VolumeId } from '../kernel/ids.ts'
import { type TestDatabase, testDatabase } from '../store/testing.ts'
import { after, type Machine, someones, Stage } from './testing.ts'

// Boundaries, late truths, storage and debts, told as stories. v100 is 3.60 an hour, so a second costs 1 000
// 000 nanos; a volume of 1000 GiB costs as much.

const v100 = [{ sku: 'gpu.v100', quantity: 1 }]
const second = 1_000_000n
const dollar = 1_000_000_000n

let keptOpen: TestDatabase
before(async () => {
  keptOpen = await testDatabase()
})
afterAll(() => keptOpen.drop())

function story(title: string, play: (stage: Stage) => Promise<void>, options = {}): void {
  it(title, async () => {
    const stage = await Stage.open({ start: '2026-03-02T09:30:00.000Z', ...options })
    try {
      await stage.publish({ 'gpu.v100': 3600n * second, volume: 3_600_000n })
      await stage.grant(100n * dollar)
      await play(stage)
      await stage.audit()
    } finally {
      await stage.close()
    }
  })
}

async function boundaries(stage: Stage): Promise<readonly string[]> {
  const { rows } = await stage.store.pool.query<{ at: number }>('select at from boundary order by at')
  return rows.map(({ at }) => new Date(at).toISOString().slice(11))
}

async function chargesOf(stage: Stage, of: Machine | VolumeId): Promise<readonly string[]> {
  const { rows } = await stage.store.pool.query<{ up_to: number; amount: bigint; reason: string | null }>(
    'select up_to, amount, reason from charge where resource = $1 order by seq',
    [typeof of === 'string' ? of : of.allocation],
  )
  return rows.map(({ up_to, amount, reason }) =>
    [new Date(up_to).toISOString().slice(11, 23), amount / second, reason]
      .filter((one) => one !== null)
      .join(' '),
  )
}

describe('a boundary', () => {
  story('is made at each hour for what runs', async (stage) => {
    const machine = await stage.run(v100)
    await stage.pass(2 * 3600)
    assert.deepEqual(await boundaries(stage), ['10:00:00.000Z', '11:00:00.000Z'])
    assert.deepEqual(await chargesOf(stage, machine), ['10:00:00.000 1800', '11:00:00.000 3600'])
  })

  story(
    'is made at the start of the local day too',
    async (stage) => {
      await stage.run(v100)
      await stage.pass(3600)
      await stage.pass(9 * 3600)
      const made = await boundaries(stage)
      assert.ok(made.includes('18:30:00.000Z'))
      assert.equal(made.length, 11)
    },
    { timeZone: 'Asia/Kolkata' },
  )

  story('waits for a machine that was not seen for a minute, until that is recorded', async (stage) => {
    const from = stage.now()
    const machine = await stage.run(v100)
    const other = await stage.run(v100)
    await stage.pass(1700)
    stage.silence(machine)
    await stage.pass(110)
    assert.deepEqual(await boundaries(stage), [])
    await assert.rejects(stage.bill(from), { code: 'unavailable' })
    await stage.tell(machine, 'contact_lost', after(from, 1700))
    await stage.pass(20)
    assert.deepEqual(await boundaries(stage), ['10:00:10.001Z'])
    assert.deepEqual(await chargesOf(stage, machine), ['10:00:10.001 1700'])
    assert.deepEqual(await chargesOf(stage, other), ['10:00:10.001 1810'])
    await stage.verified(from, after(from, 1801))
    await stage.verified(from)
  })

  story('is made on time where the silence is shorter; the cut comes back', async (stage) => {
    const from = stage.now()
    const machine = await stage.run(v100)
    await stage.pass(1770)
    stage.silence(machine)
    await stage.pass(70)
    const early = await stage.verified(from, after(from, 1800))
    await stage.tell(machine, 'contact_lost', after(from, 1770))
    await stage.pass(5)
    assert.deepEqual(await chargesOf(stage, machine), [
      '10:00:00.000 1800',
      '10:00:45.000 -30 not seen after 2026-03-02T09:59:30.000Z',
    ])
    await stage.verified(from, null, early)
  })

  story('that passed while nobody looked is booked first, as the record stood then', async (stage) => {
    const from = stage.now()
    const volume = await stage.createVolume(1000)
    stage.skip(75 * 60_000)
    await stage.tellVolume(volume, { type: 'resized', at: 'now', data: { sizeGib: 3000 } })
    stage.skip(2 * hourMs)
    await stage.meter()
    assert.deepEqual(await chargesOf(stage, volume), [
      '10:00:00.000 1800',
      '11:00:00.000 5400',
      '12:00:00.000 10800',
    ])
    await stage.verified(from, instant(from + 1_800_000))
  })

  story('of quiet hours costs nothing and is still a place where a period may end', async (stage) => {
    const from = stage.now()
    const machine = await stage.run(v100)
    await stage.pass(600)
    await stage.tell(machine, 'stop_accepted')
    await stage.tell(machine, 'released')
    await stage.pass(60)
    stage.skip(50 * hourMs)
    const bill = await stage.verified(
      parseInstant('2026-03-03T00:00:00.000Z'),
      parseInstant('2026-03-04T00:00:00.000Z'),
    )
    assert.deepEqual([bill.from, bill.events, bill.total], ['2026-03-03T00:00:00.000Z', [], '0'])
    assert.equal((await stage.verified(from)).total, String(600n * second))
  })

  story('stays where it is when the clock goes back', async (stage) => {
    const from = stage.now()
    const machine = await stage.run(v100)
    await stage.pass(100)
    const early = await stage.verified(from)
    stage.skip(-50_000)
    await stage.look()
    await stage.tell(machine, 'stop_accepted')
    await stage.pass(200)
    assert.equal(await stage.charged(machine.allocation), 100n * second)
    await stage.verified(from, null, early)
  })
})

describe('a late truth', () => {
  story(
    'found the next day gives back what was charged, with its reason, in its own period',
    async (stage) => {
      const from = stage.now()
      const machine = await stage.run(v100)
      await stage.pass(3600)
      await stage.tell(machine, 'stop_accepted')
      await stage.tell(machine, 'released')
      await stage.pass(60)
      const midnight = parseInstant('2026-03-03T00:00:00.000Z')
      stage.skip(24 * hourMs)
      const first = await stage.verified(from, midnight)
      await stage.tell(machine, 'fault', after(from, 1800.5))
      await stage.pass(1)
      const next = await stage.verified(midnight)
      assert.deepEqual([first.total, next.total], [String(3600n * second), String(-1800n * second)])
      assert.match(
        (await chargesOf(stage, machine)).at(-1) ?? '',
        /-1800 fault since 2026-03-02T10:00:00\.500Z: XID 79$/,
      )
      assert.equal((await stage.balance()).posted, 100n * dollar - 1800n * second)
      await stage.verified(from, null, first)
    },
  )

  story('of what still runs leaves the money with its lease', async (stage) => {
    const from = stage.now()
    const machine = await stage.run(v100)
    await stage.pass(1800)
    stage.silence(machine)
    await stage.pass(40)
    const covered = (await stage.balance()).available
    stage.skip(30_000)
    await stage.tell(machine, 'contact_lost', after(from, 1790))
    await stage.tell(machine, 'seen_again')
    stage.skip(1)
    await stage.meter()
    assert.match((await chargesOf(stage, machine)).at(-1) ?? '', /-10 not seen after/)
    assert.equal((await stage.balance()).available, covered)
    await stage.pass(300)
    await stage.tell(machine, 'exited')
    await stage.pass(1)
    assert.equal(await stage.charged(machine.allocation), 2090n * second)
    assert.equal((await stage.balance()).held, 0n)
    await stage.verified(from)
  })
})

describe('storage', () => {
  story('is paid before a hold is taken, and by size, book and time', async (stage) => {
    const from = stage.now()
    const volume = await stage.createVolume(1000)
    await stage.pass(100)
    await stage.tellVolume(volume, { type: 'resized', at: 'now', data: { sizeGib: 2000 } })
    await stage.pass(50)
    const machine = await stage.run(v100)
    assert.equal(await stage.charged(volume), 200n * second)
    await stage.tellVolume(volume, { type: 'deleted', at: 'now', data: {} })
    await stage.pass(100)
    assert.equal(await stage.charged(volume), 200n * second)
    await stage.tell(machine, 'stop_accepted')
    await stage.pass(1)
    await stage.verified(from)
  })

  story(
    'that the wallet cannot pay is owed; nothing is launched until a top-up has paid it',
    async (stage) => {
      const from = stage.now()
      await stage.createVolume(50_000)
      await stage.pass(3 * 3600)
      const { posted, receivable, available } = await stage.balance()
      assert.deepEqual([posted, available], [0n, 0n])
      assert.equal(receivable, 50n * (2n * 3600n + 1800n) * second - 100n * dollar)
      assert.ok(!('lease' in (await stage.launch(v100))))
      const answer = await stage.store.read((tx) =>
        canAfford(tx, stage.organization, v100, stage.book, someones),
      )
      const shortfall = (await stage.balance()).receivable + 60n * second
      assert.deepEqual(answer, { ok: false, shortfall, purse: 'wallet' })
      await stage.grant(1000n * dollar)
      const paid = await stage.balance()
      assert.equal(paid.receivable, 0n)
      assert.equal(paid.posted, 1100n * dollar - (await stage.charged()))
      assert.ok('lease' in (await stage.launch(v100)))
      await stage.verified(from)
    },
  )
})

describe('a distributed run', () => {
  story(
    'has one lease whose holds serve all ranks; one silent rank closes its own spell only',
    async (stage) => {
      const from = stage.now()
      const first = await stage.run(v100)
      const other = await stage.join(first, 1, v100)
      stage.skip(1500)
      await stage.look()
      await stage.tell(other, 'ready')
      await stage.pass(600)
      stage.silence(other)
      await stage.pass(70)
      await stage.tell(other, 'contact_lost', after(from, 601.5))
      await stage.pass(100)
      await stage.tell(first, 'stop_accepted')
      await stage.tell(other, 'exited')
      await stage.pass(1)
      assert.equal(await stage.charged(first.allocation), 771n * second)
      assert.equal(await stage.charged(other.allocation), 600n * second)
      const { held, posted } = await stage.balance()
      assert.deepEqual([held, posted], [0n, 100n * dollar - 1371n * second])
      await stage.verified(from)
    },
  )
})

import assert from 'node:assert/strict'
import { after as afterAll, before, describe, it } from 'node:test'
import { formatAmount, parseAmount } from '../kernel/money.ts'
import { instant } from '../kernel/time.ts'
import { type TestDatabase, testDatabase } from '../store/testing.ts'
import { makeBoundary } from './billing.ts'
import { after, type Machine, Stage } from './testing.ts'

// The worked cases of money.md §5, through the real front doors on a real database. Rates of an hour: h100
// 2.99, small 0.60, v100 3.60.

const h100 = [{ sku: 'gpu.h100', quantity: 1 }]
const small = [{ sku: 'gpu.small', quantity: 1 }]
const rates = {
  'gpu.h100': 2_990_000_000n,
  'gpu.small': 600_000_000n,
  'gpu.v100': 3_600_000_000n,
  volume: 97_222n,
}

let keptOpen: TestDatabase
before(async () => {
  keptOpen = await testDatabase()
})
afterAll(() => keptOpen.drop())

function dollars(text: string): bigint {
  const amount = parseAmount(text)
  assert.ok(amount !== null)
  return amount
}

async function withStage(play: (stage: Stage) => Promise<void>, options = {}): Promise<void> {
  const stage = await Stage.open(options)
  try {
    await stage.publish(rates)
    await play(stage)
    await stage.audit()
  } finally {
    await stage.close()
  }
}

/** Runs a machine until something ends it, and answers for how many paid seconds that was. */
async function lived(stage: Stage, machine: Machine, since = stage.now()): Promise<number> {
  for (let minutes = 0; minutes < 60; minutes += 1) {
    await stage.pass(60)
    const { rows } = await stage.store.pool.query<{ to_at: number }>(
      'select max(to_at) as to_at from spell where allocation = $1 having bool_and(to_at is not null)',
      [machine.allocation],
    )
    const [row] = rows
    if (row) return (row.to_at - since) / 1000
  }
  assert.fail('nothing ended it')
}

describe('paid time and its price, H100 at 2.99 an hour', () => {
  const table = `
    gpus | paid     | settled every | charged
    1    | 1 s      | once          | 830555
    1    | 3599 s   | once          | 2989169444
    1    | 3600 s   | once          | 2990000000
    1    | 1.999 s  | once          | 830555
    4    | 1.999 s  | once          | 5813888
    1    | 3600 s   | 60 s          | 2990000000
    4    | 3600.5 s | 600.25 s      | 11961661111`
  for (const row of table.trim().split('\n').slice(1)) {
    const [gpus = '', paid = '', every = '', charged = ''] = row.split('|').map((cell) => cell.trim())
    it(`${gpus} GPUs for ${paid}, settled ${every}: ${charged}`, () =>
      withStage(async (stage) => {
        await stage.grant(dollars('100'))
        const from = stage.now()
        const machine = await stage.run([{ sku: 'gpu.h100', quantity: Number(gpus) }])
        const total = Number.parseFloat(paid) * 1000
        const step = every === 'once' ? total : Number.parseFloat(every) * 1000
        for (let done = 0; done < total; done += step) {
          stage.skip(Math.min(step, total - done))
          await stage.look()
          await stage.keep()
          if (every !== 'once') await stage.store.transact(async (tx) => makeBoundaryIn(tx, stage))
        }
        await stage.tell(machine, 'stop_accepted')
        stage.skip(1)
        await stage.meter()
        assert.equal(await stage.charged(machine.allocation), BigInt(charged))
        await stage.verified(from)
      }))
  }
})

async function makeBoundaryIn(tx: Parameters<typeof makeBoundary>[0], stage: Stage): Promise<void> {
  assert.notEqual(await makeBoundary(tx, stage.organization), null)
}

describe('prices that change', () => {
  it('a running allocation keeps its book; the next start pays the new one', () =>
    withStage(async (stage) => {
      await stage.grant(dollars('100'))
      const first = await stage.run(h100)
      const next = await stage.publish({ ...rates, 'gpu.h100': 3_490_000_000n }, after(stage.now(), 1800))
      await stage.pass(3600)
      await stage.tell(first, 'stop_accepted')
      stage.use(next)
      const second = await stage.run(h100)
      await stage.pass(3600)
      await stage.tell(second, 'stop_accepted')
      stage.skip(1)
      await stage.meter()
      assert.equal(await stage.charged(first.allocation), dollars('2.99'))
      assert.equal(await stage.charged(second.allocation), dollars('3.49'))
    }))
})

describe('a wallet of $1.00', () => {
  it('no volume: used up at second 1204, 11112 nanos left, 40 s of stopping free', () =>
    withStage(async (stage) => {
      await stage.grant(dollars('1'))
      const from = stage.now()
      const machine = await stage.run(h100)
      assert.equal(await lived(stage, machine, from), 1204)
      await stage.pass(40)
      await stage.tell(machine, 'exited')
      await stage.pass(1)
      const { posted, held, live } = await stage.balance()
      assert.deepEqual([posted, held, live], [11_112n, 0n, 11_112n])
      await stage.verified(from)
    }))

  it('whatever the holds were: the keeper may be late', () =>
    withStage(async (stage) => {
      await stage.grant(dollars('1'))
      const from = stage.now()
      const machine = await stage.run(h100)
      for (let step = 0; step < 40; step += 1) {
        stage.skip(55_000)
        await stage.look()
        if (step % 3 === 2) await stage.keep()
      }
      await stage.meter()
      assert.equal(await stage.charged(machine.allocation), 999_988_888n)
      await stage.verified(from)
    }))

  it('two machines at 2.99 and 0.60: both end at second 1002, as the runway said', () =>
    withStage(async (stage) => {
      await stage.grant(dollars('1'))
      const from = stage.now()
      const one = await stage.run(h100)
      const two = await stage.run(small)
      const runway = (await stage.balance()).runwayUntil
      assert.equal(Math.floor(((runway ?? 0) - from) / 1000), 1002)
      assert.equal(await lived(stage, one, from), 1002)
      assert.equal(await lived(stage, two, from), 1002)
    }))

  it('100 s run, 900 s silent, back: 1104 s left', () =>
    withStage(async (stage) => {
      await stage.grant(dollars('1'))
      const from = stage.now()
      const machine = await stage.run(h100)
      await stage.pass(100)
      stage.silence(machine)
      await stage.pass(900)
      await stage.tell(machine, 'contact_lost', after(from, 100))
      await stage.tell(machine, 'seen_again')
      assert.equal(await lived(stage, machine), 1104)
      await stage.meter()
      assert.equal(await stage.charged(machine.allocation), 999_988_888n)
      await stage.verified(from)
    }))

  it('a start that a minute of does not fit is refused with what is missing; a minute fits', () =>
    withStage(async (stage) => {
      await stage.grant(dollars('0.049833332'))
      assert.deepEqual(await stage.launch(h100), { shortfall: 1n, purse: 'wallet' })
      await stage.grant(1n)
      const machine = await stage.run(h100)
      assert.equal(await lived(stage, machine), 60)
    }))
})

describe('a local day', () => {
  const table = `
    zone             | from                     | hours | charged
    America/New_York | 2026-03-08T05:00:00.000Z | 23    | 68.77
    America/New_York | 2026-11-01T04:00:00.000Z | 25    | 74.75`
  for (const row of table.trim().split('\n').slice(1)) {
    const [timeZone = '', start = '', hours = '', charged = ''] = row.split('|').map((cell) => cell.trim())
    it(`of ${hours} hours costs ${charged}`, () =>
      withStage(
        async (stage) => {
          await stage.grant(dollars('100'))
          const from = stage.now()
          const machine = await stage.run(h100)
          for (let hour = 0; hour < Number(hours); hour += 1)
            for (let third = 0; third < 72; third += 1) {
              stage.skip(50_000)
              await stage.look()
              if (third % 5 === 0) await stage.keep()
            }
          await stage.meter()
          const to = instant(from + Number(hours) * 3_600_000)
          const bill = await stage.verified(from, to)
          assert.equal(bill.total, String(dollars(charged)))
          assert.equal(bill.to, new Date(to).toISOString())
          assert.equal(await stage.charged(machine.allocation), dollars(charged))
        },
        { start, timeZone },
      ))
  }
})

describe('what is free', () => {
  it('never ready: nothing is charged, the hold is released', () =>
    withStage(async (stage) => {
      await stage.grant(dollars('1'))
      const from = stage.now()
      const machine = await stage.launch(h100)
      assert.ok('lease' in machine)
      assert.equal((await stage.balance()).held, 498_333_333n)
      await stage.pass(300)
      await stage.tell(machine, 'released')
      await stage.pass(1)
      const { posted, held } = await stage.balance()
      assert.deepEqual([posted, held], [dollars('1'), 0n])
      await stage.verified(from)
    }))

  it('queued 60 s, pulled 240 s, booted 30 s, trained 600 s, stopped 10 s, at 3.60: exactly 0.60', () =>
    withStage(async (stage) => {
      await stage.grant(dollars('5'))
      const from = stage.now()
      await stage.pass(60)
      const machine = await stage.launch([{ sku: 'gpu.v100', quantity: 1 }])
      assert.ok('lease' in machine)
      await stage.pass(240 + 30)
      await stage.tell(machine, 'ready')
      await stage.pass(600)
      await stage.tell(machine, 'stop_accepted')
      await stage.pass(10)
      await stage.tell(machine, 'exited')
      await stage.tell(machine, 'released')
      await stage.pass(1)
      assert.equal(formatAmount(await stage.charged()), '0.60')
      await stage.verified(from)
    }))

  it('stop at T, again at T+30: the first counts', () =>
    withStage(async (stage) => {
      await stage.grant(dollars('5'))
      const machine = await stage.run(h100)
      await stage.pass(3600)
      await stage.tell(machine, 'stop_accepted')
      await stage.pass(30)
      await stage.tell(machine, 'stop_accepted')
      await stage.pass(1)
      assert.equal(await stage.charged(machine.allocation), dollars('2.99'))
    }))

  it('a rate of nothing: no hold, no end', () =>
    withStage(async (stage) => {
      stage.use(await stage.publish({ 'gpu.h100': 0n }, after(stage.now(), 1)))
      stage.skip(1)
      const machine = await stage.run(h100)
      await stage.pass(3600)
      const { held, runwayUntil } = await stage.balance()
      assert.deepEqual([held, runwayUntil], [0n, null])
      await stage.tell(machine, 'stop_accepted')
    }))
})

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { formatInstant, hourMs, minuteMs, secondMs } from '../kernel/time.ts'
import { noticesOf } from '../notices/notices.ts'
import { noticeTypes } from '../notices/rules.ts'
import { after as later, type Machine, Stage } from './testing.ts'
import { organizationsToWatch, watchBalance } from './warnings.ts'

const one = [{ sku: 'gpu.h100', quantity: 1 }] as const
const unit = 1_000_000_000n

let stage: Stage
let opened = 0

async function open(): Promise<Stage> {
  opened += 1
  stage = await Stage.open({ seed: `warnings ${opened}` })
  await stage.publish({ 'gpu.h100': 3n * unit, volume: unit / 10n })
  return stage
}

/** What was told since the last time, the oldest first: types, and minutes where there are any. */
async function told(): Promise<readonly string[]> {
  const asked = { types: noticeTypes, before: null, limit: 100 }
  const rows = await stage.store.read((tx) => noticesOf(tx, stage.organization, asked))
  const balances = rows.filter(({ type }) => type.startsWith('balance.')).toReversed()
  return balances.map(({ type, data }) => {
    const minutes = data['minutes']
    return typeof minutes === 'number' ? `${type.slice(8)} ${minutes}` : type.slice(8)
  })
}

/** The warner's part: those that are to be looked at, are. */
async function watch(): Promise<void> {
  const due = await stage.store.read((tx) => organizationsToWatch(tx))
  for (const organization of due) await stage.store.transact((tx) => watchBalance(tx, organization))
}

/** Time passes, everybody at work, the warner every so many seconds of it. */
async function pass(seconds: number, step = 5): Promise<void> {
  const until = later(stage.now(), seconds)
  while (stage.now() < until) {
    await stage.pass(Math.min(step, (until - stage.now()) / 1000))
    await watch()
  }
}

describe('warnings of a balance', () => {
  afterEach(() => stage.close())

  it('come at 60, 10 and 2 minutes and at the end, once each, as soon as they are due', async () => {
    await open()
    // An hour and five minutes at three dollars an hour.
    await stage.grant((3n * unit * 65n) / 60n)
    await stage.run(one)
    const begun = stage.now()
    const due: [string, number][] = []
    let seen = 0
    while (stage.now() < later(begun, 66 * 60)) {
      await pass(30, 30)
      const all = await told()
      for (; seen < all.length; seen += 1) due.push([all[seen] ?? '', (stage.now() - begun) / minuteMs])
    }
    assert.deepEqual(
      due.map(([what, minutes]) => [what, Math.round(minutes)]),
      [
        ['low 60', 5],
        ['low 10', 55],
        ['low 2', 63],
        ['used_up', 65],
      ],
    )
  })

  it('say until when, what is left and what it costs', async () => {
    await open()
    await stage.grant(unit / 2n)
    await stage.run(one)
    await watch()
    const asked = { types: ['balance.low'] as const, before: null, limit: 1 }
    const [notice] = await stage.store.read((tx) => noticesOf(tx, stage.organization, asked))
    assert.ok(notice)
    const { runwayUntil, ...rest } = notice.data
    // The last second that is begun is given away: it is not charged.
    assert.equal(runwayUntil, formatInstant(later(stage.now(), 600.999)))
    assert.deepEqual(rest, {
      currency: 'USD',
      minutes: 10,
      liveNanos: '500000000',
      nanosPerHour: '3000000000',
      storageNanosPerHour: '0',
      stops: [],
    })
  })

  it('of a second machine that halves the runway come at once', async () => {
    await open()
    await stage.grant((3n * unit * 100n) / 60n)
    await stage.run(one)
    await pass(10)
    assert.deepEqual(await told(), [])
    await stage.run(one)
    await pass(5)
    assert.deepEqual(await told(), ['low 60'])
  })

  it('are over with the machine, and begin anew with the next', async () => {
    await open()
    await stage.grant(unit / 2n)
    const machine = await stage.run(one)
    await pass(5)
    await stage.tell(machine, 'stop_accepted')
    await pass(30, 15)
    assert.deepEqual(await told(), ['low 10'])
    await stage.run(one)
    await pass(5)
    assert.deepEqual(await told(), ['low 10', 'low 10'])
  })

  it('are over with a top-up, and that is told', async () => {
    await open()
    await stage.grant(unit / 2n)
    await stage.run(one)
    await pass(5)
    await stage.grant(10n * unit)
    await pass(15)
    assert.deepEqual(await told(), ['low 10', 'recovered'])
    await pass(60, 20)
    assert.deepEqual(await told(), ['low 10', 'recovered'])
  })

  it('come of storage alone', async () => {
    await open()
    // Ten GiB at a dime: a dollar an hour.
    await stage.grant((unit * 61n) / 60n)
    await stage.createVolume(10)
    await watch()
    assert.deepEqual(await told(), [])
    await pass(70, 70)
    assert.deepEqual(await told(), ['low 60'])
    await pass(60 * 60, 60)
    assert.deepEqual(await told(), ['low 60', 'low 10', 'low 2', 'used_up'])
  })

  it('of the keeper, who finds the money used up first, are not told twice', async () => {
    await open()
    await stage.grant(unit / 20n)
    await stage.run(one)
    await watch()
    assert.deepEqual(await told(), ['low 2'])
    // Nobody watches until the money is used up.
    await stage.pass(70)
    assert.deepEqual(await told(), ['low 2', 'used_up'])
    await pass(60, 20)
    assert.deepEqual(await told(), ['low 2', 'used_up'])
  })

  it('wait while nobody knows whether it runs', async () => {
    await open()
    await stage.grant(unit / 2n)
    const machine = await stage.run(one)
    await pass(5)
    stage.silence(machine)
    await stage.pass(120)
    await stage.tell(machine, 'contact_lost', later(stage.now(), -115))
    await watch()
    assert.deepEqual(await told(), ['low 10'])
  })
})

describe('who is looked at', () => {
  before(open)
  after(() => stage.close())
  let machine: Machine
  let second: Machine

  const due = async (): Promise<boolean> => {
    const all = await stage.store.read((tx) => organizationsToWatch(tx))
    return all.includes(stage.organization)
  }

  it('nobody for whom nothing costs', async () => {
    await stage.grant(100n * unit)
    assert.equal(await due(), false)
  })

  it('whoever has just begun, and then not every second', async () => {
    machine = await stage.run(one)
    assert.equal(await due(), true)
    await watch()
    stage.skip(6 * secondMs)
    await watch()
    stage.skip(minuteMs)
    assert.equal(await due(), false, 'the money lasts for more than a day')
    stage.skip(10 * minuteMs)
    assert.equal(await due(), true)
  })

  it('whoever begins something more', async () => {
    await watch()
    stage.skip(10 * secondMs)
    assert.equal(await due(), false)
    second = await stage.run(one)
    assert.equal(await due(), true)
  })

  it('nobody any more once everything is over and settled', async () => {
    for (const one of [machine, second]) await stage.tell(one, 'stop_accepted')
    await stage.meter()
    await watch()
    stage.skip(hourMs)
    await stage.meter()
    assert.equal(await due(), false)
  })
})

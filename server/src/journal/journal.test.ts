import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Stage } from '../billing/testing.ts'
import { asId } from '../kernel/ids.ts'
import { type Instant, instant } from '../kernel/time.ts'
import { record } from '../metering/metering.ts'
import { events, eventsOf, raiseFloor } from './journal.ts'
import { chained, type NewEvent, type UsageEvent } from './rules.ts'

const volume = asId('volume', 'vol_one')
const allocation = asId('allocation', 'alo_one')
const made: NewEvent = {
  type: 'created',
  at: 'now',
  data: {
    project: asId('project', 'prj_one'),
    sku: 'volume',
    sizeGib: 5,
    priceBook: asId('priceBook', 'pb_one'),
  },
}
const allocated: NewEvent = {
  type: 'allocated',
  at: 'now',
  data: {
    for: asId('instance', 'ins_one'),
    rank: 0,
    project: asId('project', 'prj_one'),
    flavor: 'f.1',
    priceBook: asId('priceBook', 'pb_one'),
    lines: [{ sku: 'cpu', quantity: 1 }],
  },
}

describe('how an event is dated', () => {
  const start = instant(1_000_000)
  const later = instant(2_000_000)
  const first = chained(allocation, [], [allocated], start)
  const dated = (event: NewEvent, before: readonly UsageEvent[] = first): Instant | undefined =>
    chained(allocation, before, [event], later)[0]?.at

  it('a readiness at most a minute back, and not before what was known', () => {
    assert.equal(dated({ type: 'ready', at: instant(1_999_000), data: {} }), 1_999_000)
    assert.equal(dated({ type: 'ready', at: instant(1_500_000), data: {} }), 1_940_000)
    assert.equal(dated({ type: 'ready', at: instant(3_000_000), data: {} }), later)
  })

  it('an end never before the beginning nor after it was recorded', () => {
    const exit = { exitCode: 0, signal: null, outOfMemory: false }
    assert.equal(dated({ type: 'exited', at: instant(5), data: exit }), start)
    assert.equal(dated({ type: 'exited', at: instant(1_200_000), data: exit }), 1_200_000)
    assert.equal(dated({ type: 'fault', at: instant(9_000_000), data: { evidence: 'x' } }), later)
  })

  it('a deletion not before the last size', () => {
    const before = chained(
      volume,
      chained(volume, [], [made], start),
      [{ type: 'resized', at: 'now', data: { sizeGib: 6 } }],
      instant(1_500_000),
    )
    const all = [...chained(volume, [], [made], start), ...before]
    assert.equal(
      chained(volume, all, [{ type: 'deleted', at: instant(5), data: {} }], later)[0]?.at,
      1_500_000,
    )
  })
})

describe('what is refused as a mistake', () => {
  const first = chained(volume, [], [made], instant(0))
  const ended = [...first, ...chained(volume, first, [{ type: 'deleted', at: 'now', data: {} }], instant(1))]
  const mistakes: readonly (readonly [string, () => unknown])[] = [
    ['a second beginning', () => chained(volume, first, [made], instant(1))],
    ['no beginning', () => chained(volume, [], [{ type: 'deleted', at: 'now', data: {} }], instant(1))],
    [
      'an event of another kind',
      () => chained(volume, first, [{ type: 'ready', at: 'now', data: {} }], instant(1)),
    ],
    [
      'something after the end',
      () => chained(volume, ended, [{ type: 'resized', at: 'now', data: { sizeGib: 1 } }], instant(2)),
    ],
    [
      'a fraction',
      () => chained(volume, first, [{ type: 'note', at: 'now', data: { load: 0.5 } }], instant(1)),
    ],
  ]
  for (const [what, call] of mistakes) it(what, () => assert.throws(call, { code: 'internal' }))

  it('text that the bill cannot hold becomes what it can', () => {
    const [note] = chained(
      volume,
      first,
      [{ type: 'note', at: 'now', data: { 'a\u0000': '\ud800 \uffff x' } }],
      instant(1),
    )
    assert.deepEqual(note?.data, { 'a\ufffd': '\ufffd \ufffd x' })
  })
})

describe('the journal', () => {
  let stage: Stage
  before(async () => {
    stage = await Stage.open()
    await stage.publish({ volume: 1n })
  })
  after(() => stage.close())

  it('chains what is recorded, never before the floor and never going back', async () => {
    const id = await stage.createVolume(5)
    const begun = stage.now()
    await stage.store.transact((tx) => raiseFloor(tx, stage.organization, instant(begun + 500)))
    await stage.tellVolume(id, { type: 'resized', at: 'now', data: { sizeGib: 6 } })
    stage.skip(-10_000)
    await stage.tellVolume(id, { type: 'note', at: 'now', data: { why: 'the clock went back' } })
    const all = await stage.store.read((tx) => eventsOf(tx, id))
    assert.deepEqual(
      all.map(({ seq, recordedAt }) => [seq, recordedAt - begun]),
      [
        [1, 0],
        [2, 500],
        [3, 500],
      ],
    )
    assert.equal(all[1]?.prevHash, all[0]?.hash)
    assert.equal(all[2]?.prevHash, all[1]?.hash)
    const paged = await stage.store.read((tx) =>
      events(tx, stage.organization, { after: { resource: id, seq: 1 }, limit: 1 }),
    )
    assert.deepEqual(paged, [all[1]])
  })

  it('keeps a resource with its organization', async () => {
    const id = await stage.createVolume(5)
    await stage.store.pool.query(`insert into organization (id, name, currency, created_at)
      values ('org_other', 'Other', 'USD', clock_timestamp())`)
    await assert.rejects(
      stage.store.transact((tx) =>
        record(tx, id, asId('organization', 'org_other'), [{ type: 'deleted', at: 'now', data: {} }]),
      ),
      { code: 'internal' },
    )
  })

  it('many recorders at once leave one chain without a gap', async () => {
    const id = await stage.createVolume(5)
    const note: NewEvent = { type: 'note', at: 'now', data: {} }
    await Promise.all(Array.from({ length: 50 }, () => stage.tellVolume(id, note)))
    const all = await stage.store.read((tx) => eventsOf(tx, id))
    assert.deepEqual(
      all.map(({ seq }) => seq),
      Array.from({ length: 51 }, (_, index) => index + 1),
    )
    for (const [index, event] of all.entries())
      assert.equal(event.prevHash, all[index - 1]?.hash ?? '0'.repeat(64))
  })

  for (const statement of ['update usage_event set at = at', 'delete from usage_event'])
    it(`the rows refuse: ${statement}`, () =>
      assert.rejects(stage.store.pool.query(statement), /append-only/))

  it('the rows refuse spells that overlap or run backwards', async () => {
    const id = await stage.createVolume(5)
    const spell = (from: string, to: string): Promise<unknown> =>
      stage.store.pool.query('insert into spell values ($1, $2, $3)', [
        id,
        `2026-01-01T${from}Z`,
        `2026-01-01T${to}Z`,
      ])
    await spell('01:00', '02:00')
    await spell('02:00', '03:00')
    await assert.rejects(spell('02:30', '04:00'), /spell_no_overlap/)
    await assert.rejects(spell('06:00', '05:00'), /spell_forward|range lower bound/)
  })
})

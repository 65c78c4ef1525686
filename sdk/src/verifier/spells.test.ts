import assert from 'node:assert/strict'
import { test } from 'node:test'

import { madeBundle } from './made_bundle.ts'
import { sentenceOf, verifyBill } from './verifier.ts'

/**
 * A history of one allocation, in seconds behind `allocated 0`, and the seconds that are paid at 1000.
 * `contact_lost 20@80` became so at 20 and was recorded at 80.
 */
const table = `
  note 5                                                                       | 0
  ready 10                                                                     | 990
  ready 10 | stop_accepted 30                                                  | 20
  ready 10 | ready 20 | stop_accepted 30                                       | 20
  ready 10 | released 30                                                       | 990
  seen_again 10                                                                | 0
  seen_again 10 | ready 20 | stop_accepted 30                                  | 10
  contact_lost 10 | ready 20 | stop_accepted 30                                | 10
  stop_accepted 10 | ready 20                                                  | 0
  fault 10 | ready 20 | seen_again 30                                          | 0
  exited 15@20 | ready 20                                                      | 0
  ready 10 | contact_lost 20@80                                                | 10
  ready 10 | contact_lost 20@80 | seen_again 100                               | 910
  ready 10 | contact_lost 20@80 | ready 100 | exited 110                       | 20
  ready 10 | contact_lost 20@80 | seen_again 100 | lease_ended 110 | ready 120 | 20
  ready 10 | contact_lost 20@80 | seen_again 100 | stop_accepted 150 | fault 15@900 | 5
  ready 10 | contact_lost 20@80 | seen_again 100 | stop_accepted 150 | fault 10@900 | 0
  ready 10 | contact_lost 20@80 | seen_again 100 | stop_accepted 150 | fault 5@900  | 0
  ready 10 | contact_lost 20@80 | seen_again 100 | stop_accepted 150 | fault 50@900 | 10
  ready 10 | contact_lost 20@80 | seen_again 100 | stop_accepted 150 | fault 120@900 | 30
  ready 10 | contact_lost 20@80 | seen_again 100 | stop_accepted 150 | fault 200@900 | 60
  ready 10 | contact_lost 20@80 | seen_again 100 | contact_lost 15@200         | 5
  ready 10 | contact_lost 20@80 | seen_again 100 | contact_lost 10@200         | 0
  ready 10 | contact_lost 20@80 | seen_again 100 | contact_lost 20@200         | 10
  ready 10 | contact_lost 20@80 | seen_again 100 | contact_lost 5@200          | 10
  ready 10 | contact_lost 20@80 | seen_again 100 | contact_lost 100@200        | 10
  ready 10 | contact_lost 20@80 | seen_again 100 | contact_lost 5@200 | seen_again 300 | 710
  ready 10 | contact_lost 20@80 | contact_lost 15@90                           | 5
  ready 10 | contact_lost 20@80 | contact_lost 30@90                           | 10
  ready 10 | stop_accepted 100 | contact_lost 50@110                           | 40
  ready 10 | stop_accepted 100 | contact_lost 50@110 | seen_again 120          | 40
  ready 10 | stop_accepted 100 | exited 40@105                                 | 30
  ready 10 | stop_accepted 100 | exited 120                                    | 90
  ready 10 | stop_accepted 100 | exited 40@105 | fault 60@200                  | 30
  ready 10 | stop_accepted 100 | stop_accepted 50@105                          | 40
  ready 10 | fault 50@60 | ready 70                                            | 40
  ready 10 | contact_lost 5@80                                                 | 0
  ready 10 | contact_lost 5@80 | seen_again 90 | stop_accepted 95              | 5
  ready 10@70 | stop_accepted 80                                               | 70
  ready 10@70 | stop_accepted 5@80                                             | 0
  ready 10@60 | exited 20@60                                                   | 10
  ready 100 | contact_lost 150 | ready 140@160 | stop_accepted 200             | 100
  ready 100 | contact_lost 150 | ready 140@160 | contact_lost 145@170          | 45
  ready 100 | contact_lost 150 | ready 90@150 | stop_accepted 200              | 110
  ready 100 | contact_lost 150 | ready 120@160 | contact_lost 140@170 | ready 130@180 | stop_accepted 200 | 100
  ready 100 | contact_lost 150 | ready 92@152 | contact_lost 95@160                | 53
  ready 100 | contact_lost 150 | ready 92@152 | contact_lost 95@160 | fault 120@900 | 23
  ready 100 | contact_lost 150 | ready 92@152 | contact_lost 95@160 | contact_lost 120@900 | 23
  ready 10 | ready 20 | contact_lost 30 | seen_again 30 | contact_lost 30 | seen_again 30 | stop_accepted 40 | 30
`

for (const row of table.split('\n').filter((line) => line.includes('|'))) {
  const parts = row.split('|').map((part) => part.trim())
  const expected = Number(parts.pop())
  const history = ['allocated 0', ...parts].join(' | ')
  test(`${parts.join(' | ')}: ${expected} s`, async () => {
    const bundle = await madeBundle({ histories: { alo_a: history }, from: 0, to: 1000 })
    const result = await verifyBill(JSON.stringify(bundle))
    assert.ok(!('unreadable' in result))
    assert.equal(result.verified, true, sentenceOf(result))
    assert.equal(result.recomputed[0]?.unitMillis, String(expected * 1000))
  })
}

/** Histories of several allocations of one place, and whether they are ever paid at the same time. */
const places: readonly (readonly [kind: 'none' | 'sequence', histories: Readonly<Record<string, string>>])[] =
  [
    ['none', { alo_a: 'ready 10 | stop_accepted 50', alo_b: 'ready 50' }],
    ['sequence', { alo_a: 'ready 10 | stop_accepted 50', alo_b: 'ready 49' }],
    ['sequence', { alo_a: 'ready 10', alo_b: 'ready 900' }],
    ['sequence', { alo_a: 'ready 10 | stop_accepted 50', alo_b: 'ready 5' }],
    ['sequence', { alo_a: 'ready 10 | stop_accepted 50', alo_b: 'ready 20 | exited 30' }],
    ['sequence', { alo_a: 'ready 10 | stop_accepted 50', alo_b: 'ready 10 | exited 50' }],
    ['none', { alo_a: 'ready 10 | stop_accepted 50', alo_b: 'ready 20 | exited 20' }],
    ['none', { alo_a: 'ready 10 | stop_accepted 50 | fault 30@800', alo_b: 'ready 30' }],
    ['none', { alo_a: 'ready 10 | contact_lost 20@80', alo_b: 'ready 30' }],
    ['sequence', { alo_a: 'ready 10 | contact_lost 20@80 | seen_again 100', alo_b: 'ready 30' }],
    [
      'none',
      { alo_a: 'ready 10 | contact_lost 20@80 | seen_again 100', alo_b: 'ready 30 | stop_accepted 100' },
    ],
    ['none', { alo_a: 'note 1', alo_b: 'ready 10', alo_c: 'stop_accepted 5' }],
    ['sequence', { alo_a: 'ready 1 | exited 2', alo_b: 'ready 2 | exited 9', alo_c: 'ready 8 | exited 12' }],
    // A spell within another one of the same allocation is no other allocation's.
    ['none', { alo_a: 'ready 100 | contact_lost 150 | ready 140@160 | exited 200', alo_b: 'ready 200' }],
  ]

for (const [kind, histories] of places) {
  test(`in one place: ${JSON.stringify(histories)}`, async () => {
    const inPlace = (place: string) => {
      const placed = Object.entries(histories).map(([resource, history], index) => {
        return [resource, `allocated 0 ${place.replace('N', String(index))} | ${history}`]
      })
      return madeBundle({ histories: Object.fromEntries(placed), from: 0, to: 1000 })
    }
    const kindIn = async (place: string) => {
      const result = await verifyBill(JSON.stringify(await inPlace(place)))
      return 'unreadable' in result ? 'unreadable' : (result.firstDifference?.kind ?? 'none')
    }
    assert.equal(await kindIn('for=job_1 rank=3'), kind)
    assert.equal(await kindIn('for=job_1 rank=N'), 'none')
    assert.equal(await kindIn('for=job_N rank=3'), 'none')
  })
}

/** GiB-seconds at 1000 of a volume, by price book. */
const volumes: readonly (readonly [history: string, paid: Readonly<Record<string, number>>])[] = [
  ['created 0 pb_1 50', { pb_1: 50_000 }],
  ['created 0 pb_1 50 | deleted 0', { pb_1: 0 }],
  ['created 0 pb_1 50 | deleted 10@700', { pb_1: 500 }],
  ['created 0 pb_1 50 | resized 100 60 | deleted 200', { pb_1: 11_000 }],
  ['created 0 pb_1 50 | resized 100 60 | resized 100 1 | deleted 200', { pb_1: 5100 }],
  [
    'created 0 pb_1 50 | repriced 100 pb_2 | resized 200 10 | repriced 300 pb_1',
    { pb_1: 12_000, pb_2: 6000 },
  ],
  ['created 0 pb_1 50 | repriced 100 pb_1', { pb_1: 50_000 }],
  ['created 0 pb_1 50 | repriced 100 pb_2 | repriced 100 pb_1', { pb_1: 50_000, pb_2: 0 }],
  ['created 0 pb_1 50 | repriced 0 pb_2 | deleted 10 | note 5@20 | note 30', { pb_1: 0, pb_2: 500 }],
]

for (const [history, paid] of volumes) {
  test(`storage: ${history}`, async () => {
    for (const resource of ['vol_a', 'snp_a']) {
      const bundle = await madeBundle({
        histories: { [resource]: history },
        from: 0,
        to: 1000,
        settledAt: [150, 500],
      })
      const result = await verifyBill(JSON.stringify(bundle))
      assert.ok(!('unreadable' in result))
      assert.equal(result.verified, true, sentenceOf(result))
      const seconds = result.recomputed.map(({ priceBook, unitMillis }) => [
        priceBook,
        Number(unitMillis) / 1000,
      ])
      assert.deepEqual(Object.fromEntries(seconds), paid)
    }
  })
}

test('amounts of 38 digits and quantities near 2^53 lose nothing', async () => {
  const nanos = '9'.repeat(38)
  const book = { id: 'pb_1', currency: 'USD', effectiveFrom: '2026-01-01T00:00:00.000Z', hash: '' }
  const plan = {
    histories: { alo_a: 'allocated 0 gpu*1 cpu*9007199254740991 | ready 1 | exited 4' },
    from: 0,
    to: 9,
    priceBooks: [
      {
        ...book,
        rates: [
          { sku: 'gpu', unit: 'gpu-hour', nanos },
          { sku: 'cpu', unit: 'vcpu-hour', nanos: '7' },
        ],
      },
    ],
  }
  const result = await verifyBill(JSON.stringify(await madeBundle(plan)))
  assert.ok(!('unreadable' in result))
  assert.equal(result.verified, true, sentenceOf(result))
  assert.deepEqual(
    result.recomputed.map(({ unitMillis, amount }) => [unitMillis, amount]),
    [
      ['27021597764222973000', String((7n * 27021597764222973n) / 3600n)],
      ['3000', String((BigInt(nanos) * 3n) / 3600n)],
    ],
  )
})

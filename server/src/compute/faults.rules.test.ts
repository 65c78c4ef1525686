import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chained, type UsageEvent } from '../journal/rules.ts'
import { asId } from '../kernel/ids.ts'
import { type Instant, instant } from '../kernel/time.ts'
import { faultText, toldBefore } from './faults.rules.ts'

const allocation = asId('allocation', 'alo_one')
const second = (count: number): Instant => instant(Date.UTC(2026, 2, 2) + count * 1000)

/** Allocated at 0, with these faults on record at 100: `evidence@second`. */
function journal(faults: readonly string[]): readonly UsageEvent[] {
  const began = chained(
    allocation,
    [],
    [
      {
        type: 'allocated',
        at: 'now',
        data: {
          for: asId('instance', 'ins_one'),
          rank: 0,
          project: asId('project', 'prj_one'),
          flavor: 'f.1',
          priceBook: asId('priceBook', 'pb_one'),
          lines: [{ sku: 'a', quantity: 1 }],
        },
      },
    ],
    second(0),
  )
  const told = faults.map((fault) => {
    const [evidence = '', at = ''] = fault.split('@')
    return { type: 'fault' as const, at: second(Number(at)), data: { evidence } }
  })
  return [...began, ...chained(allocation, began, told, second(100))]
}

// On record | reported → what says so already.
const table = `
– | XID 79@40 | news
XID 79@40 | XID 79@40 | XID 79@40
XID 79@40 | XID 79@41 | XID 79@40
XID 79@40 | XID 79@39 | news
XID 79@40 | XID 79 @40 | news
XID 79@40 | ECC@40 | news
XID 79@40, ECC@30 | ECC@40 | ECC@30
ECC@60, ECC@30 | ECC@60 | ECC@60`

for (const row of table.trim().split('\n')) {
  const [before = '', reported = '', expected = ''] = row.split(' | ')
  test(`on record ${before}, reported ${reported}: ${expected}`, () => {
    const [evidence = '', at = ''] = reported.split('@')
    const events = journal(before === '–' ? [] : before.split(', '))
    const told = toldBefore(events, { evidence, at: second(Number(at)) })
    const text = told ? `${told.evidence}@${(told.at - second(0)) / 1000}` : 'news'
    assert.equal(text, expected)
  })
}

test('a fault in one sentence', () => {
  assert.equal(
    faultText({ at: second(1.5), evidence: 'XID 79' }),
    'fault since 2026-03-02T00:00:01.500Z: XID 79',
  )
})

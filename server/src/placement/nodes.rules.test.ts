import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instant } from '../kernel/time.ts'
import { isSilent, nodeEvents, nodeStatuses, nodeTable } from './nodes.rules.ts'

test('nothing is fenced that was not drained, and nothing fenced is ready without a look', () => {
  const into = (status: string): string[] =>
    nodeEvents.flatMap((event) =>
      nodeStatuses.filter((from) => nodeTable[event][from] === status).map((from) => `${from} ${event}`),
    )
  assert.deepEqual(into('fenced'), ['draining fence_asked'])
  assert.deepEqual(into('ready'), ['returning seen_clean'])
})

test('every status can be left for ready', () => {
  for (const status of nodeStatuses) {
    const asked = nodeTable.ready_asked[status]
    const then = asked === 'same' ? status : asked
    assert.ok(then === 'ready' || (then === 'returning' && nodeTable.seen_clean.returning === 'ready'))
  }
})

test('silent is who has not answered for more than a minute', () => {
  const now = instant(1_000_000)
  assert.equal(isSilent({ seenAt: instant(940_000) }, now), false)
  assert.equal(isSilent({ seenAt: instant(939_999) }, now), true)
})

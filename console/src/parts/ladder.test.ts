import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Climbing, ladderOf } from './ladder.ts'

const allocated = {
  id: 'alo_1',
  node: 'n',
  flavor: 'cpu.1x2',
  priceBook: 'pb_1',
  nanosPerHour: '1',
  isLive: true,
  stage: null,
  bytesDone: null,
  bytesTotal: null,
  allocatedAt: '2026-11-23T12:00:05.000Z',
  startedAt: null,
  readyAt: null,
  lastSeenAt: null,
  closedAt: null,
  releasedAt: null,
} as const
const requestedAt = '2026-11-23T12:00:00.000Z'
const now = Date.parse('2026-11-23T12:00:20.000Z')

function shown(subject: Climbing): string {
  return ladderOf(subject, now)
    .map(({ name, status, ms }) => `${name}:${status}${ms === null ? '' : `:${ms}`}`)
    .join(' ')
}

test('the ladder, rung by rung', () => {
  const startedAt = '2026-11-23T12:00:14.000Z'
  const readyAt = '2026-11-23T12:00:16.000Z'
  const cases: readonly [Climbing, string][] = [
    [
      { state: 'queued', requestedAt, allocation: null },
      'queued:now:20000 reserved:ahead preparing:ahead starting:ahead ready:ahead',
    ],
    [
      { state: 'preparing', requestedAt, allocation: allocated },
      'queued:done:5000 reserved:now:15000 preparing:ahead starting:ahead ready:ahead',
    ],
    [
      { state: 'preparing', requestedAt, allocation: { ...allocated, stage: 'pulling' } },
      'queued:done:5000 reserved:done preparing:now:15000 starting:ahead ready:ahead',
    ],
    [
      { state: 'preparing', requestedAt, allocation: { ...allocated, stage: 'starting', startedAt } },
      'queued:done:5000 reserved:done preparing:done:9000 starting:now:6000 ready:ahead',
    ],
    [
      { state: 'running', requestedAt, allocation: { ...allocated, startedAt, readyAt } },
      'queued:done:5000 reserved:done preparing:done:9000 starting:done:2000 ready:done',
    ],
    [
      { state: 'failed', requestedAt, allocation: { ...allocated, startedAt } },
      'queued:done:5000 reserved:done preparing:done:9000 starting:failed ready:ahead',
    ],
  ]
  for (const [subject, text] of cases) assert.equal(shown(subject), text)
})

test('only what follows readiness is paid', () => {
  const rungs = ladderOf({ state: 'queued', requestedAt, allocation: null }, now)
  assert.deepEqual(
    rungs.filter(({ isPaid }) => isPaid).map(({ name }) => name),
    ['ready'],
  )
})

test('a queue that waits again does not show the allocation before', () => {
  const readyAt = '2026-11-23T11:00:16.000Z'
  const text = shown({
    state: 'queued',
    requestedAt,
    allocation: { ...allocated, readyAt, startedAt: readyAt },
  })
  assert.equal(text.startsWith('queued:now:20000 reserved:ahead'), true)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Life } from '../compute/rules.ts'
import { instant } from '../kernel/time.ts'
import {
  hasEnded,
  limitReachedAt,
  type RunEvent,
  runEvents,
  runStates,
  type RunState,
  stepRun,
} from './rules.ts'

const queued: Life<RunState> = {
  intent: 'running',
  state: 'queued',
  outcome: null,
  elsewhereCount: 0,
  exitedCleanly: false,
}

interface Told {
  readonly event: RunEvent
  readonly with?: Parameters<typeof stepRun>[2]
}

function after(...told: readonly Told[]): Life<RunState> {
  return told.reduce((life, { event, with: context }) => {
    const step = stepRun(life, event, context)
    assert.equal(step.kind, 'moved', `${event} in ${life.state}`)
    return step.kind === 'moved' ? step.life : life
  }, queued)
}

const running: readonly Told[] = [{ event: 'allocated' }, { event: 'seen_ready' }]
const released: Told = { event: 'released' }

const ends: readonly (readonly [string, readonly Told[], RunState])[] = [
  [
    'exits with 0',
    [...running, { event: 'seen_ended', with: { exitedCleanly: true } }, released],
    'succeeded',
  ],
  ['exits with 7', [...running, { event: 'seen_ended', with: { exitedCleanly: false } }, released], 'failed'],
  [
    'began and ended between two looks',
    [{ event: 'allocated' }, { event: 'seen_ended', with: { exitedCleanly: true } }, released],
    'succeeded',
  ],
  ['canceled while it waits', [{ event: 'stop_requested' }], 'canceled'],
  ['canceled while it runs', [...running, { event: 'stop_requested' }, released], 'canceled'],
  [
    'canceled, and then seen to have ended by our TERM',
    [
      ...running,
      { event: 'stop_requested' },
      { event: 'seen_ended', with: { closedForGood: true } },
      released,
    ],
    'canceled',
  ],
  [
    'over before the cancel came',
    [
      ...running,
      { event: 'seen_ended', with: { exitedCleanly: true } },
      { event: 'stop_requested' },
      released,
    ],
    'succeeded',
  ],
  [
    'at its time limit',
    [...running, { event: 'stop_requested', with: { cancelAs: 'timed_out' } }, released],
    'timed_out',
  ],
  [
    'out of money',
    [...running, { event: 'stop_requested', with: { cancelAs: 'unpaid' } }, released],
    'failed',
  ],
  ['refused', [{ event: 'refused_for_good' }], 'failed'],
  ['lost with its node', [...running, { event: 'contact_lost' }, released], 'failed'],
  ['never made', [{ event: 'allocated' }, { event: 'prepare_failed' }, released], 'failed'],
  [
    'sent elsewhere once',
    [{ event: 'allocated' }, { event: 'prepare_failed', with: { elsewhere: true } }, released],
    'queued',
  ],
]

for (const [what, told, state] of ends)
  test(`a run that is ${what} becomes ${state}`, () => assert.equal(after(...told).state, state))

test('a run goes elsewhere at most three times', () => {
  const elsewhere: readonly Told[] = [
    { event: 'allocated' },
    { event: 'prepare_failed', with: { elsewhere: true } },
    released,
  ]
  assert.equal(after(...elsewhere, ...elsewhere, ...elsewhere).state, 'queued')
  assert.equal(after(...elsewhere, ...elsewhere, ...elsewhere, ...elsewhere).state, 'failed')
})

test('an end is final: no event leads out of it', () => {
  for (const state of runStates.filter(hasEnded))
    for (const event of runEvents) {
      const step = stepRun({ ...queued, state }, event)
      if (step.kind === 'moved') assert.equal(step.life.state, state, `${event} in ${state}`)
    }
})

test('a limit is reached at one instant, in whichever spell that lies', () => {
  const at = instant
  const spells = [
    { from: at(1000), to: at(3000) },
    { from: at(10_000), to: null },
  ]
  assert.equal(limitReachedAt(spells, 1500n), 2500)
  assert.equal(limitReachedAt(spells, 2000n), 3000)
  assert.equal(limitReachedAt(spells, 2001n), 10_001)
  assert.equal(limitReachedAt(spells.slice(0, 1), 2001n), null)
})

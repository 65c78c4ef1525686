import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { instant } from '../../kernel/time.ts'
import { signalOf } from '../signals.ts'
import { engineTime, factOf, type Inspection, sightOf } from './facts.ts'

const started = '2026-01-01T00:00:01.123456789Z'
const ended = '2026-01-01T00:00:09Z'
const zero = '0001-01-01T00:00:00Z'

function inspection(state: Partial<Inspection['State']>, labels: Record<string, string> = {}): Inspection {
  return {
    Id: 'c1',
    State: {
      Status: 'running',
      StartedAt: started,
      FinishedAt: zero,
      ExitCode: 0,
      OOMKilled: false,
      ...state,
    },
    Config: { Labels: { 'gpuhour.allocation': 'alo_1', 'gpuhour.ports': '8888,2222', ...labels } },
    NetworkSettings: { Networks: { n: { IPAddress: '10.0.0.2' } } },
  }
}

function fact(state: Partial<Inspection['State']>, hasAnswered = false, labels: Record<string, string> = {}) {
  const sight = sightOf(inspection(state, labels))
  return sight && factOf(sight, hasAnswered)
}

describe('what an inspection says', () => {
  it('reads the engine’s time, whose zero means never', () => {
    assert.equal(engineTime(started), instant(Date.UTC(2026, 0, 1, 0, 0, 1, 123)))
    assert.equal(engineTime(zero), null)
    assert.equal(engineTime(''), null)
  })

  const cases: [string, Partial<Inspection['State']>, boolean, string | undefined][] = [
    ['created', { Status: 'created', StartedAt: zero }, false, 'preparing'],
    ['running, not answered', {}, false, 'preparing'],
    ['running, answered', {}, true, 'ready'],
    ['paused', { Status: 'paused' }, true, 'paused'],
    ['exited', { Status: 'exited', FinishedAt: ended }, true, 'ended'],
    ['could not be started', { Status: 'created', StartedAt: zero, ExitCode: 127 }, false, 'preparing'],
    ['dead', { Status: 'dead', FinishedAt: ended }, false, 'ended'],
    ['dead before it ever ran', { Status: 'dead', StartedAt: zero }, false, 'preparing'],
    ['removing', { Status: 'removing' }, true, undefined],
  ]
  for (const [title, state, hasAnswered, seen] of cases) {
    it(`${title} is ${seen ?? 'nothing'}`, () => assert.equal(fact(state, hasAnswered)?.seen, seen))
  }

  it('takes running alone for readiness where the label says so', () => {
    assert.equal(fact({}, false, { 'gpuhour.readiness': 'started' })?.seen, 'ready')
  })

  it('names the doors by the container’s address', () => {
    const ready = fact({}, true)
    assert.ok(ready?.seen === 'ready')
    assert.deepEqual([...ready.doors.keys()], [8888, 2222])
    assert.deepEqual(ready.doors.get(8888), { host: '10.0.0.2', port: 8888 })
  })

  it('passes over what carries no allocation', () => {
    assert.equal(sightOf(inspection({}, { 'gpuhour.allocation': 'something' })), null)
  })

  it('reads signals from exit codes', () => {
    const table: [number, boolean, string | null][] = [
      [0, false, null],
      [7, false, null],
      [130, false, 'INT'],
      [137, false, 'KILL'],
      [137, true, null],
      [143, false, 'TERM'],
      [139, false, 'SEGV'],
      [255, false, null],
    ]
    for (const [code, outOfMemory, signal] of table)
      assert.equal(signalOf(code, outOfMemory), signal, String(code))
  })
})

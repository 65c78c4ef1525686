import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type Answers, openStandIn, refusal, runOf, type StandIn, type Step } from './testing.ts'

// What `run` says, and in which order.

const allocation = {
  id: 'alo_a',
  node: 'n',
  stage: 'starting',
  bytesDone: null,
  bytesTotal: null,
  closedAt: null,
}
const ending = { reason: null, exitCode: 0, signal: null, outOfMemory: false }
const done = runOf('train', 'succeeded', { allocation, ending })
const state = (name: string, afterMs = 0): Step => ({
  ...{ afterMs, event: 'run' },
  data: runOf('train', name, { allocation }),
})
const over = (afterMs: number): Step => ({ afterMs, event: 'run', data: done })
const line = (n: number, afterMs = 0): Step => ({
  ...{ afterMs, event: 'line' },
  data: { n, stream: 'stderr', text: `line ${n}\n` },
})
const end = (afterMs = 0): Step => ({ afterMs, event: 'end', data: { lines: 2 } })

const offers = { json: { items: [{ flavor: 'cpu.1x2' }, { flavor: 'v100.1' }] } }
const common: Answers = {
  'GET /v1/projects/prj_a/offers': offers,
  'GET /v1/runs/run_train': { json: done },
}
const opened: StandIn[] = []
after(() => Promise.all(opened.map((platform) => platform.close())))

/** A platform on which a run goes like this. */
async function whereItGoes(states: readonly Step[], output: readonly Step[]): Promise<StandIn> {
  const platform = await openStandIn({
    ...common,
    'POST /v1/projects/prj_a/runs': { json: runOf('train', 'queued') },
    'GET /v1/runs/run_train/events': { stream: states },
    'GET /v1/runs/run_train/logs': { stream: output },
  })
  opened.push(platform)
  return platform
}

const words = ['--image', 'base:1', '--flavor', 'cpu.1x2', '--', 'true']
const running = 'train: running · $0.6000 an hour'
const closing = 'ran 0 s on 1 vCPU · $0.000022 · 0.000 CPU-hours (home was scratch)'

test('output ahead of the states: running is said first, nothing of before after it', async () => {
  const states = [
    state('queued'),
    state('preparing', 300),
    state('running'),
    state('stopping', 50),
    over(200),
  ]
  const platform = await whereItGoes(states, [line(1, 150), line(2, 250), end(100)])
  const { code, err } = await platform.gpuhour('run', ...words)
  assert.equal(code, 0, err)
  const said = ['train: queued · free', running, 'line 1', 'line 2', closing, '']
  assert.deepEqual(err.split('\n'), said)
})

test('states ahead of the output: stopping is said only where nothing else comes', async () => {
  const states = [state('running'), state('stopping'), over(400)]
  const quick = await whereItGoes(states, [line(1, 200), line(2), end()])
  const { err } = await quick.gpuhour('run', ...words)
  assert.deepEqual(err.split('\n'), [running, 'line 1', 'line 2', closing, ''])
  const slow = await whereItGoes(
    [state('running'), state('stopping'), over(3_500)],
    [line(1, 100), end(3_300)],
  )
  const waited = await slow.gpuhour('run', ...words)
  const said = [running, 'line 1', 'train: stopping · free', closing, '']
  assert.deepEqual(waited.err.split('\n'), said)
})

test('with --json stderr is the command’s own', async () => {
  const platform = await whereItGoes([state('running'), over(100)], [line(1), end(50)])
  const { code, out, err } = await platform.gpuhour('run', '--json', ...words)
  assert.deepEqual([code, err], [0, 'line 1\n'])
  const { run }: { run: string } = JSON.parse(out)
  assert.equal(run, 'run_train')
})

test('an unknown flavor is answered by those that there are', async () => {
  const unknown = refusal(404, 'not_found', 'There is no flavor here.')
  const platform = await openStandIn({
    ...common,
    'POST /v1/projects/prj_a/runs': unknown,
    'POST /v1/projects/prj_a/instances': unknown,
  })
  opened.push(platform)
  const shape = ['--image', 'base:1', '--flavor', 'cpu.9x9']
  for (const args of [
    ['run', ...shape, '--', 'true'],
    ['launch', 'lab', ...shape],
  ]) {
    const { code, out, err } = await platform.gpuhour(...args)
    const said = 'error: There is no flavor "cpu.9x9". Pick one of: cpu.1x2, v100.1.\n'
    assert.deepEqual([code, out, err], [4, '', said])
  }
  // What else is not there is not the flavor's fault.
  const other = await platform.gpuhour('run', ...words)
  assert.deepEqual([other.code, other.err], [4, 'error: There is no flavor here.\n'])
})

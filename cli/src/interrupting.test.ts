import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type Answer, instanceOf, openStandIn, pageOf, runOf } from './testing.ts'

// Ctrl-C while a command waits: it says what goes on.

/** An instance that does not get any further. */
const stuck = (name: string, state: string, intent: string): Answer => ({
  stream: [{ event: 'instance', data: instanceOf(name, state, { intent }) }],
})
const platform = await openStandIn({
  'POST /v1/projects/prj_a/instances': { json: instanceOf('cd', 'queued', { intent: 'running' }) },
  // Its id is made by the CLI.
  'GET /v1/instances/*/events': stuck('cd', 'queued', 'running'),
  'GET /v1/projects/prj_a/instances?name=lab': pageOf(instanceOf('lab', 'stopped')),
  'POST /v1/instances/ins_lab/start': { json: instanceOf('lab', 'queued', { intent: 'running' }) },
  'GET /v1/instances/ins_lab/events': stuck('lab', 'queued', 'running'),
  'POST /v1/runs/run_train/cancel': { json: runOf('train', 'stopping') },
  'GET /v1/runs/run_train': { json: runOf('train', 'running') },
  'GET /v1/runs/run_train/events': { stream: [{ event: 'run', data: runOf('train', 'stopping') }] },
})
after(() => platform.close())

test('what was asked for goes on, and how to be rid of it', async () => {
  const shape = ['--image', 'base:1', '--flavor', 'cpu.1x2']
  const cases: readonly (readonly [said: string, args: readonly string[], last: string])[] = [
    ['cd: queued', ['launch', 'cd', ...shape], 'cd goes on. To be rid of it: gpuhour rm cd'],
    ['lab: queued', ['start', 'lab'], 'lab goes on. To stop it: gpuhour stop lab'],
    ['train: stopping', ['stop', 'run_train'], 'train goes on. Where it stands: gpuhour show run_train'],
  ]
  for (const [said, args, last] of cases) {
    const { code, out, err } = await platform.interrupted(said, ...args)
    assert.deepEqual([code, out, err.trimEnd().split('\n').at(-1)], [130, '', last], err)
  }
})

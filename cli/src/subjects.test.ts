import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { instanceOf, openStandIn, pageOf, runOf } from './testing.ts'

// Which of instances and runs a name means, and what can be done to each.

const platform = await openStandIn({
  'GET /v1/projects/prj_a/instances': pageOf(),
  'GET /v1/projects/prj_a/instances?name=lab': pageOf(instanceOf('lab', 'running')),
  'GET /v1/projects/prj_a/instances?name=both': pageOf(instanceOf('both', 'running')),
  'GET /v1/projects/prj_a/runs': pageOf(),
  'GET /v1/projects/prj_a/runs?name=train': pageOf(
    runOf('train', 'succeeded', { id: 'run_newer' }),
    runOf('train', 'running'),
  ),
  'GET /v1/projects/prj_a/runs?name=both': pageOf(runOf('both', 'running')),
  'GET /v1/projects/prj_a/runs?name=twin': pageOf(
    runOf('twin', 'running', { id: 'run_twin1' }),
    runOf('twin', 'queued', { id: 'run_twin2' }),
  ),
  'GET /v1/projects/prj_a/volumes': pageOf(),
  'GET /v1/projects/prj_a/volumes?name=data': pageOf({ id: 'vol_data', name: 'data' }),
  'GET /v1/me/ssh-keys': pageOf({ id: 'key_a', name: 'laptop', fingerprint: 'SHA256:a' }),
  'DELETE /v1/me/ssh-keys/key_a': { json: {} },
  'GET /v1/me/api-keys': pageOf({ id: 'gph_a', name: 'ci' }),
  'DELETE /v1/me/api-keys/gph_a': { json: {} },
  'GET /v1/runs/run_train': { json: runOf('train', 'running') },
  'POST /v1/runs/run_train/cancel': { json: runOf('train', 'stopping') },
  'GET /v1/runs/run_train/events': {
    stream: [
      { event: 'run', data: runOf('train', 'stopping') },
      { event: 'run', data: runOf('train', 'canceled') },
    ],
  },
  'POST /v1/instances/ins_both/stop': { json: instanceOf('both', 'stopping', { intent: 'stopped' }) },
})
after(() => platform.close())

test('stop cancels a run by its id or its name, and says so', async () => {
  for (const name of ['run_train', 'train']) {
    const { code, out, err } = await platform.gpuhour('stop', name)
    assert.deepEqual([code, out], [0, 'train\tcanceled\n'], err)
  }
  const { out } = await platform.gpuhour('stop', 'train', '--json')
  const [run]: { state: string }[] = JSON.parse(out)
  assert.equal(run?.state, 'canceled')
  assert.equal((await platform.gpuhour('stop', 'train', '-d')).out, 'train\tstopping\n')
})

test('stop: an instance wins over a run, twins are told apart, and nobody is nobody', async () => {
  assert.equal((await platform.gpuhour('stop', 'both', '-d')).out, 'both\tstopping\n')
  const twins = await platform.gpuhour('stop', 'twin')
  assert.equal(twins.code, 2)
  assert.match(twins.err, /^error: Several runs .*run_twin1, run_twin2\. Name one by its id\.\n$/)
  const nobody = await platform.gpuhour('stop', 'nobody')
  assert.equal(nobody.code, 4)
  assert.match(nobody.err, /no instance or run "nobody".*gpuhour ls --runs/)
})

test('rm of a run says that runs are kept, and deletes nothing', async () => {
  const before = platform.changes.length
  for (const name of ['run_train', 'train']) {
    const { code, out, err } = await platform.gpuhour('rm', 'lab', name, '--yes')
    assert.deepEqual([code, out], [2, ''])
    assert.match(err, /^error: \w+ is a run: runs are kept for the bill.*gpuhour stop \w+\.\n$/)
  }
  assert.equal(platform.changes.length, before)
})

test('what is to be deleted is looked for first, then nobody can be asked', async () => {
  const before = platform.changes.length
  const cases: readonly (readonly [code: number, args: readonly string[], line: RegExp])[] = [
    [
      2,
      ['rm', 'lab'],
      /^error: Nothing was deleted: there is no terminal .*delete lab all the same, add --yes/,
    ],
    [2, ['volumes', 'rm', 'data'], /^error: Nothing was deleted.*delete data .*add --yes/],
    [4, ['rm', 'nope'], /^error: There is no instance or run "nope"/],
    [4, ['volumes', 'rm', 'nope'], /^error: There is no volume "nope"/],
  ]
  for (const [expected, args, line] of cases) {
    const { code, out, err } = await platform.gpuhour(...args)
    assert.deepEqual([code, out], [expected, ''], err)
    assert.match(err, line)
    assert.equal(err.trim().split('\n').length, 1, err)
  }
  assert.equal(platform.changes.length, before)
})

test('--yes is taken wherever something is removed', async () => {
  assert.equal((await platform.gpuhour('keys', 'ssh', 'rm', 'laptop', '--yes')).out, 'Removed SHA256:a.\n')
  assert.equal((await platform.gpuhour('keys', 'api', 'rm', 'ci', '-y')).out, 'Revoked "ci".\n')
})

test('show: an instance, else the run that goes on, else the newest', async () => {
  const shown: readonly (readonly [string, RegExp])[] = [
    ['lab', /^id +ins_lab$/m],
    ['both', /^id +ins_both$/m],
    ['train', /^id +run_train$/m],
    ['run_train', /^command +true$/m],
    ['twin', /^id +run_twin1$/m],
  ]
  for (const [name, line] of shown) {
    const { code, out, err } = await platform.gpuhour('show', name)
    assert.equal(code, 0, err)
    assert.match(out, line)
  }
})

test('logs of an instance, of nobody: each says where to look', async () => {
  const says: readonly (readonly [readonly string[], RegExp])[] = [
    [['logs', 'lab'], /^error: lab is an instance; logs are of runs: gpuhour ls --runs\.\n$/],
    [['logs', 'ins_x'], /^error: ins_x is an instance; logs are of runs: gpuhour ls --runs\.\n$/],
    [['logs', 'nobody'], /no run "nobody" in this project\. See: gpuhour ls --runs\.\n$/],
    [['show', 'nobody'], /no instance or run "nobody"/],
    [['ssh', 'run_train'], /^error: run_train is a run, not an instance\. See: gpuhour ls --runs\.\n$/],
  ]
  for (const [args, line] of says) {
    const { code, err } = await platform.gpuhour(...args)
    assert.equal(code, 4, args.join(' '))
    assert.match(err, line)
  }
})

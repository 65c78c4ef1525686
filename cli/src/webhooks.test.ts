import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openStandIn, pageOf, refusal } from './testing.ts'

const webhook = {
  ...{ id: 'whk_a', organization: 'org_a', name: 'ci', url: 'https://ci.example/hooks', types: [] },
  ...{ enabled: true, disabledWhy: null, disabledAt: null, failingSince: null },
  createdAt: '2026-11-23T00:00:00.000Z',
}
const broken = {
  ...webhook,
  ...{ id: 'whk_b', name: 'old', url: 'https://old.example/', types: ['run.changed', 'balance.low'] },
  ...{ enabled: false, disabledWhy: 'failing', disabledAt: webhook.createdAt },
}
const delivery = {
  ...{ id: 'dlv_a', webhook: 'whk_a', notice: 'ntc_a', type: 'run.changed', subject: 'run_a' },
  ...{ at: webhook.createdAt, state: 'waiting', attempts: 2, lastAt: webhook.createdAt, lastStatus: 503 },
  ...{ lastError: null, nextAt: '2026-11-23T00:05:00.000Z', createdAt: webhook.createdAt, endedAt: null },
}
const tries = [
  { number: 1, at: webhook.createdAt, durationMs: 12, status: null, error: 'It refuses.', excerpt: null },
  { number: 2, at: webhook.createdAt, durationMs: 7, status: 503, error: null, excerpt: 'not\nnow' },
]
const told = {
  ...{ id: 'ntc_a', organization: 'org_a', project: null, type: 'balance.low', subject: 'org_a' },
  at: webhook.createdAt,
  data: {
    ...{ currency: 'USD', minutes: 10, runwayUntil: '2026-11-23T00:10:00.000Z', liveNanos: '1' },
    ...{ nanosPerHour: '1', storageNanosPerHour: '0', stops: [{ id: 'ins_a', name: 'lab' }] },
  },
}
const platform = await openStandIn({
  'GET /v1/organizations/org_a/notices': pageOf(told),
  'PATCH /v1/me': { json: { person: { language: 'zh' } } },
  'PATCH /v1/organizations/org_a': { json: { name: 'acme', language: 'zh' } },
  'GET /v1/organizations/org_a/webhooks': pageOf(webhook, broken),
  'POST /v1/organizations/org_a/webhooks': { status: 201, json: { ...webhook, secret: 'whsec_x' } },
  'GET /v1/webhooks/whk_a': { json: webhook },
  'PATCH /v1/webhooks/whk_a': { json: webhook },
  'DELETE /v1/webhooks/whk_a': { json: {} },
  'POST /v1/webhooks/whk_a/secret': {
    json: { secret: 'whsec_y', oldExpiresAt: '2026-11-24T00:00:00.000Z' },
  },
  'POST /v1/webhooks/whk_a/test': { json: delivery },
  'POST /v1/webhooks/whk_b/test': refusal(409, 'invalid_state', 'The webhook is disabled. Enable it first.'),
  'GET /v1/webhooks/whk_a/deliveries': pageOf(delivery),
  'GET /v1/deliveries/dlv_a': { json: { ...delivery, tries, body: '{"id":"ntc_a"}' } },
  'POST /v1/deliveries/dlv_a/replay': { json: delivery },
  'POST /v1/webhooks/whk_a/replay': { json: { notices: 3 } },
})
after(() => platform.close())

test('lists them with their state', async () => {
  const { code, out } = await platform.gpuhour('webhooks')
  assert.equal(code, 0)
  assert.deepEqual(out.split('\n').slice(0, 2), [
    'whk_a\tci\thttps://ci.example/hooks\tenabled\tall',
    'whk_b\told\thttps://old.example/\tdisabled: failing\trun.changed,balance.low',
  ])
})

test('prints a secret alone, so that a script can keep it', async () => {
  const made = await platform.gpuhour('webhooks', 'add', 'https://ci.example/hooks')
  assert.deepEqual([made.code, made.out], [0, 'whsec_x\n'], made.err)
  assert.match(made.err, /shown once/)
  const rotated = await platform.gpuhour('webhooks', 'rotate', 'ci')
  assert.deepEqual([rotated.code, rotated.out], [0, 'whsec_y\n'], rotated.err)
})

test('finds one by id, name or URL, and says where it finds none', async () => {
  for (const name of ['whk_a', 'ci', 'https://ci.example/hooks']) {
    const { code, out, err } = await platform.gpuhour('webhooks', 'test', name)
    assert.equal(code, 0, err)
    assert.match(out, /gpuhour webhooks show dlv_a/)
  }
  const none = await platform.gpuhour('webhooks', 'test', 'nope')
  assert.equal(none.code, 4)
  assert.match(none.err, /no webhook "nope".*gpuhour webhooks list/)
})

test('changes what is named and nothing else', async () => {
  assert.equal((await platform.gpuhour('webhooks', 'set', 'ci')).code, 2)
  assert.equal((await platform.gpuhour('webhooks', 'set', 'ci', '--enable', '--disable')).code, 2)
  const { code, out } = await platform.gpuhour('webhooks', 'set', 'ci', '--types', 'all')
  assert.deepEqual([code, out], [0, 'Changed "ci": https://ci.example/hooks\n'])
})

test('deletes only what was agreed to', async () => {
  const before = platform.changes.length
  assert.equal((await platform.gpuhour('webhooks', 'rm', 'ci')).code, 2)
  assert.equal(platform.changes.length, before)
  const { code, out } = await platform.gpuhour('webhooks', 'rm', 'ci', '--yes')
  assert.deepEqual([code, out], [0, 'Deleted ci.\n'])
})

test('shows deliveries, and one with every attempt', async () => {
  const { out } = await platform.gpuhour('webhooks', 'deliveries', 'ci', '--state', 'waiting')
  assert.match(out, /^dlv_a\trun\.changed\trun_a\twaiting\t2\t503\t2026-11-23T00:05:00\.000Z\t/)
  assert.equal((await platform.gpuhour('webhooks', 'deliveries', 'ci', '--state', 'lost')).code, 2)
  const shown = await platform.gpuhour('webhooks', 'show', 'dlv_a')
  assert.equal(
    shown.out,
    [
      'run.changed of run_a: waiting',
      '2026-11-23T00:00:00.000Z  It refuses.  12 ms',
      '2026-11-23T00:00:00.000Z  503  7 ms',
      '  not',
      '  now',
      'next attempt at 2026-11-23T00:05:00.000Z',
      '{"id":"ntc_a"}',
      '',
    ].join('\n'),
  )
})

test('sends again one, or all since', async () => {
  assert.match((await platform.gpuhour('webhooks', 'replay', 'dlv_a')).out, /On its way again: run\.changed/)
  const since = await platform.gpuhour('webhooks', 'replay', 'ci', '--since', '2h')
  assert.deepEqual([since.code, since.out], [0, '3 notices on the way again.\n'], since.err)
  assert.equal((await platform.gpuhour('webhooks', 'replay', 'ci')).code, 2)
  assert.equal((await platform.gpuhour('webhooks', 'replay', 'ci', '--since', 'a while')).code, 2)
})

test('says why it is not sent', async () => {
  const { code, err } = await platform.gpuhour('webhooks', 'test', 'old')
  assert.equal(code, 7)
  assert.match(err, /^error: The webhook is disabled\. Enable it first\.\n$/)
})

test('says what was told, and in which language it is from now on', async () => {
  const { code, out } = await platform.gpuhour('notices')
  const line = '10 minutes of balance or less, until 2026-11-23T00:10:00.000Z; then lab will stop'
  assert.deepEqual([code, out], [0, `${webhook.createdAt}\tbalance.low\t${line}\n`])
  const mine = await platform.gpuhour('notices', 'language', 'zh')
  assert.deepEqual([mine.code, mine.out], [0, 'Mails to you: zh.\n'], mine.err)
  const all = await platform.gpuhour('notices', 'language', 'zh', '--organization')
  assert.deepEqual([all.code, all.out], [0, 'Mails to members of acme: zh.\n'], all.err)
  for (const words of [['fr'], ['none', '--organization']])
    assert.equal((await platform.gpuhour('notices', 'language', ...words)).code, 2)
})

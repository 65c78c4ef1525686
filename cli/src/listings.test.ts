import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { instanceOf, openStandIn, pageOf, paidCost, runOf } from './testing.ts'

// What is printed of what there is, and of what there is not.

const empty = pageOf()
const offers = [
  { flavor: 'cpu.1x2', gpu: null },
  { flavor: 'v100.1', gpu: { model: 'v100', count: 1 } },
]
const unpaid = { ...paidCost, amountNanos: '0', paidMillis: '0', cpuHours: '0' }
const instances = [
  instanceOf('cpu', 'running'),
  instanceOf('fresh', 'queued', { cost: unpaid }),
  instanceOf('gpu', 'running', { flavor: 'v100.1', cost: { ...paidCost, gpuHours: '0.5' } }),
  instanceOf('freshgpu', 'queued', { flavor: 'v100.1', cost: unpaid }),
]
const statement = {
  ...{ from: '2026-11-01T00:00:00.000Z', to: '2026-11-23T00:00:00.000Z', currency: 'USD', credits: [] },
  ...{ totalNanos: '3666999', balanceNanos: '3666999', invoices: [] },
  givenBack: [
    { name: 'lab', reason: 'fault since 2026-11-02T00:00:00.000Z: XID 79', amountNanos: '-50000000' },
  ],
  lines: [
    {
      ...{ name: 'lab', sku: 'cpu', unit: 'vcpu-hour', unitMillis: '147599' },
      ...{ nanosPerUnitHour: '300000000', amountNanos: '3666999' },
    },
  ],
}
const names = ['cpu', 'fresh', 'gpu', 'freshgpu']
const platform = await openStandIn({
  'GET /v1/projects/prj_a/offers': { json: { items: offers } },
  'GET /v1/projects/prj_a/instances': empty,
  'GET /v1/projects/prj_a/runs': empty,
  'GET /v1/projects/prj_a/volumes': empty,
  'GET /v1/organizations/org_a/usage': empty,
  'GET /v1/organizations/org_a/statement': { json: statement },
  'GET /v1/instances/ins_over': { json: instanceOf('over', 'stopped') },
  'GET /v1/runs/run_over': { json: runOf('over', 'succeeded') },
  'GET /v1/me/ssh-keys': empty,
  'GET /v1/me/api-keys': empty,
  ...Object.fromEntries(instances.map((json, index) => [`GET /v1/instances/ins_${names[index]}`, { json }])),
})
after(() => platform.close())

test('empty lists print nothing where a program reads, by either name of list', async () => {
  const lists: readonly (readonly string[])[] = [
    ['ls'],
    ['ls', '--runs'],
    ['usage'],
    ['keys', 'ls'],
    ['keys', 'ssh', 'ls'],
    ['keys', 'api', 'list'],
    ['volumes', 'ls'],
  ]
  for (const words of lists) {
    const { code, out, err } = await platform.gpuhour(...words)
    assert.deepEqual([code, out, err], [0, '', ''], words.join(' '))
  }
})

test('show leaves GPU-hours out where there is no GPU, and only there', async () => {
  const isShown = await Promise.all(
    names.map(async (name) => {
      const { code, out, err } = await platform.gpuhour('show', `ins_${name}`)
      assert.equal(code, 0, err)
      assert.match(out, / CPU-hours$/m)
      return out.includes('GPU-hours')
    }),
  )
  assert.deepEqual(isShown, [false, false, true, true])
})

test('show says "so far" only of what may cost more', async () => {
  const isSoFar = await Promise.all(
    ['ins_cpu', 'ins_over', 'run_over'].map(async (name) =>
      /^cost +\$0\.000022 so far$/m.test((await platform.gpuhour('show', name)).out),
    ),
  )
  assert.deepEqual(isSoFar, [true, false, false])
  assert.match((await platform.gpuhour('show', 'run_over')).out, /^cost +\$0\.000022$/m)
})

test('a statement cuts what it shows, and writes units as people do', async () => {
  const { code, out, err } = await platform.gpuhour('statement')
  assert.deepEqual([code, err], [0, ''])
  assert.match(out, /\tcpu\t0\.040 vCPU-hours\t\$0\.300000\t\$0\.003666\n/)
  assert.match(out, /^in it, given back for lab: -\$0\.050000 \(fault since \S+Z: XID 79\)$/m)
})

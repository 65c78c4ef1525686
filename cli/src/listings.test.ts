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
const period = { from: '2026-10-31T16:00:00.000Z', to: '2026-11-30T16:00:00.000Z', timeZone: 'Asia/Shanghai' }
const invoice = {
  ...{ id: 'inv_a', number: 'INV-000042', state: 'finalised', problem: null, currency: 'USD', ...period },
  ...{ netNanos: '3420000000', taxNanos: '650000000', totalNanos: '4070000000', dueNanos: '280000000' },
  ...{ creditedNanos: '1000000000', closedAt: '2026-11-30T17:00:00.000Z', exactNanos: '3421944440' },
  buyer: { legalName: '示例科技', address: '', taxId: null, reference: null },
  lines: [
    {
      ...{ position: 1, projectName: 'vision', kind: 'instance', sku: 'gpu.v100', unit: 'gpu-hour' },
      ...{ name: null, reason: null, unitMillis: '3600500', nanosPerUnitHour: '3600000000' },
      amountNanos: '3600000000',
    },
    {
      ...{ position: 2, projectName: 'vision', kind: 'instance', sku: 'gpu.v100', unit: 'gpu-hour' },
      ...{ name: 'lab', reason: 'fault since yesterday', unitMillis: '-180000' },
      ...{ nanosPerUnitHour: '3600000000', amountNanos: '-180000000' },
    },
  ],
  taxes: [{ name: 'VAT', basisPoints: 1900, note: null, baseNanos: '3420000000', amountNanos: '650000000' }],
  funding: [
    { source: 'prepaid', amountNanos: '3790000000' },
    { source: 'due', amountNanos: '280000000' },
  ],
  creditNotes: [{ number: 'CRN-000001', totalNanos: '1000000000', reason: 'slow disks' }],
}
const draft = {
  ...invoice,
  number: null,
  problem: 'seller_missing',
  ...{ dueNanos: '0', creditedNanos: '0' },
}
const names = ['cpu', 'fresh', 'gpu', 'freshgpu']
const platform = await openStandIn({
  'GET /v1/projects/prj_a/offers': { json: { items: offers } },
  'GET /v1/projects/prj_a/instances': empty,
  'GET /v1/projects/prj_a/runs': empty,
  'GET /v1/projects/prj_a/volumes': empty,
  'GET /v1/organizations/org_a/usage': empty,
  'GET /v1/organizations/org_a/statement': { json: statement },
  'GET /v1/organizations/org_a/invoices': pageOf(invoice, draft),
  'GET /v1/invoices/INV-000042': { json: invoice },
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

test('invoices are listed by the days of their organization, with what is due or why they wait', async () => {
  const { code, out, err } = await platform.gpuhour('invoices')
  assert.equal(code, 0, err)
  assert.deepEqual(out.split('\n'), [
    'INV-000042\t2026-11-01 – 2026-11-30\t$4.07\t$0.28 due, $1.00 given back',
    'draft\t2026-11-01 – 2026-11-30\t$4.07\twaits: nobody said who issues invoices (gpuhour invoices seller)',
    '',
  ])
})

test('one invoice tells its lines, what was given back and why, and how it was paid', async () => {
  const { code, out, err } = await platform.gpuhour('invoice', 'INV-000042')
  assert.equal(code, 0, err)
  assert.deepEqual(out.split('\n'), [
    'INV-000042: 2026-11-01 – 2026-11-30 (Asia/Shanghai)',
    'for 示例科技',
    'vision\tinstance\tgpu.v100\t1.000 GPU-hours\t$3.600000\t$3.60',
    'vision\tgiven back: lab\tgpu.v100\t-0.050 GPU-hours\t$3.600000\t-$0.18',
    'given back: fault since yesterday',
    'net $3.42',
    'VAT 19 % $0.65',
    'total $4.07',
    'prepaid balance: $3.79',
    'due: $0.28',
    'CRN-000001 gave back $1.00: slow disks',
    '',
  ])
})

test('what cannot be meant is said before anybody is asked', async () => {
  const lines: readonly (readonly [line: string, why: RegExp])[] = [
    ['invoice', /^error: Which invoice\? See: gpuhour invoices\.\n$/],
    ['invoice INV-000042 --pdf x --language fr', /"fr" is no language of invoices: en or zh/],
    ['invoice credit INV-000042 5', /Say why: --reason/],
    ['invoice credit INV-000042 0 --reason x', /"0" is not an amount above zero/],
    ['invoices tax VAT', /is no percentage such as 19 or 7\.7/],
    ['invoices tax', /Name a tax and its percent, or say --none/],
  ]
  for (const [line, why] of lines) {
    const { code, err } = await platform.gpuhour(...line.split(' '))
    assert.equal(code, 2, line)
    assert.match(err, why)
  }
})

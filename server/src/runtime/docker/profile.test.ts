import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { asId } from '../../kernel/ids.ts'
import type { AllocationSpec } from '../driver.ts'
import { specHash } from '../spec.ts'
import { checkSpec, createRequest, labelsOf } from './profile.ts'

const spec: AllocationSpec = {
  id: asId('allocation', 'alo_1'),
  subject: 'ins_1',
  node: asId('node', 'nod_1'),
  devices: [],
  image: `sha256:${'a'.repeat(64)}`,
  command: null,
  environment: new Map([
    ['A', '1'],
    ['B', '2'],
  ]),
  files: new Map([['token', 'secret']]),
  mounts: [{ source: '/data/volume', target: '/home/user', readOnly: false }],
  ports: [8888],
  limits: { cpus: 1.5, memoryGib: 2, diskGib: 10, pids: 100 },
  readiness: [{ kind: 'tcp', port: 8888, banner: null }],
  group: null,
  purpose: 'instance',
}

const housing = {
  network: 'gpuhour-alo_1',
  filesFolder: '/d/files',
  tmpFolder: '/d/tmp',
  varTmpFolder: '/d/var-tmp',
  homeFolder: '/d/home',
}

function requestOf(rest: Partial<AllocationSpec>, deviceWay: 'cdi' | 'runtime' | 'hook' = 'cdi') {
  return createRequest({ ...spec, ...rest }, 'plt_1', housing, '{}', { deviceWay, openFiles: 65_536 })
}

describe('the digest of a specification', () => {
  it('does not depend on the order of names, nor on the questions that are asked', () => {
    const environment = new Map([...spec.environment].reverse())
    assert.equal(specHash({ ...spec, environment, readiness: [] }), specHash(spec))
  })
  it('depends on everything else', () => {
    const others: Partial<AllocationSpec>[] = [
      { image: `sha256:${'b'.repeat(64)}` },
      { command: ['true'] },
      { files: new Map([['token', 'other']]) },
      { limits: { ...spec.limits, cpus: 1.25 } },
      { mounts: [] },
      { devices: ['GPU-1'] },
      { purpose: 'attempt' },
    ]
    assert.equal(new Set([spec, ...others.map((other) => ({ ...spec, ...other }))].map(specHash)).size, 8)
  })
})

describe('the request that creates a container', () => {
  it('gives no device where none was asked for, whatever the image says', () => {
    assert.ok(requestOf({}).Env?.includes('NVIDIA_VISIBLE_DEVICES=void'))
    const bold = new Map([['NVIDIA_VISIBLE_DEVICES', 'all']])
    assert.ok(!requestOf({ environment: bold }).Env?.includes('NVIDIA_VISIBLE_DEVICES=all'))
  })

  it('names devices by CDI, and by the older hook only without it', () => {
    const devices = ['GPU-1', 'GPU-2']
    const cdi = requestOf({ devices })
    assert.deepEqual(cdi.HostConfig?.DeviceRequests?.[0]?.DeviceIDs, [
      'nvidia.com/gpu=GPU-1',
      'nvidia.com/gpu=GPU-2',
    ])
    assert.ok(cdi.Env?.includes('NVIDIA_VISIBLE_DEVICES=void'))
    const runtime = requestOf({ devices }, 'runtime')
    assert.ok(runtime.Env?.includes('NVIDIA_VISIBLE_DEVICES=GPU-1,GPU-2'))
    assert.equal(runtime.HostConfig?.Runtime, 'nvidia')
    assert.deepEqual(requestOf({ devices }, 'hook').HostConfig?.DeviceRequests?.[0]?.DeviceIDs, devices)
  })

  it('publishes no port and holds no secret', () => {
    const request = requestOf({})
    assert.equal(request.HostConfig?.PortBindings, undefined)
    assert.doesNotMatch(JSON.stringify(request), /secret/)
  })

  it('mounts the volume in place of the scratch home', () => {
    const sources = (request: ReturnType<typeof requestOf>) =>
      request.HostConfig?.Mounts?.map(({ Source }) => Source)
    assert.deepEqual(sources(requestOf({})), ['/d/files', '/d/tmp', '/d/var-tmp', '/data/volume'])
    assert.deepEqual(sources(requestOf({ mounts: [] })), ['/d/files', '/d/tmp', '/d/var-tmp', '/d/home'])
  })

  it('labels by what it is for', () => {
    assert.equal(labelsOf(spec, 'plt_1')['gpuhour.instance'], 'ins_1')
    assert.equal(labelsOf({ ...spec, subject: 'run_1' }, 'plt_1')['gpuhour.run'], 'run_1')
  })
})

describe('refusals', () => {
  const cases: [string, Partial<AllocationSpec>][] = [
    ['a tag for an image', { image: 'pytorch:2.9' }],
    ['an environment name with an equals sign', { environment: new Map([['A=B', '1']]) }],
    ['a file that climbs', { files: new Map([['../x', '1']]) }],
    ['a relative mount', { mounts: [{ source: 'volume', target: '/data', readOnly: true }] }],
    ['no memory', { limits: { ...spec.limits, memoryGib: 0 } }],
    ['no number of CPUs', { limits: { ...spec.limits, cpus: Number.NaN } }],
  ]
  for (const [title, rest] of cases) {
    it(title, () =>
      assert.throws(() => checkSpec({ ...spec, ...rest }), { code: 'spec_refused', retry: 'never' }),
    )
  }
  it('nothing else', () => checkSpec(spec))
})

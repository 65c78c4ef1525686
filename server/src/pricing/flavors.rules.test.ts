import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { flavorsOf, isSlice } from '../catalog/flavors.rules.ts'
import { nanos } from '../kernel/money.ts'
import { linesOf, modelOfSku, unitsOf } from './flavors.rules.ts'
import { bySku, type Rate, ratePerHour } from './rules.ts'

/** `gpu.h100x8 2.5` in thousandths; `image.x 0.1 gpu-hour` where the unit is not the only one. */
function ratesOf(text: string) {
  const rates = text.split(',').map((part): Rate => {
    const [sku = '', rate = '', unit = unitsOf(sku)?.[0]] = part.trim().split(' ')
    assert.ok(unit === 'gpu-hour' || unit === 'vcpu-hour' || unit === 'gib-hour', part)
    return { sku, unit, nanos: nanos(BigInt(Math.round(Number(rate) * 1000)) * 1_000_000n) }
  })
  return bySku(rates)
}

/** `8xh100` or `4cpu16` (4 vCPU, 16 GiB). */
function flavorOf(text: string) {
  const gpu = /^(\d)x(.+)$/.exec(text)
  if (gpu) return { cpus: 26, memoryGib: 200, gpuModel: gpu[2] ?? '', gpuCount: Number(gpu[1]) }
  const [, cpus = '', gib = ''] = /^(\d+)cpu(\d+)$/.exec(text) ?? []
  return { cpus: Number(cpus), memoryGib: Number(gib), gpuModel: null, gpuCount: 0 }
}

describe('what an hour is made of', () => {
  const table = `
    flavor          | image   | the book                                   | lines                       | an hour
    1xh100          |         | gpu.h100 2.99                              | gpu.h100 ×1                 | 2.990
    8xh100          |         | gpu.h100 2.99                              | gpu.h100 ×8                 | 23.920
    8xh100          |         | gpu.h100 2.99, gpu.h100x8 2.49             | gpu.h100x8 ×8               | 19.920
    4xh100          |         | gpu.h100 2.99, gpu.h100x8 2.49             | gpu.h100 ×4                 | 11.960
    4xh100          |         | gpu.h100x8 2.49                            | not offered                 |
    8xh100          |         | gpu.h100x8 2.49                            | gpu.h100x8 ×8               | 19.920
    1xv100          |         | gpu.h100 2.99                              | not offered                 |
    1xh100-1g-10gb  |         | gpu.h100-1g-10gb 0.5                       | gpu.h100-1g-10gb ×1         | 0.500
    1xh100-1g-10gb  |         | gpu.h100 2.99                              | not offered                 |
    1xh100          |         | gpu.h100 2.99, memory 0.01                 | gpu.h100 ×1                 | 2.990
    4cpu16          |         | cpu 0.04                                   | cpu ×4                      | 0.160
    4cpu16          |         | cpu 0.04, memory 0.005                     | cpu ×4, memory ×16          | 0.240
    4cpu16          |         | memory 0.005                               | not offered                 |
    2xh100          | llm     | gpu.h100 2.99, image.llm 0.25 gpu-hour     | gpu.h100 ×2, image.llm ×2   | 6.480
    2xh100          | llm     | gpu.h100 2.99, image.llm 0.01 vcpu-hour    | gpu.h100 ×2, image.llm ×26  | 6.240
    2xh100          | other   | gpu.h100 2.99, image.llm 0.25 gpu-hour     | gpu.h100 ×2                 | 5.980
    2xh100          |         | gpu.h100 2.99, image.llm 0.25 gpu-hour     | gpu.h100 ×2                 | 5.980
    4cpu16          | llm     | cpu 0.04, image.llm 0.25 gpu-hour          | cpu ×4                      | 0.160
    4cpu16          | llm     | cpu 0.04, image.llm 0.01 vcpu-hour         | cpu ×4, image.llm ×4        | 0.200
    4cpu16          | a/b+c   | cpu 0.04, image.a_b_c 0.01 vcpu-hour       | cpu ×4, image.a_b_c ×4      | 0.200`
  for (const row of table.trim().split('\n').slice(1)) {
    const [flavor = '', image = '', book = '', lines = '', hour] = row.split('|').map((cell) => cell.trim())
    it(`${flavor} ${image} by ${book}: ${lines}`, () => {
      const rates = ratesOf(book)
      const found = linesOf(flavorOf(flavor), image || null, rates)
      const text = found?.map(({ sku, quantity }) => `${sku} ×${quantity}`).join(', ')
      assert.equal(text ?? 'not offered', lines)
      if (found) assert.equal((Number(ratePerHour(found, rates)) / 1e9).toFixed(3), hour)
    })
  }

  it('a SKU is of its model, whatever the count', () => {
    for (const [sku, model] of [
      ['gpu.h100', 'h100'],
      ['gpu.h100x8', 'h100'],
      ['gpu.rtx4090', 'rtx4090'],
      ['gpu.rtx4090x2', 'rtx4090'],
      ['gpu.h100-1g-10gb', 'h100-1g-10gb'],
      ['cpu', null],
      ['image.x', null],
    ] as const)
      assert.equal(modelOfSku(sku), model)
  })
})

describe('the flavors of a machine', () => {
  const devices = (...models: readonly string[]) => models.map((model) => ({ model }))
  const ids = (models: readonly string[]) =>
    flavorsOf({ cpus: 28, memoryGib: 226, devices: devices(...models) })
      .filter(({ gpuModel }) => gpuModel !== null)
      .map(({ id, cpus, memoryGib }) => `${id} ${cpus}x${memoryGib}`)

  it('whole GPUs by powers of two, MIG slices one by one', () => {
    assert.deepEqual(ids(['h100', 'h100', 'h100', 'h100']), ['h100.1 7x56', 'h100.2 14x112', 'h100.4 28x224'])
    assert.deepEqual(ids(Array<string>(7).fill('h100-1g-10gb')), ['h100-1g-10gb.1 4x32'])
    assert.ok(isSlice('a100-3g-20gb'))
    assert.ok(!isSlice('rtx4090'))
  })
})

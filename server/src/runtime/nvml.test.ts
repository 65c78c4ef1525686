import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { modelOf, readGpus } from './nvml.ts'

/** The part of NVIDIA's library that we call, with two devices of which the second has fallen off the bus. */
const standIn = `
#include <string.h>
#include <stdint.h>
static int started = 0;
static int devices[3] = {0, 1, 2};
int nvmlInit_v2(void) { started = 1; return FAILS; }
int nvmlShutdown(void) { started = 0; return 0; }
int nvmlSystemGetDriverVersion(char *text, unsigned length) {
  if (!started) return 1;
  strncpy(text, "550.54.14", length); return 0;
}
int nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = 12080; return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 3; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
  if (index == 2) return 15;
  *handle = &devices[index]; return 0;
}
int nvmlDeviceGetUUID(void *device, char *text, unsigned length) {
  if (length < 96) return 7;
  strcpy(text, *(int *)device ? "GPU-00000000-0000-0000-0000-000000000001"
                              : "GPU-6f3c0a8e-1111-2222-3333-444444444444");
  return 0;
}
int nvmlDeviceGetName(void *device, char *text, unsigned length) {
  strncpy(text, *(int *)device ? "NVIDIA H100 80GB HBM3" : "Tesla V100-SXM2-16GB", length); return 0;
}
typedef struct { uint64_t total, free, used; } memory_t;
int nvmlDeviceGetMemoryInfo(void *device, memory_t *memory) {
  if (*(int *)device == 1) return 15;
  memory->total = 17179869184ull; memory->free = 1; memory->used = 2; return 0;
}
`

describe('NVML', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gpuhour-nvml-'))
    await writeFile(join(folder, 'nvml.c'), standIn)
    for (const [name, status] of [
      ['works', 0],
      ['fails', 9],
    ] as const) {
      const library = join(folder, `${name}.so`)
      const args = ['-shared', '-fPIC', `-DFAILS=${status}`, '-o', library, join(folder, 'nvml.c')]
      await promisify(execFile)('cc', args)
    }
  })
  after(async () => {
    await rm(folder, { recursive: true })
  })

  it('tells devices, driver and CUDA', () => {
    assert.deepEqual(readGpus(join(folder, 'works.so')), {
      devices: [
        { id: 'GPU-6f3c0a8e-1111-2222-3333-444444444444', model: 'v100', memoryMib: 16_384, healthy: true },
        { id: 'GPU-00000000-0000-0000-0000-000000000001', model: 'h100', memoryMib: 0, healthy: false },
      ],
      driverVersion: '550.54.14',
      cudaVersion: '12.8',
      missing: ['GPU 2 does not answer (NVML status 15)'],
    })
  })

  it('takes a machine without the library for one without GPUs', () => {
    const none = { devices: [], driverVersion: null, cudaVersion: null, missing: [] }
    assert.deepEqual(readGpus(join(folder, 'no-such-library.so')), none)
  })

  it('says so when the driver does not start, or the library is another', () => {
    assert.match(readGpus(join(folder, 'fails.so')).missing.join(), /could not be started \(status 9\)/)
    assert.match(readGpus('libc.so.6').missing.join(), /does not answer/)
  })
})

describe('the word for a model', () => {
  const table = [
    ['Tesla V100-SXM2-16GB', 'v100'],
    ['Tesla V100S-PCIE-32GB', 'v100s'],
    ['Tesla T4', 't4'],
    ['Tesla P100-PCIE-16GB', 'p100'],
    ['NVIDIA A100-SXM4-80GB', 'a100'],
    ['NVIDIA A100 80GB PCIe', 'a100'],
    ['A100-PCIE-40GB', 'a100'],
    ['NVIDIA A10', 'a10'],
    ['NVIDIA A10G', 'a10g'],
    ['NVIDIA L4', 'l4'],
    ['NVIDIA L40S', 'l40s'],
    ['NVIDIA H100 80GB HBM3', 'h100'],
    ['NVIDIA H100 PCIe', 'h100'],
    ['NVIDIA H100 NVL', 'h100'],
    ['NVIDIA H200', 'h200'],
    ['NVIDIA B200', 'b200'],
    ['NVIDIA GH200 480GB', 'gh200'],
    ['NVIDIA GeForce RTX 4090', 'rtx4090'],
    ['NVIDIA GeForce RTX 3080 Ti', 'rtx3080ti'],
    ['NVIDIA GeForce GTX 1080 Ti', 'gtx1080ti'],
    ['NVIDIA RTX A6000', 'rtxa6000'],
    ['NVIDIA RTX 6000 Ada Generation', 'rtx6000ada'],
    ['Quadro RTX 6000', 'rtx6000'],
    ['NVIDIA TITAN V', 'titanv'],
    ['NVIDIA A100-SXM4-40GB MIG 1g.5gb', 'a100'],
    ['', 'unknown'],
  ] as const
  for (const [name, model] of table)
    it(`${name || 'nothing'} is ${model}`, () => assert.equal(modelOf(name), model))
})

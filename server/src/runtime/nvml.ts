import * as koffi from 'koffi'
import { messageOf } from '../kernel/errors.ts'
import type { DeviceFact } from './driver.ts'

/** What NVML tells of a machine. */
export interface GpuReading {
  readonly devices: readonly DeviceFact[]
  /** Such as `550.54.14`; null where there is no driver. */
  readonly driverVersion: string | null
  /** The newest CUDA API that the driver speaks, such as `12.8`; null where there is no driver. */
  readonly cudaVersion: string | null
  /** What could not be read, in plain words; a machine without the library simply has no GPU. */
  readonly missing: readonly string[]
}

const defaultLibrary = 'libnvidia-ml.so.1'
const success = 0
/**
 * NVML_ERROR_GPU_IS_LOST and NVML_ERROR_RESET_REQUIRED (nvml.h): the device answers no more until somebody
 * acts.
 */
const lostStatuses: readonly number[] = [15, 16]
const mib = 1024n * 1024n

const noGpus: GpuReading = { devices: [], driverVersion: null, cudaVersion: null, missing: [] }

/**
 * Reads the machine's GPUs from NVIDIA's library; the library absent, there are none. Takes some ms, and
 * blocks.
 */
export function readGpus(library: string = defaultLibrary): GpuReading {
  let nvml: koffi.LibraryHandle
  try {
    nvml = koffi.load(library)
  } catch {
    return noGpus
  }
  try {
    return read(bind(nvml))
  } catch (error) {
    return { ...noGpus, missing: [`the NVIDIA driver's library does not answer: ${messageOf(error)}`] }
  } finally {
    nvml.unload()
  }
}

type Status = number
/** An opaque pointer of the library's. */
type Handle = object | bigint

/** The functions we call, with the types that NVIDIA's nvml.h gives them. */
interface Nvml {
  init(): Status
  shutdown(): Status
  driverVersion(text: Buffer, length: number): Status
  cudaVersion(version: number[]): Status
  count(count: number[]): Status
  handle(index: number, handle: (Handle | null)[]): Status
  uuid(handle: Handle, text: Buffer, length: number): Status
  name(handle: Handle, text: Buffer, length: number): Status
  memory(handle: Handle, memory: Buffer): Status
}

function bind(library: koffi.LibraryHandle): Nvml {
  // koffi types every function as taking and giving anything; the interface is what nvml.h declares.
  return {
    init: library.func('int nvmlInit_v2()'),
    shutdown: library.func('int nvmlShutdown()'),
    driverVersion: library.func('int nvmlSystemGetDriverVersion(void *text, unsigned int length)'),
    cudaVersion: library.func('int nvmlSystemGetCudaDriverVersion_v2(_Out_ int *version)'),
    count: library.func('int nvmlDeviceGetCount_v2(_Out_ unsigned int *count)'),
    handle: library.func('int nvmlDeviceGetHandleByIndex_v2(unsigned int index, _Out_ void **handle)'),
    uuid: library.func('int nvmlDeviceGetUUID(void *handle, void *text, unsigned int length)'),
    name: library.func('int nvmlDeviceGetName(void *handle, void *text, unsigned int length)'),
    memory: library.func('int nvmlDeviceGetMemoryInfo(void *handle, void *memory)'),
  }
}

function read(nvml: Nvml): GpuReading {
  const status = nvml.init()
  // A driver that is being installed, or whose kernel module does not fit, has the library but no devices.
  if (status !== success) return { ...noGpus, missing: [`NVML could not be started (status ${status})`] }
  try {
    const devices: DeviceFact[] = []
    const missing: string[] = []
    const count = [0]
    check(nvml.count(count), 'the number of devices')
    for (let index = 0; index < (count[0] ?? 0); index += 1) {
      const device = readDevice(nvml, index)
      if (typeof device === 'string') missing.push(device)
      else devices.push(device)
    }
    return { devices, driverVersion: textOf(nvml.driverVersion), cudaVersion: cudaVersion(nvml), missing }
  } finally {
    nvml.shutdown()
  }
}

function readDevice(nvml: Nvml, index: number): DeviceFact | string {
  const handle: (Handle | null)[] = [null]
  const status = nvml.handle(index, handle)
  const device = handle[0]
  // Without its handle not even its UUID can be had: there is nothing to name it by.
  if (status !== success || !device) return `GPU ${index} does not answer (NVML status ${status})`
  const id = textOf((text, length) => nvml.uuid(device, text, length))
  const name = textOf((text, length) => nvml.name(device, text, length))
  if (id === null || name === null) return `GPU ${index} does not tell its name`
  // nvmlMemory_t: total, free, used, each 64 bits.
  const memory = Buffer.alloc(24)
  const memoryStatus = nvml.memory(device, memory)
  return {
    id,
    model: modelOf(name),
    memoryMib: Number(memory.readBigUInt64LE(0) / mib),
    healthy: memoryStatus === success && !lostStatuses.includes(memoryStatus),
  }
}

/** NVML's longest text, a UUID of version 2, needs 96 bytes. */
const textBytes = 128

function textOf(fill: (text: Buffer, length: number) => Status): string | null {
  const text = Buffer.alloc(textBytes)
  if (fill(text, textBytes) !== success) return null
  const end = text.indexOf(0)
  return text.toString('utf8', 0, end < 0 ? textBytes : end)
}

/** 12080 means 12.8. */
function cudaVersion(nvml: Nvml): string | null {
  const version = [0]
  if (nvml.cudaVersion(version) !== success) return null
  const number = version[0] ?? 0
  return `${Math.floor(number / 1000)}.${Math.floor((number % 1000) / 10)}`
}

function check(status: Status, what: string): void {
  if (status !== success) throw new Error(`NVML does not tell ${what} (status ${status})`)
}

/** Words of a product name that tell the maker, the line or the build, never the model. */
const noise =
  /^(nvidia|tesla|geforce|quadro|graphics|device|generation|sxm\d?|pcie?|hbm\w*|nvl|\d+gb|mig|\w*g\.\w+gb)$/

/**
 * The word by which flavors name a model: `Tesla V100-SXM2-16GB` is `v100`, `NVIDIA GeForce RTX 4090` is
 * `rtx4090`.
 */
export function modelOf(name: string): string {
  const words = name.toLowerCase().split(/[^a-z0-9.]+/)
  const telling = words.filter((word) => word !== '' && !noise.test(word))
  return telling.join('') || 'unknown'
}

/** What is asked for: a flavor's needs. */
export interface Needs {
  readonly cpus: number
  readonly memoryGib: number
  readonly gpuModel: string | null
  readonly gpuCount: number
}

/** Memory of a node that is never given away: the platform and the engine live there, too. In GiB. */
export const memoryGibReserved = 2

/** A flavor that a node can carry. */
export interface FlavorShape extends Needs {
  readonly id: string
  readonly diskGib: number
}

/** Scratch that a flavor comes with, in GiB for each of its CPUs. */
const diskGibPerCpu = 10

/** A MIG slice, such as `h100-1g-10gb`: compute and memory of its GPU. */
const sliceForm = /-\d+g-\d+gb/

/** Is a device of this model a MIG slice? CUDA sees one of them at a time, so none is given with another. */
export function isSlice(model: string): boolean {
  return sliceForm.test(model)
}

/**
 * The flavors that a machine can carry. CPU: powers of two up to its cores, with 4 GiB each, and a small one
 * with 2. GPU: 1, 2, 4, 8 devices of each model, with their share of the machine; of MIG slices one.
 */
export function flavorsOf(node: {
  readonly cpus: number
  readonly memoryGib: number
  readonly devices: readonly { readonly model: string }[]
}): readonly FlavorShape[] {
  const memoryGib = node.memoryGib - memoryGibReserved
  const shape = (
    id: string,
    cpus: number,
    gib: number,
    gpu: { model: string; count: number } | null,
  ): FlavorShape => ({
    id,
    cpus,
    memoryGib: gib,
    diskGib: cpus * diskGibPerCpu,
    gpuModel: gpu?.model ?? null,
    gpuCount: gpu?.count ?? 0,
  })
  const flavors: FlavorShape[] = []
  if (memoryGib >= 2) flavors.push(shape('cpu.1x2', 1, 2, null))
  for (let cpus = 1; cpus <= node.cpus; cpus *= 2)
    if (cpus * 4 <= memoryGib) flavors.push(shape(`cpu.${cpus}x${cpus * 4}`, cpus, cpus * 4, null))
  for (const model of new Set(node.devices.map((device) => device.model))) {
    const total = node.devices.length
    const ofModel = node.devices.filter((device) => device.model === model).length
    const countMax = isSlice(model) ? 1 : ofModel
    for (let count = 1; count <= countMax; count *= 2) {
      const cpus = Math.max(1, Math.floor((node.cpus * count) / total))
      const gib = Math.max(1, Math.floor((memoryGib * count) / total))
      flavors.push(shape(`${model}.${count}`, cpus, gib, { model, count }))
    }
  }
  return flavors
}

/** Requests for CPU flavors wait in one line, those for a GPU model in another. */
export function poolOf({ gpuModel }: Pick<FlavorShape, 'gpuModel'>): string {
  return gpuModel ?? 'cpu'
}

import type { Needs } from '../catalog/flavors.rules.ts'
import type { Line } from '../journal/rules.ts'
import { type Rates, rateOf, type Unit } from './rules.ts'

/*
 * What is priced, and by which SKU (decision 0013):
 *
 *   gpu.<model>          gpu-hour   one GPU, or MIG slice, with its share of the machine
 *   gpu.<model>x<count>  gpu-hour   one GPU of a flavor with exactly so many, where the book has it
 *   cpu                  vcpu-hour  one vCPU of a flavor without GPUs
 *   memory               gib-hour   one GiB of memory of a flavor without GPUs, where the book has it
 *   volume, snapshot     gib-hour   one GiB of storage
 *   image.<name>         gpu-hour   what an image costs more, for each GPU; free on flavors without
 *                        vcpu-hour  the same for each vCPU, on every flavor
 */

/** The SKU of memory. */
export const memorySku = 'memory'
/** The SKU of a vCPU. */
export const cpuSku = 'cpu'

/** The SKU of one GPU of a model; of a flavor with so many, where that has a price of its own. */
export function gpuSku(model: string, count?: number): string {
  return count === undefined ? `gpu.${model}` : `gpu.${model}x${count}`
}

/** What an image costs more. SKUs know neither "/" nor "+", as names of images do. */
export function imageSku(image: string): string {
  return `image.${image.replaceAll(/[/+]/g, '_')}`
}

/** Is it an hour of a GPU, as rebates and GPU-hours count them? The surcharge of an image is not. */
export function isGpuSku(sku: string): boolean {
  return sku.startsWith('gpu.')
}

/** How many GPUs flavors have; more would be read as part of a model's name, as in `rtx4090`. */
const countForm = /x(?:2|4|8|16)$/

/** The GPU model that a SKU prices: `gpu.h100x8` and `gpu.h100` both `h100`; null where it prices none. */
export function modelOfSku(sku: string): string | null {
  return isGpuSku(sku) ? sku.slice(4).replace(countForm, '') : null
}

/** The units that a SKU may be priced in; null: it is none that anything here is made of. */
export function unitsOf(sku: string): readonly Unit[] | null {
  if (isGpuSku(sku)) return ['gpu-hour']
  if (sku.startsWith('image.')) return ['gpu-hour', 'vcpu-hour']
  if (sku === cpuSku) return ['vcpu-hour']
  return sku === memorySku || sku === 'volume' || sku === 'snapshot' ? ['gib-hour'] : null
}

/**
 * What an hour of a flavor with an image is made of, by these rates; null where they lack one of them: then
 * it is not offered. Of a count with a price of its own that price is taken.
 */
export function linesOf(flavor: Needs, image: string | null, rates: Rates): readonly Line[] | null {
  const { cpus, memoryGib, gpuModel, gpuCount } = flavor
  const lines: Line[] = []
  if (gpuModel === null) {
    lines.push({ sku: cpuSku, quantity: cpus })
    if (rates.has(memorySku)) lines.push({ sku: memorySku, quantity: memoryGib })
  } else {
    const ofCount = gpuSku(gpuModel, gpuCount)
    lines.push({ sku: rates.has(ofCount) ? ofCount : gpuSku(gpuModel), quantity: gpuCount })
  }
  const surcharge = image === null ? undefined : imageSku(image)
  if (surcharge !== undefined && rates.has(surcharge)) {
    const quantity = rateOf(rates, surcharge).unit === 'gpu-hour' ? gpuCount : cpus
    if (quantity > 0) lines.push({ sku: surcharge, quantity })
  }
  return lines.every(({ sku }) => rates.has(sku)) ? lines : null
}

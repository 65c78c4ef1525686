/** What an image needs of a machine, as its recipe says. */
export interface ImageNeeds {
  /** CUDA runtime inside, such as `12.8`; null for an image without one. */
  readonly cudaRuntime: string | null
  /** Smallest NVIDIA driver, such as `525.60.13`; null where none is needed. */
  readonly minimalDriver: string | null
  /** Compute capabilities that its binaries carry, such as `7.0`. */
  readonly gpuArchitectures: readonly string[]
  /** Disk that the image takes on a node, in GiB. */
  readonly diskGib: number
}

/** A text in the two languages of the console. */
export interface Bilingual {
  readonly en: string
  readonly zh: string
}

/** Whether an image runs on a node. */
export type Compatibility =
  | { readonly runs: true }
  | { readonly runs: false; readonly why: 'needs_driver'; readonly minimalDriver: string }
  | { readonly runs: false; readonly why: 'disk_too_small'; readonly diskGib: number }

/** Compares dotted version numbers: negative where `a` is older. */
export function compareVersions(a: string, b: string): number {
  const left = a.split('.').map(Number)
  const right = b.split('.').map(Number)
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/**
 * Will it run here? A node without GPUs runs everything on its CPUs; one with GPUs needs the driver that the
 * image's CUDA runtime asks for (NVIDIA's minor-version compatibility, as the recipe's `minimalDriver` states
 * it).
 */
export function compatibility(
  needs: ImageNeeds,
  node: { readonly gpuDriver: string | null; readonly diskGib: number },
): Compatibility {
  if (node.diskGib < needs.diskGib) return { runs: false, why: 'disk_too_small', diskGib: needs.diskGib }
  const { minimalDriver } = needs
  if (node.gpuDriver !== null && minimalDriver !== null && compareVersions(node.gpuDriver, minimalDriver) < 0)
    return { runs: false, why: 'needs_driver', minimalDriver }
  return { runs: true }
}

/** Where a build stands. */
export type BuildState = 'waiting' | 'building' | 'proving' | 'done' | 'failed'

/** `pytorch-cuda:2.9` in its two halves; the version may be left out. Null where it cannot name an image. */
export function parseImageName(
  name: string,
): { readonly image: string; readonly version: string | null } | null {
  const match = /^([a-z0-9][a-z0-9._/+-]{0,79})(?::([A-Za-z0-9][A-Za-z0-9._-]{0,39}))?$/.exec(name)
  return match ? { image: match[1] ?? '', version: match[2] ?? null } : null
}

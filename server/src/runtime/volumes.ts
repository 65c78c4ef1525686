import type { VolumeId } from '../kernel/ids.ts'

/** Where volumes live on a node. Every command may be repeated. */
export interface VolumePool {
  /** Does the pool stop a writer at the volume's size? Otherwise the size is only billed and measured. */
  readonly enforcesSize: boolean
  /**
   * Makes the volume, or finds it, with room for `sizeGib`; returns the path that a mount names as its
   * source.
   */
  create(id: VolumeId, sizeGib: number, signal: AbortSignal): Promise<string>
  /** Removes the volume and everything in it. Absent is success. Nothing that runs may have it mounted. */
  remove(id: VolumeId, signal: AbortSignal): Promise<void>
  /**
   * What the volume holds now, in bytes; null where there is no such volume. May take as long as it has
   * files.
   */
  usedBytes(id: VolumeId, signal: AbortSignal): Promise<bigint | null>
}

import type { VolumeId } from '../../kernel/ids.ts'
import type { VolumePool } from '../volumes.ts'

/** Volumes that hold nothing but what a test says they do. */
export class SimulatedPool implements VolumePool {
  readonly enforcesSize = true
  readonly #used = new Map<VolumeId, bigint>()

  async create(id: VolumeId, _sizeGib: number, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted()
    this.#used.set(id, this.#used.get(id) ?? 0n)
    return `/simulated/volumes/${id}`
  }

  async remove(id: VolumeId, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    this.#used.delete(id)
  }

  async usedBytes(id: VolumeId, signal: AbortSignal): Promise<bigint | null> {
    signal.throwIfAborted()
    return this.#used.get(id) ?? null
  }

  /** What the volume is to hold from now on. */
  fill(id: VolumeId, bytes: bigint): void {
    this.#used.set(id, bytes)
  }
}

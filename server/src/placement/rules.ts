import type { Needs } from '../catalog/flavors.rules.ts'
import type { NodeId } from '../kernel/ids.ts'

/** What is free on a node now. */
export interface Room {
  readonly node: NodeId
  readonly cpusFree: number
  readonly memoryGibFree: number
  /** Healthy devices that nobody has, in byte order. */
  readonly devices: readonly { readonly id: string; readonly model: string }[]
}

/** Where an allocation goes. */
export interface Choice {
  readonly node: NodeId
  readonly devices: readonly string[]
}

/**
 * The node with the least left over, so that large requests keep finding room; null where nothing fits.
 * `pinned`: the only node that will do, because a volume lies there.
 */
export function choose(rooms: readonly Room[], needs: Needs, pinned: NodeId | null): Choice | null {
  const fitting = rooms
    .filter(({ node }) => pinned === null || node === pinned)
    .map((room) => ({ room, devices: devicesFor(room, needs) }))
    .filter(({ room, devices }) => {
      const hasDevices = devices.length === needs.gpuCount
      return hasDevices && room.cpusFree >= needs.cpus && room.memoryGibFree >= needs.memoryGib
    })
    .sort((a, b) => a.room.cpusFree - b.room.cpusFree || (a.room.node < b.room.node ? -1 : 1))
  const best = fitting[0]
  return best ? { node: best.room.node, devices: best.devices } : null
}

function devicesFor(room: Room, needs: Needs): readonly string[] {
  return room.devices
    .filter(({ model }) => model === needs.gpuModel)
    .slice(0, needs.gpuCount)
    .map(({ id }) => id)
}

/**
 * Why a request waits. `no_node`: no machine that takes allocations could ever carry it as things are.
 */
export type WaitReason = 'capacity' | 'no_node' | 'image_building' | 'backing_off' | 'volume_in_use'

import type { Clock } from '../kernel/clock.ts'
import type { InstanceId } from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'

/** What passed one instance's doors since the gateway started. Keep-alives and our own pages do not count. */
export interface Activity {
  /** From people into the instance. */
  readonly bytesIn: number
  /** From the instance to people. */
  readonly bytesOut: number
  /** When somebody last sent something in; null: not since the start. */
  readonly lastInputAt: Instant | null
  /** When the instance last sent something out. */
  readonly lastOutputAt: Instant | null
  /** Connections and requests that are open now. */
  readonly open: number
}

/** Counts for one instance: called for every chunk, so it does no more than add. */
export interface Meter {
  in(bytes: number): void
  out(bytes: number): void
  opened(): void
  closed(): void
}

/** The gateway's counters, in memory; the idle verdict reads them. */
export interface Activities {
  meter(instance: InstanceId): Meter
  /** A reading of all instances that were used since the start. */
  activity(): ReadonlyMap<InstanceId, Activity>
}

/** Makes counters that start at zero. */
export function openActivities(clock: Clock): Activities {
  const counts = new Map<InstanceId, { -readonly [Name in keyof Activity]: Activity[Name] }>()
  return {
    meter(instance) {
      const found = counts.get(instance)
      const count = found ?? {
        bytesIn: 0,
        bytesOut: 0,
        lastInputAt: null,
        lastOutputAt: null,
        open: 0,
      }
      if (!found) counts.set(instance, count)
      return {
        in(bytes) {
          count.bytesIn += bytes
          count.lastInputAt = clock.now()
        },
        out(bytes) {
          count.bytesOut += bytes
          count.lastOutputAt = clock.now()
        },
        opened: () => (count.open += 1),
        closed: () => (count.open -= 1),
      }
    },
    activity: () => new Map([...counts].map(([instance, count]) => [instance, { ...count }])),
  }
}

import type { Allocation, BuildProgress, Cost, HistoryEvent, Waiting } from '@gpuhour/sdk/contract'
import { provableUntil } from '../billing/rules.ts'
import type { BuildRow } from '../catalog/catalog.ts'
import type { FlavorShape } from '../catalog/flavors.rules.ts'
import type { Line } from '../journal/rules.ts'
import type { InstanceEventRow } from '../compute/compute.ts'
import { silenceMs } from '../compute/leases.rules.ts'
import { formatInstant, type Instant } from '../kernel/time.ts'
import { paidMillis } from '../metering/rules.ts'
import type { AllocationRow } from '../placement/placement.ts'
import { isGpuSku, linesOf } from '../pricing/flavors.rules.ts'
import { amountOf, bySku, costOfLines, isPriced, ratePerHour, type Rates } from '../pricing/rules.ts'
import type { PlaceFacts, SubjectFacts } from './facts.ts'

/** An instant on the wire. */
export function shown(at: Instant): string
export function shown(at: Instant | null): string | null
export function shown(at: Instant | null): string | null {
  return at === null ? null : formatInstant(at)
}

/** A byte count on the wire: no file of ours comes near 2^53. */
export function bytes(count: bigint | null): number | null {
  return count === null ? null : Number(count)
}

/** Unit-milliseconds as hours with nine decimals at most, cut off, never rounded up: "0.118888888". */
export function hoursOf(unitMillis: bigint): string {
  const billionths = (unitMillis * 1_000_000_000n) / 3_600_000n
  const fraction = (billionths % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '')
  return `${billionths / 1_000_000_000n}${fraction && `.${fraction}`}`
}

/** What a GiB-hour of a volume costs by the book in force; 0 before there is one. */
export function volumeRate(place: PlaceFacts): bigint {
  return place.book?.rates.find(({ sku }) => sku === 'volume')?.nanos ?? 0n
}

/** The rates of the book in force by SKU. */
export function ratesInForce(place: PlaceFacts): Rates {
  return bySku(place.book?.rates ?? [])
}

function perHour(lines: readonly Line[], rates: Rates): bigint {
  return isPriced(lines, rates) ? ratePerHour(lines, rates) : 0n
}

/** What a flavor with an image costs an hour by the book in force; null where it is not offered. */
function askedRate(place: PlaceFacts, flavor: FlavorShape, image: string): bigint | null {
  const rates = ratesInForce(place)
  const lines = linesOf(flavor, image, rates)
  return lines && ratePerHour(lines, rates)
}

/** A build on the wire. */
export function buildView(build: BuildRow): BuildProgress {
  const { id, state, step, steps, title, attempt, error } = build
  return {
    id,
    image: `${build.image}:${build.version}`,
    state,
    step,
    steps,
    title,
    bytesDone: bytes(build.bytesDone),
    bytesTotal: bytes(build.bytesTotal),
    attempt,
    error,
    requestedAt: shown(build.requestedAt),
    startedAt: shown(build.startedAt),
    endedAt: shown(build.endedAt),
  }
}

/** Why a subject waits; null where it does not. */
export function waitingView({ request, build }: SubjectFacts): Waiting | null {
  if (!request) return null
  return {
    reason: request.reason ?? 'starting',
    position: request.position,
    notBefore: shown(request.notBefore),
    build: build && buildView(build),
  }
}

function stageOf(stage: string | null): Allocation['stage'] {
  return stage === 'pulling' || stage === 'creating' || stage === 'starting' ? stage : null
}

/** The live allocation, or the last one. */
export function allocationView(place: PlaceFacts, facts: SubjectFacts): Allocation | null {
  const row = facts.allocations.at(-1)
  if (!row) return null
  const rates = facts.rates.get(row.priceBook) ?? new Map()
  return {
    id: row.id,
    node: place.nodeNames.get(row.node) ?? row.node,
    flavor: row.flavor,
    priceBook: row.priceBook,
    nanosPerHour: String(perHour(row.lines, rates)),
    isLive: row.releasedAt === null,
    stage: stageOf(row.stage),
    bytesDone: bytes(row.bytesDone),
    bytesTotal: bytes(row.bytesTotal),
    allocatedAt: shown(row.allocatedAt),
    startedAt: shown(row.startedSeenAt),
    readyAt: shown(row.readyAt),
    lastSeenAt: shown(row.lastSeenAt),
    closedAt: shown(row.closedAt),
    releasedAt: shown(row.releasedAt),
  }
}

interface Paid {
  readonly allocation: AllocationRow
  readonly millis: bigint
  readonly nanos: bigint
}

/** Until when an open spell counts: as far as it is proved and covered, as billing will count it. */
function payableUntil(place: PlaceFacts, facts: SubjectFacts, row: AllocationRow): Instant {
  const last = facts.spells.get(row.id)?.at(-1)
  if (!last || last.to !== null) return place.now
  const { lastSeenAt } = row
  return provableUntil({ openSince: last.from, lastSeenAt, until: facts.leaseUntil }, place.now, silenceMs)
}

/** What each allocation has been paid for by now, by the one formula over its whole life. */
function paidOf(place: PlaceFacts, facts: SubjectFacts): readonly Paid[] {
  return facts.allocations.map((row) => {
    const millis = paidMillis(facts.spells.get(row.id) ?? [], payableUntil(place, facts, row))
    return {
      allocation: row,
      millis,
      nanos: costOfLines(row.lines, facts.rates.get(row.priceBook) ?? new Map(), millis),
    }
  })
}

function sum<T>(items: readonly T[], of: (item: T) => bigint): bigint {
  return items.reduce((total, item) => total + of(item), 0n)
}

/** What a subject has cost and costs. */
export function costView(
  place: PlaceFacts,
  facts: SubjectFacts,
  row: { readonly flavor: string; readonly image: string },
  storageNanosPerHour: bigint,
): Cost {
  const paid = paidOf(place, facts)
  const last = facts.allocations.at(-1)
  const open = facts.allocations.some(({ id }) => facts.spells.get(id)?.at(-1)?.to === null)
  const shape = place.flavors.get(row.flavor)
  const asked = shape ? (askedRate(place, shape, row.image) ?? 0n) : 0n
  const isLive = last !== undefined && last.releasedAt === null
  const gpus = ({ allocation: { lines } }: Paid): bigint =>
    sum(lines, ({ sku, quantity }) => (isGpuSku(sku) ? BigInt(quantity) : 0n))
  return {
    currency: place.currency,
    asOf: shown(place.now),
    isPaying: open,
    nanosPerHour: String(isLive ? perHour(last.lines, facts.rates.get(last.priceBook) ?? new Map()) : asked),
    storageNanosPerHour: String(storageNanosPerHour),
    amountNanos: String(sum(paid, ({ nanos }) => nanos)),
    allocationNanos: String(paid.at(-1)?.nanos ?? 0n),
    paidMillis: String(sum(paid, ({ millis }) => millis)),
    gpuHours: hoursOf(sum(paid, (one) => gpus(one) * one.millis)),
    cpuHours: hoursOf(sum(paid, ({ allocation, millis }) => BigInt(allocation.cpus) * millis)),
    leaseUntil: shown(facts.leaseUntil),
  }
}

/** What so many GiB cost an hour. */
export function storageRate(place: PlaceFacts, sizeGib: number): bigint {
  return amountOf(volumeRate(place), BigInt(sizeGib) * 3_600_000n)
}

/** A change on the wire. */
export function historyView(row: InstanceEventRow): HistoryEvent {
  const { subject, event, intent, allocation, actor, detail } = row
  const [seq, at] = [Number(row.seq), shown(row.at)]
  return { seq, subject, at, event, from: row.fromState, to: row.toState, intent, allocation, actor, detail }
}

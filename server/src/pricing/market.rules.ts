import { type Currency, type Nanos, nanos } from '../kernel/money.ts'
import { inOrder, type Rate, type Unit } from './rules.ts'

/**
 * Plausible market rates of late 2026 for the first price book, in thousandths of the currency's unit per
 * unit-hour: on-demand list prices of GPU clouds, rounded. An operator edits `<data>/rates.json`, which is
 * made from these; a GPU model without a rate is not offered. A GPU's rate is all-in (the CPUs and memory of
 * its flavor are in it).
 */
const market: readonly (readonly [sku: string, unit: Unit, usdMilli: number, eurMilli: number])[] = [
  ['gpu.gtx1080ti', 'gpu-hour', 100, 90],
  ['gpu.rtx2080ti', 'gpu-hour', 140, 130],
  ['gpu.rtx3080', 'gpu-hour', 180, 170],
  ['gpu.rtx3090', 'gpu-hour', 250, 230],
  ['gpu.rtx4080', 'gpu-hour', 300, 280],
  ['gpu.rtx4090', 'gpu-hour', 450, 420],
  ['gpu.rtx5080', 'gpu-hour', 450, 420],
  ['gpu.rtx5090', 'gpu-hour', 750, 690],
  ['gpu.rtx6000', 'gpu-hour', 500, 460],
  ['gpu.rtx6000ada', 'gpu-hour', 790, 730],
  ['gpu.rtxa4000', 'gpu-hour', 250, 230],
  ['gpu.rtxa5000', 'gpu-hour', 360, 330],
  ['gpu.rtxa6000', 'gpu-hour', 490, 450],
  ['gpu.p4', 'gpu-hour', 150, 140],
  ['gpu.p40', 'gpu-hour', 200, 190],
  ['gpu.p100', 'gpu-hour', 300, 280],
  ['gpu.t4', 'gpu-hour', 250, 230],
  ['gpu.v100', 'gpu-hour', 600, 550],
  ['gpu.a2', 'gpu-hour', 180, 170],
  ['gpu.a10', 'gpu-hour', 600, 550],
  ['gpu.a16', 'gpu-hour', 480, 440],
  ['gpu.a30', 'gpu-hour', 650, 600],
  ['gpu.a40', 'gpu-hour', 550, 510],
  ['gpu.a100', 'gpu-hour', 1490, 1370],
  ['gpu.l4', 'gpu-hour', 500, 460],
  ['gpu.l40', 'gpu-hour', 890, 820],
  ['gpu.l40s', 'gpu-hour', 990, 910],
  ['gpu.h100', 'gpu-hour', 2990, 2750],
  ['gpu.h200', 'gpu-hour', 3790, 3490],
  ['gpu.b200', 'gpu-hour', 5290, 4870],
  ['gpu.gb200', 'gpu-hour', 6290, 5790],
  ['cpu', 'vcpu-hour', 40, 37],
]

/**
 * Storage costs too little an hour for thousandths: nanos per GiB-hour ($0.07 and $0.03 per GiB and 30 days).
 */
const storage: readonly (readonly [sku: string, usd: bigint, eur: bigint])[] = [
  ['volume', 97_222n, 90_277n],
  ['snapshot', 41_666n, 38_888n],
]

const nanosPerThousandth = 1_000_000n

/** The rates of the first price book in a currency. */
export function marketRates(currency: Currency): readonly Rate[] {
  const chosen = <T>(usd: T, eur: T): T => (currency === 'USD' ? usd : eur)
  return inOrder([
    ...market.map(([sku, unit, usd, eur]) => ({
      sku,
      unit,
      nanos: nanos(BigInt(chosen(usd, eur)) * nanosPerThousandth),
    })),
    ...storage.map(([sku, usd, eur]) => ({
      sku,
      unit: 'gib-hour' as const,
      nanos: nanos(chosen(usd, eur)) satisfies Nanos,
    })),
  ])
}

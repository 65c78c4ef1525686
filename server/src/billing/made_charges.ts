import { asId } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import { parseInstant } from '../kernel/time.ts'
import { amountOf } from '../pricing/rules.ts'
import type { Payments, UseKind, Used } from './invoices.rules.ts'
import type { Charge } from './rules.ts'
import { fixedRate, type Tax } from './tax.rules.ts'

const upTo = parseInstant('2026-11-20T00:00:00.000Z')

const rows: readonly (readonly [
  resource: string,
  kind: UseKind,
  project: string,
  name: string,
  sku: string,
  rate: bigint,
  before: bigint,
  unitMillis: bigint,
  reason: string | null,
])[] = [
  ['alo_1', 'instance', 'vision', 'lab', 'gpu.h100', 2_990_000_000n, 0n, 401_234_567n, null],
  ['alo_2', 'instance', 'vision', 'notebook', 'gpu.h100', 2_990_000_000n, 0n, 86_400_000n, null],
  ['alo_1', 'instance', 'vision', 'lab', 'cpu', 30_000_000n, 0n, 3_209_876_536n, null],
  ['alo_3', 'run', 'vision', 'train-yolo', 'gpu.v100', 600_000_000n, 0n, 43_200_500n, null],
  ['vol_1', 'volume', 'vision', 'data', 'volume', 97_222n, 0n, 1_296_000_000_000n, null],
  ['alo_4', 'instance', '语言模型', '微调', 'gpu.h100', 2_990_000_000n, 0n, 259_200_000n, null],
  [
    ...([
      'alo_4',
      'instance',
      '语言模型',
      '微调',
      'gpu.h100',
      2_990_000_000n,
      259_200_000n,
      -7_200_000n,
    ] as const),
    'fault since 2026-11-18T03:14:15.926Z: XID 79, GPU has fallen off the bus',
  ],
  ['snp_1', 'snapshot', '语言模型', 'base', 'snapshot', 48_611n, 0n, 72_000_000_000n, null],
]

function idOf(resource: string): Charge['resource'] {
  if (resource.startsWith('vol_')) return asId('volume', resource)
  return resource.startsWith('snp_') ? asId('snapshot', resource) : asId('allocation', resource)
}

/** A month's charges, for tests, with what paid for them. */
export function paymentsMade(): {
  readonly charges: readonly Charge[]
  readonly used: ReadonlyMap<string, Used>
  readonly payments: Payments
  readonly tax: Tax
} {
  const charges = rows.map(([resource, , , , sku, rate, before, unitMillis, reason], index): Charge => ({
    id: asId('charge', `chg_${index}`),
    resource: idOf(resource),
    sku,
    priceBook: asId('priceBook', 'pb_2026'),
    upTo,
    unitMillisBefore: before,
    unitMillis,
    nanos: nanos(rate),
    amount: nanos(amountOf(rate, before + unitMillis) - amountOf(rate, before)),
    reason,
  }))
  const used = new Map<string, Used>(
    rows.map(([resource, kind, project, name]) => [
      resource,
      { kind, project: `prj_${project}`, projectName: project, name },
    ]),
  )
  const exact = charges.reduce((sum, { amount }) => sum + amount, 0n)
  const promo = 50_000_000_000n
  const due = 1_234_567_890n
  const payments = {
    promo: nanos(promo),
    owed: nanos(due),
    due: nanos(due),
    absorbed: nanos(0n),
    prepaid: nanos(exact - promo - due),
  }
  return { charges, used, payments, tax: fixedRate({ name: 'VAT', basisPoints: 1900, note: null }) }
}

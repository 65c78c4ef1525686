import type { Payment } from '@gpuhour/sdk/contract'
import type { Tone } from '../ui/marks.tsx'
import { hoursBought } from '../ui/money.ts'

/** Amounts that are offered, in units of the currency; any other can be typed. */
export const amounts: readonly bigint[] = [10n, 25n, 50n, 100n]

const nanosPerUnit = 1_000_000_000n
const nanosPerCent = 10_000_000n

/** A whole amount in nanos. */
export function unitsInNanos(units: bigint): bigint {
  return units * nanosPerUnit
}

/** What is wrong with an amount; null: it can be paid. */
export function amountFault(
  nanos: bigint | null,
  { minNanos, maxNanos }: { readonly minNanos: string; readonly maxNanos: string },
): 'none' | 'fine' | 'small' | 'large' | null {
  if (nanos === null) return 'none'
  if (nanos % nanosPerCent !== 0n) return 'fine'
  if (nanos < BigInt(minNanos)) return 'small'
  return nanos > BigInt(maxNanos) ? 'large' : null
}

/** What an amount buys: hours of all that runs now, or of the machine that one usually takes. */
export function buys(
  nanos: bigint,
  nanosPerHour: string,
  usual: { readonly flavor: string; readonly nanosPerHour: string } | undefined,
): { readonly hours: number; readonly flavor: string | null } | null {
  const now = hoursBought(nanos, BigInt(nanosPerHour))
  if (now !== null) return { hours: now, flavor: null }
  const hours = usual ? hoursBought(nanos, BigInt(usual.nanosPerHour)) : null
  return hours === null || !usual ? null : { hours, flavor: usual.flavor }
}

/** How a payment's state looks. */
export const toneOfPayment: Readonly<Record<Payment['state'], Tone>> = {
  asked: 'busy',
  open: 'busy',
  processing: 'busy',
  failed: 'bad',
  expired: 'quiet',
  mismatched: 'warn',
  paid: 'good',
}

/** Nothing more happens to it by itself. */
export function isOver(state: Payment['state']): boolean {
  return state !== 'asked' && state !== 'open' && state !== 'processing'
}

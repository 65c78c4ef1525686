/** Billionths of the currency's major unit (1 USD = 1_000_000_000n). The scale is fixed for ever. */
export type Nanos = bigint & { readonly __unit: '1e-9 major units' }

/** One ledger per currency; no conversion inside the product. */
export type Currency = 'USD' | 'EUR'

/** Names a bigint as nanos. */
export function nanos(value: bigint): Nanos {
  // A brand only: the value is the bigint itself.
  return value as Nanos
}

/** Nanos in one major unit. */
export const nanosPerUnit = 1_000_000_000n

/** Reads a decimal amount of major units ("12.5"); at most nine decimals. Null when it is none. */
export function parseAmount(text: string): Nanos | null {
  const match = /^(-?)(\d{1,18})(?:\.(\d{1,9}))?$/.exec(text)
  if (!match) return null
  const [, sign, whole = '0', fraction = ''] = match
  const value = BigInt(whole) * nanosPerUnit + BigInt(fraction.padEnd(9, '0'))
  return nanos(sign === '-' ? -value : value)
}

/** Writes nanos as a decimal of major units with at least two and at most nine decimals, never rounded. */
export function formatAmount(value: bigint): string {
  const sign = value < 0n ? '-' : ''
  const magnitude = value < 0n ? -value : value
  const fraction = (magnitude % nanosPerUnit)
    .toString()
    .padStart(9, '0')
    .replace(/0{1,7}$/, '')
  return `${sign}${magnitude / nanosPerUnit}.${fraction}`
}

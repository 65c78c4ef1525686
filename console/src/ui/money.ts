/** Billionths of the major unit in one unit. */
const nanosPerUnit = 1_000_000_000n

/** An amount as the API writes it, as a decimal of major units: exact, whatever its size. */
export function decimalOf(nanos: bigint): `${number}` {
  const size = nanos < 0n ? -nanos : nanos
  const fraction = (size % nanosPerUnit).toString().padStart(9, '0')
  // Digits, one point and perhaps a minus: a numeric literal by construction.
  return `${nanos < 0n ? '-' : ''}${size / nanosPerUnit}.${fraction}` as `${number}`
}

/** How many decimals an amount is shown with. */
export interface MoneyDecimals {
  readonly least: number
  readonly most: number
}

/** What is on an account: cents, since nobody pays less. */
export const cents: MoneyDecimals = { least: 2, most: 2 }
/** A rate or a small cost: down to a hundredth of a cent. */
export const fine: MoneyDecimals = { least: 2, most: 4 }
/** What is less than a cent still shows that it is something. */
export function fineFor(nanos: bigint): MoneyDecimals {
  const size = nanos < 0n ? -nanos : nanos
  if (size === 0n || size >= 10_000_000n) return fine
  return { least: 2, most: size >= 1_000n ? 6 : 9 }
}

/** What grows by the second: the last digits move. */
export const ticking: MoneyDecimals = { least: 6, most: 6 }
/** For "explain": every digit there is. */
export const exact: MoneyDecimals = { least: 9, most: 9 }

/** An amount with its currency. Cut, never rounded: a cost is not shown higher than it is. */
export function moneyText(nanos: bigint, currency: string, locale: string, decimals = fine): string {
  return moneyFormat(currency, locale, decimals).format(decimalOf(nanos))
}

/** The same in two parts: what is read first, and the digits behind the cents. */
export function moneyParts(
  nanos: bigint,
  currency: string,
  locale: string,
  decimals: MoneyDecimals,
): { readonly head: string; readonly tail: string } {
  const parts = moneyFormat(currency, locale, decimals).formatToParts(decimalOf(nanos))
  const at = parts.findIndex(({ type }) => type === 'fraction')
  const text = (from: number, to?: number) =>
    parts
      .slice(from, to)
      .map(({ value }) => value)
      .join('')
  if (at < 0) return { head: text(0), tail: '' }
  const fraction = parts[at]?.value ?? ''
  return { head: text(0, at) + fraction.slice(0, 2), tail: fraction.slice(2) + text(at + 1) }
}

const formats = new Map<string, Intl.NumberFormat>()

function moneyFormat(currency: string, locale: string, { least, most }: MoneyDecimals): Intl.NumberFormat {
  const key = `${currency} ${locale} ${least} ${most}`
  const made =
    formats.get(key) ??
    new Intl.NumberFormat(locale, {
      style: 'currency',
      currency,
      currencyDisplay: 'narrowSymbol',
      minimumFractionDigits: least,
      maximumFractionDigits: most,
      roundingMode: 'trunc',
    })
  formats.set(key, made)
  return made
}

/** What a second costs, from what an hour costs: for reading only, cut at the nano. */
export function perSecond(nanosPerHour: bigint): bigint {
  return nanosPerHour / 3600n
}

/** Hours that an amount buys at a rate, in tenths, cut; null where the rate is nothing. */
export function hoursBought(nanos: bigint, nanosPerHour: bigint): number | null {
  if (nanosPerHour <= 0n) return null
  const tenths = ((nanos > 0n ? nanos : 0n) * 10n) / nanosPerHour
  return Number(tenths) / 10
}

/** What a person typed as an amount of major units, in nanos; null where it is none or too fine. */
export function nanosOf(text: string): bigint | null {
  const [, units, fraction = ''] = /^(\d{1,15})(?:\.(\d{1,9}))?$/.exec(text.trim()) ?? []
  return units === undefined ? null : BigInt(units) * nanosPerUnit + BigInt(fraction.padEnd(9, '0'))
}

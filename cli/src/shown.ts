/** How figures, times and tables look to a person. */

const symbols: Readonly<Record<string, string>> = { USD: '$', EUR: '€' }

/** Nano-units as money with so many decimals, cut: what is shown is never more than what is charged. */
export function money(nanos: string | bigint, currency: string, decimals = 2): string {
  const value = BigInt(nanos)
  const unit = 10n ** BigInt(9 - decimals)
  const magnitude = value < 0n ? -value : value
  const cut = magnitude / unit
  const scale = 10n ** BigInt(decimals)
  const fraction = (cut % scale).toString().padStart(decimals, '0')
  const sign = value < 0n && cut > 0n ? '-' : ''
  return `${sign}${symbols[currency] ?? `${currency} `}${cut / scale}.${fraction}`
}

/** Below a tenth of a cent the usual decimals would show next to nothing. */
const smallNanos = 1_000_000n

/**
 * What something cost or costs, with at least so many decimals; below a tenth of a cent with two significant
 * digits at the least.
 */
export function amount(nanos: string | bigint, currency: string, decimals = 4): string {
  const value = BigInt(nanos)
  const magnitude = value < 0n ? -value : value
  if (value === 0n) return money(value, currency)
  if (magnitude >= smallNanos) return money(value, currency, decimals)
  return money(value, currency, Math.min(9, Math.max(decimals, 11 - magnitude.toString().length)))
}

/** Units as people write them. */
export const unitNames: Readonly<Record<string, string>> = {
  'gpu-hour': 'GPU-hours',
  'vcpu-hour': 'vCPU-hours',
  'gib-hour': 'GiB-hours',
}

/** By how much something changed, cut to tenths of a percent: `+16.7 %`. */
export function change(before: string | bigint, after: string | bigint): string {
  const [from, to] = [BigInt(before), BigInt(after)]
  if (from === 0n) return to === 0n ? '–' : 'new'
  const tenths = ((to - from) * 1000n) / from
  const magnitude = tenths < 0n ? -tenths : tenths
  return `${to < from ? '-' : '+'}${magnitude / 10n}.${magnitude % 10n} %`
}

/** A decimal string with so many decimals, cut as amounts are. */
export function decimal(text: string, decimals: number): string {
  const [whole = '0', fraction = ''] = text.split('.')
  return `${whole}.${fraction.slice(0, decimals).padEnd(decimals, '0')}`
}

/** `1 charge`, `2 charges`. */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`
}

/** Milliseconds as whole seconds below ten minutes, else as minutes, hours or days. */
export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  if (seconds < 600) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 120) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return `${hours} h ${minutes % 60} min`
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** How long ago an instant was. */
export function ago(instant: string | null): string {
  return instant === null ? '–' : `${duration(Math.max(0, Date.now() - Date.parse(instant)))} ago`
}

/** Bytes in decimal units, as registries count them. */
export function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)))
  const value = bytes / 1000 ** power
  return `${power === 0 ? value : value.toFixed(1)} ${units[power]}`
}

/** How many columns a text takes on a terminal: wide scripts take two. */
function columns(text: string): number {
  let count = 0
  for (const character of text)
    count += /\p{Script=Han}|\p{Script=Hangul}|[\u3000-\u30ff\uff00-\uff60]/u.test(character) ? 2 : 1
  return count
}

/**
 * Rows as a table: aligned with a header on a terminal, by tabs and without one where a program reads.
 * What came from somebody else's keyboard cannot move the cursor.
 */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  isTerminal: boolean,
): string {
  const plain = rows.map((row) => row.map((cell) => cell.replaceAll(/\p{Cc}/gu, ' ')))
  if (!isTerminal) return plain.map((row) => `${row.join('\t')}\n`).join('')
  const all = [header, ...plain]
  const widths = header.map((_, index) => Math.max(...all.map((row) => columns(row[index] ?? ''))))
  return all
    .map((row) => {
      const cells = row.map((cell, index) => cell + ' '.repeat((widths[index] ?? 0) - columns(cell)))
      return `${cells.join('   ').trimEnd()}\n`
    })
    .join('')
}

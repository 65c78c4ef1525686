import { readFileSync } from 'node:fs'
import type { PriceBook } from '@gpuhour/sdk/contract'
import { UsageError } from './command.ts'
import { fileTrouble } from './failures.ts'

type Rates = PriceBook['rates']

/** A table of rates, in the form of `rates.json` in the platform's data directory. */
export interface RatesTable {
  readonly currency: 'USD' | 'EUR'
  readonly rates: Rates
}

const units: readonly Rates[number]['unit'][] = ['gpu-hour', 'vcpu-hour', 'gib-hour']

/** `"2.99"` as nano-units; null where it is no amount with at most nine decimals. */
function nanosOf(value: unknown): string | null {
  const match = typeof value === 'string' ? /^(\d{1,10})(?:\.(\d{1,9}))?$/.exec(value) : null
  if (!match) return null
  const [, whole = '0', fraction = ''] = match
  return String(BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0')))
}

/** Nano-units as a decimal amount, all of it: `"0.04"`. */
function perHourOf(nanos: string): string {
  const value = BigInt(nanos)
  const fraction = (value % 1_000_000_000n)
    .toString()
    .padStart(9, '0')
    .replace(/0{1,7}$/, '')
  return `${value / 1_000_000_000n}.${fraction}`
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' ? { ...value } : {}
}

/** Reads a table of rates from a text, which stands in the file of that name. */
export function parseRates(text: string, file: string): RatesTable {
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch {
    throw new UsageError(`${file} is not JSON. Its form: gpuhour prices show --as-file`)
  }
  const { currency, rates, ...rest } = fieldsOf(read)
  const wrong = (where: string, what: string): UsageError =>
    new UsageError(`${file} is wrong at ${where}: it ${what}. Its form: gpuhour prices show --as-file`)
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) throw wrong(`"${unknown}"`, 'is no field of a table of rates')
  if (currency !== 'USD' && currency !== 'EUR') throw wrong('"currency"', 'must be "USD" or "EUR"')
  if (!Array.isArray(rates)) throw wrong('"rates"', 'must be a list')
  return {
    currency,
    rates: rates.map((one, index) => {
      const { sku, unit: named, perHour, ...more } = fieldsOf(one)
      const where = `rates/${index}${typeof sku === 'string' ? ` (${sku})` : ''}`
      const [other] = Object.keys(more)
      if (other !== undefined) throw wrong(where, `has "${other}", which is no field of a rate`)
      const unit = units.find((known) => known === named)
      const nanos = nanosOf(perHour)
      if (typeof sku !== 'string') throw wrong(where, 'needs a "sku" such as "gpu.h100"')
      if (!unit) throw wrong(where, `needs a "unit": ${units.join(', ')}`)
      if (nanos === null) throw wrong(where, 'needs a "perHour" such as "2.99", with at most nine decimals')
      return { sku, unit, nanos }
    }),
  }
}

/** Reads a file with a table of rates. */
export function readRates(file: string): RatesTable {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new UsageError(fileTrouble(error, file, 'read'))
  }
  return parseRates(text, file)
}

/** A book in the form of such a file. */
export function ratesText({ currency, rates }: Pick<PriceBook, 'currency' | 'rates'>): string {
  const shown = rates.map(({ sku, unit, nanos }) => ({ sku, unit, perHour: perHourOf(nanos) }))
  return `${JSON.stringify({ currency, rates: shown }, null, 2)}\n`
}

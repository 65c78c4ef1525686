import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { canonicalJson } from '../kernel/canonical.ts'
import { AppError } from '../kernel/errors.ts'
import { formatAmount, parseAmount } from '../kernel/money.ts'
import { instant, secondMs } from '../kernel/time.ts'
import { marketRates } from '../pricing/market.rules.ts'
import { allBooks, newestOfTable, publish } from '../pricing/pricing.ts'
import { inOrder, type Rate } from '../pricing/rules.ts'
import type { Tx } from '../store/store.ts'

const perHour = z.string().transform((text, context) => {
  const amount = parseAmount(text)
  if (amount !== null && amount >= 0n) return amount
  context.addIssue('must be an amount such as "0.04", with at most nine decimals')
  return z.NEVER
})

const tableSchema = z.strictObject({
  currency: z.literal('USD'),
  rates: z
    .array(z.strictObject({ sku: z.string(), unit: z.enum(['gpu-hour', 'vcpu-hour', 'gib-hour']), perHour }))
    .min(1),
})

/** The operator's table of rates: made from the market's at the first start, theirs to edit from then on. */
export function ratesPath(dataDir: string): string {
  return join(dataDir, 'rates.json')
}

function writeTable(path: string): void {
  const rates = marketRates('USD').map(({ sku, unit, nanos }) => ({
    sku,
    unit,
    perHour: formatAmount(nanos),
  }))
  writeFileSync(`${path}.new`, `${JSON.stringify({ currency: 'USD', rates }, null, 2)}\n`, { mode: 0o644 })
  renameSync(`${path}.new`, path)
}

function readTable(path: string): readonly Rate[] {
  let read: unknown
  try {
    read = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new AppError('invalid_request', `The table of rates ${path} is not JSON. Correct or remove it.`, {
      cause: error,
    })
  }
  const table = tableSchema.safeParse(read)
  if (!table.success) {
    const [issue] = table.error.issues
    const where = issue?.path.join('/') ?? ''
    throw new AppError(
      'invalid_request',
      `The table of rates ${path} is wrong at "${where}": ${issue?.message}.`,
    )
  }
  return inOrder(table.data.rates.map(({ sku, unit, perHour: nanos }) => ({ sku, unit, nanos })))
}

function textOf(rates: readonly Rate[]): string {
  return canonicalJson(rates.map(({ sku, unit, nanos }) => [sku, unit, nanos.toString()]))
}

/**
 * Publishes the operator's table as a new price book if it differs from what it was last published as; what
 * runs keeps its book. Answers what was published. Refuses (`invalid_request`) a table that cannot be read,
 * naming what is wrong.
 */
export async function publishRates(tx: Tx, dataDir: string): Promise<'first' | 'changed' | 'unchanged'> {
  const path = ratesPath(dataDir)
  if (!existsSync(path)) writeTable(path)
  const rates = readTable(path)
  // What was published by a request stays: the table speaks again only when somebody edits it.
  const published = await newestOfTable(tx, 'USD')
  if (published && textOf(published.rates) === textOf(rates)) return 'unchanged'
  const now = await tx.now()
  const taken = (await allBooks(tx, 'USD', null)).map(({ effectiveFrom }) => effectiveFrom)
  // A book takes effect in the future, or it would change what already ran; the first one has nothing behind
  // it.
  let effectiveFrom = taken.length > 0 ? instant(now + secondMs) : now
  while (taken.includes(effectiveFrom)) effectiveFrom = instant(effectiveFrom + secondMs)
  await publish(tx, { currency: 'USD', effectiveFrom, rates, origin: 'table' })
  return taken.length > 0 ? 'changed' : 'first'
}

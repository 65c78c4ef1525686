import { writeFileSync } from 'node:fs'
import type { Statement } from '@gpuhour/sdk/contract'
import { type CommandSpec, textOption, UsageError } from '../command.ts'
import type { Context } from '../context.ts'
import { fileTrouble } from '../failures.ts'
import { printTable } from '../output.ts'
import { periodOf, periodOptions, settlePatienceMs } from '../period.ts'
import { amount, counted, unitNames } from '../shown.ts'

/** Hours in thousandths, cut. */
function useText({ unitMillis, unit }: Statement['lines'][number]): string {
  const thousandths = BigInt(unitMillis) / 3600n
  const fraction = (thousandths % 1000n).toString().padStart(3, '0')
  return `${thousandths / 1000n}.${fraction} ${unitNames[unit] ?? `${unit}s`}`
}

function sayStatement(context: Context, statement: Statement): void {
  const { currency, lines, credits } = statement
  const rows = lines.map((line) => [
    line.name,
    line.sku,
    useText(line),
    amount(line.nanosPerUnitHour, currency, 6),
    amount(line.amountNanos, currency, 6),
  ])
  context.print(`${statement.from} to ${statement.to}`)
  printTable(context, ['WHAT', 'SKU', 'USE', 'RATE', 'AMOUNT'], rows, 'Nothing was paid in this period.')
  context.print(`total ${amount(statement.totalNanos, currency, 6)}`)
  for (const { name, reason, amountNanos } of statement.givenBack)
    context.print(`in it, given back for ${name}: ${amount(amountNanos, currency, 6)} (${reason})`)
  for (const { at, code, amountNanos } of credits)
    context.print(`${code.replace('_', ' ')} at ${at}: ${amount(amountNanos, currency, 6)}`)
  for (const { number, from, to } of statement.invoices) context.print(`invoiced ${number}: ${from} to ${to}`)
  context.print(`balance ${amount(statement.balanceNanos, currency, 6)}`)
}

/** Writes the open bill where one wants it; it can be checked by anybody, without us. */
async function writeBundle(
  context: Context,
  organization: string,
  query: { from?: string; to?: string },
  file: string,
): Promise<void> {
  const bill = await context.client(settlePatienceMs).getBill({ params: { organization }, query })
  const text = `${JSON.stringify(bill, null, 2)}\n`
  if (file === '-') return context.print(text)
  try {
    writeFileSync(file, text)
  } catch (error) {
    throw new UsageError(fileTrouble(error, file, 'written'))
  }
  const { events, charges, total, currency } = bill
  context.say(
    `${file}: ${counted(events.length, 'event')}, ${counted(charges.length, 'charge')}, ` +
      `total ${amount(total, currency, 6)}. ` +
      `Check it: gpuhour verify-bill ${file}`,
  )
  if (context.isJson)
    context.printJson({ file, events: events.length, charges: charges.length, total, currency })
}

export const command: CommandSpec = {
  name: 'statement',
  summary: 'what a period cost, to the nano; with --bundle as a document that anybody can recompute',
  options: [...periodOptions, ['--bundle <file>', 'write the open bill to a file; "-" is standard output']],
  examples: ['gpuhour statement', 'gpuhour statement --from 2026-11-01 --bundle bill.json'],
  async run(context, given) {
    const [query, file] = [periodOf(given), textOption(given, 'bundle')]
    const { id: organization } = await context.organization()
    if (file !== undefined) return writeBundle(context, organization, query, file)
    const statement = await context.client(settlePatienceMs).getStatement({ params: { organization }, query })
    if (context.isJson) return context.printJson(statement)
    sayStatement(context, statement)
  },
}

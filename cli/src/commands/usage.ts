import { type CommandSpec, type Range, rangeText, wholeOption } from '../command.ts'
import { printTable } from '../output.ts'
import { amount, duration } from '../shown.ts'

/** As many as a page of the API has. */
const limitRange: Range = [1, 200]

export const command: CommandSpec = {
  name: 'usage',
  summary: 'paid time, newest first: every stretch in which something ran',
  options: [['--limit <count>', `how many, ${rangeText(limitRange)}; default 50`]],
  async run(context, given) {
    const limit = wholeOption(given, 'limit', limitRange) ?? 50
    const { id: organization, currency } = await context.organization()
    const { items } = await context.client().listUsage({ params: { organization }, query: { limit } })
    if (context.isJson) return context.printJson(items)
    const rows = items.map((item) => [
      item.name,
      item.flavor,
      item.from,
      item.to ?? 'running',
      duration(Number(item.paidMillis)),
      amount(item.amountNanos, currency),
    ])
    const header = ['NAME', 'FLAVOR', 'FROM', 'TO', 'PAID', 'COST']
    printTable(context, header, rows, 'Nothing was paid yet: gpuhour launch')
  },
}

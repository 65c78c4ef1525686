import type { Payment } from '@gpuhour/sdk/contract'
import { type CommandSpec, isOn } from '../command.ts'
import type { Context } from '../context.ts'
import { printTable } from '../output.ts'
import { everyItem } from '../pick.ts'
import { money } from '../shown.ts'

/** `refund $5.00 gone, dispute $20.00 undone`. */
function returnsText({ returns, currency }: Payment): string {
  return (
    returns
      .map(({ kind, amountNanos, state }) => `${kind} ${money(amountNanos, currency)} ${state}`)
      .join(', ') || '–'
  )
}

async function listTroubles(context: Context): Promise<void> {
  const client = context.client()
  const troubles = await everyItem((cursor) =>
    client.listPaymentTroubles({ query: cursor ? { cursor } : {} }),
  )
  if (context.isJson) return context.printJson(troubles)
  const rows = troubles.map(({ at, payment, about, detail }) => [at, payment ?? '–', about, detail])
  printTable(context, ['AT', 'PAYMENT', 'VENDOR’S ID', 'WHAT'], rows, 'Nothing to look at.')
}

export const command: CommandSpec = {
  name: 'payments',
  summary: 'payments by card, newest first, with what went back of them',
  options: [['--troubles', 'what an operator should look at: money that came and was not credited']],
  async run(context, given) {
    if (isOn(given, 'troubles')) return listTroubles(context)
    const client = context.client()
    const { id: organization } = await context.organization()
    const payments = await everyItem((cursor) =>
      client.listPayments({ params: { organization }, query: cursor ? { cursor } : {} }),
    )
    if (context.isJson) return context.printJson(payments)
    const rows = payments.map((one) => [
      one.id,
      one.askedAt,
      money(one.amountNanos, one.currency),
      one.state,
      returnsText(one),
    ])
    printTable(
      context,
      ['PAYMENT', 'ASKED', 'AMOUNT', 'STATE', 'BACK'],
      rows,
      'No payments yet: gpuhour topup 50',
    )
  },
}

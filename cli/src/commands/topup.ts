import { makeId } from '@gpuhour/sdk/client'
import { argument, type CommandSpec, isOn } from '../command.ts'
import { longPatienceMs } from '../context.ts'
import { exitCodes } from '../failures.ts'
import { amountOf, paymentText, untilPaid } from '../paying.ts'
import { amount } from '../shown.ts'

export const command: CommandSpec = {
  name: 'topup',
  summary: 'add money by card: prints the page on which it is paid, and waits',
  args: [['<amount>', 'in the currency of the organization, such as 25 or 12.50']],
  options: [['--no-wait', 'print the address of the page, and go']],
  examples: ['gpuhour topup 50', 'xdg-open "$(gpuhour topup 50 --no-wait)"'],
  async run(context, given) {
    const amountNanos = amountOf(argument(given, 0))
    const { id: organization, currency } = await context.organization()
    const client = context.client(longPatienceMs)
    const body = { id: makeId('payment'), amountNanos, currency }
    const asked = await client.createPayment({ params: { organization }, body })
    // Commander's name for what `--no-wait` switches off.
    if (!isOn(given, 'wait')) {
      if (context.isJson) return context.printJson(asked)
      return context.print(asked.checkoutUrl ?? paymentText(asked))
    }
    if (asked.checkoutUrl !== null) context.say(`Pay here: ${asked.checkoutUrl}`)
    const seen = await untilPaid(client, asked)
    if (context.isJson) context.printJson(seen)
    else context.print(paymentText(seen))
    if (seen.state !== 'paid') return seen.state === 'processing' ? 0 : exitCodes.payment
    if (context.isJson) return
    const { liveNanos } = await client.getBalance({ params: { organization } })
    context.print(`balance ${amount(liveNanos, currency)}`)
  },
}

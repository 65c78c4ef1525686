import { makeId } from '@gpuhour/sdk/client'
import { argument, type CommandSpec, isOn, UsageError } from '../command.ts'
import { longPatienceMs } from '../context.ts'
import { asking } from '../output.ts'
import { amountOf } from '../paying.ts'
import { money } from '../shown.ts'

export const command: CommandSpec = {
  name: 'refund',
  summary: 'send a payment back to whoever paid, in part or whole (operator)',
  args: [
    ['<payment>', 'its id: gpuhour payments'],
    ['[amount]', 'default: all that has not gone back yet'],
  ],
  options: [['-y, --yes', 'do not ask']],
  examples: ['gpuhour refund pay_01m8d7k2a4f9w872w3gpyze13a 12.50'],
  async run(context, given) {
    const text = given.args[1]
    const amountNanos = text === undefined ? null : amountOf(text)
    const client = context.client(longPatienceMs)
    const params = { payment: argument(given, 0) }
    const { currency, refundableNanos } = await client.getPayment({ params })
    const shown = money(amountNanos ?? refundableNanos, currency)
    if (!isOn(given, 'yes')) {
      if (!context.isInteractive)
        throw new UsageError(
          `Nothing was sent back: there is no terminal to ask on. To refund ${shown}, add --yes.`,
        )
      const { confirm } = await import('@clack/prompts')
      const ask = () =>
        confirm({ message: `Send ${shown} back?`, initialValue: false, output: process.stderr })
      if ((await asking(ask)) !== true) throw new UsageError('Nothing was sent back.')
    }
    const made = await client.refundPayment({ params, body: { id: makeId('refund'), amountNanos } })
    if (context.isJson) return context.printJson(made)
    context.print(`${shown} left the wallet and go back. How far that is: gpuhour payments`)
  },
}

import type { CommandSpec } from '../command.ts'
import { amount, duration } from '../shown.ts'

export const command: CommandSpec = {
  name: 'balance',
  summary: 'what there is, what runs burn, and how long it lasts',
  async run(context) {
    const { id: organization } = await context.organization()
    const balance = await context.client().getBalance({ params: { organization } })
    if (context.isJson) return context.printJson(balance)
    const { currency, runwayUntil } = balance
    context.print(amount(balance.liveNanos, currency))
    context.print(`held for what runs: ${amount(balance.heldNanos, currency)}`)
    context.print(`available for new starts: ${amount(balance.availableNanos, currency)}`)
    if (balance.receivableNanos !== '0')
      context.print(
        `storage not paid yet: ${amount(balance.receivableNanos, currency)}: a top-up pays it first`,
      )
    const burn = amount(balance.nanosPerHour, currency)
    const lasts = runwayUntil && duration(Math.max(0, Date.parse(runwayUntil) - Date.parse(balance.asOf)))
    context.print(`burning ${burn} an hour${lasts ? `: lasts ${lasts}, until ${runwayUntil}` : ''}`)
  },
}

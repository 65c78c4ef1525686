import type { CommandSpec } from '../command.ts'
import { duration, money } from '../shown.ts'

export const command: CommandSpec = {
  name: 'balance',
  summary: 'what there is, what runs burn, and how long it lasts',
  async run(context) {
    const { id: organization } = await context.organization()
    const balance = await context.client().getBalance({ params: { organization } })
    if (context.isJson) return context.printJson(balance)
    const { currency, runwayUntil } = balance
    context.print(money(balance.liveNanos, currency, 4))
    context.print(`held for what runs: ${money(balance.heldNanos, currency, 4)}`)
    context.print(`available for new starts: ${money(balance.availableNanos, currency, 4)}`)
    if (balance.receivableNanos !== '0')
      context.print(
        `storage not paid yet: ${money(balance.receivableNanos, currency, 4)}: a top-up pays it first`,
      )
    const burn = money(balance.nanosPerHour, currency, 4)
    const lasts = runwayUntil && duration(Math.max(0, Date.parse(runwayUntil) - Date.parse(balance.asOf)))
    context.print(`burning ${burn} an hour${lasts ? `: lasts ${lasts}, until ${runwayUntil}` : ''}`)
  },
}

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
    if (balance.promoNanos !== '0')
      context.print(`of that given, not bought: ${amount(balance.promoNanos, currency)}`)
    if (balance.upcomingNanos !== '0')
      context.print(`not in force yet: ${amount(balance.upcomingNanos, currency)}`)
    if (balance.expiry)
      context.print(`lapses at ${balance.expiry.at}: ${amount(balance.expiry.nanos, currency)}`)
    if (balance.receivableNanos !== '0') {
      context.print(`owed: ${amount(balance.receivableNanos, currency)}: a top-up pays it first`)
      if (balance.graceUntil !== null)
        context.print(
          `what is stored is kept until ${balance.graceUntil}, and deleted then if it is still owed`,
        )
    }
    const burn = amount(balance.nanosPerHour, currency)
    const lasts = runwayUntil && duration(Math.max(0, Date.parse(runwayUntil) - Date.parse(balance.asOf)))
    context.print(`burning ${burn} an hour${lasts ? `: lasts ${lasts}, until ${runwayUntil}` : ''}`)
  },
}

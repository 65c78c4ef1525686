import { makeId } from '@gpuhour/sdk/client'
import { argument, type CommandSpec } from '../command.ts'
import { longPatienceMs } from '../context.ts'
import { money } from '../shown.ts'

export const command: CommandSpec = {
  name: 'redeem',
  summary: 'redeem a promo code for the organization',
  args: [['<code>', 'as it was given; capitals do not matter']],
  async run(context, given) {
    const { id: organization } = await context.organization()
    const body = { id: makeId('redemption'), code: argument(given, 0) }
    const redeemed = await context.client(longPatienceMs).redeemPromoCode({ params: { organization }, body })
    if (context.isJson) return context.printJson(redeemed)
    const { amountNanos, currency, expiresAt } = redeemed
    const until = expiresAt === null ? '' : `; what is left of it lapses at ${expiresAt}`
    context.print(`${money(amountNanos, currency)} are in the balance${until}`)
  },
}

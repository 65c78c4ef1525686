import { makeId } from '@gpuhour/sdk/client'
import type { Lot } from '@gpuhour/sdk/contract'
import { argument, type CommandSpec, nanosIn, textOption, UsageError, wholeOption } from '../command.ts'
import type { Context } from '../context.ts'
import { printTable } from '../output.ts'
import { instantOption } from '../period.ts'
import { everyItem } from '../pick.ts'
import { amount, money } from '../shown.ts'

// As the contract has them; its own constants would bring all of it along.
const kinds = ['paid', 'promo'] as const
const priorities = [0, 1000] as const

/** What is left of it, and what becomes of that. */
function leftText({ remainingNanos, reservedNanos, state }: Lot, currency: string): string {
  if (state === 'used_up') return 'used up'
  const held = reservedNanos === '0' ? '' : `, ${amount(reservedNanos, currency)} held`
  return `${money(remainingNanos, currency)}${held}`
}

/** When it can be used, as far as that is not always. */
function whenText({ state, effectiveAt, expiresAt }: Lot): string {
  const from = state === 'upcoming' ? `from ${effectiveAt}` : ''
  if (expiresAt === null) return from
  return `${from}${from ? ', ' : ''}${state === 'lapsed' ? 'lapsed' : 'until'} ${expiresAt}`
}

/** What there is first, in the order in which it is used; what is over comes last, newest first. */
function inOrder(lots: readonly Lot[]): readonly Lot[] {
  const placeOf = ({ turn, state }: Lot): number => turn ?? (state === 'used_up' ? Infinity : 1_000_000)
  return lots.toSorted((a, b) => {
    const [left, right] = [placeOf(a), placeOf(b)]
    return left === right ? 0 : left - right
  })
}

const list = {
  name: 'list',
  aliases: ['ls'],
  summary: 'what the balance is made of, in the order in which it is used',
  async run(context: Context) {
    const { id: organization, currency } = await context.organization()
    const client = context.client()
    const lots = await everyItem((cursor) =>
      client.listLots({ params: { organization }, query: cursor ? { cursor } : {} }),
    )
    if (context.isJson) return context.printJson(lots)
    const rows = inOrder(lots).map((lot) => [
      lot.turn === null ? '' : String(lot.turn),
      lot.kind,
      lot.code.replaceAll('_', ' '),
      money(lot.amountNanos, currency),
      leftText(lot, currency),
      whenText(lot),
    ])
    printTable(context, ['NEXT', 'KIND', 'FOR', 'CREDITED', 'LEFT', 'WHEN'], rows, 'No credits yet.')
  },
} satisfies CommandSpec

const give: CommandSpec = {
  name: 'give',
  summary: 'credit an organization; for operators',
  args: [
    ['<organization>', 'its name or id'],
    ['<amount>', 'such as 25 or 2.50'],
  ],
  options: [
    ['--kind <kind>', 'promo: given; paid: bought by other means, so it can be refunded; default: promo'],
    ['--expires <date>', 'when what is left of it lapses; default: never'],
    ['--from <date>', 'from when it can be used; default: now'],
    ['--priority <number>', 'lower is used first; default: 100'],
  ],
  examples: [
    'gpuhour credits give Demo 25',
    'gpuhour credits give Demo 100 --expires 2027-01-01',
    'gpuhour credits give Demo 500 --kind paid',
  ],
  async run(context, given) {
    const nanos = nanosIn(argument(given, 1))
    if (nanos === null || nanos <= 0n)
      throw new UsageError(`"${argument(given, 1)}" is not an amount above zero, such as 25 or 0.50.`)
    const kind = kinds.find((one) => one === (textOption(given, 'kind') ?? 'promo'))
    if (!kind) throw new UsageError(`"${textOption(given, 'kind')}" is no kind: paid or promo.`)
    const [expiresAt, effectiveAt] = [instantOption(given, 'expires'), instantOption(given, 'from')]
    const priority = wholeOption(given, 'priority', priorities)
    const { organizations } = await context.me()
    const wanted = argument(given, 0)
    const organization = organizations.find(({ id, name }) => id === wanted || name === wanted)
    if (!organization) throw new UsageError(`There is no organization "${wanted}".`)
    const { id, name, currency } = organization
    const grant = await context.client().createGrant({
      params: { organization: id },
      body: {
        ...{ id: makeId('transfer'), amountNanos: String(nanos), currency, kind },
        ...(priority === undefined ? {} : { priority }),
        ...(effectiveAt === undefined ? {} : { effectiveAt }),
        ...(expiresAt === undefined ? {} : { expiresAt }),
      },
    })
    if (context.isJson) return context.printJson(grant)
    const until = grant.expiresAt === null ? '' : `, to be used before ${grant.expiresAt}`
    context.print(`Gave ${money(grant.amountNanos, currency)} (${kind}) to ${name}${until}.`)
  },
}

export const command: CommandSpec = {
  name: 'credits',
  summary: 'what the balance is made of: what was bought and given, and until when it can be used',
  run: list.run,
  commands: [list, give],
  examples: ['gpuhour credits', 'gpuhour credits give Demo 100 --expires 2027-01-01'],
}

import { ApiError, makeId } from '@gpuhour/sdk/client'
import type { PromoCode } from '@gpuhour/sdk/contract'
import {
  argument,
  type CommandSpec,
  isOn,
  type Range,
  rangeText,
  textOption,
  UsageError,
  wholeOption,
} from '../command.ts'
import { requireConsent, requireSomebody } from '../consent.ts'
import { type Context, longPatienceMs } from '../context.ts'
import { printTable } from '../output.ts'
import { amountOf } from '../paying.ts'
import { everyItem } from '../pick.ts'
import { money } from '../shown.ts'

/** As the contract has them. */
const redemptionsRange: Range = [1, 1_000_000]
const daysRange: Range = [1, 3650]

function allCodes(context: Context): Promise<readonly PromoCode[]> {
  const client = context.client()
  return everyItem((cursor) => client.listPromoCodes({ query: cursor ? { cursor } : {} }))
}

const list = {
  name: 'list',
  aliases: ['ls'],
  summary: 'promo codes, newest first (operator)',
  async run(context: Context) {
    const codes = await allCodes(context)
    if (context.isJson) return context.printJson(codes)
    const rows = codes.map((one) => [
      one.code,
      money(one.amountNanos, one.currency),
      one.state,
      `${one.redemptions} of ${one.redemptionsMax}`,
      one.expiresAt ?? 'never',
      one.creditDays === null ? 'never' : `after ${one.creditDays} d`,
    ])
    const header = ['CODE', 'GIVES', 'STATE', 'REDEEMED', 'CODE ENDS', 'CREDIT LAPSES']
    printTable(context, header, rows, 'No promo codes yet: gpuhour promo-codes create 10 --max 100')
  },
} satisfies CommandSpec

function endOf(text: string | undefined): string | null {
  if (text === undefined) return null
  const ms = Date.parse(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text)
  if (Number.isNaN(ms))
    throw new UsageError(`--expires ${text} is no date such as 2026-12-31 or 2026-12-31T12:00:00Z.`)
  return new Date(ms).toISOString()
}

const create: CommandSpec = {
  name: 'create',
  summary: 'make a promo code (operator)',
  args: [['<amount>', 'what it gives to each organization that redeems it']],
  options: [
    ['--max <count>', `so many organizations can redeem it, ${rangeText(redemptionsRange)}; default 1`],
    ['--code <code>', 'the code itself; default: one that nobody guesses'],
    ['--expires <date>', 'until when it can be redeemed; default: until it is withdrawn'],
    ['--credit-days <days>', `the credit lapses after so many days, ${rangeText(daysRange)}; default: never`],
  ],
  examples: ['gpuhour promo-codes create 10 --max 100 --code WELCOME-26 --credit-days 90'],
  async run(context, given) {
    // What is typed wrong is said before anybody is asked.
    const asked = {
      id: makeId('promoCode'),
      amountNanos: amountOf(argument(given, 0)),
      code: textOption(given, 'code') ?? null,
      expiresAt: endOf(textOption(given, 'expires')),
      creditDays: wholeOption(given, 'creditDays', daysRange) ?? null,
      redemptionsMax: wholeOption(given, 'max', redemptionsRange) ?? 1,
    }
    const { currency } = await context.organization()
    const made = await context.client(longPatienceMs).createPromoCode({ body: { ...asked, currency } })
    if (context.isJson) return context.printJson(made)
    context.print(made.code)
  },
}

const remove: CommandSpec = {
  name: 'rm',
  summary: 'end a promo code; what was redeemed stays (operator)',
  args: [['<code>', 'the code, or its id']],
  options: [['-y, --yes', 'do not ask']],
  async run(context, given) {
    const isForced = isOn(given, 'yes')
    const name = argument(given, 0)
    const found = (await allCodes(context)).find(({ id, code }) => id === name || code === name.toUpperCase())
    if (!found)
      throw new ApiError('not_found', 404, `There is no promo code "${name}". See: gpuhour promo-codes.`)
    if (!isForced) requireSomebody(context, found.code)
    if (!isForced) await requireConsent(`End ${found.code}?`)
    const promoCode = found.id
    const ended = await context.client(longPatienceMs).withdrawPromoCode({ params: { promoCode } })
    if (context.isJson) return context.printJson(ended)
    context.print(`${ended.code} can be redeemed no more.`)
  },
}

export const command: CommandSpec = {
  name: 'promo-codes',
  summary: 'codes that give money to whoever redeems them (operator)',
  run: list.run,
  commands: [list, create, remove],
  examples: ['gpuhour promo-codes', 'gpuhour promo-codes create 10 --max 100'],
}

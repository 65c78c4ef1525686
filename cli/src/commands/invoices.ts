import type { InvoiceSummary, Seller } from '@gpuhour/sdk/contract'
import { type CommandSpec, type Given, isOn, textOption, UsageError } from '../command.ts'
import type { Context } from '../context.ts'
import { printTable } from '../output.ts'
import { everyItem } from '../pick.ts'
import { counted, money } from '../shown.ts'

/** A day of a period: `2026-11-01`, by the clocks of the organization. */
function dayOf(instant: string, timeZone: string): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(new Date(instant))
}

/** First and last day of a period whose end is exclusive. */
export function daysOf({ from, to, timeZone }: Pick<InvoiceSummary, 'from' | 'to' | 'timeZone'>): string {
  const last = new Date(Date.parse(to) - 1).toISOString()
  return `${dayOf(from, timeZone)} – ${dayOf(last, timeZone)}`
}

const problems: Readonly<Record<NonNullable<InvoiceSummary['problem']>, string>> = {
  seller_missing: 'waits: nobody said who issues invoices (gpuhour invoices seller)',
  lines_do_not_add_up: 'waits: its lines do not add up; this is a bug',
  ledger_differs: 'waits: the ledger moved another amount than was charged; this is a bug',
}

function stateText({ problem, dueNanos, creditedNanos, currency }: InvoiceSummary): string {
  if (problem) return problems[problem]
  const parts = [dueNanos === '0' ? 'paid' : `${money(dueNanos, currency)} due`]
  if (creditedNanos !== '0') parts.push(`${money(creditedNanos, currency)} given back`)
  return parts.join(', ')
}

const list = {
  name: 'list',
  aliases: ['ls'],
  summary: 'invoices, newest first',
  async run(context: Context) {
    const { id: organization } = await context.organization()
    const client = context.client()
    const invoices = await everyItem((cursor) =>
      client.listInvoices({ params: { organization }, query: cursor ? { cursor } : {} }),
    )
    if (context.isJson) return context.printJson(invoices)
    const rows = invoices.map((one) => [
      one.number ?? 'draft',
      daysOf(one),
      money(one.totalNanos, one.currency),
      stateText(one),
    ])
    const header = ['NUMBER', 'PERIOD', 'TOTAL', '']
    printTable(context, header, rows, 'No invoices yet: one is made an hour after each month’s end.')
  },
} satisfies CommandSpec

/** A text option in which "\n" is a new line, as shells make those hard to type; empty is none. */
function textOf(given: Given, name: string): string | null | undefined {
  const text = textOption(given, name)?.replaceAll('\\n', '\n')
  return text === '' ? null : text
}

const details: CommandSpec = {
  name: 'details',
  summary: 'who the invoices are made out to; with options, changes it',
  options: [
    ['--legal-name <name>', 'the name on the invoice'],
    ['--address <lines>', 'its address; "\\n" begins a new line'],
    ['--tax-id <id>', 'its tax id; empty: none'],
    ['--reference <text>', 'what you want to find on invoices: an order number; empty: none'],
  ],
  examples: [
    'gpuhour invoices details --legal-name "Acme Ltd" --address "1 High St\\nLondon" --tax-id GB123',
  ],
  async run(context, given) {
    const { id: organization } = await context.organization()
    const client = context.client()
    const params = { organization }
    const before = await client.getBillingDetails({ params })
    const asked = {
      legalName: textOf(given, 'legalName'),
      address: textOf(given, 'address'),
      taxId: textOf(given, 'taxId'),
      reference: textOf(given, 'reference'),
    }
    const isChange = Object.values(asked).some((value) => value !== undefined)
    const { legalName, address, taxId, reference } = before.buyer
    const body = {
      legalName: asked.legalName ?? legalName,
      address: asked.address === undefined ? address : (asked.address ?? ''),
      taxId: asked.taxId === undefined ? taxId : asked.taxId,
      reference: asked.reference === undefined ? reference : asked.reference,
    }
    const now = isChange ? await client.setBillingDetails({ params, body }) : before
    if (context.isJson) return context.printJson(now)
    const { buyer, tax } = now
    context.print([buyer.legalName, buyer.address].filter((line) => line !== '').join('\n'))
    if (buyer.taxId) context.print(`tax id ${buyer.taxId}`)
    if (buyer.reference) context.print(`reference ${buyer.reference}`)
    context.print(tax ? `${tax.name} ${tax.basisPoints / 100} %${tax.note ? `: ${tax.note}` : ''}` : 'no tax')
  },
}

function sellerOf(given: Given, before: Seller | null): Seller {
  const of = (name: keyof Seller): string | null => {
    const asked = textOf(given, name)
    return asked === undefined ? (before?.[name] ?? null) : asked
  }
  const [legalName, address] = [of('legalName'), of('address')]
  if (!legalName || !address) throw new UsageError('Say at least --legal-name and --address.')
  return {
    legalName,
    address,
    taxId: of('taxId'),
    bank: of('bank'),
    contact: of('contact'),
    terms: of('terms'),
  }
}

const sellerOptions = ['legalName', 'address', 'taxId', 'bank', 'contact', 'terms'] as const

const seller: CommandSpec = {
  name: 'seller',
  summary: 'who issues invoices (operator); with options, changes it',
  options: [
    ['--legal-name <name>', 'the name on the invoice'],
    ['--address <lines>', 'its address; "\\n" begins a new line'],
    ['--tax-id <id>', 'its tax id; empty: none'],
    ['--bank <lines>', 'where what is due can be paid; empty: none'],
    ['--contact <lines>', 'whom to ask; empty: none'],
    ['--terms <lines>', 'when what is due is to be paid; empty: none'],
  ],
  async run(context, given) {
    const client = context.client()
    const { seller: before } = await client.getSeller()
    const isChange = sellerOptions.some((name) => textOf(given, name) !== undefined)
    const now = isChange ? (await client.setSeller({ body: sellerOf(given, before) })).seller : before
    if (context.isJson) return context.printJson({ seller: now })
    if (!now)
      return context.print('Nobody yet: no invoice is finalised before. Say --legal-name and --address.')
    context.print(`${now.legalName}\n${now.address}`)
    for (const [label, text] of [
      ['tax id', now.taxId],
      ['bank', now.bank],
      ['contact', now.contact],
      ['terms', now.terms],
    ] as const)
      if (text) context.print(`${label}: ${text.replaceAll('\n', ', ')}`)
  },
}

const tax: CommandSpec = {
  name: 'tax',
  summary: 'the tax that an organization’s next invoices bear (operator)',
  args: [
    ['[name]', 'such as VAT'],
    ['[percent]', 'such as 19 or 7.7'],
  ],
  options: [
    ['--note <text>', 'printed below it: the law, or why there is none to pay'],
    ['--none', 'no tax'],
  ],
  examples: ['gpuhour invoices tax VAT 19', 'gpuhour invoices tax VAT 0 --note "Reverse charge"'],
  async run(context, given) {
    const [name, percent] = given.args
    const isNone = isOn(given, 'none')
    if (isNone === (name !== undefined)) throw new UsageError('Name a tax and its percent, or say --none.')
    const basisPoints = Math.round(Number(percent) * 100)
    if (!isNone && !/^\d{1,3}(?:\.\d{1,2})?$/.test(percent ?? ''))
      throw new UsageError(`"${percent ?? ''}" is no percentage such as 19 or 7.7.`)
    const { id: organization } = await context.organization()
    const rule = name === undefined ? null : { name, basisPoints, note: textOption(given, 'note') ?? null }
    const now = await context.client().setTax({ params: { organization }, body: { tax: rule } })
    if (context.isJson) return context.printJson(now)
    context.print(
      now.tax ? `${now.tax.name} ${now.tax.basisPoints / 100} % from the next invoice on.` : 'No tax.',
    )
  },
}

const close: CommandSpec = {
  name: 'close',
  summary: 'close the months that are over now, without their hour of grace (operator)',
  options: [['--up-to <date>', 'the start of a day that is over, RFC 3339; default: this month’s start']],
  async run(context, given) {
    const { id: organization } = await context.organization()
    const upTo = textOption(given, 'upTo')
    const { periods } = await context
      .client()
      .closeBooks({ params: { organization }, body: upTo === undefined ? {} : { upTo } })
    if (context.isJson) return context.printJson({ periods })
    if (periods.length === 0) return context.print('Nothing is open before that.')
    const issued = periods.filter(({ invoice }) => invoice !== null).length
    context.print(`${counted(periods.length, 'period')} closed, ${counted(issued, 'invoice')} made.`)
  },
}

export const command: CommandSpec = {
  name: 'invoices',
  summary: 'invoices, and who they are from and made out to',
  run: list.run,
  commands: [list, details, seller, tax, close],
  examples: ['gpuhour invoices', 'gpuhour invoices details --tax-id DE123456789'],
}

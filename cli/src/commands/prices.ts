import { type Client, makeId } from '@gpuhour/sdk/client'
import type { ListedPriceBook, Organization, PriceBookCheck, RateDifference } from '@gpuhour/sdk/contract'
import { argument, type CommandSpec, type Given, isOn, textOption, UsageError } from '../command.ts'
import type { Context } from '../context.ts'
import { printTable } from '../output.ts'
import { instantOption } from '../period.ts'
import { everyItem } from '../pick.ts'
import { ratesText, readRates } from '../rates_file.ts'
import { amount, change, counted } from '../shown.ts'

/** Rates of storage are small: as many decimals as tell them apart. */
const rateDecimals = 6

const stateWords = { to_come: 'to come', in_force: 'in force', past: 'past' } as const

async function ownBooks(context: Context, client: Client): Promise<readonly ListedPriceBook[]> {
  const { id: organization } = await context.organization()
  return everyItem((cursor) =>
    client.listPriceBooks({ params: { organization }, query: cursor ? { cursor } : {} }),
  )
}

/** The organization of a name or id; an operator sees all of them. */
async function organizationNamed(context: Context, name: string): Promise<Organization> {
  const { organizations } = await context.me()
  const found = organizations.find(({ id }) => id === name) ?? organizations.find((one) => one.name === name)
  if (found) return found
  throw new UsageError(`There is no organization "${name}".`)
}

const list = {
  name: 'list',
  aliases: ['ls'],
  summary: 'the price books that one is charged by: past, in force and to come',
  options: [['--all', 'every price book there is (operator)']],
  async run(context: Context, given: Given) {
    const client = context.client()
    const books = isOn(given, 'all')
      ? await everyItem((cursor) => client.listAllPriceBooks({ query: cursor ? { cursor } : {} }))
      : await ownBooks(context, client)
    if (context.isJson) return context.printJson(books)
    const { organizations } = await context.me()
    const nameOf = (id: string | null): string =>
      id === null ? 'everybody' : (organizations.find((one) => one.id === id)?.name ?? id)
    const rows = books
      .toSorted((a, b) => (a.effectiveFrom < b.effectiveFrom ? 1 : -1))
      .map((book) => [
        book.id,
        nameOf(book.organization),
        book.currency,
        book.effectiveFrom,
        book.endsAt ?? '–',
        stateWords[book.state],
        counted(book.rates.length, 'rate'),
      ])
    printTable(context, ['BOOK', 'FOR', 'MONEY', 'FROM', 'UNTIL', 'STATE', 'RATES'], rows, 'No prices yet.')
  },
} satisfies CommandSpec

/** The named book, or the one that one is charged by now. */
async function bookOf(context: Context, client: Client, name: string): Promise<ListedPriceBook> {
  if (name !== '') return client.getPriceBook({ params: { priceBook: name } })
  const inForce = (await ownBooks(context, client)).filter(({ state }) => state === 'in_force')
  const book = inForce.find(({ organization }) => organization !== null) ?? inForce[0]
  if (book) return book
  throw new UsageError('No price book is in force yet. See: gpuhour prices')
}

const show: CommandSpec = {
  name: 'show',
  summary: 'the rates of a price book',
  args: [['[book]', 'its id; default: the one that one is charged by now']],
  options: [['--as-file', 'in the form that "publish" takes, to be edited']],
  examples: ['gpuhour prices show --as-file > rates.json'],
  async run(context, given) {
    const book = await bookOf(context, context.client(), argument(given, 0))
    if (isOn(given, 'asFile')) return context.print(ratesText(book))
    if (context.isJson) return context.printJson(book)
    context.say(`${book.id}, from ${book.effectiveFrom}, SHA-256 ${book.hash}`)
    const rows = book.rates.map(({ sku, unit, nanos }) => [
      sku,
      `${amount(nanos, book.currency, rateDecimals)} a ${unit}`,
    ])
    printTable(context, ['SKU', 'RATE'], rows, 'No rates.')
  },
}

function sayDifferences(context: Context, found: readonly RateDifference[], currency: string): void {
  const shown = (nanos: string | null): string =>
    nanos === null ? '–' : amount(nanos, currency, rateDecimals)
  const rows = found.map(({ sku, unit, beforeNanos, afterNanos }) => [
    sku,
    unit,
    shown(beforeNanos),
    shown(afterNanos),
    beforeNanos === null ? 'new' : afterNanos === null ? 'gone' : change(beforeNanos, afterNanos),
  ])
  printTable(context, ['SKU', 'UNIT', 'BEFORE', 'AFTER', 'CHANGE'], rows, 'Nothing differs.')
}

const diff: CommandSpec = {
  name: 'diff',
  summary: 'in what one price book differs from another',
  args: [
    ['<before>', 'the earlier book'],
    ['<after>', 'the later book'],
  ],
  async run(context, given) {
    const client = context.client()
    const [before, after] = [argument(given, 0), argument(given, 1)]
    const found = await client.diffPriceBooks({ params: { before, after } })
    if (context.isJson) return context.printJson(found)
    const { currency } = await client.getPriceBook({ params: { priceBook: after } })
    sayDifferences(context, found.differences, currency)
  },
}

const warningWords: Readonly<Record<PriceBookCheck['warnings'][number]['kind'], string>> = {
  missing: 'is in the book before: what is made of it will not be offered, storage keeps its rate',
  unknown: 'is nothing that is priced here',
  free: 'will cost nothing',
  leap: 'changes more than threefold',
  memory_priced: 'is new: flavors without GPUs will cost their memory as well',
}

const publish: CommandSpec = {
  name: 'publish',
  summary: 'publish a table of rates as a price book; what runs keeps its own (operator)',
  args: [['<file>', 'the table, as "show --as-file" prints one']],
  options: [
    ['--from <date>', 'when it takes effect; in the future'],
    ['--organization <name>', 'only for this one: its own, negotiated prices'],
    ['--until <date>', 'when own prices end, and the general ones hold again'],
    ['--dry-run', 'say what would change, and publish nothing'],
  ],
  examples: [
    'gpuhour prices publish rates.json --from 2027-01-01 --dry-run',
    'gpuhour prices publish acme.json --from 2027-01-01 --until 2028-01-01 --organization acme',
  ],
  async run(context, given) {
    const { currency, rates } = readRates(argument(given, 0))
    const effectiveFrom = instantOption(given, 'from')
    if (effectiveFrom === undefined)
      throw new UsageError('Say when it takes effect: --from 2027-01-01. A rate never changes backwards.')
    const owner = textOption(given, 'organization')
    const draft = {
      currency,
      organization: owner === undefined ? null : (await organizationNamed(context, owner)).id,
      effectiveFrom,
      endsAt: instantOption(given, 'until') ?? null,
      rates: [...rates],
    }
    const client = context.client()
    const check = await client.checkPriceBook({ body: draft })
    const isDryRun = isOn(given, 'dryRun')
    if (!context.isJson) {
      sayDifferences(context, check.differences, currency)
      for (const { sku, kind } of check.warnings) context.say(`warning: ${sku} ${warningWords[kind]}`)
    }
    if (isDryRun) {
      if (context.isJson) context.printJson(check)
      else context.say('Nothing was published: this was a dry run.')
      return
    }
    const book = await client.publishPriceBook({ body: { id: makeId('priceBook'), ...draft } })
    if (context.isJson) context.printJson(book)
    else context.say(`Published ${book.id}, in force from ${book.effectiveFrom}.`)
  },
}

const end: CommandSpec = {
  name: 'end',
  summary: 'say when the own prices of an organization end (operator)',
  args: [['<book>', 'the book with its own prices']],
  options: [['--at <date>', 'when; in the future']],
  async run(context, given) {
    const endsAt = instantOption(given, 'at')
    if (endsAt === undefined) throw new UsageError('Say when they end: --at 2027-01-01.')
    const params = { priceBook: argument(given, 0) }
    const book = await context.client().endPriceBook({ params, body: { endsAt } })
    if (context.isJson) context.printJson(book)
    else context.say(`${book.id} ends at ${book.endsAt}; the general prices hold from then on.`)
  },
}

export const command: CommandSpec = {
  name: 'prices',
  summary: 'what a GPU, a CPU and a GiB cost an hour, since when and from when',
  options: list.options,
  run: list.run,
  commands: [list, show, diff, publish, end],
  examples: ['gpuhour prices', 'gpuhour prices show', 'gpuhour prices diff pb_a pb_b'],
}

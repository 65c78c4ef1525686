import { makeId } from '@gpuhour/sdk/client'
import type { Budget } from '@gpuhour/sdk/contract'
import { argument, type CommandSpec, type Given, isOn, nanosIn, textOption, UsageError } from '../command.ts'
import { requireConsent, requireSomebody } from '../consent.ts'
import type { Context } from '../context.ts'
import { printTable } from '../output.ts'
import { everyItem } from '../pick.ts'
import { money } from '../shown.ts'

// As the contract has them; its own constants would bring all of it along.
const periods = ['day', 'week', 'month', 'total'] as const
const actions = ['warn', 'refuse', 'stop'] as const

function oneOf<T extends string>(words: readonly T[], text: string, what: string): T {
  const found = words.find((word) => word === text)
  if (found) return found
  throw new UsageError(`"${text}" is no ${what}: ${words.slice(0, -1).join(', ')} or ${words.at(-1)}.`)
}

function limitOf(text: string): string {
  const nanos = nanosIn(text)
  if (nanos !== null && nanos > 0n) return String(nanos)
  throw new UsageError(`"${text}" is not an amount above zero, such as 25 or 0.50.`)
}

/** `project demo`, `job train in demo`. */
function about({ scope, targetName, job }: Budget): string {
  return scope === 'job' ? `job ${job} in ${targetName}` : `${scope} ${targetName}`
}

function limitText({ limitNanos, currency, period }: Budget): string {
  return `${money(limitNanos, currency)} ${period === 'total' ? 'in all' : `a ${period}`}`
}

/** What happens next, in one phrase. */
function outlook({ remainingNanos, usedUpAt, action, to }: Budget): string {
  if (BigInt(remainingNanos) <= 0n) {
    const until = to ? ` until ${to}` : ''
    return action === 'warn' ? 'used up' : `used up: nothing starts${until}`
  }
  if (usedUpAt === null) return ''
  return `${action === 'stop' ? 'ends what runs' : 'used up'} at ${usedUpAt}`
}

async function everyBudget(context: Context): Promise<readonly Budget[]> {
  const { id: organization } = await context.organization()
  const client = context.client()
  return everyItem((cursor) =>
    client.listBudgets({ params: { organization }, query: cursor ? { cursor } : {} }),
  )
}

async function pick(context: Context, named: string): Promise<Budget> {
  const found = (await everyBudget(context)).find(({ id, name }) => id === named || name === named)
  if (found) return found
  throw new UsageError(`There is no budget "${named}". See: gpuhour budgets.`)
}

const list = {
  name: 'list',
  aliases: ['ls'],
  summary: 'budgets in force, and what their periods have come to',
  async run(context: Context) {
    const budgets = await everyBudget(context)
    if (context.isJson) return context.printJson(budgets)
    const rows = budgets.map((one) => [
      one.name,
      about(one),
      limitText(one),
      money(one.spentNanos, one.currency),
      one.action,
      outlook(one),
    ])
    const header = ['NAME', 'ABOUT', 'LIMIT', 'SPENT', 'THEN', '']
    printTable(context, header, rows, 'No budgets yet: gpuhour budgets create lab 100 --period month')
  },
} satisfies CommandSpec

/** Which scope the options name, and what of it. */
function scopeOf(
  given: Given,
  project: string | undefined,
): Pick<Budget, 'scope' | 'job'> & { target: string | null } {
  const [person, key, job] = ['person', 'key', 'job'].map((name) => textOption(given, name))
  const named = [person, key, job].filter((one) => one !== undefined)
  if (named.length > 1) throw new UsageError('Name one of --person, --key and --job.')
  if (person !== undefined) return { scope: 'person', target: person, job: null }
  if (key !== undefined) return { scope: 'key', target: key, job: null }
  if (job !== undefined) return { scope: 'job', target: project ?? null, job }
  if (project !== undefined) return { scope: 'project', target: project, job: null }
  return { scope: 'organization', target: null, job: null }
}

const create: CommandSpec = {
  name: 'create',
  summary: 'limit what may be spent; default: by the whole organization, each month, then stop',
  args: [
    ['<name>', 'a name for it'],
    ['<amount>', 'the limit, such as 100 or 2.50'],
  ],
  options: [
    ['--period <period>', `${periods.join(', ')}: by the organization’s clocks; total: from now on`],
    ['--action <action>', 'warn; refuse: nothing more starts; stop: what runs ends at that second, too'],
    ['--person <e-mail>', 'of what this member starts'],
    ['--key <id>', 'of what is started with this API key'],
    ['--job <name>', 'of the runs of this name in the project'],
  ],
  examples: [
    'gpuhour budgets create lab 500',
    'gpuhour budgets create spring-school 40 -p school --period day --action refuse',
    'gpuhour budgets create nightly 3 -p demo --job train --period day',
  ],
  async run(context, given) {
    const limitNanos = limitOf(argument(given, 1))
    const period = oneOf(periods, textOption(given, 'period') ?? 'month', 'period')
    const action = oneOf(actions, textOption(given, 'action') ?? 'stop', 'action')
    const scope = scopeOf(given, textOption(given, 'project'))
    const { id: organization, currency } = await context.organization()
    if (scope.scope === 'job' && scope.target === null) scope.target = (await context.project()).id
    const body = {
      id: makeId('budget'),
      name: argument(given, 0),
      ...scope,
      limitNanos,
      currency,
      period,
      action,
    }
    const budget = await context.client().createBudget({ params: { organization }, body })
    if (context.isJson) return context.printJson(budget)
    const spent = money(budget.spentNanos, currency)
    context.print(
      `${budget.name}: ${limitText(budget)} for the ${about(budget)}, then ${budget.action}; ${spent} spent.`,
    )
  },
}

const change: CommandSpec = {
  name: 'set',
  summary: 'change a budget’s limit or action, from now on',
  args: [['<budget>', 'its name or id']],
  options: [
    ['--limit <amount>', 'the new limit'],
    ['--action <action>', actions.join(', ')],
    ['--name <name>', 'a new name'],
  ],
  async run(context, given) {
    const [limit, action, name] = ['limit', 'action', 'name'].map((one) => textOption(given, one))
    if (limit === undefined && action === undefined && name === undefined)
      throw new UsageError('Say what to change: --limit, --action or --name.')
    const body = {
      ...(limit === undefined ? {} : { limitNanos: limitOf(limit) }),
      ...(action === undefined ? {} : { action: oneOf(actions, action, 'action') }),
      ...(name === undefined ? {} : { name }),
    }
    const { id } = await pick(context, argument(given, 0))
    const budget = await context.client().changeBudget({ params: { budget: id }, body })
    if (context.isJson) return context.printJson(budget)
    const spent = money(budget.spentNanos, budget.currency)
    context.print(`${budget.name}: ${limitText(budget)}, then ${budget.action}; ${spent} spent.`)
  },
}

const remove: CommandSpec = {
  name: 'rm',
  summary: 'end a budget: from now on it limits nothing',
  args: [['<budget>', 'its name or id']],
  options: [['-y, --yes', 'do not ask']],
  async run(context, given) {
    const { id, name } = await pick(context, argument(given, 0))
    if (!isOn(given, 'yes')) {
      requireSomebody(context, name)
      await requireConsent(`End the budget ${name}? From now on it limits nothing.`)
    }
    await context.client().deleteBudget({ params: { budget: id } })
    if (context.isJson) return context.printJson({ id })
    context.print(`Ended ${name}.`)
  },
}

export const command: CommandSpec = {
  name: 'budgets',
  summary: 'what may be spent in a period, and what happens when it is',
  run: list.run,
  commands: [list, create, change, remove],
  examples: ['gpuhour budgets', 'gpuhour budgets create lab 500', 'gpuhour budgets set lab --limit 800'],
}

import {
  argument,
  type CommandSpec,
  isOn,
  type Range,
  rangeText,
  UsageError,
  wholeOption,
} from '../command.ts'
import { noticeLine } from '../noticing.ts'
import { printTable } from '../output.ts'

/** As many as a page of the API has. */
const limitRange: Range = [1, 200]

const languages = ['en', 'zh'] as const

const language: CommandSpec = {
  name: 'language',
  summary: 'in which language mails are written',
  args: [['<language>', 'en or zh; "none" is that of the organization']],
  options: [['--organization', 'of every member who has not chosen']],
  async run(context, given) {
    const word = argument(given, 0)
    const chosen = languages.find((one) => one === word) ?? null
    if (chosen === null && word !== 'none') throw new UsageError('The language is en, zh or none.')
    const client = context.client()
    if (!isOn(given, 'organization')) {
      const me = await client.changeMe({ body: { language: chosen } })
      if (context.isJson) return context.printJson(me.person)
      return context.print(`Mails to you: ${chosen ?? 'in the language of the organization'}.`)
    }
    if (chosen === null) throw new UsageError('An organization has a language: en or zh.')
    const { id } = await context.organization()
    const body = { language: chosen }
    const changed = await client.changeOrganization({ params: { organization: id }, body })
    if (context.isJson) return context.printJson(changed)
    context.print(`Mails to members of ${changed.name}: ${chosen}.`)
  },
}

export const command: CommandSpec = {
  name: 'notices',
  summary: 'what the organization was told, newest first',
  options: [
    ['--limit <count>', `how many, ${rangeText(limitRange)}; default 20`],
    ['--all', 'also each change of state'],
  ],
  async run(context, given) {
    const limit = wholeOption(given, 'limit', limitRange) ?? 20
    const of = isOn(given, 'all') ? 'everything' : 'people'
    const { id: organization } = await context.organization()
    const { items } = await context.client().listNotices({ params: { organization }, query: { limit, of } })
    if (context.isJson) return context.printJson(items)
    const rows = items.map((notice) => [notice.at, notice.type, noticeLine(notice)])
    printTable(context, ['AT', 'TYPE', 'WHAT'], rows, 'Nothing was told yet.')
  },
  commands: [language],
  examples: ['gpuhour notices --all', 'gpuhour notices language zh'],
}

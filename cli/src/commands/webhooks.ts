import { ApiError, type Client, makeId } from '@gpuhour/sdk/client'
import type { Delivery, NoticeType, Webhook } from '@gpuhour/sdk/contract'
import { argument, type CommandSpec, type Given, isOn, textOption, UsageError } from '../command.ts'
import { requireConsent, requireSomebody } from '../consent.ts'
import type { Context } from '../context.ts'
import { printTable } from '../output.ts'
import { everyItem } from '../pick.ts'
import { ago, counted } from '../shown.ts'

async function allWebhooks(context: Context, client: Client): Promise<readonly Webhook[]> {
  const { id: organization } = await context.organization()
  return everyItem((cursor) =>
    client.listWebhooks({ params: { organization }, query: cursor ? { cursor } : {} }),
  )
}

/** The webhook of that id, name or URL. */
async function pickWebhook(context: Context, client: Client, name: string): Promise<Webhook> {
  if (name.startsWith('whk_')) return client.getWebhook({ params: { webhook: name } })
  const all = await allWebhooks(context, client)
  const [found, ...others] = all.filter((one) => one.name === name || one.url === name)
  if (!found)
    throw new ApiError('not_found', 404, `There is no webhook "${name}". See: gpuhour webhooks list.`)
  if (others.length === 0) return found
  const ids = [found, ...others].map(({ id }) => id).join(', ')
  throw new UsageError(`Several webhooks are called "${name}": ${ids}. Name one by its id.`)
}

function typesOf(given: Given): NoticeType[] | undefined {
  const text = textOption(given, 'types')
  // Unknown words are refused by the platform, which names those that there are.
  return text === undefined ? undefined : text === 'all' ? [] : (text.split(',') as NoticeType[])
}

function stateOf({ enabled, disabledWhy, failingSince }: Webhook): string {
  if (!enabled) return `disabled: ${disabledWhy ?? 'asked'}`
  return failingSince === null ? 'enabled' : `failing for ${ago(failingSince).replace(/ ago$/, '')}`
}

function sayWebhook(context: Context, webhook: Webhook, what: string): void {
  if (context.isJson) return context.printJson(webhook)
  context.print(`${what} "${webhook.name}": ${webhook.url}`)
}

const webhookArgument = ['<webhook>', 'its id, name or URL'] as const
const typesOption = [
  '--types <list>',
  'what it is told, such as run.changed,balance.low; default: all',
] as const

const list = {
  name: 'list',
  aliases: ['ls'],
  summary: 'webhooks of the organization',
  async run(context: Context) {
    const webhooks = await allWebhooks(context, context.client())
    if (context.isJson) return context.printJson(webhooks)
    const rows = webhooks.map((one) => [
      one.id,
      one.name,
      one.url,
      stateOf(one),
      one.types.join(',') || 'all',
    ])
    const header = ['ID', 'NAME', 'URL', 'STATE', 'TYPES']
    printTable(context, header, rows, 'No webhooks yet: gpuhour webhooks add https://…')
  },
} satisfies CommandSpec

const add: CommandSpec = {
  name: 'add',
  summary: 'send what happens to a program of yours; its secret is printed once',
  args: [['<url>', 'https, on the public internet']],
  options: [['--name <name>', 'default: the host of its URL'], typesOption],
  examples: ['gpuhour webhooks add https://example.com/hooks --types balance.low,run.changed'],
  async run(context, given) {
    const url = argument(given, 0)
    const name = textOption(given, 'name') ?? (URL.parse(url)?.host || url).slice(0, 80)
    const types = typesOf(given)
    const { id: organization } = await context.organization()
    const body = { id: makeId('webhook'), name, url, ...(types ? { types } : {}) }
    const webhook = await context.client().createWebhook({ params: { organization }, body })
    if (context.isJson) return context.printJson(webhook)
    context.print(webhook.secret ?? '')
    context.say(`Made ${webhook.id}. The secret is shown once: its messages are signed with it.`)
  },
}

const set: CommandSpec = {
  name: 'set',
  summary: 'change, enable or disable a webhook',
  args: [webhookArgument],
  options: [
    ['--url <url>', 'where it leads from now on'],
    ['--name <name>', 'its new name'],
    ['--types <list>', 'what it is told from now on; "all": everything'],
    ['--enable', 'send to it again, also what waited'],
    ['--disable', 'send nothing to it until it is enabled'],
  ],
  async run(context, given) {
    const [enable, disable] = [isOn(given, 'enable'), isOn(given, 'disable')]
    if (enable && disable) throw new UsageError('Either --enable or --disable.')
    const [url, name, types] = [textOption(given, 'url'), textOption(given, 'name'), typesOf(given)]
    const body = {
      ...(url === undefined ? {} : { url }),
      ...(name === undefined ? {} : { name }),
      ...(types ? { types } : {}),
      ...(enable || disable ? { enabled: enable } : {}),
    }
    if (Object.keys(body).length === 0) throw new UsageError('Say what to change: --url, --types, --enable …')
    const client = context.client()
    const { id } = await pickWebhook(context, client, argument(given, 0))
    sayWebhook(context, await client.changeWebhook({ params: { webhook: id }, body }), 'Changed')
  },
}

const remove: CommandSpec = {
  name: 'rm',
  summary: 'delete a webhook',
  args: [webhookArgument],
  options: [['-y, --yes', 'do not ask']],
  async run(context, given) {
    const client = context.client()
    const { id, name } = await pickWebhook(context, client, argument(given, 0))
    const isForced = isOn(given, 'yes')
    if (!isForced) requireSomebody(context, name)
    if (!isForced) await requireConsent(`Delete the webhook ${name}?`)
    await client.deleteWebhook({ params: { webhook: id } })
    if (context.isJson) return context.printJson({})
    context.print(`Deleted ${name}.`)
  },
}

const rotate: CommandSpec = {
  name: 'rotate',
  summary: 'a new secret, printed once; for a day the old one signs beside it',
  args: [webhookArgument],
  async run(context, given) {
    const client = context.client()
    const { id } = await pickWebhook(context, client, argument(given, 0))
    const rotated = await client.rotateWebhookSecret({ params: { webhook: id } })
    if (context.isJson) return context.printJson(rotated)
    context.print(rotated.secret)
    context.say(`This is shown once. The old secret signs until ${rotated.oldExpiresAt}.`)
  },
}

const test: CommandSpec = {
  name: 'test',
  summary: 'send a test to a webhook',
  args: [webhookArgument],
  async run(context, given) {
    const client = context.client()
    const { id, name } = await pickWebhook(context, client, argument(given, 0))
    const delivery = await client.testWebhook({ params: { webhook: id } })
    if (context.isJson) return context.printJson(delivery)
    context.print(`On its way to ${name}: gpuhour webhooks show ${delivery.id}`)
  },
}

function lastOf({ lastStatus, lastError }: Delivery): string {
  return lastError ?? (lastStatus === null ? '–' : String(lastStatus))
}

const states = ['waiting', 'delivered', 'failed'] as const

const deliveries: CommandSpec = {
  name: 'deliveries',
  summary: 'what was sent to a webhook, newest first',
  args: [webhookArgument],
  options: [['--state <state>', `only ${states.join(', ')}`]],
  async run(context, given) {
    const asked = textOption(given, 'state')
    const state = states.find((one) => one === asked)
    if (asked !== undefined && !state) throw new UsageError(`--state must be one of ${states.join(', ')}.`)
    const client = context.client()
    const { id: webhook } = await pickWebhook(context, client, argument(given, 0))
    const query = state ? { state } : {}
    const { items } = await client.listDeliveries({ params: { webhook }, query })
    if (context.isJson) return context.printJson(items)
    const rows = items.map((one) => [
      one.id,
      one.type,
      one.subject,
      one.state,
      String(one.attempts),
      lastOf(one),
      one.nextAt ?? '–',
      ago(one.createdAt),
    ])
    const header = ['ID', 'TYPE', 'SUBJECT', 'STATE', 'ATTEMPTS', 'LAST', 'NEXT', 'MADE']
    printTable(context, header, rows, 'Nothing was sent yet: gpuhour webhooks test')
  },
}

const show: CommandSpec = {
  name: 'show',
  summary: 'one delivery: its message, and every attempt with its answer',
  args: [['<delivery>', 'its id']],
  async run(context, given) {
    const delivery = await context.client().getDelivery({ params: { delivery: argument(given, 0) } })
    if (context.isJson) return context.printJson(delivery)
    context.print(`${delivery.type} of ${delivery.subject}: ${delivery.state}`)
    for (const { at, status, error, excerpt, durationMs } of delivery.tries) {
      context.print(`${at}  ${error ?? status ?? '–'}  ${durationMs} ms`)
      if (excerpt) context.print(`  ${excerpt.replaceAll('\n', '\n  ')}`)
    }
    if (delivery.nextAt) context.print(`next attempt at ${delivery.nextAt}`)
    context.print(delivery.body)
  },
}

/** `2h`, `3d` back from now, or an instant. */
function sinceOf(text: string): string {
  const [, count = '', unit = ''] = /^(\d{1,4})([mhd])$/.exec(text) ?? []
  const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000 }[unit]
  if (unitMs !== undefined) return new Date(Date.now() - Number(count) * unitMs).toISOString()
  const at = Date.parse(text)
  if (!Number.isNaN(at)) return new Date(at).toISOString()
  throw new UsageError(`"${text}" is neither a time back, such as 2h or 3d, nor an instant.`)
}

const replay: CommandSpec = {
  name: 'replay',
  summary: 'send again: one delivery, or everything since an instant',
  args: [['<delivery-or-webhook>', 'the id of a delivery; with --since a webhook']],
  options: [['--since <when>', 'everything of its types since: 2h, 3d, or an instant']],
  examples: ['gpuhour webhooks replay dlv_…', 'gpuhour webhooks replay ci --since 2h'],
  async run(context, given) {
    const since = textOption(given, 'since')
    const name = argument(given, 0)
    const client = context.client()
    if (since === undefined) {
      if (!name.startsWith('dlv_')) throw new UsageError('Name a delivery by its id, or say --since.')
      const delivery = await client.replayDelivery({ params: { delivery: name } })
      if (context.isJson) return context.printJson(delivery)
      return context.print(`On its way again: ${delivery.type} of ${delivery.subject}.`)
    }
    const body = { since: sinceOf(since) }
    const { id: webhook } = await pickWebhook(context, client, name)
    const replayed = await client.replayWebhook({ params: { webhook }, body })
    if (context.isJson) return context.printJson(replayed)
    context.print(`${counted(replayed.notices, 'notice')} on the way again.`)
  },
}

export const command: CommandSpec = {
  name: 'webhooks',
  summary: 'programs of yours that are told what happens',
  run: list.run,
  commands: [list, add, set, remove, rotate, test, deliveries, show, replay],
  examples: ['gpuhour webhooks add https://example.com/hooks', 'gpuhour webhooks deliveries ci'],
}

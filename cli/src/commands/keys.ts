import { existsSync, readFileSync } from 'node:fs'
import { homedir, hostname } from 'node:os'
import { join } from 'node:path'
import { ApiError, makeId } from '@gpuhour/sdk/client'
import type { KeyAction } from '@gpuhour/sdk/contract'
import {
  argument,
  type CommandSpec,
  type Range,
  rangeText,
  textOption,
  UsageError,
  wholeOption,
} from '../command.ts'
import type { Context } from '../context.ts'
import { fileTrouble } from '../failures.ts'
import { printTable } from '../output.ts'
import { everyItem } from '../pick.ts'
import { ago } from '../shown.ts'

/** How long an API key may be good for, as the contract has it. */
const daysRange: Range = [1, 3650]

function missing(what: string, name: string): ApiError {
  return new ApiError('not_found', 404, `You have no ${what} "${name}". See: gpuhour keys.`)
}

/** The public key that is meant: a file's, standard input's, or the one that ssh would use by default. */
function publicKeyOf(file: string | undefined): string {
  const likely = ['id_ed25519.pub', 'id_ecdsa.pub', 'id_rsa.pub'].map((name) => join(homedir(), '.ssh', name))
  const path = file === '-' ? 0 : (file ?? likely.find((one) => existsSync(one)))
  if (path === undefined)
    throw new UsageError('There is no public key in ~/.ssh. Name a file, or make one: ssh-keygen.')
  try {
    const key = readFileSync(path, 'utf8').trim()
    if (key) return key
  } catch (error) {
    throw new UsageError(fileTrouble(error, String(file ?? path), 'read'))
  }
  throw new UsageError(path === 0 ? 'Standard input holds no key.' : 'The file holds no key.')
}

/** A key is removed unasked; scripts say it all the same, as they do for whatever else is removed. */
const yesOption = ['-y, --yes', 'do not ask: keys are removed without a question'] as const

const sshList = {
  name: 'list',
  aliases: ['ls'],
  summary: 'your SSH keys',
  async run(context: Context) {
    const client = context.client()
    const keys = await everyItem((cursor) => client.listSshKeys({ query: cursor ? { cursor } : {} }))
    if (context.isJson) return context.printJson(keys)
    const rows = keys.map(({ id, name, fingerprint, lastUsedAt }) => [id, name, fingerprint, ago(lastUsedAt)])
    const header = ['ID', 'NAME', 'FINGERPRINT', 'LAST USED']
    printTable(context, header, rows, 'No SSH keys yet: gpuhour keys ssh add')
  },
} satisfies CommandSpec

const sshCommands: readonly CommandSpec[] = [
  sshList,
  {
    name: 'add',
    summary: 'add a public key',
    args: [['[file]', 'the ".pub" file; "-" is standard input; default: the one in ~/.ssh']],
    options: [['--name <name>', 'default: its comment, or this machine']],
    async run(context, given) {
      const publicKey = publicKeyOf(given.args[0])
      const comment = publicKey.split(/\s+/).slice(2).join(' ')
      const name = (textOption(given, 'name') ?? (comment || hostname())).slice(0, 80)
      const key = await context.client().createSshKey({ body: { id: makeId('sshKey'), name, publicKey } })
      if (context.isJson) return context.printJson(key)
      context.print(`Added ${key.fingerprint} as "${key.name}".`)
    },
  },
  {
    name: 'rm',
    summary: 'remove a public key',
    args: [['<key>', 'its id, name or fingerprint']],
    options: [yesOption],
    async run(context, given) {
      const client = context.client()
      const name = argument(given, 0)
      const keys = await everyItem((cursor) => client.listSshKeys({ query: cursor ? { cursor } : {} }))
      const key = keys.find((one) => one.id === name || one.name === name || one.fingerprint === name)
      if (!key) throw missing('SSH key', name)
      await client.deleteSshKey({ params: { sshKey: key.id } })
      if (context.isJson) return context.printJson({})
      context.print(`Removed ${key.fingerprint}.`)
    },
  },
]

const apiList = {
  name: 'list',
  aliases: ['ls'],
  summary: 'your API keys',
  async run(context: Context) {
    const client = context.client()
    const keys = await everyItem((cursor) => client.listApiKeys({ query: cursor ? { cursor } : {} }))
    if (context.isJson) return context.printJson(keys)
    const rows = keys.map((key) => [
      key.id,
      key.name,
      `${key.hint}…`,
      key.actions.join(','),
      key.expiresAt ?? 'never',
      ago(key.lastUsedAt),
    ])
    const header = ['ID', 'NAME', 'KEY', 'MAY', 'EXPIRES', 'LAST USED']
    printTable(context, header, rows, 'No API keys yet: gpuhour keys api create ci')
  },
} satisfies CommandSpec

const apiCommands: readonly CommandSpec[] = [
  apiList,
  {
    name: 'create',
    summary: 'make an API key; its secret is printed once',
    args: [['<name>', 'what it is for']],
    options: [
      ['--actions <list>', 'what it may: read,compute,storage,connect,billing,manage; default all of these'],
      ['--days <count>', `how long it works, ${rangeText(daysRange)}; default: until it is revoked`],
      ['--only-project', 'confine it to the project'],
    ],
    examples: ['gpuhour keys api create ci --actions read,compute --days 90'],
    async run(context, given) {
      const actions = textOption(given, 'actions')?.split(',')
      const expiresInDays = wholeOption(given, 'days', daysRange)
      const project = given.options['onlyProject'] === true ? (await context.project()).id : null
      const key = await context.client().createApiKey({
        body: {
          id: makeId('apiKey'),
          name: argument(given, 0),
          organization: (await context.organization()).id,
          project,
          // Unknown words are refused by the platform, which names those that there are.
          ...(actions ? { actions: actions as KeyAction[] } : {}),
          ...(expiresInDays === undefined ? {} : { expiresInDays }),
        },
      })
      if (context.isJson) return context.printJson(key)
      context.print(key.secret ?? '')
      context.say('This is shown once. Keep it where nobody else reads it.')
    },
  },
  {
    name: 'rm',
    summary: 'revoke an API key',
    args: [['<key>', 'its id or name']],
    options: [yesOption],
    async run(context, given) {
      const client = context.client()
      const name = argument(given, 0)
      const keys = await everyItem((cursor) => client.listApiKeys({ query: cursor ? { cursor } : {} }))
      const key = keys.find((one) => one.id === name || one.name === name)
      if (!key) throw missing('API key', name)
      await client.deleteApiKey({ params: { apiKey: key.id } })
      if (context.isJson) return context.printJson({})
      context.print(`Revoked "${key.name}".`)
    },
  },
]

/** SSH keys, then API keys. */
async function listBoth(context: Context): Promise<void> {
  if (!context.isJson) {
    await sshList.run(context)
    return apiList.run(context)
  }
  const client = context.client()
  const [ssh, api] = [await client.listSshKeys(), await client.listApiKeys()]
  context.printJson({ ssh: ssh.items, api: api.items })
}

export const command: CommandSpec = {
  name: 'keys',
  summary: 'SSH keys and API keys',
  commands: [
    { name: 'list', aliases: ['ls'], summary: 'all of your keys', run: listBoth },
    { name: 'ssh', summary: 'public keys for the SSH door', run: sshList.run, commands: sshCommands },
    { name: 'api', summary: 'secrets that act for you', run: apiList.run, commands: apiCommands },
  ],
  run: listBoth,
  examples: ['gpuhour keys ssh add ~/.ssh/id_ed25519.pub', 'gpuhour keys api list'],
}

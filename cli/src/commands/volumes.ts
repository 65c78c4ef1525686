import { makeId } from '@gpuhour/sdk/client'
import type { Volume } from '@gpuhour/sdk/contract'
import {
  argument,
  type CommandSpec,
  gibRange,
  type Given,
  rangeText,
  UsageError,
  wholeIn,
} from '../command.ts'
import { requireConsent, requireSomebody } from '../consent.ts'
import type { Context } from '../context.ts'
import { printTable } from '../output.ts'
import { everyItem, pickVolume } from '../pick.ts'
import { amount } from '../shown.ts'

function gibOf(given: Given, index: number): number {
  const text = argument(given, index)
  const gib = wholeIn(text, gibRange)
  if (gib !== null) return gib
  throw new UsageError(`"${text}" is not a size in whole GiB ${rangeText(gibRange)}.`)
}

function sayVolume(context: Context, volume: Volume, what: string): void {
  if (context.isJson) return context.printJson(volume)
  const price = amount(volume.nanosPerHour, volume.currency, 6)
  context.print(`${what} ${volume.name}: ${volume.sizeGib} GiB, ${price} an hour.`)
}

const list = {
  name: 'list',
  aliases: ['ls'],
  summary: 'volumes of the project',
  async run(context: Context) {
    const client = context.client()
    const { id: project } = await context.project()
    const volumes = await everyItem((cursor) =>
      client.listVolumes({ params: { project }, query: cursor ? { cursor } : {} }),
    )
    if (context.isJson) return context.printJson(volumes)
    const rows = volumes.map(({ name, sizeGib, state, attachedTo, homeOf, nanosPerHour, currency }) => [
      name,
      `${sizeGib} GiB`,
      state,
      attachedTo ?? '–',
      homeOf ? 'home' : 'volume',
      `${amount(nanosPerHour, currency, 6)}/h`,
    ])
    const header = ['NAME', 'SIZE', 'STATE', 'USED BY', 'KIND', 'PRICE']
    printTable(context, header, rows, 'No volumes yet: gpuhour volumes create data 50')
  },
} satisfies CommandSpec

const create: CommandSpec = {
  name: 'create',
  summary: 'make a volume; paid from when it is there',
  args: [
    ['<name>', 'its name'],
    ['<gib>', `its size in GiB, ${rangeText(gibRange)}`],
  ],
  async run(context, given) {
    const body = { id: makeId('volume'), name: argument(given, 0), sizeGib: gibOf(given, 1) }
    const { id: project } = await context.project()
    sayVolume(context, await context.client().createVolume({ params: { project }, body }), 'Made')
  },
}

const resize: CommandSpec = {
  name: 'resize',
  summary: 'grow a volume',
  args: [
    ['<volume>', 'its name or id'],
    ['<gib>', `its new size in GiB, ${rangeText(gibRange)}`],
  ],
  async run(context, given) {
    const body = { sizeGib: gibOf(given, 1) }
    const client = context.client()
    const { id: volume } = await pickVolume(context, client, argument(given, 0))
    sayVolume(context, await client.resizeVolume({ params: { volume }, body }), 'Resized')
  },
}

const remove: CommandSpec = {
  name: 'rm',
  summary: 'delete a volume with everything on it; free from now',
  args: [['<volume>', 'its name or id']],
  options: [['-y, --yes', 'do not ask']],
  async run(context, given) {
    const isForced = given.options['yes'] === true
    const client = context.client()
    const { id, name } = await pickVolume(context, client, argument(given, 0))
    if (!isForced) requireSomebody(context, name)
    if (!isForced) await requireConsent(`Delete the volume ${name} with everything on it?`)
    const volume = await client.deleteVolume({ params: { volume: id } })
    if (context.isJson) return context.printJson(volume)
    context.print(`Deleted ${name}.`)
  },
}

export const command: CommandSpec = {
  name: 'volumes',
  summary: 'storage that outlives instances and runs',
  run: list.run,
  commands: [list, create, resize, remove],
  examples: ['gpuhour volumes list', 'gpuhour volumes create data 50'],
}

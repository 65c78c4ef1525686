import type { Device } from '@gpuhour/sdk/contract'
import { argument, type CommandSpec, textOption, UsageError } from '../command.ts'
import type { Context } from '../context.ts'
import { allNodes, healthText } from '../machines.ts'
import { printTable } from '../output.ts'

const deviceArgument: NonNullable<CommandSpec['args']> = [
  ['<device>', 'its id, as "gpuhour devices" shows it'],
]

const list = {
  name: 'list',
  aliases: ['ls'],
  summary: 'GPUs of all machines, how they are, and who has them',
  async run(context: Context) {
    const nodes = await allNodes(context.client())
    const devices = nodes.flatMap((node) =>
      node.devices.map((device) => ({ ...device, nodeName: node.name })),
    )
    if (context.isJson) return context.printJson(devices)
    const rows = devices.map((device) => [
      device.id,
      device.nodeName,
      device.model,
      `${Math.round(device.memoryMib / 1024)} GiB`,
      healthText(device),
      device.allocation ?? '–',
    ])
    const header = ['DEVICE', 'NODE', 'MODEL', 'MEMORY', 'HEALTH', 'USED BY']
    printTable(context, header, rows, 'No machine has a GPU.')
  },
} satisfies CommandSpec

function sayDevice(context: Context, device: Device): void {
  if (context.isJson) return context.printJson(device)
  context.print(`${device.id}: ${healthText(device)}`)
}

const drain: CommandSpec = {
  name: 'drain',
  summary: 'give a GPU to nobody new; whoever has it keeps it',
  args: deviceArgument,
  options: [['--why <text>', 'what is wrong with it, for operators']],
  async run(context, given) {
    const why = textOption(given, 'why')
    if (why === undefined) throw new UsageError('Say what is wrong with it: --why "runs hot".')
    const params = { device: argument(given, 0) }
    sayDevice(context, await context.client().drainDevice({ params, body: { why } }))
  },
}

const ready: CommandSpec = {
  name: 'ready',
  summary: 'say that a GPU is well again: it may be given',
  args: deviceArgument,
  async run(context, given) {
    const params = { device: argument(given, 0) }
    sayDevice(context, await context.client().readyDevice({ params }))
  },
}

export const command: CommandSpec = {
  name: 'devices',
  summary: 'GPUs, for the operator: how they are, who has them, drain, use again',
  run: list.run,
  commands: [list, drain, ready],
  examples: ['gpuhour devices', 'gpuhour devices drain GPU-6f0b --why "row remapping failed"'],
}

import type { Client } from '@gpuhour/sdk/client'
import type { Node, NodeAllocation } from '@gpuhour/sdk/contract'
import { argument, type CommandSpec, type Given, isOn } from '../command.ts'
import { requireConsent, requireSomebody } from '../consent.ts'
import type { Context } from '../context.ts'
import { allNodes, healthText, pickNode } from '../machines.ts'
import { printTable } from '../output.ts'
import { everyItem } from '../pick.ts'
import { ago, counted } from '../shown.ts'

const nodeArgument: NonNullable<CommandSpec['args']> = [['<node>', 'its name or id']]

/** Enough of what was on a machine to find whom something has hit; all of it by `--json`. */
const allocationsShown = 50

function gpusText({ devices }: Node): string {
  const [first] = devices
  return first ? `${devices.length} × ${first.model}` : '–'
}

const list = {
  name: 'list',
  aliases: ['ls'],
  summary: 'machines, whether they take allocations, and what is on them',
  async run(context: Context) {
    const nodes = await allNodes(context.client())
    if (context.isJson) return context.printJson(nodes)
    const rows = nodes.map((node) => [
      node.name,
      node.status,
      `${node.cpus} CPUs, ${node.memoryGib} GiB`,
      gpusText(node),
      String(node.live),
      ago(node.seenAt),
    ])
    const header = ['NAME', 'STATUS', 'SHAPE', 'GPUS', 'LIVE', 'SEEN']
    printTable(context, header, rows, 'No node is registered yet: gpuhour doctor says why.')
  },
} satisfies CommandSpec

function allocationRow(one: NodeAllocation): readonly string[] {
  const { allocation, name, organization, devices, allocatedAt, releasedAt } = one
  const until = releasedAt ?? 'live'
  return [allocation, name, organization.name, devices.join(' ') || '–', allocatedAt, until]
}

const show: CommandSpec = {
  name: 'show',
  summary: 'one machine: its devices, and what is or was on it, newest first',
  args: nodeArgument,
  async run(context, given) {
    const client = context.client()
    const node = await pickNode(client, argument(given, 0))
    const params = { node: node.id }
    if (context.isJson) {
      const allocations = await everyItem((cursor) =>
        client.listAllocations({ params, query: cursor ? { cursor } : {} }),
      )
      return context.printJson({ ...node, allocations })
    }
    const { items } = await client.listAllocations({ params, query: { limit: allocationsShown } })
    context.print(`${node.name}: ${node.status}, seen ${ago(node.seenAt)}`)
    for (const device of node.devices)
      context.print(`  ${device.id} (${device.model}): ${healthText(device)}`)
    const header = ['ALLOCATION', 'OF', 'ORGANIZATION', 'DEVICES', 'FROM', 'UNTIL']
    printTable(context, header, items.map(allocationRow), 'Nothing has been on it yet.')
  },
}

/** Draining and making ready differ in one word. */
function change(
  name: 'drain' | 'ready',
  summary: string,
  ask: (client: Client, node: string) => Promise<Node>,
): CommandSpec {
  return {
    name,
    summary,
    args: nodeArgument,
    async run(context: Context, given: Given) {
      const client = context.client()
      const { id } = await pickNode(client, argument(given, 0))
      const node = await ask(client, id)
      if (context.isJson) return context.printJson(node)
      context.print(`${node.name}: ${node.status}, ${counted(node.live, 'allocation')} on it.`)
    },
  }
}

const drain = change(
  'drain',
  'place nothing new on a machine; what is there stays, and is paid as before',
  (client, node) => client.drainNode({ params: { node } }),
)

const ready = change(
  'ready',
  'use a machine again: it is looked at, cleaned of what does not belong, then ready',
  (client, node) => client.readyNode({ params: { node } }),
)

const fencing = { verb: 'fence', done: 'fenced' } as const

const fence: CommandSpec = {
  name: 'fence',
  summary: 'vouch that a silent machine is off: what is on it is over, each free from its last sighting',
  args: nodeArgument,
  options: [['-y, --yes', 'do not ask']],
  async run(context, given) {
    const isForced = isOn(given, 'yes')
    const client = context.client()
    const { id, name, live } = await pickNode(client, argument(given, 0))
    if (!isForced) requireSomebody(context, name, fencing)
    const question =
      `Is the machine of ${name} off? ${counted(live, 'allocation')} on it end, free from when each was ` +
      'last seen, and may begin elsewhere. If it runs on, two machines write one volume. Fence it?'
    if (!isForced) await requireConsent(question, fencing)
    const answer = await client.fenceNode({ params: { node: id } })
    if (context.isJson) return context.printJson(answer)
    context.print(`Fenced ${name}: ${counted(answer.released.length, 'allocation')} released.`)
  },
}

export const command: CommandSpec = {
  name: 'nodes',
  summary: 'machines, for the operator: what is on them, drain, fence, use again',
  run: list.run,
  commands: [list, show, drain, ready, fence],
  examples: ['gpuhour nodes show gpu-7', 'gpuhour nodes drain gpu-7', 'gpuhour nodes fence gpu-7'],
}

import type { Instance, Run } from '@gpuhour/sdk/contract'
import { type CommandSpec, isOn } from '../command.ts'
import { printTable } from '../output.ts'
import { everyItem } from '../pick.ts'
import { ago, amount, duration } from '../shown.ts'

function instanceRow({ name, state, image, flavor, cost, changedAt, waiting }: Instance): string[] {
  const waits = waiting?.reason === 'image_building' ? 'queued (image)' : state
  const paid = duration(Number(cost.paidMillis))
  return [name, waits, image, flavor, paid, amount(cost.amountNanos, cost.currency), ago(changedAt)]
}

function runRow({ id, name, state, image, flavor, cost, createdAt, ending }: Run): string[] {
  const how = ending?.exitCode === null || !ending ? state : `${state} (${ending.exitCode})`
  const paid = duration(Number(cost.paidMillis))
  return [id, name, how, image, flavor, paid, amount(cost.amountNanos, cost.currency), ago(createdAt)]
}

/** What makes the first one. */
const aRun = 'gpuhour run --image pytorch-cuda:2.9 --flavor cpu.2x8 -- python train.py'

export const command: CommandSpec = {
  name: 'ls',
  summary: 'list instances, or runs',
  options: [
    ['-a, --all', 'deleted ones as well'],
    ['--runs', 'runs instead of instances, the newest fifty'],
  ],
  examples: ['gpuhour ls', 'gpuhour ls --runs --json'],
  async run(context, given) {
    const client = context.client()
    const { id: project } = await context.project()
    const params = { project }
    if (isOn(given, 'runs')) {
      const { items } = await client.listRuns({ params })
      if (context.isJson) return context.printJson(items)
      const header = ['RUN', 'NAME', 'STATE', 'IMAGE', 'FLAVOR', 'PAID', 'COST', 'STARTED']
      return printTable(context, header, items.map(runRow), `No runs yet: ${aRun}`)
    }
    const includeDeleted = isOn(given, 'all') ? ('true' as const) : ('false' as const)
    const items = await everyItem((cursor) =>
      client.listInstances({ params, query: { includeDeleted, ...(cursor ? { cursor } : {}) } }),
    )
    if (context.isJson) return context.printJson(items)
    const header = ['NAME', 'STATE', 'IMAGE', 'FLAVOR', 'PAID', 'COST', 'CHANGED']
    printTable(context, header, items.map(instanceRow), 'No instances yet: gpuhour launch')
  },
}

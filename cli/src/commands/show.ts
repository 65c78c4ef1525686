import type { Client } from '@gpuhour/sdk/client'
import type { Instance } from '@gpuhour/sdk/contract'
import { argument, type CommandSpec } from '../command.ts'
import { endingText, rungOf } from '../ladder.ts'
import { pickInstance } from '../pick.ts'
import { ago, amount, decimal, duration } from '../shown.ts'

/** The instants of its ladder, each with what it cost to stand there. */
function ladderOf({ requestedAt, allocation }: Instance): readonly (readonly [string, string])[] {
  if (!allocation) return requestedAt ? [['asked', `${ago(requestedAt)} · free`]] : []
  const { allocatedAt, startedAt, readyAt, closedAt, releasedAt, node } = allocation
  const rungs: readonly (readonly [string, string | null, string])[] = [
    ['asked', requestedAt, 'free'],
    ['devices given', allocatedAt, `free, on ${node}`],
    ['container started', startedAt, 'free'],
    ['ready', readyAt, 'paid from here'],
    ['bill closed', closedAt, 'free from here'],
    ['gone', releasedAt, 'free'],
  ]
  return rungs.flatMap(([name, at, note]) => (at === null ? [] : [[name, `${at} · ${note}`] as const]))
}

/** Its flavor has no GPU: seen by what was paid, else by what is on offer. */
async function isWithoutGpu(client: Client, { cost, flavor, project }: Instance): Promise<boolean> {
  if (Number(cost.gpuHours) > 0) return false
  if (Number(cost.cpuHours) > 0) return true
  const { items } = await client.listOffers({ params: { project } })
  return items.some((offer) => offer.flavor === flavor && offer.gpu === null)
}

function paidText({ paidMillis, gpuHours, cpuHours }: Instance['cost'], isCpu: boolean): string {
  const gpu = isCpu ? '' : `${decimal(gpuHours, 3)} GPU-hours · `
  return `${duration(Number(paidMillis))} · ${gpu}${decimal(cpuHours, 3)} CPU-hours`
}

export const command: CommandSpec = {
  name: 'show',
  summary: 'everything about one instance: state, ladder, cost, doors',
  args: [['<instance>', 'its name or id']],
  async run(context, given) {
    const client = context.client()
    const instance = await pickInstance(context, client, argument(given, 0))
    if (context.isJson) return context.printJson(instance)
    const { cost, home, ssh, doors } = instance
    const why = endingText(instance)
    const lines: (readonly [string, string])[] = [
      ['name', instance.name],
      ['id', instance.id],
      ['image', instance.image],
      ['flavor', instance.flavor],
      ['state', `${rungOf(instance)}${why ? ` · ${why}` : ''}`],
      ...ladderOf(instance),
      ['paid', paidText(cost, await isWithoutGpu(client, instance))],
      ['cost', `${amount(cost.amountNanos, cost.currency)} so far`],
      [
        'home',
        `${home.name}, ${home.sizeGib} GiB · ${amount(cost.storageNanosPerHour, cost.currency, 6)} an hour`,
      ],
      ...(cost.leaseUntil ? [['money is held until', cost.leaseUntil] as const] : []),
      ...doors.map(({ name, url, isOpen }) => [name, isOpen ? url : `${url} (closed)`] as const),
      ['ssh', `ssh -p ${ssh.port} ${ssh.user}@${ssh.host}`],
    ]
    const width = Math.max(...lines.map(([name]) => name.length))
    for (const [name, value] of lines) context.print(`${name.padEnd(width)}   ${value}`)
  },
}

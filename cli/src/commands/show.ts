import type { Client } from '@gpuhour/sdk/client'
import type { Instance, Run } from '@gpuhour/sdk/contract'
import { argument, type CommandSpec } from '../command.ts'
import type { Context } from '../context.ts'
import { endingText, rungOf } from '../ladder.ts'
import { pickSubject } from '../pick.ts'
import { ago, amount, decimal, duration } from '../shown.ts'

/** Its cost grows no more, unless it is started again. */
function isOver(subject: Instance | Run): boolean {
  if ('endedAt' in subject) return subject.endedAt !== null
  return ['stopped', 'failed', 'deleted'].includes(subject.state)
}

/** A name and what is said of it. */
type Line = readonly [string, string]

/** The instants of its ladder, each with what it cost to stand there. */
function ladderOf(asked: string | null, { allocation }: Instance | Run): readonly Line[] {
  if (!allocation) return asked ? [['asked', `${ago(asked)} · free`]] : []
  const { allocatedAt, startedAt, readyAt, closedAt, releasedAt, node } = allocation
  const rungs: readonly (readonly [string, string | null, string])[] = [
    ['asked', asked, 'free'],
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

/** What both have: who it is, where it stands, and what it came to. */
function commonLines(subject: Instance | Run, asked: string | null, isCpu: boolean): readonly Line[] {
  const { name, id, image, flavor, cost } = subject
  const why = endingText(subject)
  const gpu = isCpu ? '' : `${decimal(cost.gpuHours, 3)} GPU-hours · `
  const hours = `${gpu}${decimal(cost.cpuHours, 3)} CPU-hours`
  return [
    ['name', name],
    ['id', id],
    ['image', image],
    ['flavor', flavor],
    ['state', `${rungOf(subject)}${why ? ` · ${why}` : ''}`],
    ...ladderOf(asked, subject),
    ['paid', `${duration(Number(cost.paidMillis))} · ${hours}`],
    ['cost', `${amount(cost.amountNanos, cost.currency)}${isOver(subject) ? '' : ' so far'}`],
    ...(cost.leaseUntil ? [['money is held until', cost.leaseUntil] as const] : []),
  ]
}

async function instanceLines(client: Client, instance: Instance): Promise<readonly Line[]> {
  const { cost, home, ssh, doors } = instance
  const hourly = `${amount(cost.storageNanosPerHour, cost.currency, 6)} an hour`
  return [
    ...commonLines(instance, instance.requestedAt, await isWithoutGpu(client, instance)),
    ['home', `${home.name}, ${home.sizeGib} GiB · ${hourly}`],
    ...doors.map(({ name, url, isOpen }) => [name, isOpen ? url : `${url} (closed)`] as const),
    ['ssh', `ssh -p ${ssh.port} ${ssh.user}@${ssh.host}`],
  ]
}

function runLines(run: Run): readonly Line[] {
  return [
    ...commonLines(run, run.createdAt, run.gpu === null),
    ['command', run.command.join(' ')],
    ['home', run.volume ? `the volume ${run.volume.name}` : 'scratch: gone with the run'],
    ['output', `gpuhour logs ${run.id}`],
  ]
}

/** What came from somebody's keyboard cannot move the cursor. */
function print(context: Context, lines: readonly Line[]): void {
  const width = Math.max(...lines.map(([name]) => name.length))
  for (const [name, value] of lines)
    context.print(`${name.padEnd(width)}   ${value.replaceAll(/\p{Cc}/gu, ' ')}`)
}

export const command: CommandSpec = {
  name: 'show',
  summary: 'all of one instance or run: state, ladder, cost, doors',
  args: [['<name>', 'name or id of an instance or a run']],
  examples: ['gpuhour show lab', 'gpuhour show run_01k9 --json'],
  async run(context, given) {
    const client = context.client()
    const subject = await pickSubject(context, client, argument(given, 0), { isNewestMeant: true })
    const seen = subject.kind === 'run' ? subject.run : subject.instance
    if (context.isJson) return context.printJson(seen)
    print(
      context,
      subject.kind === 'run' ? runLines(subject.run) : await instanceLines(client, subject.instance),
    )
  },
}

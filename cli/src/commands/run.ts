import { constants } from 'node:os'
import { type Client, makeId } from '@gpuhour/sdk/client'
import { finalRunStates, type Offer, type Run } from '@gpuhour/sdk/contract'
import {
  type CommandSpec,
  type Given,
  isOn,
  nanosIn,
  type Range,
  rangeText,
  textOption,
  UsageError,
  wholeOption,
} from '../command.ts'
import { type RunTeller, runTeller } from '../attending.ts'
import { type Context, longPatienceMs } from '../context.ts'
import { exitCodes } from '../failures.ts'
import { withFlavor } from '../flavoring.ts'
import { interruptions } from '../interrupting.ts'
import { endingText } from '../ladder.ts'
import { writeLine } from '../output.ts'
import { amount, decimal } from '../shown.ts'

/** More than any machine has. */
const gpuRange: Range = [1, 1024]

/** Up to a year, as the contract has it. */
const timeLimitRange: Range = [1, 31_536_000]

/** As coreutils' `timeout` answers. */
const timedOutCode = 124

/** What the whole command line exits with: what the command did, or why there is nothing of it. */
export function exitCodeOfRun(run: Pick<Run, 'state' | 'ending'>): number {
  const { ending, state } = run
  if (state === 'timed_out') return timedOutCode
  if (ending?.exitCode !== null && ending?.exitCode !== undefined) return ending.exitCode
  const name = ending?.signal?.replace(/^(?:SIG)?/, 'SIG')
  const signal = Object.entries(constants.signals).find(([key]) => key === name)?.[1]
  if (signal !== undefined) return 128 + signal
  if (state === 'canceled') return 128 + constants.signals.SIGINT
  return state === 'succeeded' ? 0 : 1
}

/** `ran 214 s on 2 vCPU · $0.0356 · 0.119 CPU-hours (home was scratch)` */
export function closingLine(run: Pick<Run, 'cpus' | 'gpu' | 'cost' | 'volume'>): string {
  const { cpus, gpu, cost, volume } = run
  const seconds = BigInt(cost.paidMillis) / 1000n
  const shape = gpu ? `${gpu.count}×${gpu.model.toUpperCase()}` : `${cpus} vCPU`
  const hours = gpu ? `${decimal(cost.gpuHours, 3)} GPU-hours` : `${decimal(cost.cpuHours, 3)} CPU-hours`
  const home = volume ? `home was the volume ${volume.name}` : 'home was scratch'
  return `ran ${seconds} s on ${shape} · ${amount(cost.amountNanos, cost.currency)} · ${hours} (${home})`
}

/** The last line with `--json`: amounts in nano-units, hours as decimal strings. */
export function closingJson(run: Run): object {
  const { cost } = run
  return {
    run: run.id,
    allocation: run.allocation?.id ?? null,
    exitCode: exitCodeOfRun(run),
    paidMillis: cost.paidMillis,
    amount: cost.amountNanos,
    currency: cost.currency,
    gpuHours: cost.gpuHours,
    cpuHours: cost.cpuHours,
  }
}

/** Nothing will be added to its bill: it is over, or its end was seen. */
function isSettled({ state, ending, allocation }: Run): boolean {
  if (finalRunStates.includes(state)) return true
  return ending !== null && allocation !== null && allocation.closedAt !== null
}

async function flavorFor(context: Context, client: Client, given: Given): Promise<string> {
  const named = textOption(given, 'flavor')
  const gpus = wholeOption(given, 'gpu', gpuRange)
  if (named !== undefined && gpus !== undefined)
    throw new UsageError('Name a flavor, or a number of GPUs, not both.')
  if (named !== undefined) return named
  if (gpus === undefined)
    throw new UsageError('Name a flavor: --flavor cpu.2x8, or --gpu 1. See: gpuhour flavors.')
  const { id: project } = await context.project()
  const { items } = await client.listOffers({ params: { project } })
  const cheaper = (a: Offer, b: Offer): number => (BigInt(a.nanosPerHour) < BigInt(b.nanosPerHour) ? -1 : 1)
  const found = items.filter(({ gpu }) => gpu?.count === gpus).toSorted(cheaper)[0]
  if (!found)
    throw new UsageError(`No flavor here has ${gpus} GPU${gpus > 1 ? 's' : ''}. See: gpuhour flavors.`)
  return found.flavor
}

function environmentOf(given: Given): Record<string, string> {
  const pairs = given.options['env']
  if (!Array.isArray(pairs)) return {}
  return Object.fromEntries(
    pairs.map(String).map((pair) => {
      const equals = pair.indexOf('=')
      if (equals > 0) return [pair.slice(0, equals), pair.slice(equals + 1)]
      const value = process.env[pair]
      if (value === undefined)
        throw new UsageError(`--env ${pair} is neither NAME=VALUE nor a variable that is set here.`)
      return [pair, value]
    }),
  )
}

/** Tells where it stands until the run is over; the run as it then is. */
async function followStates(client: Client, run: Run, teller: RunTeller, signal: AbortSignal): Promise<Run> {
  const patience = { signal, patienceMs: longPatienceMs }
  for await (const followed of client.followRun({ params: { run: run.id } }, patience)) {
    if (followed.event !== 'run') continue
    teller.seen(followed.data)
    if (isSettled(followed.data)) return followed.data
  }
  return client.getRun({ params: { run: run.id } })
}

/** The output, each piece once, to its end. */
async function followOutput(client: Client, run: Run, teller: RunTeller, signal: AbortSignal): Promise<void> {
  const patience = { signal, patienceMs: longPatienceMs }
  for await (const { event, data } of client.followRunLog({ params: { run: run.id } }, patience)) {
    if (event === 'end') return
    teller.beforeOutput()
    await writeLine(data)
  }
}

/** Stays with a run until it is over, or until the person leaves it. */
async function attend(context: Context, client: Client, run: Run): Promise<number> {
  const leaving = new AbortController()
  const teller = runTeller(context, run)
  const left = interruptions(context, {
    stop: async () => void (await client.cancelRun({ params: { run: run.id } })),
    leave: () => leaving.abort(),
  })
  try {
    const [seen] = await Promise.all([
      followStates(client, run, teller, leaving.signal),
      followOutput(client, run, teller, leaving.signal),
    ])
    teller.close()
    // The log may have ended after the run did: the cost is what it is now.
    const over = isSettled(seen) ? await client.getRun({ params: { run: run.id } }) : seen
    const why = exitCodeOfRun(over) === 0 || over.ending?.exitCode ? null : endingText(over)
    if (why) context.say(`${over.name}: ${why}`)
    if (context.isJson) context.printJson(closingJson(over))
    else if (over.allocation) context.say(closingLine(over))
    return exitCodeOfRun(over)
  } catch (error) {
    if (!leaving.signal.aborted) throw error
    context.say(`${run.name} goes on. Its output: gpuhour logs -f ${run.id}`)
    return exitCodes.tryAgain
  } finally {
    teller.close()
    left()
  }
}

export const command: CommandSpec = {
  name: 'run',
  summary: 'run a command to its end, with its output here and its exit code passed through',
  args: [['<command...>', 'what to run, in the home; best after "--"']],
  options: [
    ['--image <name:version>', 'the image to run it in'],
    ['--flavor <name>', 'the shape to run it on'],
    ['--gpu <count>', 'the cheapest flavor with so many GPUs, instead of --flavor'],
    ['--volume <name>', 'the volume to mount as home; without it the home is scratch and goes with the run'],
    ['--name <name>', 'a name for the run; default: made from the command'],
    ['-e, --env <name=value...>', 'variables for the command; NAME alone takes the value from here'],
    ['--time-limit <seconds>', `stop it after so many seconds of paid time, ${rangeText(timeLimitRange)}`],
    ['--max-cost <amount>', 'end it at the second that this covers, over all attempts, such as 2.50'],
    ['-d, --detach', 'print its id and leave'],
  ],
  passesThrough: true,
  examples: [
    'gpuhour run --image pytorch-cuda:2.9 --flavor cpu.2x8 -- python templates/cnn/train.py',
    'gpuhour run --image pytorch-cuda:2.9 --gpu 1 --volume data --json -- python train.py --epochs 3',
  ],
  async run(context, given) {
    const image = textOption(given, 'image')
    if (image === undefined)
      throw new UsageError('Name an image: --image pytorch-cuda:2.9. See: gpuhour images.')
    const name = textOption(given, 'name')
    const timeLimitSeconds = wholeOption(given, 'timeLimit', timeLimitRange)
    const maxCost = textOption(given, 'maxCost')
    const costLimit = maxCost === undefined ? undefined : nanosIn(maxCost)
    if (costLimit === null || costLimit === 0n)
      throw new UsageError(`--max-cost must be an amount above zero, such as 2.50; "${maxCost}" is none.`)
    const client = context.client(longPatienceMs)
    const { id: project } = await context.project()
    const body = {
      id: makeId('run'),
      image,
      flavor: await flavorFor(context, client, given),
      command: [...given.args],
      environment: environmentOf(given),
      volume: textOption(given, 'volume') ?? null,
      ...(name === undefined ? {} : { name }),
      ...(timeLimitSeconds === undefined ? {} : { timeLimitSeconds }),
      ...(costLimit === undefined ? {} : { costLimitNanos: String(costLimit) }),
    }
    const asked = client.createRun({ params: { project }, body })
    const run = await withFlavor(client, project, body.flavor, asked)
    if (!isOn(given, 'detach')) return attend(context, client, run)
    if (context.isJson) context.printJson(run)
    else context.print(run.id)
    return 0
  },
}

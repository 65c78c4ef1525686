import { makeId } from '@gpuhour/sdk/client'
import type { Client } from '@gpuhour/sdk/client'
import type { Image, Instance, Offer } from '@gpuhour/sdk/contract'
import {
  type CommandSpec,
  type Given,
  gibRange,
  isOn,
  rangeText,
  textOption,
  UsageError,
  wholeOption,
} from '../command.ts'
import { type Context, longPatienceMs } from '../context.ts'
import { withFlavor } from '../flavoring.ts'
import { untilLeft } from '../interrupting.ts'
import { endingText, rungOf } from '../ladder.ts'
import { asking } from '../output.ts'
import { everyItem } from '../pick.ts'
import { amount } from '../shown.ts'

const adjectives = [
  'brave',
  'calm',
  'clear',
  'eager',
  'fresh',
  'gentle',
  'keen',
  'lucid',
  'quick',
  'quiet',
  'warm',
]
const nouns = [
  'birch',
  'brook',
  'cedar',
  'comet',
  'delta',
  'ember',
  'heron',
  'lark',
  'maple',
  'otter',
  'quartz',
]

/** A name that can be said aloud; the tail keeps two of them apart. */
function someName(): string {
  const [a = 0, b = 0, tail = 0] = crypto.getRandomValues(new Uint16Array(3))
  const word = (list: readonly string[], index: number): string => list[index % list.length] ?? ''
  return `${word(adjectives, a)}-${word(nouns, b)}-${tail % 100}`
}

/** What can be launched now or soon, the newest of the main image first. */
function imageChoices(images: readonly Image[]): readonly string[] {
  const versions = images.flatMap((image) => image.versions)
  const usable = versions.filter(({ isOffered, build }) => isOffered || (build && build.state !== 'failed'))
  const names = usable.map(({ reference }) => reference)
  const isMain = (name: string): boolean => name.startsWith('pytorch-cuda:')
  return [...names.filter(isMain), ...names.filter((name) => !isMain(name))]
}

/** The smallest GPU shape where there are GPUs, else the largest of CPUs: what one would train on here. */
function likelyOffer(offers: readonly Offer[]): Offer | undefined {
  const fitting = offers.filter(({ fits }) => fits.allowed)
  const gpus = fitting.filter(({ gpu }) => gpu !== null)
  const byPrice = (list: readonly Offer[]): Offer[] =>
    list.toSorted((a, b) => (BigInt(a.nanosPerHour) < BigInt(b.nanosPerHour) ? -1 : 1))
  return gpus.length > 0 ? byPrice(gpus)[0] : byPrice(fitting).at(-1)
}

function offerText({ flavor, nanosPerHour, currency, freeNow }: Offer): string {
  return `${flavor} · ${amount(nanosPerHour, currency)} an hour · ${freeNow} free`
}

async function ask<T extends string>(
  message: string,
  options: readonly { value: T; label: string }[],
): Promise<T> {
  const { isCancel, select } = await import('@clack/prompts')
  // clack's own type of an option is a conditional one, and ours is its plain case.
  const answer = await asking(() => select({ message, options: options as never, output: process.stderr }))
  if (isCancel(answer)) throw new UsageError('Nothing was launched.')
  // One of the options' values, as `select` promises.
  return answer as T
}

async function chooseImage(context: Context, client: Client, given: Given): Promise<string> {
  const named = textOption(given, 'image')
  if (named !== undefined) return named
  const choices = imageChoices(
    await everyItem((cursor) => client.listImages({ query: cursor ? { cursor } : {} })),
  )
  const [first] = choices
  if (first === undefined) throw new UsageError('There are no images yet. See: gpuhour images.')
  if (!context.isInteractive || isOn(given, 'yes') || choices.length === 1) return first
  return ask(
    'Which image?',
    choices.map((value) => ({ value, label: value })),
  )
}

async function chooseFlavor(context: Context, client: Client, given: Given, image: string): Promise<string> {
  const named = textOption(given, 'flavor')
  if (named !== undefined) return named
  const { id: project } = await context.project()
  const { items } = await client.listOffers({ params: { project }, query: { image } })
  const likely = likelyOffer(items)
  if (!likely) throw new UsageError(`Nothing here can run ${image}. See: gpuhour flavors --image ${image}.`)
  if (!context.isInteractive || isOn(given, 'yes')) return likely.flavor
  const options = items
    .filter(({ fits }) => fits.allowed)
    .map((offer) => ({
      value: offer.flavor,
      label: offerText(offer),
    }))
  return ask('Which flavor?', options)
}

/** Follows it up the ladder until it runs, or will not. */
async function untilRunning(
  context: Context,
  client: Client,
  instance: string,
  signal: AbortSignal,
): Promise<Instance> {
  let last = ''
  for await (const followed of client.followInstance({ params: { instance } }, { signal })) {
    if (followed.event !== 'instance') continue
    const { data } = followed
    const rung = rungOf(data)
    if (rung !== last) context.say(`${data.name}: ${rung}`)
    last = rung
    const isResting = ['running', 'stopped', 'failed', 'deleting', 'deleted'].includes(data.state)
    if (isResting) return data
  }
  return client.getInstance({ params: { instance } })
}

/** Says how to get in, or why there is nothing to get into; the exit code. */
export function sayArrived(context: Context, instance: Instance): number {
  if (context.isJson) context.printJson(instance)
  if (instance.state !== 'running') {
    context.say(
      `error: ${instance.name} is ${instance.state}: ${endingText(instance) ?? 'it was asked to stop'}.`,
    )
    return 1
  }
  if (!context.isJson) context.print(instance.name)
  context.say(`Jupyter: gpuhour open ${instance.name}   shell: gpuhour ssh ${instance.name}`)
  return 0
}

export const command: CommandSpec = {
  name: 'launch',
  summary: 'launch an instance, and wait until it runs',
  args: [['[name]', 'its name; default: one that can be said aloud']],
  options: [
    ['--image <name:version>', 'what runs on it; default: asked for, or the newest pytorch-cuda'],
    ['--flavor <name>', 'its shape; default: asked for, or the smallest GPU, or the most CPUs'],
    ['--volume-gib <size>', `size of its home volume in GiB, ${rangeText(gibRange)}; default 20`],
    ['-d, --detach', 'do not wait until it runs'],
    ['-y, --yes', 'ask nothing, take the defaults'],
  ],
  examples: ['gpuhour launch', 'gpuhour launch lab --image pytorch-cuda:2.9 --flavor cpu.2x8'],
  async run(context, given) {
    const volumeGib = wholeOption(given, 'volumeGib', gibRange)
    const client = context.client(longPatienceMs)
    const { id: project } = await context.project()
    const image = await chooseImage(context, client, given)
    const flavor = await chooseFlavor(context, client, given, image)
    const name = given.args[0] ?? someName()
    const id = makeId('instance')
    const body = { id, name, image, flavor, ...(volumeGib === undefined ? {} : { volumeGib }) }
    const asked = client.createInstance({ params: { project }, body })
    const instance = await withFlavor(client, project, flavor, asked)
    const { nanosPerHour, storageNanosPerHour, currency } = instance.cost
    const [running, stopped] = [amount(nanosPerHour, currency), amount(storageNanosPerHour, currency)]
    context.say(`${name}: ${image} on ${flavor} · ${running} an hour running, ${stopped} stopped`)
    if (!isOn(given, 'detach')) {
      const goesOn = `${name} goes on. To be rid of it: gpuhour rm ${name}`
      const arrived = await untilLeft((signal) => untilRunning(context, client, id, signal), [goesOn])
      return sayArrived(context, arrived)
    }
    if (context.isJson) context.printJson(instance)
    else context.print(name)
    return 0
  },
}

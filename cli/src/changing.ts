import type { Client } from '@gpuhour/sdk/client'
import type { Instance, Run } from '@gpuhour/sdk/contract'
import { type CommandSpec, type Given, isOn } from './command.ts'
import { type Context, longPatienceMs } from './context.ts'
import { untilLeft } from './interrupting.ts'
import { endingText, rungOf } from './ladder.ts'
import { pickInstance, type Subject } from './pick.ts'

/** What commands that change instances take. */
export const manyInstances: NonNullable<CommandSpec['args']> = [['<instances...>', 'names or ids']]

/** And how one does not wait for them. */
export const detachOption = ['-d, --detach', 'do not wait until it is so'] as const

/** Where an instance rests once what was asked for is so. */
const restingStates: ReadonlySet<string> = new Set(['running', 'stopped', 'failed', 'deleted'])

/** Says each rung once. */
function rungTeller(context: Context): (seen: Instance | Run) => void {
  let last = ''
  return (seen) => {
    const rung = rungOf(seen)
    if (rung !== last) context.say(`${seen.name}: ${rung}`)
    last = rung
  }
}

async function instanceAtRest(
  context: Context,
  client: Client,
  asked: Instance,
  signal: AbortSignal,
): Promise<Instance> {
  let seen = asked
  const tell = rungTeller(context)
  const isThere = ({ state, intent }: Instance): boolean =>
    restingStates.has(state) && (state === 'failed' || state === intent || intent === 'stopped')
  for await (const followed of client.followInstance({ params: { instance: asked.id } }, { signal })) {
    if (followed.event !== 'instance') continue
    seen = followed.data
    tell(seen)
    if (isThere(seen)) break
  }
  return seen
}

/** What it has become is the answer, so that its last state is not said before. */
async function runAtRest(context: Context, client: Client, asked: Run, signal: AbortSignal): Promise<Run> {
  let seen = asked
  const tell = rungTeller(context)
  if (asked.endedAt !== null) return asked
  for await (const followed of client.followRun({ params: { run: asked.id } }, { signal })) {
    if (followed.event !== 'run') continue
    seen = followed.data
    if (seen.endedAt !== null) break
    tell(seen)
  }
  return seen
}

/** Follows it until it rests. */
async function untilAtRest(
  context: Context,
  client: Client,
  asked: Subject,
  signal: AbortSignal,
): Promise<Subject> {
  return asked.kind === 'run'
    ? { kind: 'run', run: await runAtRest(context, client, asked.run, signal) }
    : { kind: 'instance', instance: await instanceAtRest(context, client, asked.instance, signal) }
}

function thingOf(subject: Subject): Instance | Run {
  return subject.kind === 'run' ? subject.run : subject.instance
}

/** What is said of one that nobody waits for any longer: what will be paid can be stopped. */
function goesOnText(subject: Subject): string {
  const { name, id } = thingOf(subject)
  const isStarting = subject.kind === 'instance' && subject.instance.intent === 'running'
  if (isStarting) return `${name} goes on. To stop it: gpuhour stop ${name}`
  return `${name} goes on. Where it stands: gpuhour show ${subject.kind === 'run' ? id : name}`
}

/** Asks for the change of each, then waits for all; the exit code says whether every one got there. */
export async function changeAll(
  context: Context,
  given: Given,
  change: (client: Client, name: string) => Promise<Subject>,
): Promise<number> {
  const client = context.client(longPatienceMs)
  const asked: Subject[] = []
  for (const name of given.args) asked.push(await change(client, name))
  const seen = isOn(given, 'detach')
    ? asked
    : await untilLeft(
        (signal) => Promise.all(asked.map((subject) => untilAtRest(context, client, subject, signal))),
        asked.map(goesOnText),
      )
  const plain = seen.map(thingOf)
  if (context.isJson) context.printJson(plain)
  else for (const { name, state } of plain) context.print(`${name}\t${state}`)
  // A run that had failed before it was stopped is stopped all the same.
  const failed = seen.flatMap((subject) =>
    subject.kind === 'instance' && subject.instance.state === 'failed' ? [subject.instance] : [],
  )
  for (const instance of failed) {
    const why = endingText(instance)
    if (why) context.say(`error: ${instance.name} failed: ${why}.`)
  }
  return failed.length > 0 ? 1 : 0
}

/** The same where only instances can be meant. */
export function changeEach(
  context: Context,
  given: Given,
  change: (client: Client, instance: string) => Promise<Instance>,
): Promise<number> {
  return changeAll(context, given, async (client, name) => {
    const { id } = await pickInstance(context, client, name)
    return { kind: 'instance', instance: await change(client, id) }
  })
}

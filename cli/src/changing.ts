import type { Client } from '@gpuhour/sdk/client'
import type { Instance } from '@gpuhour/sdk/contract'
import { type CommandSpec, type Given, isOn } from './command.ts'
import { type Context, longPatienceMs } from './context.ts'
import { endingText, rungOf } from './ladder.ts'
import { pickInstance } from './pick.ts'

/** What commands that change instances take. */
export const manyInstances: NonNullable<CommandSpec['args']> = [['<instances...>', 'names or ids']]

/** And how one does not wait for them. */
export const detachOption = ['-d, --detach', 'do not wait until it is so'] as const

/** Where an instance rests once what was asked for is so. */
const restingStates: ReadonlySet<string> = new Set(['running', 'stopped', 'failed', 'deleted'])

/** Follows an instance until it rests, saying each rung once. */
async function untilAtRest(context: Context, client: Client, asked: Instance): Promise<Instance> {
  let seen = asked
  let last = ''
  const isThere = ({ state, intent }: Instance): boolean =>
    restingStates.has(state) && (state === 'failed' || state === intent || intent === 'stopped')
  for await (const followed of client.followInstance({ params: { instance: asked.id } })) {
    if (followed.event !== 'instance') continue
    seen = followed.data
    const rung = rungOf(seen)
    if (rung !== last) context.say(`${seen.name}: ${rung}`)
    last = rung
    if (isThere(seen)) break
  }
  return seen
}

/** Asks for the change of each, then waits for all; the exit code says whether every one got there. */
export async function changeEach(
  context: Context,
  given: Given,
  change: (client: Client, instance: string) => Promise<Instance>,
): Promise<number> {
  const client = context.client(longPatienceMs)
  const asked: Instance[] = []
  for (const name of given.args)
    asked.push(await change(client, (await pickInstance(context, client, name)).id))
  const seen = isOn(given, 'detach')
    ? asked
    : await Promise.all(asked.map((instance) => untilAtRest(context, client, instance)))
  if (context.isJson) context.printJson(seen)
  for (const instance of seen) {
    const why = instance.state === 'failed' ? endingText(instance) : null
    if (!context.isJson) context.print(`${instance.name}\t${instance.state}`)
    if (why) context.say(`error: ${instance.name} failed: ${why}.`)
  }
  return seen.some(({ state }) => state === 'failed') ? 1 : 0
}

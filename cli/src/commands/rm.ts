import type { Client } from '@gpuhour/sdk/client'
import { changeEach, detachOption, manyInstances } from '../changing.ts'
import { type CommandSpec, isOn, UsageError } from '../command.ts'
import { requireConsent, requireSomebody } from '../consent.ts'
import { type Context, longPatienceMs } from '../context.ts'
import { pickSubject } from '../pick.ts'

function refuseRun(name: string): never {
  throw new UsageError(
    `${name} is a run: runs are kept for the bill, and cost nothing once over. ` +
      `To stop it: gpuhour stop ${name}.`,
  )
}

/** Refuses runs before anything is asked or deleted. */
async function requireInstances(context: Context, client: Client, names: readonly string[]): Promise<void> {
  for (const name of names) if ((await pickSubject(context, client, name)).kind === 'run') refuseRun(name)
}

export const command: CommandSpec = {
  name: 'rm',
  summary: 'delete instances with their home volumes',
  args: manyInstances,
  options: [detachOption, ['-y, --yes', 'do not ask']],
  async run(context, given) {
    const isForced = isOn(given, 'yes')
    const names = given.args.join(', ')
    const run = given.args.find((name) => name.startsWith('run_'))
    if (run !== undefined) refuseRun(run)
    await requireInstances(context, context.client(isForced ? longPatienceMs : 0), given.args)
    if (!isForced) requireSomebody(context, names)
    if (!isForced) await requireConsent(`Delete ${names} with everything on the home volume?`)
    return changeEach(context, given, (client, instance) => client.deleteInstance({ params: { instance } }))
  },
}

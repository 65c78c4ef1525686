import type { Client } from '@gpuhour/sdk/client'
import { changeEach, detachOption, manyInstances } from '../changing.ts'
import { type CommandSpec, isOn, UsageError } from '../command.ts'
import { type Context, longPatienceMs } from '../context.ts'
import { pickSubject } from '../pick.ts'

async function isSure(names: readonly string[]): Promise<boolean> {
  const { confirm } = await import('@clack/prompts')
  const message = `Delete ${names.join(', ')} with everything on the home volume? This cannot be undone.`
  return (await confirm({ message, initialValue: false, output: process.stderr })) === true
}

/** Refuses runs before anything is asked or deleted. */
async function requireInstances(context: Context, client: Client, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const isRun = name.startsWith('run_') || (await pickSubject(context, client, name)).kind === 'run'
    if (isRun)
      throw new UsageError(
        `${name} is a run: runs are kept for the bill, and cost nothing once over. ` +
          `To stop it: gpuhour stop ${name}.`,
      )
  }
}

export const command: CommandSpec = {
  name: 'rm',
  summary: 'delete instances with their home volumes',
  args: manyInstances,
  options: [detachOption, ['-y, --yes', 'do not ask']],
  async run(context, given) {
    await requireInstances(context, context.client(longPatienceMs), given.args)
    if (!isOn(given, 'yes') && context.isInteractive && !(await isSure(given.args)))
      throw new UsageError('Nothing was deleted.')
    return changeEach(context, given, (client, instance) => client.deleteInstance({ params: { instance } }))
  },
}

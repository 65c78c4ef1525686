import { changeEach, detachOption, manyInstances } from '../changing.ts'
import { type CommandSpec, isOn, UsageError } from '../command.ts'

async function isSure(names: readonly string[]): Promise<boolean> {
  const { confirm } = await import('@clack/prompts')
  const message = `Delete ${names.join(', ')} with everything on the home volume? This cannot be undone.`
  return (await confirm({ message, initialValue: false, output: process.stderr })) === true
}

export const command: CommandSpec = {
  name: 'rm',
  summary: 'delete instances with their home volumes',
  args: manyInstances,
  options: [detachOption, ['-y, --yes', 'do not ask']],
  async run(context, given) {
    if (!isOn(given, 'yes') && context.isInteractive && !(await isSure(given.args)))
      throw new UsageError('Nothing was deleted.')
    return changeEach(context, given, (client, instance) => client.deleteInstance({ params: { instance } }))
  },
}

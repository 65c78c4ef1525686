import type { CommandSpec } from '../command.ts'
import { changeEach, detachOption, manyInstances } from '../changing.ts'

export const command: CommandSpec = {
  name: 'start',
  summary: 'start instances that are stopped, and wait until they run',
  args: manyInstances,
  options: [detachOption],
  run: (context, given) =>
    changeEach(context, given, (client, instance) => client.startInstance({ params: { instance } })),
}

import type { CommandSpec } from '../command.ts'
import { changeEach, detachOption, manyInstances } from '../changing.ts'

export const command: CommandSpec = {
  name: 'restart',
  summary: 'stop instances, then start them again',
  args: manyInstances,
  options: [detachOption],
  run: (context, given) =>
    changeEach(context, given, (client, instance) => client.restartInstance({ params: { instance } })),
}

import type { CommandSpec } from '../command.ts'
import { changeEach, detachOption, manyInstances } from '../changing.ts'

export const command: CommandSpec = {
  name: 'stop',
  summary: 'stop instances: free from now; the home volume stays',
  args: manyInstances,
  options: [detachOption],
  run: (context, given) =>
    changeEach(context, given, (client, instance) => client.stopInstance({ params: { instance } })),
}

import type { CommandSpec } from '../command.ts'
import { changeAll, detachOption } from '../changing.ts'
import { pickSubject } from '../pick.ts'

export const command: CommandSpec = {
  name: 'stop',
  summary: 'stop instances or cancel runs: free from now; the home volume of an instance stays',
  args: [['<names...>', 'names or ids of instances or runs']],
  options: [detachOption],
  examples: ['gpuhour stop lab', 'gpuhour stop run_01k9'],
  run: (context, given) =>
    changeAll(context, given, async (client, name) => {
      const subject = await pickSubject(context, client, name)
      if (subject.kind === 'run')
        return { kind: 'run', run: await client.cancelRun({ params: { run: subject.run.id } }) }
      const instance = await client.stopInstance({ params: { instance: subject.instance.id } })
      return { kind: 'instance', instance }
    }),
}

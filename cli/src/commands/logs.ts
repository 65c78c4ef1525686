import { argument, type CommandSpec, isOn } from '../command.ts'
import { longPatienceMs } from '../context.ts'
import { writeLine } from '../output.ts'
import { pickRun } from '../pick.ts'

export const command: CommandSpec = {
  name: 'logs',
  summary: 'the output of a run: stdout to stdout, stderr to stderr',
  args: [['<run>', 'its id, or the newest of that name']],
  options: [['-f, --follow', 'go on until the run is over']],
  async run(context, given) {
    const client = context.client(longPatienceMs)
    const { id: run } = await pickRun(context, client, argument(given, 0))
    const follow = isOn(given, 'follow') ? ('true' as const) : ('false' as const)
    for await (const { event, data } of client.followRunLog({ params: { run }, query: { follow } })) {
      if (event === 'end') break
      if (context.isJson) context.printJson(data)
      else await writeLine(data)
    }
  },
}

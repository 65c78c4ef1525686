import { argument, type CommandSpec } from '../command.ts'
import { pickInstance } from '../pick.ts'
import { runInPlace, sshOptions, sshSetting } from '../sshing.ts'

export const command: CommandSpec = {
  name: 'ssh',
  summary: 'a shell in an instance, or one command',
  args: [
    ['<instance>', 'its name or id'],
    ['[command...]', 'what to run there; more options for ssh may stand before it, after "--"'],
  ],
  passesThrough: true,
  examples: ['gpuhour ssh lab', 'gpuhour ssh lab nvidia-smi', 'gpuhour ssh lab -- -L 6006:localhost:6006'],
  async run(context, given) {
    const client = context.client()
    const { id } = await pickInstance(context, client, argument(given, 0))
    const setting = await sshSetting(context, client)
    const rest = given.args.slice(1)
    // ssh reads options only before the host; after it, everything is the command.
    const firstWord = rest.findIndex(
      (word, index) => !word.startsWith('-') && !/^-[LRDoipF]$/.test(rest[index - 1] ?? ''),
    )
    const [options, words] = firstWord < 0 ? [rest, []] : [rest.slice(0, firstWord), rest.slice(firstWord)]
    const target = ['-p', String(setting.port), ...options, `${id}@${setting.host}`]
    return runInPlace('ssh', [...sshOptions(setting), ...target, ...words])
  },
}

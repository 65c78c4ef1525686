import { type CommandSpec, isOn, UsageError } from '../command.ts'
import type { Context } from '../context.ts'
import { pickInstance } from '../pick.ts'
import { runInPlace, type SshSetting, sshOptions, sshSetting } from '../sshing.ts'
import type { Client } from '@gpuhour/sdk/client'

/**
 * `name:path` in an instance; null for a path of this machine. A path with a slash before its colon is
 * one of ours.
 */
export function remotePlace(text: string): { readonly instance: string; readonly path: string } | null {
  const match = /^([^/:]+):(.*)$/s.exec(text)
  return match ? { instance: match[1] ?? '', path: match[2] ?? '' } : null
}

async function placeOf(context: Context, client: Client, setting: SshSetting, text: string): Promise<string> {
  const remote = remotePlace(text)
  if (!remote) return text.startsWith('-') ? `./${text}` : text
  const { id } = await pickInstance(context, client, remote.instance)
  return `${id}@${setting.host}:${remote.path}`
}

export const command: CommandSpec = {
  name: 'cp',
  summary: 'copy files into an instance, or out of it',
  args: [['<paths...>', 'one or more sources and a target; "NAME:path" is in an instance, from its home']],
  options: [
    ['-r, --recursive', 'folders with what is in them'],
    ['-q, --quiet', 'no progress'],
  ],
  examples: ['gpuhour cp train.py lab:', 'gpuhour cp -r lab:results ./results'],
  async run(context, given) {
    const paths = given.args
    if (paths.length < 2) throw new UsageError('Name what to copy, and where to.')
    if (!paths.some(remotePlace))
      throw new UsageError('Neither side is in an instance: write it as NAME:path.')
    const client = context.client()
    const setting = await sshSetting(context, client)
    const places: string[] = []
    for (const path of paths) places.push(await placeOf(context, client, setting, path))
    const flags = [...(isOn(given, 'recursive') ? ['-r'] : []), ...(isOn(given, 'quiet') ? ['-q'] : [])]
    // -3: between two instances the bytes go through here, so neither has to know the other.
    const between = paths.filter(remotePlace).length > 1 ? ['-3'] : []
    const target = ['-P', String(setting.port), ...flags, ...between]
    return runInPlace('scp', [...sshOptions(setting), ...target, '--', ...places])
  },
}

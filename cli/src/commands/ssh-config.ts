import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type CommandSpec, isOn } from '../command.ts'
import { writePrivately } from '../configuration.ts'
import { everyItem } from '../pick.ts'
import { counted } from '../shown.ts'
import { hostEntry, sshSetting } from '../sshing.ts'

/** Makes the person's own ssh read our file; once. */
function include(path: string): void {
  const own = join(homedir(), '.ssh', 'config')
  mkdirSync(join(homedir(), '.ssh'), { recursive: true, mode: 0o700 })
  const before = existsSync(own) ? readFileSync(own, 'utf8') : ''
  // "Host *" first: an Include inside another block would belong to that one.
  if (!before.includes(`Include ${path}`))
    appendFileSync(own, `\nHost *\n  Include ${path}\n`, { mode: 0o600 })
}

export const command: CommandSpec = {
  name: 'ssh-config',
  summary: 'entries for ~/.ssh/config: then "ssh NAME.gpuhour", scp, rsync and VS Code just work',
  options: [['--write', 'write them to our own file and include it in ~/.ssh/config']],
  examples: ['gpuhour ssh-config --write && ssh lab.gpuhour', 'gpuhour ssh-config >> ~/.ssh/config'],
  async run(context, given) {
    const client = context.client()
    const { id: project } = await context.project()
    const instances = await everyItem((cursor) =>
      client.listInstances({ params: { project }, query: cursor ? { cursor } : {} }),
    )
    const setting = await sshSetting(context, client)
    if (context.isJson)
      return context.printJson({ ...setting, hosts: instances.map(({ id, name }) => ({ id, name })) })
    const text = instances.map((instance) => hostEntry(instance, setting)).join('\n')
    if (!isOn(given, 'write')) return context.print(text)
    const path = writePrivately('ssh_config', text)
    include(path)
    context.print(`${counted(instances.length, 'host')} in ${path}, which ~/.ssh/config includes.`)
  },
}

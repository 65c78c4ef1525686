import { spawn } from 'node:child_process'
import { type CommandSpec, isOn, textOption } from '../command.ts'
import { pickInstance } from '../pick.ts'

/** Opens an address with whatever the desktop has for it; false where there is no desktop. */
function openInBrowser(url: string): Promise<boolean> {
  const hasDesktop = process.platform === 'darwin' || process.env['DISPLAY'] || process.env['WAYLAND_DISPLAY']
  if (!hasDesktop) return Promise.resolve(false)
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open'
  return new Promise((resolve) => {
    const child = spawn(program, [url], { stdio: 'ignore', detached: true })
    child.once('error', () => resolve(false))
    child.once('spawn', () => {
      child.unref()
      resolve(true)
    })
  })
}

export const command: CommandSpec = {
  name: 'open',
  summary: 'open JupyterLab of an instance in the browser, or the console',
  args: [['[instance]', 'its name or id; without one: the console, signed in']],
  options: [
    ['--port <port>', 'which app; default 8888, JupyterLab'],
    ['--print', 'print the one-time address instead; it works once, an app within half a minute'],
  ],
  async run(context, given) {
    const client = context.client()
    const [named] = given.args
    const instance = named === undefined ? null : await pickInstance(context, client, named)
    const port = textOption(given, 'port') ?? '8888'
    const way = instance
      ? await client.openDoor({ params: { instance: instance.id, port } })
      : await client.createLoginLink()
    if (context.isJson) return context.printJson(way)
    if (!isOn(given, 'print') && context.isTerminal && (await openInBrowser(way.url)))
      return context.say(`Opened ${instance?.name ?? 'the console'} in the browser.`)
    context.print(way.url)
  },
}

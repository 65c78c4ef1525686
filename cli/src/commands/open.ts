import { spawn } from 'node:child_process'
import { argument, type CommandSpec, isOn, textOption } from '../command.ts'
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
  summary: 'open JupyterLab of an instance in the browser',
  args: [['<instance>', 'its name or id']],
  options: [
    ['--port <port>', 'which app; default 8888, JupyterLab'],
    ['--print', 'print the one-time address instead; it works once, within half a minute'],
  ],
  async run(context, given) {
    const client = context.client()
    const { id, name } = await pickInstance(context, client, argument(given, 0))
    const port = textOption(given, 'port') ?? '8888'
    const code = await client.openDoor({ params: { instance: id, port } })
    if (context.isJson) return context.printJson(code)
    if (!isOn(given, 'print') && context.isTerminal && (await openInBrowser(code.url)))
      return context.say(`Opened ${name} in the browser.`)
    context.print(code.url)
  },
}

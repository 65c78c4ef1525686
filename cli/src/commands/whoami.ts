import type { CommandSpec } from '../command.ts'

export const command: CommandSpec = {
  name: 'whoami',
  summary: 'who is signed in, where, and with which projects',
  async run(context) {
    const me = await context.me()
    if (context.isJson) return context.printJson(me)
    const { person, organizations, projects, apiKey } = me
    context.print(
      `${person.name} (${person.email})${person.isOperator ? ', operator' : ''} at ${context.access().url}`,
    )
    for (const { id, name, role } of organizations) {
      const own = projects.filter(({ organization }) => organization === id).map((project) => project.name)
      context.print(`${name}${role ? `, as ${role}` : ''}: ${own.join(', ') || 'no projects'}`)
    }
    if (apiKey) context.print(`key "${apiKey.name}": ${apiKey.actions.join(', ')}`)
  },
}

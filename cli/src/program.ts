import { Command, CommanderError } from 'commander'
import type { CommandSpec, Given } from './command.ts'
import { makeContext } from './context.ts'
import { brief, exitCodeOf, exitCodes, jsonOf, lineOf } from './failures.ts'
import { LeftError } from './interrupting.ts'
import { loaders } from './names.ts'

/** What ends a command line: its exit code, set by whichever command ran. */
interface Outcome {
  code: number
}

function examplesText(examples: readonly string[]): string {
  return `\nExamples:\n${examples.map((example) => `  ${example}\n`).join('')}`
}

/** Runs a command; whatever it throws becomes one line and an exit code. */
async function runCommand(spec: CommandSpec, given: Given): Promise<number> {
  const isJson = given.options['json'] === true
  try {
    const project = given.options['project']
    const context = makeContext({ json: isJson, project: typeof project === 'string' ? project : undefined })
    return (await spec.run?.(context, given)) ?? 0
  } catch (error) {
    if (error instanceof LeftError) {
      process.stderr.write(`${error.message}\n`)
      return error.exitCode
    }
    if (isJson) process.stdout.write(`${JSON.stringify(jsonOf(error))}\n`)
    process.stderr.write(`error: ${lineOf(error)}\n`)
    return exitCodeOf(error)
  }
}

function build(spec: CommandSpec, outcome: Outcome): Command {
  const command = new Command(spec.name).description(spec.summary).exitOverride().showHelpAfterError(false)
  command.configureOutput(output)
  command.aliases(spec.aliases ?? [])
  for (const [syntax, meaning] of spec.args ?? []) command.argument(syntax, meaning)
  for (const [flags, meaning] of spec.options ?? []) command.option(flags, meaning)
  for (const child of spec.commands ?? []) command.addCommand(build(child, outcome))
  if (spec.examples) command.addHelpText('after', examplesText(spec.examples))
  if (spec.passesThrough) command.passThroughOptions()
  const { run } = spec
  if (run) {
    command
      .option('-p, --project <name>', 'the project; default: the only one')
      .option('--json', 'answer in JSON')
    command.action(async () => {
      outcome.code = await runCommand(spec, { args: command.args, options: command.optsWithGlobals() })
    })
  }
  return command
}

const output = {
  // Errors are one line: the suggestion stands behind what it is about.
  outputError: (text: string, write: (text: string) => void) =>
    write(`${brief(text.trim().replaceAll('\n', ' '))}\n`),
}

/** The command line with these commands in it. */
async function programOf(names: readonly string[], outcome: Outcome): Promise<Command> {
  const program = new Command('gpuhour')
    .description(
      'GPU compute by the second, from a machine that you run, with a bill that you can recompute.',
    )
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput(output)
    .configureHelp({ showGlobalOptions: false })
  for (const name of names) {
    const loaded = await loaders[name]?.()
    if (loaded) program.addCommand(build(loaded.command, outcome))
  }
  program.addHelpText('after', exitCodeHelp)
  return program
}

const exitCodeHelp = `
Exit codes: 0 ok · 2 usage · 3 auth · 4 not found · 5 payment · 6 capacity · 7 conflict · 8 try again.
"run" passes the exit code of its command through.`

/** The whole help, for its golden file: every command as `--help` shows it. */
export async function allHelp(): Promise<string> {
  const pages: string[] = []
  const add = (command: Command): void => {
    let text = ''
    command.configureOutput({ writeOut: (part) => void (text += part) }).configureHelp({ helpWidth: 100 })
    command.outputHelp()
    pages.push(text.trimEnd())
    for (const child of command.commands) add(child)
  }
  add(await programOf(Object.keys(loaders), { code: 0 }))
  return `${pages.join(`\n\n${'-'.repeat(40)}\n\n`)}\n`
}

/** Runs a command line; its exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const outcome: Outcome = { code: 0 }
  const [first] = argv
  const isKnown = first !== undefined && Object.hasOwn(loaders, first)
  const program = await programOf(isKnown ? [first] : Object.keys(loaders), outcome)
  try {
    if (first === undefined) program.outputHelp()
    else await program.parseAsync([...argv], { from: 'user' })
    return outcome.code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage
    throw error
  }
}

// `node cli/src/program.ts > cli/src/help.golden.txt` rewrites the golden file of the CLI's help.
if (import.meta.main) process.stdout.write(await allHelp())

import { UsageError } from './command.ts'
import type { Context } from './context.ts'
import { asking } from './output.ts'

/** What is asked about, as a verb and as what was done. */
export interface Deed {
  readonly verb: string
  readonly done: string
}

const deletion: Deed = { verb: 'delete', done: 'deleted' }

/** What cannot be undone is not done unasked: where nobody can be asked, `--yes` must have been given. */
export function requireSomebody(context: Context, what: string, { verb, done } = deletion): void {
  if (context.isInteractive) return
  throw new UsageError(
    `Nothing was ${done}: there is no terminal to ask on. To ${verb} ${what} all the same, add --yes.`,
  )
}

/** Asks; throws unless the answer is yes. */
export async function requireConsent(question: string, { done } = deletion): Promise<void> {
  const { confirm } = await import('@clack/prompts')
  const message = `${question} This cannot be undone.`
  const ask = () => confirm({ message, initialValue: false, output: process.stderr })
  if ((await asking(ask)) !== true) throw new UsageError(`Nothing was ${done}.`)
}

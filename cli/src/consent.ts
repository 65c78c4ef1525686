import { UsageError } from './command.ts'
import type { Context } from './context.ts'
import { asking } from './output.ts'

/** What cannot be undone is not done unasked: where nobody can be asked, `--yes` must have been given. */
export function requireSomebody(context: Context, what: string): void {
  if (context.isInteractive) return
  throw new UsageError(
    `Nothing was deleted: there is no terminal to ask on. To delete ${what} all the same, add --yes.`,
  )
}

/** Asks; throws unless the answer is yes. */
export async function requireConsent(question: string): Promise<void> {
  const { confirm } = await import('@clack/prompts')
  const message = `${question} This cannot be undone.`
  const ask = () => confirm({ message, initialValue: false, output: process.stderr })
  if ((await asking(ask)) !== true) throw new UsageError('Nothing was deleted.')
}

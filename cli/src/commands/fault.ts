import type { Client } from '@gpuhour/sdk/client'
import { argument, type CommandSpec, isOn, textOption, UsageError } from '../command.ts'
import { requireConsent, requireSomebody } from '../consent.ts'
import type { Context } from '../context.ts'
import { instantOption } from '../period.ts'
import { pickSubject } from '../pick.ts'
import { amount } from '../shown.ts'

const reporting = { verb: 'report', done: 'reported' } as const

/** An allocation by its id; or that by which an instance or run lives, or lived last. */
async function allocationOf(context: Context, client: Client, name: string): Promise<string> {
  if (name.startsWith('alo_')) return name
  const subject = await pickSubject(context, client, name, { isNewestMeant: true })
  const { allocation } = subject.kind === 'run' ? subject.run : subject.instance
  if (allocation) return allocation.id
  throw new UsageError(`${name} has never been given a machine: there is nothing that could be at fault.`)
}

export const command: CommandSpec = {
  name: 'fault',
  summary: 'report a fault of what somebody was given: it ends, and is free from when the fault began',
  args: [['<allocation>', 'its id, as "gpuhour nodes show" lists it; or an instance or run']],
  options: [
    ['--evidence <text>', 'what shows it, in one line; the customer reads it on the bill'],
    ['--at <instant>', 'when it began, possibly long ago; default: now'],
    ['--device <id>', 'the GPU that is at fault: it is given to nobody until you say that it is well'],
    ['-y, --yes', 'do not ask'],
  ],
  examples: [
    'gpuhour fault alo_06f… --evidence "XID 79: the GPU has fallen off the bus" --at 2026-11-26T22:10:00Z',
  ],
  async run(context, given) {
    const [evidence, device] = [textOption(given, 'evidence'), textOption(given, 'device')]
    if (evidence === undefined) throw new UsageError('Say what shows the fault: --evidence "XID 79".')
    const at = instantOption(given, 'at')
    const client = context.client()
    const allocation = await allocationOf(context, client, argument(given, 0))
    const isForced = isOn(given, 'yes')
    if (!isForced) requireSomebody(context, `a fault of ${allocation}`, reporting)
    const question =
      `Report a fault of ${allocation} since ${at ?? 'now'}? It ends if it lives, what was paid from then ` +
      'on is given back, and the customer reads the evidence on the bill.'
    if (!isForced) await requireConsent(question, reporting)
    const body = { evidence, ...(at ? { at } : {}), ...(device ? { device } : {}) }
    const fault = await client.reportFault({ params: { allocation }, body })
    if (context.isJson) return context.printJson(fault)
    const back = amount(fault.givenBackNanos, fault.currency, 6)
    context.print(`Fault of ${allocation} since ${fault.at}: ${back} are taken off the bill.`)
  },
}

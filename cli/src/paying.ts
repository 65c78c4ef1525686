import type { Client } from '@gpuhour/sdk/client'
import type { Payment } from '@gpuhour/sdk/contract'
import { nanosIn, UsageError } from './command.ts'
import { untilLeft } from './interrupting.ts'
import { money } from './shown.ts'

/** Quick enough for somebody who has just paid, slow enough for an hour of waiting. */
const lookMs = 2_000

/** Nothing more happens to it by itself. */
function isOver({ state }: Payment): boolean {
  return state !== 'asked' && state !== 'open' && state !== 'processing'
}

/** An amount above zero as nano-units; in words where it is none. */
export function amountOf(text: string): string {
  const nanos = nanosIn(text)
  if (nanos !== null && nanos > 0n) return String(nanos)
  throw new UsageError(`"${text}" is not an amount above zero, such as 25 or 12.50.`)
}

/** What is said of each state. */
const words: Readonly<Record<Payment['state'], string>> = {
  asked: 'is being prepared',
  open: 'waits to be paid',
  processing: 'is on its way: the bank takes days',
  failed: 'failed: the bank did not pay',
  expired: 'was not paid in time',
  mismatched: 'is not what was asked: an operator has to look',
  paid: 'is in the balance',
}

/** `$20.00 is in the balance`. */
export function paymentText({ amountNanos, currency, state }: Payment): string {
  return `${money(amountNanos, currency)} ${words[state]}`
}

/** Waits until it is paid, or will not be any more; what takes days is not waited for. Ctrl-C leaves it. */
export async function untilPaid(client: Client, asked: Payment): Promise<Payment> {
  const goesOn = `The page stays open until ${asked.expiresAt}. Whether it is paid: gpuhour payments`
  return untilLeft(
    async (signal) => {
      let seen = asked
      while (!isOver(seen) && seen.state !== 'processing') {
        await new Promise<void>((resolve, reject) => {
          const timer = setTimeout(resolve, lookMs)
          signal.addEventListener('abort', () => {
            clearTimeout(timer)
            reject(signal.reason)
          })
        })
        seen = await client.getPayment({ params: { payment: asked.id } }, { signal })
      }
      return seen
    },
    [goesOn],
  )
}

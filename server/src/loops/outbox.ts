import type { Clock } from '../kernel/clock.ts'
import type { Id } from '../kernel/ids.ts'
import { hourMs, secondMs } from '../kernel/time.ts'
import {
  attemptOf,
  type DeliveryRow,
  dueDeliveries,
  forgetOld,
  recordAttempt,
  routeNotices,
} from '../notices/deliveries.ts'
import { doubtHanded, dueMails, handOver, recordMail } from '../notices/mails.ts'
import type { Store } from '../store/store.ts'
import type { Loop, PassReport } from './loop.ts'
import type { SendMail } from './mailer.ts'
import type { SendWebhook } from './webhook_sender.ts'

/** What the outbox works with. */
export interface OutboxParts {
  readonly store: Store
  readonly send: SendWebhook
  /** Null: no mail is sent, and none is written. */
  readonly sendMail: SendMail | null
  /** Where mails lead to: `http://localhost:7070`. */
  readonly console: string
  readonly clock: Clock
  readonly installation: string
  /** Asks for another pass at once: something was sent, and more may be waiting behind it. */
  readonly nudge: () => void
  readonly onTrouble: (subject: string, what: string, error: unknown) => void
  /** True: a pass does not wait for answers. False in tests. */
  readonly inBackground: boolean
}

/** Requests to one webhook at a time: a slow one waits for itself. */
const eachMax = 4
/** Requests in all. */
const allMax = 64

/** Mails in a row before the loop looks again. */
const mailsMax = 20

/** Settles to whom notices go, and sends what is due to webhooks and by mail. */
export function makeOutbox(parts: OutboxParts): Loop {
  const { store, clock, onTrouble } = parts
  const inFlight = new Map<Id<'delivery'>, { readonly webhook: string; readonly done: Promise<void> }>()
  let forgotAt = -hourMs
  let mailing: Promise<void> | null = null
  let hasDoubted = false

  const begin = (row: DeliveryRow, signal: AbortSignal): boolean => {
    const { id, webhook } = row
    const same = [...inFlight.values()].filter((one) => one.webhook === webhook)
    if (inFlight.has(id) || same.length >= eachMax || inFlight.size >= allMax) return false
    const done = deliver(parts, id, signal)
      .catch((error: unknown) => {
        if (!signal.aborted) onTrouble(id, 'delivering a notice', error)
      })
      .finally(() => {
        inFlight.delete(id)
        parts.nudge()
      })
    inFlight.set(id, { webhook, done })
    return true
  }

  const post = (): void => {
    const { sendMail } = parts
    if (mailing || !sendMail) return
    mailing = mailDue(parts, sendMail)
      .catch((error: unknown) => onTrouble('mail', 'sending mail', error))
      .finally(() => (mailing = null))
  }

  return {
    name: 'outbox',
    everyMs: secondMs,
    async pass(signal): Promise<PassReport> {
      const counts = { routed: 0, begun: 0, forgotten: 0 }
      const sendsMail = parts.sendMail !== null
      counts.routed = await store.transact((tx) => routeNotices(tx, { sendsMail }))
      if (!hasDoubted) await doubt(parts)
      hasDoubted = true
      post()
      const due = await store.read(async (tx) => dueDeliveries(tx, await tx.now(), 2 * eachMax))
      for (const row of due) {
        signal.throwIfAborted()
        if (begin(row, signal)) counts.begun += 1
      }
      if (!parts.inBackground) await Promise.all([mailing, ...[...inFlight.values()].map(({ done }) => done)])
      if (clock.monotonic() - forgotAt >= hourMs) {
        counts.forgotten = await store.transact((tx) => forgetOld(tx))
        if (counts.forgotten === 0) forgotAt = clock.monotonic()
      }
      return counts
    },
  }
}

/** One attempt. What was not answered because we end is not an attempt: it is made again. */
async function deliver(
  { store, send, installation }: OutboxParts,
  id: Id<'delivery'>,
  signal: AbortSignal,
): Promise<void> {
  const attempt = await store.read((tx) => attemptOf(tx, id, installation))
  if (!attempt) return
  const outcome = await send(attempt, signal)
  await store.transact((tx) => recordAttempt(tx, attempt, outcome))
}

/** What an earlier process had handed over when it ended is not sent again: somebody should know of it. */
async function doubt({ store, onTrouble }: OutboxParts): Promise<void> {
  for (const id of await store.transact((tx) => doubtHanded(tx)))
    onTrouble(id, 'a mail was handed over, and the answer lost', new Error('in doubt'))
}

/** One after another: each is written down before the next. */
async function mailDue({ store, console, onTrouble }: OutboxParts, sendMail: SendMail): Promise<void> {
  for (const mail of await store.transact((tx) => dueMails(tx, console, mailsMax))) {
    const outcome = await sendMail(mail, () => store.transact((tx) => handOver(tx, mail.id)))
    if (!outcome) continue
    await store.transact((tx) => recordMail(tx, mail, outcome))
    if (outcome.kind !== 'sent') onTrouble(mail.id, `sending a mail: ${outcome.error}`, outcome)
  }
}

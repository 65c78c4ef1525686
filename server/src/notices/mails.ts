import { derivedId, type Id } from '../kernel/ids.ts'
import type { Tx } from '../store/store.ts'
import * as rows from './mails.rows.ts'
import { isStale, nextMailAt, writeMail } from './mails.rules.ts'
import { noticeTypes, noticeWays } from './rules.ts'

/** A mail as it is handed to a server. */
export interface Mail {
  readonly id: Id<'mail'>
  /** Attempts before this one. */
  readonly tries: number
  readonly to: { readonly name: string; readonly address: string }
  readonly subject: string
  readonly text: string
}

/** What came of handing a mail over. */
export type MailOutcome =
  /** The server has taken it. */
  | { readonly kind: 'sent' }
  /** It may work later. */
  | { readonly kind: 'failed'; readonly error: string }
  /** It never will. */
  | { readonly kind: 'refused'; readonly error: string }
  /** The text was given, the answer did not come: whether it was taken nobody knows. */
  | { readonly kind: 'unknown'; readonly error: string }

const mailedTo = noticeTypes.flatMap((type) => noticeWays[type].mailedTo.map((role) => ({ type, role })))

/** Makes the mails of these notices: to whom the type is mailed, each in their own language. */
export async function addressMails(tx: Tx, notices: readonly string[]): Promise<void> {
  const addressed = await rows.selectAddressed(tx, notices, mailedTo)
  if (addressed.length === 0) return
  const fresh = addressed.map((one) => ({ ...one, id: derivedId('mail', one.notice, one.address) }))
  await rows.insertMails(tx, fresh, await tx.now())
}

/** The mails that are due now, written. What has come too late is given up. */
export async function dueMails(tx: Tx, console: string, limit: number): Promise<readonly Mail[]> {
  const now = await tx.now()
  const due: Mail[] = []
  for (const row of await rows.selectDueMails(tx, now, limit)) {
    const { id, address, name, tries } = row
    const written = isStale(row.type, row.data, now) ? null : writeMail({ ...row, console })
    if (written) due.push({ id, tries, to: { name, address }, ...written })
    else {
      const end = { dueAt: null, endedAt: now, error: 'it came too late' }
      await rows.updateMail(tx, id, { state: 'failed', tries, ...end })
    }
  }
  return due
}

/**
 * The server is ready for the text: from here on it may have it. Committed before the first byte, so that no
 * crash can make us send it twice. False where somebody else has handed it over.
 */
export async function handOver(tx: Tx, id: Id<'mail'>): Promise<boolean> {
  return rows.markHanded(tx, id)
}

/** Writes down what came of it; a mail of which that is not known is not sent again. */
export async function recordMail(
  tx: Tx,
  { id, tries }: Pick<Mail, 'id' | 'tries'>,
  outcome: MailOutcome,
): Promise<void> {
  const now = await tx.now()
  const error = outcome.kind === 'sent' ? null : outcome.error
  const next = outcome.kind === 'failed' ? nextMailAt(tries + 1, now) : null
  const states = { sent: 'sent', failed: 'failed', refused: 'failed', unknown: 'in_doubt' } as const
  await rows.updateMail(tx, id, {
    state: next === null ? states[outcome.kind] : 'waiting',
    tries: tries + 1,
    dueAt: next,
    endedAt: next === null ? now : null,
    error,
  })
}

/** After a crash: what was handed over without an answer stays so; answers which those are. */
export async function doubtHanded(tx: Tx): Promise<readonly string[]> {
  return rows.doubtHanded(tx, await tx.now(), 'the platform ended before the server had answered')
}

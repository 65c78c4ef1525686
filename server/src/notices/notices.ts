import { derivedId, type OrganizationId, type ProjectId } from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'
import type { Tx } from '../store/store.ts'
import * as rows from './rows.ts'
import { bodyOf, type NoticeData, type NoticeType } from './rules.ts'

export type { NoticeRow } from './rows.ts'
export { noticesOf } from './rows.ts'

/** Something to be told. */
export interface NewNotice<T extends NoticeType> {
  readonly organization: OrganizationId
  /** Default: of the organization as a whole. */
  readonly project?: ProjectId | null
  readonly type: T
  /** The id of what it tells of. */
  readonly subject: string
  readonly data: NoticeData[T]
  /** When it became so; default now. */
  readonly at?: Instant
  /** Names what is told, where the same may be learned twice: only the first is told. Default: each is. */
  readonly once?: readonly (string | number | bigint)[]
}

/**
 * Tells what happens in this transaction: to the organization's webhooks, by mail and in the console, as its
 * type says. It waits for nothing and locks nothing. False where it was told before (`once`).
 */
export async function emit<T extends NoticeType>(tx: Tx, fresh: NewNotice<T>): Promise<boolean> {
  const { organization, project = null, type, subject, data, once } = fresh
  const id = once ? derivedId('notice', type, organization, ...once) : tx.newId('notice')
  const at = fresh.at ?? (await tx.now())
  const isNew = await rows.insertNotice(tx, {
    id,
    organization,
    project,
    type,
    subject,
    at,
    data: bodyOf(data),
  })
  if (isNew) await tx.notify('notices', organization)
  return isNew
}

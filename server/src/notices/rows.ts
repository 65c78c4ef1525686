import { sql } from 'kysely'
import type { Id, OrganizationId, ProjectId } from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'
import type { NoticeBody, NoticeType } from './rules.ts'

/** Something that happened and is told. */
export interface NoticeRow {
  readonly id: Id<'notice'>
  readonly seq: bigint
  readonly organization: OrganizationId
  /** Null: of the organization as a whole. */
  readonly project: ProjectId | null
  readonly type: NoticeType
  /** What it tells of. */
  readonly subject: string
  readonly at: Instant
  readonly data: NoticeBody
}

const columns = sql`id, seq, organization, project, type, subject, at, data`

/** Writes a notice; false where one of its id is there. */
export async function insertNotice(tx: Tx, row: Omit<NoticeRow, 'seq'>): Promise<boolean> {
  const { numAffectedRows } = await sql`
    insert into notice (id, organization, project, type, subject, at, data)
    values (${row.id}, ${row.organization}, ${row.project}, ${row.type}, ${row.subject}, ${at(row.at)},
      ${JSON.stringify(row.data)}::jsonb)
    on conflict on constraint notice_pkey do nothing`.execute(tx.db)
  return (numAffectedRows ?? 0n) > 0n
}

/** Notices of an organization, newest first; `before` is the seq of the last one already shown. */
export async function noticesOf(
  tx: Tx,
  organization: OrganizationId,
  asked: { readonly types: readonly NoticeType[]; readonly before: bigint | null; readonly limit: number },
): Promise<readonly NoticeRow[]> {
  const { rows } = await sql<NoticeRow>`select ${columns} from notice
    where organization = ${organization} and type = any(${asked.types}::text[])
      and (${asked.before}::bigint is null or seq < ${asked.before})
    order by seq desc limit ${asked.limit}`.execute(tx.db)
  return rows
}

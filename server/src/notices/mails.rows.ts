import { sql } from 'kysely'
import type { Id, PersonId } from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'
import type { Role } from '../tenancy/rules.ts'
import { at, type Tx } from '../store/store.ts'
import type { Language } from './mails.rules.ts'
import type { NoticeBody, NoticeType } from './rules.ts'

/** Somebody who is written to about a notice. */
export interface Addressed {
  readonly notice: Id<'notice'>
  readonly person: PersonId
  readonly address: string
  readonly language: Language
}

/**
 * Who is to be written to: members in the role that the notice's type is mailed to, in their language or that
 * of their organization. Addresses of our own domain are names, not mailboxes.
 */
export async function selectAddressed(
  tx: Tx,
  notices: readonly string[],
  roles: readonly { readonly type: NoticeType; readonly role: Role }[],
): Promise<readonly Addressed[]> {
  const { rows } = await sql<Addressed>`
    select notice.id as notice, person.id as person, person.email as address,
      coalesce(person.language, organization.language) as language
    from notice
    join unnest(${roles.map(({ type }) => type)}::text[], ${roles.map(({ role }) => role)}::text[])
      as mailed (type, role) on mailed.type = notice.type
    join member on member.organization = notice.organization and member.role = mailed.role
    join person on person.id = member.person
    join organization on organization.id = notice.organization
    where notice.id = any(${notices}::text[]) and person.email not like '%@gpuhour.internal'
    order by notice.seq, person.id`.execute(tx.db)
  return rows
}

/** Makes mails, due at once; one for each notice and address. */
export async function insertMails(
  tx: Tx,
  fresh: readonly (Addressed & { readonly id: Id<'mail'> })[],
  now: Instant,
): Promise<void> {
  await sql`
    insert into mail (id, notice, person, address, language, state, due_at, created_at)
    select id, notice, person, address, language, 'waiting', ${at(now)}::timestamptz, ${at(now)}::timestamptz
    from unnest(${fresh.map(({ id }) => id)}::text[], ${fresh.map(({ notice }) => notice)}::text[],
      ${fresh.map(({ person }) => person)}::text[], ${fresh.map(({ address }) => address)}::text[],
      ${fresh.map(({ language }) => language)}::text[]) as fresh (id, notice, person, address, language)
    on conflict on constraint mail_once do nothing`.execute(tx.db)
}

/** A mail with all that it is written from. */
export interface MailRow {
  readonly id: Id<'mail'>
  readonly address: string
  readonly name: string
  readonly language: Language
  readonly state: 'waiting' | 'handed' | 'sent' | 'failed' | 'in_doubt'
  readonly tries: number
  readonly type: NoticeType
  readonly data: NoticeBody
  readonly organization: string
  readonly timeZone: string
}

const columns = sql`mail.id, mail.address, person.name, mail.language, mail.state, mail.tries, notice.type,
  notice.data, organization.name as organization, organization.time_zone as "timeZone"
  from mail join notice on notice.id = mail.notice join person on person.id = mail.person
  join organization on organization.id = notice.organization`

/** Mails that are due, the oldest first. */
export async function selectDueMails(tx: Tx, now: Instant, limit: number): Promise<readonly MailRow[]> {
  const { rows } = await sql<MailRow>`select ${columns}
    where mail.state = 'waiting' and mail.due_at <= ${at(now)}
    order by mail.due_at, mail.id limit ${limit}`.execute(tx.db)
  return rows
}

/** From `waiting` to `handed`; false where it was not waiting. */
export async function markHanded(tx: Tx, id: Id<'mail'>): Promise<boolean> {
  const { numAffectedRows } = await sql`update mail set state = 'handed', due_at = null
    where id = ${id} and state = 'waiting'`.execute(tx.db)
  return (numAffectedRows ?? 0n) > 0n
}

/** Writes what became of an attempt; what is over stays, but for a doubt that an answer ends. */
export async function updateMail(
  tx: Tx,
  id: Id<'mail'>,
  to: {
    readonly state: MailRow['state']
    readonly tries: number
    readonly dueAt: Instant | null
    readonly endedAt: Instant | null
    readonly error: string | null
  },
): Promise<void> {
  await sql`update mail set state = ${to.state}, tries = ${to.tries}, due_at = ${at(to.dueAt)},
      ended_at = ${at(to.endedAt)}, error = ${to.error}
    where id = ${id}
      and (state in ('waiting', 'handed') or (state = 'in_doubt' and ${to.state} = 'sent'))`.execute(tx.db)
}

/** Mails that were handed over and of which the answer was never written down. */
export async function doubtHanded(tx: Tx, now: Instant, error: string): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`update mail
    set state = 'in_doubt', ended_at = ${at(now)}, error = ${error}
    where state = 'handed' returning id`.execute(tx.db)
  return rows.map(({ id }) => id)
}

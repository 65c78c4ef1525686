import { sql } from 'kysely'
import type { Id, OrganizationId, PersonId } from '../kernel/ids.ts'
import type { Currency, Nanos } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'
import type { PaymentState } from './payments.rules.ts'

/** A payment as it stands. */
export interface PaymentRow {
  readonly id: Id<'payment'>
  readonly organization: OrganizationId
  readonly person: PersonId
  readonly amount: Nanos
  readonly currency: Currency
  readonly state: PaymentState
  readonly checkout: string | null
  readonly intent: string | null
  readonly url: string | null
  readonly askedAt: Instant
  readonly expiresAt: Instant
  readonly creditedAt: Instant | null
  readonly trouble: string | null
  /** When the vendor is asked about it again; null: nothing more is expected. */
  readonly lookAt: Instant | null
}

const paymentColumns = sql.raw(`id, organization, person, amount, currency, state, checkout, intent, url,
  asked_at as "askedAt", expires_at as "expiresAt", credited_at as "creditedAt", trouble,
  look_at as "lookAt"`)

/** A refund or a dispute as it stands. */
export interface ReturnRow {
  readonly id: Id<'refund'> | Id<'dispute'>
  readonly kind: 'refund' | 'dispute'
  readonly intent: string
  readonly vendorId: string | null
  readonly amount: Nanos
  readonly currency: string
  readonly isBegun: boolean
  readonly isUndone: boolean
  readonly askedBy: PersonId | null
  readonly refused: string | null
  readonly recordedAt: Instant
  readonly taken: Nanos
  readonly steps: number
}

const returnColumns = sql.raw(`id, kind, intent, vendor_id as "vendorId", amount, currency,
  is_begun as "isBegun", is_undone as "isUndone", asked_by as "askedBy", refused,
  recorded_at as "recordedAt", taken, steps`)

/** Writes down a payment that was asked for; one that is there already stays as it is. */
export async function insertPayment(tx: Tx, row: PaymentRow): Promise<boolean> {
  const { rows } = await sql`
    insert into payment (id, organization, person, amount, currency, state, asked_at, expires_at, look_at)
    values (${row.id}, ${row.organization}, ${row.person}, ${row.amount.toString()}, ${row.currency},
      ${row.state}, ${at(row.askedAt)}, ${at(row.expiresAt)}, ${at(row.lookAt)})
    on conflict (id) do nothing returning id`.execute(tx.db)
  return rows.length > 0
}

export async function selectPayment(tx: Tx, id: Id<'payment'>): Promise<PaymentRow | null> {
  const { rows } = await sql<PaymentRow>`
    select ${paymentColumns} from payment where id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}

/** The payment, which then stays as it is until the transaction ends. */
export async function lockPayment(tx: Tx, id: Id<'payment'>): Promise<PaymentRow | null> {
  const { rows } = await sql<PaymentRow>`
    select ${paymentColumns} from payment where id = ${id} for update`.execute(tx.db)
  return rows[0] ?? null
}

/** Whose payment a vendor's id is of. */
export async function selectPaymentByIntent(tx: Tx, intent: string): Promise<PaymentRow | null> {
  const { rows } = await sql<PaymentRow>`
    select ${paymentColumns} from payment where intent = ${intent}`.execute(tx.db)
  return rows[0] ?? null
}

/** The same by the vendor's id of its checkout. */
export async function selectPaymentByCheckout(tx: Tx, checkout: string): Promise<PaymentRow | null> {
  const { rows } = await sql<PaymentRow>`
    select ${paymentColumns} from payment where checkout = ${checkout}`.execute(tx.db)
  return rows[0] ?? null
}

/**
 * Whoever writes about a vendor's payment does it one after the other: a refund that is told before its
 * payment must not be missed by whoever learns of the payment in the same moment.
 */
export async function lockIntent(tx: Tx, intent: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${intent}, 7070007))`.execute(tx.db)
}

/** What a page of payments comes after. */
export interface PaymentCursor {
  readonly askedAt: Instant
  readonly id: string
}

/** Payments of an organization, newest first. */
export async function selectPayments(
  tx: Tx,
  organization: OrganizationId,
  after: PaymentCursor | null,
  limit: number,
): Promise<readonly PaymentRow[]> {
  const { rows } = await sql<PaymentRow>`
    select ${paymentColumns} from payment
    where organization = ${organization} and (${after?.id ?? null}::text is null
      or (asked_at, id) < (${at(after?.askedAt ?? null)}::timestamptz, ${after?.id ?? ''}))
    order by asked_at desc, id desc limit ${limit}`.execute(tx.db)
  return rows
}

/** How many of an organization wait to be paid. */
export async function countUnpaid(tx: Tx, organization: OrganizationId, now: Instant): Promise<number> {
  const { rows } = await sql<{ count: bigint }>`
    select count(*) as count from payment
    where organization = ${organization} and state in ('asked', 'open') and expires_at > ${at(now)}`.execute(
    tx.db,
  )
  return Number(rows[0]?.count ?? 0)
}

/** Payments about which the vendor is to be asked now, the longest waiting first. */
export async function selectDue(tx: Tx, now: Instant, limit: number): Promise<readonly PaymentRow[]> {
  const { rows } = await sql<PaymentRow>`
    select ${paymentColumns} from payment where look_at <= ${at(now)}
    order by look_at limit ${limit}`.execute(tx.db)
  return rows
}

/** Writes what was learned of a payment, which is locked. */
export async function updatePayment(
  tx: Tx,
  id: Id<'payment'>,
  learned: Pick<PaymentRow, 'state' | 'checkout' | 'intent' | 'url' | 'trouble' | 'lookAt'>,
): Promise<void> {
  const { state, checkout, intent, url, trouble, lookAt } = learned
  await sql`
    update payment set state = ${state}, checkout = ${checkout}, intent = ${intent}, url = ${url},
      trouble = ${trouble}, look_at = ${at(lookAt)} where id = ${id}`.execute(tx.db)
}

export async function updateCredited(tx: Tx, id: Id<'payment'>, creditedAt: Instant): Promise<void> {
  await sql`update payment set credited_at = ${at(creditedAt)} where id = ${id}`.execute(tx.db)
}

export async function updateTrouble(tx: Tx, id: Id<'payment'>, trouble: string): Promise<void> {
  await sql`update payment set trouble = ${trouble} where id = ${id}`.execute(tx.db)
}

export async function updateLookAt(tx: Tx, id: Id<'payment'>, lookAt: Instant): Promise<void> {
  await sql`update payment set look_at = ${at(lookAt)} where id = ${id}`.execute(tx.db)
}

/** After a look that began when the next one was due at `due`; what was asked for meanwhile stays. */
export async function updateLooked(
  tx: Tx,
  id: Id<'payment'>,
  due: Instant | null,
  lookAt: Instant | null,
): Promise<void> {
  await sql`
    update payment set look_at = ${at(lookAt)} where id = ${id} and look_at = ${at(due)}`.execute(tx.db)
}

/** A refund that an operator asks for; one that is there already stays as it is. */
export async function insertAskedRefund(
  tx: Tx,
  row: Pick<ReturnRow, 'id' | 'intent' | 'amount' | 'currency' | 'askedBy' | 'recordedAt'>,
): Promise<void> {
  await sql`
    insert into payment_return (id, kind, intent, amount, currency, is_begun, is_undone, asked_by,
      recorded_at, ask_at)
    values (${row.id}, 'refund', ${row.intent}, ${row.amount.toString()}, ${row.currency}, false, false,
      ${row.askedBy}, ${at(row.recordedAt)}, ${at(row.recordedAt)})`.execute(tx.db)
}

/** What the vendor told of a return. */
export type ToldReturn = Pick<
  ReturnRow,
  'id' | 'kind' | 'intent' | 'amount' | 'currency' | 'isBegun' | 'isUndone' | 'recordedAt'
> & { readonly vendorId: string }

/** Adds what the vendor told to what is known: in whatever order it comes, the row ends up the same. */
export async function mergeReturn(tx: Tx, told: ToldReturn): Promise<void> {
  await sql`
    insert into payment_return as known (id, kind, intent, vendor_id, amount, currency, is_begun, is_undone,
      recorded_at)
    values (${told.id}, ${told.kind}, ${told.intent}, ${told.vendorId}, ${told.amount.toString()},
      ${told.currency}, ${told.isBegun}, ${told.isUndone}, ${at(told.recordedAt)})
    on conflict (id) do update set vendor_id = excluded.vendor_id,
      amount = greatest(known.amount, excluded.amount), is_begun = known.is_begun or excluded.is_begun,
      is_undone = known.is_undone or excluded.is_undone, ask_at = null`.execute(tx.db)
}

export async function selectReturn(tx: Tx, id: string): Promise<ReturnRow | null> {
  const { rows } = await sql<ReturnRow>`
    select ${returnColumns} from payment_return where id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}

/** What went back of these payments, by the vendor's ids of them, oldest first. */
export async function selectReturns(tx: Tx, intents: readonly string[]): Promise<readonly ReturnRow[]> {
  const { rows } = await sql<ReturnRow>`
    select ${returnColumns} from payment_return where intent = any(${intents}::text[])
    order by recorded_at, id`.execute(tx.db)
  return rows
}

/** Refunds that the vendor is to be asked for now. */
export async function selectAskable(tx: Tx, now: Instant, limit: number): Promise<readonly ReturnRow[]> {
  const { rows } = await sql<ReturnRow>`
    select ${returnColumns} from payment_return where ask_at <= ${at(now)}
    order by ask_at limit ${limit}`.execute(tx.db)
  return rows
}

export async function updateTaken(tx: Tx, id: ReturnRow['id'], taken: Nanos, steps: number): Promise<void> {
  await sql`
    update payment_return set taken = ${taken.toString()}, steps = ${steps} where id = ${id}`.execute(tx.db)
}

/** The vendor will not make it. */
export async function updateRefused(tx: Tx, id: ReturnRow['id'], refused: string): Promise<void> {
  await sql`
    update payment_return set refused = ${refused}, ask_at = null
    where id = ${id} and vendor_id is null`.execute(tx.db)
}

export async function updateAskAt(tx: Tx, id: ReturnRow['id'], askAt: Instant): Promise<void> {
  await sql`
    update payment_return set ask_at = ${at(askAt)} where id = ${id} and vendor_id is null`.execute(tx.db)
}

/** What became of an event of the vendor's. */
export interface PaymentEventRow {
  readonly id: string
  readonly type: string
  readonly about: string
  readonly payment: Id<'payment'> | null
  readonly outcome: 'applied' | 'unknown' | 'foreign' | 'trouble'
  readonly detail: string | null
  readonly recordedAt: Instant
}

/** Has this event been dealt with? Two at once are one after the other. */
export async function lockEvent(tx: Tx, id: string): Promise<boolean> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${id}, 7070008))`.execute(tx.db)
  const { rows } = await sql`select id from payment_event where id = ${id}`.execute(tx.db)
  return rows.length > 0
}

export async function insertEvent(tx: Tx, event: PaymentEventRow): Promise<void> {
  await sql`
    insert into payment_event (id, type, about, payment, outcome, detail, recorded_at)
    values (${event.id}, ${event.type}, ${event.about}, ${event.payment}, ${event.outcome},
      ${event.detail}, ${at(event.recordedAt)})`.execute(tx.db)
}

/** Something about payments that an operator should look at. */
export interface PaymentTrouble {
  readonly at: Instant
  readonly payment: Id<'payment'> | null
  readonly organization: OrganizationId | null
  /** The vendor's id of what it is about. */
  readonly about: string
  readonly detail: string
}

/** Newest first. */
export async function selectTroubles(
  tx: Tx,
  since: Instant,
  limit: number,
): Promise<readonly PaymentTrouble[]> {
  const { rows } = await sql<PaymentTrouble>`
    select * from (
      select asked_at as at, id as payment, organization, coalesce(intent, checkout, id) as about,
        trouble as detail
      from payment where trouble is not null
      union all
      select recorded_at, payment, null, about, coalesce(detail, type) from payment_event
      where outcome = 'trouble' and payment is null) troubles
    where at >= ${at(since)} order by at desc limit ${limit}`.execute(tx.db)
  return rows
}

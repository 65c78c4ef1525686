import { type AccountId, derivedId, type LotId, type TransferId } from '../kernel/ids.ts'
import { type Nanos, nanos } from '../kernel/money.ts'
import { hourMs, type Instant, instant, later } from '../kernel/time.ts'
import type { Reference } from './rules.ts'

/** Bought, or given by us. Given money never becomes bought money, so it is never paid out. */
export type LotKind = 'paid' | 'promo'

/** The priority of a credit where nobody says otherwise: as much room before it as anybody needs. */
export const lotPriority = 100

/** Thirty days: what comes back to a lapsed lot can be used for so long (`money.md` §2). */
export const renewalMs = 30 * 24 * hourMs

/** Three days: so long before a credit lapses people are told, but not before half of its time is over. */
const lapseNoticeMs = 3 * 24 * hourMs

/** On what terms a credit can be used. */
export interface LotTerms {
  readonly kind: LotKind
  /** Lower is used first. */
  readonly priority: number
  readonly effectiveAt: Instant
  /** When what is left of it lapses; null: never. */
  readonly expiresAt: Instant | null
}

/** Terms that are asked for; `effectiveAt` null: at once. */
export interface AskedTerms extends Omit<LotTerms, 'effectiveAt'> {
  readonly effectiveAt: Instant | null
}

/** A credit in a wallet, with what is left of it; nano-units. */
export interface Lot extends LotTerms {
  readonly id: LotId
  readonly account: AccountId
  /** The transfer that it came from. */
  readonly transfer: TransferId
  /** The lapsed lot whose money came back and goes on here. */
  readonly renews: LotId | null
  readonly amount: Nanos
  /** Not used yet, what is reserved included. */
  readonly remaining: Nanos
  /** Set aside by holds. */
  readonly reserved: Nanos
  readonly recordedAt: Instant
}

/** What happens to a lot. */
export type UseKind = keyof typeof effects

/** What each does to what remains, and to what is reserved. */
const effects = {
  reserve: [0n, 1n],
  settle: [-1n, -1n],
  release: [0n, -1n],
  use: [-1n, 0n],
  return: [1n, 0n],
  expire: [-1n, 0n],
  renew: [-1n, 0n],
} as const satisfies Record<string, readonly [remaining: bigint, reserved: bigint]>

/** One thing that happened to a lot, by one transfer. */
export interface LotUse {
  readonly transfer: TransferId
  readonly lot: LotId
  readonly kind: UseKind
  readonly amount: Nanos
  /** Of a return: the transfer whose use comes back. */
  readonly returned: TransferId | null
}

/** A use of which something may still come back. */
export interface Returnable {
  readonly transfer: TransferId
  readonly about: Reference
  /** The wallet whose lot it was. */
  readonly account: AccountId
  readonly lot: LotId
  readonly left: Nanos
}

/** Whose uses come back: what was paid about these, or by these transfers. */
export interface Returns {
  readonly abouts?: readonly Reference[]
  readonly transfers?: readonly TransferId[]
}

/**
 * Where a wallet's money is taken from; absent: in burn order. From lots of one kind only, from those of one
 * kind before the others, or what is left of a lot that has lapsed.
 */
export type From = { readonly only: LotKind } | { readonly first: LotKind } | { readonly lapsed: LotId }

/** What becomes of money that comes into a wallet: a lot of its own, or back to the lots that paid. */
export type Into = { readonly terms: AskedTerms } | { readonly returns: Returns }

/** The lots that a call may touch, and what is known of their uses. */
export interface Stock {
  readonly lots: readonly Lot[]
  /** What each hold has reserved, of which lot. */
  readonly reserved: ReadonlyMap<TransferId, ReadonlyMap<LotId, Nanos>>
  /** Uses that may come back, newest last. */
  readonly returnable: readonly Returnable[]
  /** When the lots are looked at: what has lapsed by then is not used any more. */
  readonly asOf: Instant
}

/** Can the lot be used at the instant? */
export function isInForce(lot: LotTerms, asOf: Instant): boolean {
  return lot.effectiveAt <= asOf && !hasLapsed(lot, asOf)
}

/** Is what is left of it lost? */
export function hasLapsed(lot: LotTerms, asOf: Instant): boolean {
  return lot.expiresAt !== null && lot.expiresAt <= asOf
}

/** From when on people are told that it will lapse; null: it never does. */
export function tellsLapseFrom({ effectiveAt, expiresAt }: LotTerms): Instant | null {
  if (expiresAt === null) return null
  return later(instant(expiresAt - lapseNoticeMs), instant((effectiveAt + expiresAt) / 2))
}

/** Of what lapses later than this nobody is told yet. */
export function lapsesBefore(now: Instant): Instant {
  return instant(now + lapseNoticeMs)
}

/** What remains of a lot and is not reserved. */
export function freeOf(lot: Lot): Nanos {
  return nanos(lot.remaining - lot.reserved)
}

/**
 * The order in which lots are used: priority, then what lapses sooner, what was given before what was bought,
 * what is in force longer, what is older.
 */
export function burnOrder(a: Lot, b: Lot): number {
  return (
    a.priority - b.priority ||
    compare(a.expiresAt ?? Infinity, b.expiresAt ?? Infinity) ||
    Number(a.kind === 'paid') - Number(b.kind === 'paid') ||
    a.effectiveAt - b.effectiveAt ||
    a.recordedAt - b.recordedAt ||
    compare(a.id, b.id)
  )
}

/** A difference would be no number where both are infinite. */
function compare<T extends number | string>(a: T, b: T): number {
  return a < b ? -1 : Number(a > b)
}

/** What can be used now: what is in force and free. */
export function usable(lots: readonly Lot[], asOf: Instant): Nanos {
  return nanos(lots.reduce((sum, lot) => (isInForce(lot, asOf) ? sum + freeOf(lot) : sum), 0n))
}

/**
 * Lots while a call is judged: each use changes them, and the next transfer sees what the ones before it
 * left.
 */
export interface Shelf {
  readonly asOf: Instant
  readonly lots: Map<LotId, Lot>
  /** An account's lots in burn order. */
  readonly order: Map<AccountId, readonly LotId[]>
  readonly reserved: Map<TransferId, Map<LotId, Nanos>>
  readonly returnable: Returnable[]
}

/** The lots of a call, in burn order. */
export function shelfOf({ asOf, lots, reserved, returnable }: Stock): Shelf {
  const order = new Map<AccountId, LotId[]>()
  for (const { id, account } of lots.toSorted(burnOrder)) {
    const own = order.get(account)
    if (own) own.push(id)
    else order.set(account, [id])
  }
  return {
    asOf,
    lots: new Map(lots.map((lot) => [lot.id, lot])),
    order,
    reserved: new Map([...reserved].map(([hold, parts]) => [hold, new Map(parts)])),
    returnable: [...returnable],
  }
}

function lotsOn(shelf: Shelf, account: AccountId): readonly Lot[] {
  return (shelf.order.get(account) ?? []).flatMap((id) => shelf.lots.get(id) ?? [])
}

/** Puts a lot on the shelf, in its place. */
function put(shelf: Shelf, lot: Lot): void {
  const others = lotsOn(shelf, lot.account).filter(({ id }) => id !== lot.id)
  shelf.lots.set(lot.id, lot)
  shelf.order.set(
    lot.account,
    [...others, lot].toSorted(burnOrder).map(({ id }) => id),
  )
}

interface Part {
  readonly lot: LotId
  readonly amount: Nanos
}

/** Parts of lots that make up the amount, in the order given; null: there is not so much. */
function partsOf(lots: readonly Lot[], amount: bigint, roomOf: (lot: Lot) => bigint): readonly Part[] | null {
  const parts: Part[] = []
  let rest = amount
  for (const lot of lots) {
    if (rest === 0n) break
    const room = roomOf(lot)
    const part = room < rest ? room : rest
    if (part <= 0n) continue
    parts.push({ lot: lot.id, amount: nanos(part) })
    rest -= part
  }
  return rest === 0n ? parts : null
}

/** Notes a use, and changes the lot by it. */
function noted(
  shelf: Shelf,
  kind: UseKind,
  transfer: TransferId,
  { lot, amount }: Part,
  returned: TransferId | null = null,
): LotUse {
  const before = shelf.lots.get(lot)
  if (before) {
    const [remaining, reserved] = effects[kind]
    shelf.lots.set(lot, {
      ...before,
      remaining: nanos(before.remaining + remaining * amount),
      reserved: nanos(before.reserved + reserved * amount),
    })
  }
  return { transfer, lot, kind, amount, returned }
}

/** What leaves a wallet uses its lots; null: those that may be used are not enough. */
export function spend(
  shelf: Shelf,
  transfer: TransferId,
  account: AccountId,
  amount: Nanos,
  from?: From,
): readonly LotUse[] | null {
  const parts = partsOf(lotsFrom(lotsOn(shelf, account), shelf.asOf, from), amount, freeOf)
  const kind = from && 'lapsed' in from ? 'expire' : 'use'
  return parts?.map((part) => noted(shelf, kind, transfer, part)) ?? null
}

/** The lots that may be used, in the order in which they are. */
function lotsFrom(lots: readonly Lot[], asOf: Instant, from?: From): readonly Lot[] {
  if (from && 'lapsed' in from) return lots.filter((lot) => lot.id === from.lapsed && hasLapsed(lot, asOf))
  const inForce = lots.filter((lot) => isInForce(lot, asOf))
  if (!from) return inForce
  if ('only' in from) return inForce.filter(({ kind }) => kind === from.only)
  return [
    ...inForce.filter(({ kind }) => kind === from.first),
    ...inForce.filter(({ kind }) => kind !== from.first),
  ]
}

/** A hold reserves lots; null: those in force are not enough. */
export function reserve(
  shelf: Shelf,
  hold: TransferId,
  account: AccountId,
  amount: Nanos,
): readonly LotUse[] | null {
  const inForce = lotsOn(shelf, account).filter((lot) => isInForce(lot, shelf.asOf))
  const parts = partsOf(inForce, amount, freeOf)
  if (!parts) return null
  shelf.reserved.set(hold, new Map(parts.map((part) => [part.lot, part.amount])))
  return parts.map((part) => noted(shelf, 'reserve', hold, part))
}

/** A settle uses what its hold has reserved, a release frees it, lapsed or not. Null: it is not so much. */
export function draw(
  shelf: Shelf,
  kind: 'settle' | 'release',
  transfer: TransferId,
  hold: TransferId,
  account: AccountId,
  amount: Nanos,
): readonly LotUse[] | null {
  const reserved = shelf.reserved.get(hold) ?? new Map<LotId, Nanos>()
  const parts = partsOf(lotsOn(shelf, account), amount, ({ id }) => reserved.get(id) ?? 0n)
  if (!parts) return null
  for (const { lot, amount: part } of parts) reserved.set(lot, nanos((reserved.get(lot) ?? 0n) - part))
  return parts.map((part) => noted(shelf, kind, transfer, part))
}

/** The lot that a transfer made is named after it. */
export function lotIdOf(transfer: TransferId): LotId {
  return derivedId('lot', transfer)
}

/** Money that comes in becomes a lot; answers whether its terms leave any time to use it. */
export function stack(
  shelf: Shelf,
  transfer: TransferId,
  account: AccountId,
  amount: Nanos,
  { kind, priority, effectiveAt: from, expiresAt }: AskedTerms,
): boolean {
  const { asOf } = shelf
  const effectiveAt = from ?? asOf
  if (expiresAt !== null && expiresAt <= later(effectiveAt, asOf)) return false
  const dates = { effectiveAt, expiresAt, recordedAt: asOf }
  const money = { amount, remaining: amount, reserved: nanos(0n) }
  put(shelf, { id: lotIdOf(transfer), account, transfer, renews: null, kind, priority, ...dates, ...money })
  return true
}

/** Are these the terms that the lot was made with? */
export function isAsAsked(lot: Lot, asked: AskedTerms): boolean {
  return (
    lot.kind === asked.kind &&
    lot.priority === asked.priority &&
    lot.expiresAt === asked.expiresAt &&
    lot.effectiveAt === (asked.effectiveAt ?? lot.recordedAt)
  )
}

/**
 * Money that comes back goes to the lots that paid, newest use first. A lot that has lapsed in the meantime
 * goes on as a new one, of its kind and priority, for thirty days. Null: less than that was paid.
 */
export function giveBack(
  shelf: Shelf,
  transfer: TransferId,
  account: AccountId,
  amount: Nanos,
  { abouts = [], transfers = [] }: Returns,
): readonly LotUse[] | null {
  const uses: LotUse[] = []
  let rest: bigint = amount
  for (const [index, use] of [...shelf.returnable.entries()].toReversed()) {
    if (rest === 0n) break
    const lot = shelf.lots.get(use.lot)
    const isMeant = abouts.includes(use.about) || transfers.includes(use.transfer)
    if (!lot || use.account !== account || !isMeant || use.left <= 0n) continue
    const part = nanos(use.left < rest ? use.left : rest)
    uses.push(noted(shelf, 'return', transfer, { lot: lot.id, amount: part }, use.transfer))
    shelf.returnable[index] = { ...use, left: nanos(use.left - part) }
    rest -= part
    if (!hasLapsed(lot, shelf.asOf)) continue
    uses.push(noted(shelf, 'renew', transfer, { lot: lot.id, amount: part }))
    renew(shelf, transfer, lot, part)
  }
  return rest === 0n ? uses : null
}

/** What was just used may come back by a later transfer of the same call. */
export function remember(
  shelf: Shelf,
  uses: readonly LotUse[],
  { about, debit: account }: { readonly about: Reference; readonly debit: AccountId },
): void {
  for (const { kind, transfer, lot, amount: left } of uses)
    if (kind === 'use' || kind === 'settle') shelf.returnable.push({ transfer, about, account, lot, left })
}

/** What came back to a lapsed lot by one transfer goes on as one lot. */
function renew(shelf: Shelf, transfer: TransferId, lapsed: Lot, amount: Nanos): void {
  const id = derivedId('lot', transfer, lapsed.id)
  const there = shelf.lots.get(id)
  const whole = nanos(amount + (there?.amount ?? 0n))
  put(shelf, {
    ...lapsed,
    id,
    transfer,
    renews: lapsed.id,
    effectiveAt: shelf.asOf,
    expiresAt: instant(shelf.asOf + renewalMs),
    amount: whole,
    remaining: whole,
    reserved: nanos(0n),
    recordedAt: shelf.asOf,
  })
}

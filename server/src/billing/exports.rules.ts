import type { UsageEvent } from '../journal/rules.ts'
import { type Currency, formatAmount, type Nanos, nanos } from '../kernel/money.ts'
import { formatInstant, type Instant } from '../kernel/time.ts'
import type { PostedTransfer } from '../ledger/rules.ts'
import type { Stretch } from '../metering/rules.ts'
import { amountOf, type Rate } from '../pricing/rules.ts'
import type { NewCharge } from './rules.ts'

/** What stands in a field of an exported row; whole numbers that may be large are bigints. */
export type Cell = string | number | bigint | boolean | null | object

/** One row of an exported list: its fields in the order of the columns. */
export type Row = Readonly<Record<string, Cell>>

/** The lists that can be taken away whole. */
export const exportLists = ['usage', 'charges', 'events', 'ledger'] as const
/** One of them. */
export type ExportList = (typeof exportLists)[number]

/** The columns of each list, in their order; a header even where nothing was found. */
export const columnsOf = {
  usage: [
    ...['resource', 'subject', 'name', 'project', 'projectName', 'flavor', 'sku', 'quantity', 'unit'],
    ...['priceBook', 'from', 'to', 'isOpen', 'paidMillis', 'unitMillis', 'nanosPerUnitHour'],
    ...['ratePerUnitHour', 'amountNanos', 'amount', 'currency'],
  ],
  charges: [
    ...['id', 'resource', 'subject', 'name', 'project', 'projectName', 'sku', 'unit', 'priceBook', 'seq'],
    ...['upTo', 'recordedAt', 'unitMillisBefore', 'unitMillis', 'nanosPerUnitHour', 'ratePerUnitHour'],
    ...['amountNanos', 'amount', 'currency', 'reason'],
  ],
  events: ['resource', 'seq', 'type', 'at', 'recordedAt', 'data', 'prevHash', 'hash'],
  ledger: [
    ...['id', 'kind', 'hold', 'bookedAt', 'recordedAt', 'code', 'about', 'debitOwner', 'debitAccount'],
    ...['creditOwner', 'creditAccount', 'amountNanos', 'amount', 'currency', 'postedNanos', 'heldNanos'],
    'receivableNanos',
  ],
} as const satisfies Record<ExportList, readonly string[]>

/** What a resource was for. */
interface Naming {
  readonly resource: string
  readonly subject: string
  readonly name: string
  readonly project: string
  readonly projectName: string
}

function moneyCells(amount: bigint, currency: Currency): Row {
  return { amountNanos: amount, amount: formatAmount(amount), currency }
}

function rateCells(rate: bigint): Row {
  return { nanosPerUnitHour: rate, ratePerUnitHour: formatAmount(rate) }
}

/** A charge as a row. */
export function chargeRow(
  charge: NewCharge & Naming & { readonly unit: string; readonly recordedAt: NewCharge['upTo'] },
  currency: Currency,
): Row {
  const { id, resource, subject, name, project, projectName, sku, unit, priceBook, seq, reason } = charge
  return {
    ...{ id, resource, subject, name, project, projectName, sku, unit, priceBook, seq },
    upTo: formatInstant(charge.upTo),
    recordedAt: formatInstant(charge.recordedAt),
    unitMillisBefore: charge.unitMillisBefore,
    unitMillis: charge.unitMillis,
    ...rateCells(charge.nanos),
    ...moneyCells(charge.amount, currency),
    reason,
  }
}

/** A usage event as a row. */
export function eventRow({ resource, seq, type, at, recordedAt, data, prevHash, hash }: UsageEvent): Row {
  const dates = { at: formatInstant(at), recordedAt: formatInstant(recordedAt) }
  return { resource, seq, type, ...dates, data, prevHash, hash }
}

/** What a transfer changes of an organization's money: summed over all of them, its balance. */
export interface Changes {
  readonly posted: bigint
  readonly held: bigint
  readonly receivable: bigint
}

/** A transfer with the owners and codes of its two accounts. */
export interface Ends {
  readonly debitOwner: string
  readonly debitCode: string
  readonly creditOwner: string
  readonly creditCode: string
}

/** The changes of what an organization has, holds and owes by one transfer. */
export function changesOf(
  organization: string,
  transfer: Pick<PostedTransfer, 'kind' | 'amount'> & Ends,
): Changes {
  const { kind, amount, debitOwner, debitCode, creditOwner, creditCode } = transfer
  const isDebited = (code: string): boolean => debitOwner === organization && debitCode === code
  const isCredited = (code: string): boolean => creditOwner === organization && creditCode === code
  const moved = kind === 'post' || kind === 'settle' ? amount : 0n
  const pending = kind === 'hold' ? amount : kind === 'post' ? 0n : -amount
  return {
    posted: (isCredited('customer') ? moved : 0n) - (isDebited('customer') ? moved : 0n),
    held: isDebited('customer') ? pending : 0n,
    receivable: (isDebited('receivable') ? moved : 0n) - (isCredited('receivable') ? moved : 0n),
  }
}

/** A transfer as a row. */
export function transferRow(
  organization: string,
  transfer: PostedTransfer & Ends & { readonly recordedAt: PostedTransfer['bookedAt'] },
  currency: Currency,
): Row {
  const { id, kind, hold, code, about, debitOwner, creditOwner, amount } = transfer
  const { posted, held, receivable } = changesOf(organization, transfer)
  return {
    ...{ id, kind, hold, bookedAt: formatInstant(transfer.bookedAt) },
    ...{ recordedAt: formatInstant(transfer.recordedAt), code, about },
    ...{ debitOwner, debitAccount: transfer.debitCode, creditOwner, creditAccount: transfer.creditCode },
    ...moneyCells(amount, currency),
    ...{ postedNanos: posted, heldNanos: held, receivableNanos: receivable },
  }
}

/** A stretch of paid time with what it added to its running sum. */
export interface PaidStretch extends Stretch {
  readonly unitMillis: bigint
  readonly amount: Nanos
}

/** Names a running sum of a resource. */
function sumKey({ sku, priceBook }: Stretch): string {
  return `${sku} ${priceBook}`
}

/**
 * Each stretch with its step of the running sum: the steps of all of them add up to the one-shot price, also
 * where they were cut.
 */
export function priced(
  stretches: readonly Stretch[],
  rateIn: (stretch: Stretch) => Rate,
): readonly PaidStretch[] {
  const sums = new Map<string, bigint>()
  return stretches.map((stretch) => {
    const { nanos: rate } = rateIn(stretch)
    const unitMillis = BigInt(stretch.quantity) * BigInt(stretch.to - stretch.from)
    const before = sums.get(sumKey(stretch)) ?? 0n
    sums.set(sumKey(stretch), before + unitMillis)
    const amount = nanos(amountOf(rate, before + unitMillis) - amountOf(rate, before))
    return { ...stretch, unitMillis, amount }
  })
}

/** The stretches cut at these instants, which rise. */
export function cutAt(stretches: readonly Stretch[], cuts: readonly Instant[]): readonly Stretch[] {
  return stretches.flatMap((stretch) => {
    const pieces: Stretch[] = []
    let { from } = stretch
    for (let index = firstAfter(cuts, from); index < cuts.length; index += 1) {
      // The index is within the list.
      const cut = cuts[index] as Instant
      if (cut >= stretch.to) break
      pieces.push({ ...stretch, from, to: cut })
      from = cut
    }
    pieces.push({ ...stretch, from })
    return pieces
  })
}

/** The place of the first of rising instants that is after another. */
function firstAfter(instants: readonly Instant[], at: Instant): number {
  let low = 0
  let high = instants.length
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if ((instants[middle] ?? at) <= at) low = middle + 1
    else high = middle
  }
  return low
}

/** A stretch of paid time as a row. */
export function usageRow(
  stretch: PaidStretch,
  named: Naming & { readonly flavor: string | null },
  rate: Rate,
  isOpen: boolean,
  currency: Currency,
): Row {
  const { resource, subject, name, project, projectName, flavor } = named
  const { sku, quantity, priceBook, from, to, unitMillis, amount } = stretch
  return {
    ...{ resource, subject, name, project, projectName, flavor, sku, quantity, unit: rate.unit, priceBook },
    ...{ from: formatInstant(from), to: formatInstant(to), isOpen, paidMillis: BigInt(to - from) },
    unitMillis,
    ...rateCells(rate.nanos),
    ...moneyCells(amount, currency),
  }
}

import type { Line } from '../journal/rules.ts'
import type { BudgetId, ProjectId, SubjectId } from '../kernel/ids.ts'
import { type Nanos, nanos } from '../kernel/money.ts'
import { type Instant, instant } from '../kernel/time.ts'
import { firstHold, lastInstant, needUntil, type Payer } from './leases.rules.ts'
import type { Rates } from '../pricing/rules.ts'

/** Whose wish an allocation is, and where: what a budget's scope is judged by. */
export interface Asked {
  readonly project: ProjectId
  /** The person who last asked for a start. */
  readonly askedBy: string
  /** The API key with which; null: none. */
  readonly askedKey: string | null
  readonly subject: SubjectId
  /** The name of a run; null of an instance. */
  readonly job: string | null
}

/**
 * Money of which leases may hold no more than is left: the wallet, of which all draw, or what a budget or a
 * run's own limit still allows those in its scope.
 */
export interface Purse {
  readonly name: 'wallet' | 'limit' | BudgetId
  /** Nano-units; below zero where more is held or spent than is allowed by now. */
  readonly available: bigint
  /** It is asked when something starts, and ends nothing. */
  readonly onlyStarts: boolean
  pays(asked: Asked): boolean
}

/** A lease with what the scope of a purse is judged by. */
export interface AskedPayer extends Payer {
  readonly asked: Asked
}

/**
 * How far a lease can be paid, and by which purse no further; null: the end that was asked for is reached.
 */
export interface Reach {
  readonly end: Instant
  readonly limitedBy: Purse['name'] | null
}

interface Filling {
  readonly purse: Purse
  left: bigint
}

/**
 * How far each lease can be paid up to `to`, from purses that several of them share: all together to one
 * common instant, the one furthest behind first; where a purse is used up, those that draw on it end there
 * and the others go on. With the wallet alone that is the one common second of `money.md` §3.4.
 */
export function reachOf<P extends AskedPayer>(
  payers: readonly P[],
  purses: readonly Purse[],
  from: Instant,
  to: Instant,
): ReadonlyMap<P, Reach> {
  const reach = new Map<P, Reach>()
  const fillings = purses
    .filter(({ onlyStarts }) => !onlyStarts)
    .map((purse): Filling => ({ purse, left: purse.available > 0n ? purse.available : 0n }))
  const needOf = ({ purse }: Filling, when: Instant): bigint =>
    payers.reduce(
      (sum, payer) => (!reach.has(payer) && purse.pays(payer.asked) ? sum + needUntil(payer, when) : sum),
      0n,
    )
  const settle = (payer: P, end: Instant, limitedBy: Reach['limitedBy']): void => {
    reach.set(payer, { end, limitedBy })
    for (const filling of fillings) if (filling.purse.pays(payer.asked)) filling.left -= needUntil(payer, end)
  }
  let end = from
  while (reach.size < payers.length) {
    end = lastInstant(end, to, (when) => fillings.every((one) => needOf(one, when) <= one.left))
    const next = instant(end + 1)
    const empty = end >= to ? undefined : fillings.find((one) => needOf(one, next) > one.left)
    for (const payer of payers.filter((one) => !reach.has(one)))
      if (!empty || empty.purse.pays(payer.asked)) settle(payer, end, empty?.purse.name ?? null)
  }
  return reach
}

/** A first hold that every purse allows, or the first one that does not cover a minute. */
export type FirstHold =
  | { readonly hold: Nanos }
  | { readonly shortfall: Nanos; readonly purse: Purse['name'] }

/**
 * What a first hold takes: ten minutes of the rate, or all that the tightest purse has if that is good for
 * one.
 */
export function firstHoldFrom(
  lines: readonly Line[],
  rates: Rates,
  purses: readonly Purse[],
  asked: Asked,
): FirstHold {
  let hold: bigint | null = null
  for (const { name, available, onlyStarts, pays } of purses) {
    if (!pays(asked)) continue
    const first = firstHold(lines, rates, nanos(available > 0n ? available : 0n))
    if ('shortfall' in first) return { shortfall: first.shortfall, purse: name }
    if (!onlyStarts && (hold === null || first.hold < hold)) hold = first.hold
  }
  return { hold: nanos(hold ?? 0n) }
}

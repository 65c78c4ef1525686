import { type Bill, type BillEvent, costOf, lengthOf, linesOf, paidOf, storageCostOf } from './bill.ts'
import type { BalanceAnswer, Evidence } from './evidence.ts'
import { silenceMs } from './law.ts'

/** The events of each resource of a bill. */
export function byResource(bill: Bill): ReadonlyMap<string, readonly BillEvent[]> {
  return Map.groupBy(bill.events, ({ resource }) => resource)
}

/** What a resource costs by its own events, up to an instant. */
function resourceCost(bill: Bill, events: readonly BillEvent[], now: number): bigint {
  const [first] = events
  if (!first) return 0n
  if (first.type !== 'allocated') return storageCostOf(bill, events, now)
  return costOf(linesOf(bill, first), lengthOf(paidOf(events, now)))
}

/** The charges are the one-shot prices; the wallet has paid them, and nothing else. */
export function priceFindings(
  bill: Bill,
  last: BalanceAnswer | undefined,
  evidence: Evidence,
): readonly string[] {
  const findings: string[] = []
  let total = 0n
  for (const [resource, events] of byResource(bill)) {
    const cost = resourceCost(bill, events, bill.to)
    const charged = bill.charges.reduce(
      (sum, one) => (one.resource === resource ? sum + one.amount : sum),
      0n,
    )
    if (cost !== charged) findings.push(`${resource} costs ${cost} and was charged ${charged}`)
    total += cost
  }
  if (total !== bill.total) findings.push(`everything costs ${total}, the bill says ${bill.total}`)
  const given = grantsOf(bill.organization, evidence, Infinity)
  if (!last) return [...findings, `there is no balance of ${bill.organization}`]
  if (last.held !== 0n) findings.push(`${last.held} are still held for ${bill.organization}`)
  if (given - total !== last.posted - last.receivable)
    findings.push(`${given} given, ${total} charged, and ${last.posted} left with ${last.receivable} owed`)
  return findings
}

/** What was given by an instant. A grant that was never answered counts once it was asked for again and answered. */
function grantsOf(organization: string, { asks }: Evidence, before: number): bigint {
  const grants = asks.filter(
    (ask) => ask.organization === organization && ask.kind === 'grant' && ask.answer === 'accepted',
  )
  return grants.reduce((sum, { amount, to }) => (to <= before ? sum + (amount ?? 0n) : sum), 0n)
}

/** No wallet is overdrawn, whoever looks when. */
export function overdraftFindings({ balances }: Evidence): readonly string[] {
  return balances
    .filter(
      ({ posted, held, available }) =>
        posted < 0n || held < 0n || available < 0n || posted - held !== available,
    )
    .map(({ organization, at }) => `${organization} is overdrawn at ${new Date(at).toISOString()}`)
}

/** A storage settlement may have been made at any millisecond of the keeper's pass. */
const roundingNanos = 1_000n

/**
 * Where a lease ended, was the money really used up? Told where one allocation alone was alive: what was held and
 * available then is public, so it must be good for the seconds that were paid, and not for one more.
 */
export function lastSecondFindings(bill: Bill, evidence: Evidence): readonly string[] {
  const findings: string[] = []
  const all = [...byResource(bill).values()]
  const allocations = all.filter(([first]) => first?.type === 'allocated')
  for (const events of allocations) {
    const [first] = events
    const ended = events.find(({ type }) => type === 'lease_ended')
    const answer = evidence.balances.find(({ organization, afterKeeper }) => {
      const at = ended?.recordedAt ?? 0
      return (
        organization === bill.organization && afterKeeper && at >= afterKeeper.from && at <= afterKeeper.to
      )
    })
    if (!first || !ended || !answer || !isAlone(allocations, events, ended)) continue
    const others = all.filter((one) => one !== events)
    const otherCost = others.reduce((sum, one) => sum + resourceCost(bill, one, ended.recordedAt), 0n)
    const given = grantsOf(bill.organization, evidence, ended.recordedAt)
    // All that was ever given is spent on others, owed by us to nobody, or stood behind this one.
    const behind = given - otherCost + answer.receivable
    const lines = linesOf(bill, first)
    const paid = lengthOf(paidOf(events.slice(0, events.indexOf(ended) + 1), ended.at))
    if (costOf(lines, paid) > behind + roundingNanos)
      findings.push(`${first.resource} was paid for ${paid} ms, more than the wallet had`)
    if (costOf(lines, paid + 1000) + roundingNanos < behind)
      findings.push(`${first.resource} ended after ${paid} ms, and the wallet had money for more`)
  }
  return findings
}

/** Nothing else of the organization was alive, or had just ended, when the lease was used up. */
export function isAlone(
  allocations: readonly (readonly BillEvent[])[],
  own: readonly BillEvent[],
  ended: BillEvent,
): boolean {
  return allocations.every((events) => {
    if (events === own) return true
    const [first] = events
    const over = events.find(({ type }) => type === 'released')
    return (
      (first?.recordedAt ?? 0) > ended.recordedAt || (over?.recordedAt ?? Infinity) < ended.at - silenceMs
    )
  })
}

import { type Bill, type BillEvent, costOf, lengthOf, linesOf, paidOf, storageCostOf } from './bill.ts'
import type { BalanceAnswer, Evidence, Pass } from './evidence.ts'
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
  return costOf(linesOf(bill, first), lengthOf(paidOf(events, now), now))
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

/**
 * What was given by an instant. A grant that was never answered counts once it was asked for again and
 * answered.
 */
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

/**
 * Where a lease ended, was the money really used up? Told where one allocation alone was alive: what was held
 * and available then is public, so it must be good for the seconds that were paid, and not for one more.
 */
export function lastSecondFindings(bill: Bill, evidence: Evidence): readonly string[] {
  return lonelyEnds(bill, evidence).flatMap(({ events, ended, answer, pass }) => {
    const [first] = events
    if (!first) return []
    const others = [...byResource(bill).values()].filter((one) => one[0]?.resource !== first.resource)
    const given = grantsOf(bill.organization, evidence, ended.recordedAt)
    // What was given and not spent on others stood behind this one. The pass settled storage first; when it
    // did stands on the bill.
    const settled = bill.charges.findLast(({ resource, upTo }) => {
      return resource !== first.resource && upTo >= pass.from && upTo <= pass.to
    })
    const behindAt = (now: number): bigint =>
      given + answer.receivable - others.reduce((sum, one) => sum + resourceCost(bill, one, now), 0n)
    const paid = lengthOf(paidOf(events.slice(0, events.indexOf(ended) + 1), ended.at))
    const lines = linesOf(bill, first)
    const isTooLong = costOf(lines, paid) > behindAt(settled?.upTo ?? pass.from)
    const isTooShort = costOf(lines, paid + 1000) <= behindAt(settled?.upTo ?? pass.to)
    return [
      ...(isTooLong ? [`${first.resource} was paid for ${paid} ms, more than the wallet had`] : []),
      ...(isTooShort ? [`${first.resource} ended after ${paid} ms, and the wallet had money for more`] : []),
    ]
  })
}

interface LonelyEnd {
  readonly events: readonly BillEvent[]
  readonly ended: BillEvent
  readonly answer: BalanceAnswer
  readonly pass: Pass
}

/** The ends of leases that the keeper wrote while nothing else of the organization was alive. */
export function lonelyEnds(bill: Bill, evidence: Evidence): readonly LonelyEnd[] {
  const allocations = [...byResource(bill).values()].filter(([first]) => first?.type === 'allocated')
  return allocations.flatMap((events) => {
    const ended = events.find(({ type }) => type === 'lease_ended')
    if (!ended || !isAlone(allocations, events, ended)) return []
    return evidence.balances.flatMap((answer) => {
      const { organization, afterKeeper: pass } = answer
      if (organization !== bill.organization || !pass) return []
      const isThen = ended.recordedAt >= pass.from && ended.recordedAt <= pass.to
      return isThen ? [{ events, ended, answer, pass }] : []
    })
  })
}

/** Nothing else of the organization was alive, or had just ended, when the lease was used up. */
function isAlone(
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

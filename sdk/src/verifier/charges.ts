import type { Bill, Charge, History } from './bill.ts'
import { historiesOf } from './bill.ts'
import type { Rates } from './books.ts'
import type { Difference } from './difference.ts'
import type { Instant } from './instant.ts'
import { textOfInstant } from './instant.ts'
import type { Line, Question } from './paid.ts'
import { amountOf, linesOf, paidUnitMillis } from './paid.ts'
import { isInPeriod } from './presence.ts'

/** What the events and books alone make of one line, up to the end of the period. */
export interface RecomputedLine {
  readonly resource: string
  readonly sku: string
  readonly priceBook: string
  readonly unitMillis: string
  readonly amount: string
}

/** Every line of every allocation and every (volume or snapshot, book), zeros included, in byte order. */
export function recompute(bill: Bill, rates: Rates): RecomputedLine[] {
  return historiesOf(bill).flatMap((history) => {
    const lines = linesOf(history)
    const paid = paidUnitMillis(
      history,
      lines.map((line) => ({ line, upTo: bill.to })),
    )
    return lines.map(({ resource, sku, priceBook }, index) => {
      const unitMillis = paid[index] ?? 0n
      const amount = amountOf(rateOf(rates, priceBook, sku), unitMillis)
      return { resource, sku, priceBook, unitMillis: String(unitMillis), amount: String(amount) }
    })
  })
}

/** The first violation of kind `charge`: every charge in order, then the sums at `from` and at `to`. */
export function differenceInCharges(bill: Bill, rates: Rates): Difference | null {
  const chargesByResource = Map.groupBy(bill.charges, ({ resource }) => resource)
  const paidByCharge = new Map<Charge, bigint>()
  const sums: SumAtBoundary[] = []
  for (const history of historiesOf(bill)) {
    const charges = chargesByResource.get(history.resource) ?? []
    for (const [charge, paid] of paidAtCharges(history, charges)) paidByCharge.set(charge, paid)
    for (const sum of sumsAtBoundaries(history, charges, bill)) sums.push(sum)
  }
  for (const [index, charge] of bill.charges.entries()) {
    const before = bill.charges[index - 1]
    const previous = before !== undefined && nameOfSum(before) === nameOfSum(charge) ? before : null
    const found = differenceInCharge(charge, previous, paidByCharge.get(charge), bill.to, rates)
    if (found !== null) return found
  }
  for (const sum of sums) {
    if (sum.charged === sum.paid) continue
    const where = `the sum of ${nameOfSum(sum.line)} at ${textOfInstant(sum.upTo)}`
    return { kind: 'charge', where, found: String(sum.charged), expected: String(sum.paid) }
  }
  return null
}

/** The violation of kind `total`: the sum of the amounts of the charges in the period. */
export function differenceInTotal(bill: Bill): Difference | null {
  const inPeriod = bill.charges.filter((charge) => isInPeriod(bill, charge))
  const total = inPeriod.reduce((sum, { amount }) => sum + amount, 0n)
  if (total === bill.total) return null
  return { kind: 'total', where: 'total', found: String(bill.total), expected: String(total) }
}

function nameOfSum({ resource, sku, priceBook }: Charge | Line): string {
  return `${resource} ${sku} ${priceBook}`
}

/** The price books have been checked: whatever a line names has a rate. */
function rateOf(rates: Rates, priceBook: string, sku: string): bigint {
  const nanos = rates.get(priceBook)?.get(sku)
  if (nanos === undefined) throw new Error(`the rate of ${sku} in ${priceBook} was not checked`)
  return nanos
}

/** A charge that names no line of the resource has no answer. */
function paidAtCharges(history: History, charges: readonly Charge[]): [Charge, bigint][] {
  const lines = new Map(linesOf(history).map((line) => [nameOfSum(line), line]))
  const known: Charge[] = []
  const questions: Question[] = []
  for (const charge of charges) {
    const line = lines.get(nameOfSum(charge))
    if (line === undefined) continue
    known.push(charge)
    questions.push({ line, upTo: charge.upTo })
  }
  const paid = paidUnitMillis(history, questions)
  return known.map((charge, index) => [charge, paid[index] ?? 0n])
}

interface SumAtBoundary extends Question {
  readonly charged: bigint
  readonly paid: bigint
}

/** Of every line, charged or not: what nobody charged is missing as well. */
function sumsAtBoundaries(history: History, charges: readonly Charge[], bill: Bill): SumAtBoundary[] {
  const chargesBySum = Map.groupBy(charges, nameOfSum)
  const questions = [bill.from, bill.to].flatMap((upTo) => linesOf(history).map((line) => ({ line, upTo })))
  const paid = paidUnitMillis(history, questions)
  return questions.map(({ line, upTo }, index) => {
    const last = chargesBySum.get(nameOfSum(line))?.findLast((charge) => charge.upTo <= upTo)
    const charged = last === undefined ? 0n : last.unitMillisBefore + last.unitMillis
    return { line, upTo, charged, paid: paid[index] ?? 0n }
  })
}

function differenceInCharge(
  charge: Charge,
  previous: Charge | null,
  paid: bigint | undefined,
  to: Instant,
  rates: Rates,
): Difference | null {
  const differs = (field: string, found: bigint | string, expected: bigint | string): Difference => ({
    kind: 'charge',
    where: `charges[${charge.index}]${field}`,
    found: String(found),
    expected: String(expected),
  })
  if (paid === undefined) return differs('', nameOfSum(charge), 'a line that its events give')
  const upTo = textOfInstant(charge.upTo)
  if (charge.upTo > to) return differs('.upTo', upTo, `not after ${textOfInstant(to)}`)
  if (previous !== null && charge.upTo <= previous.upTo) {
    return differs('.upTo', upTo, `after ${textOfInstant(previous.upTo)}`)
  }
  const { unitMillisBefore, unitMillis } = charge
  const before = previous === null ? 0n : previous.unitMillisBefore + previous.unitMillis
  if (unitMillisBefore !== before) return differs('.unitMillisBefore', unitMillisBefore, before)
  if (before + unitMillis !== paid) return differs('.unitMillis', unitMillis, paid - before)
  const nanos = rateOf(rates, charge.priceBook, charge.sku)
  if (charge.nanos !== nanos) return differs('.nanos', charge.nanos, nanos)
  const amount = amountOf(nanos, paid) - amountOf(nanos, before)
  return charge.amount === amount ? null : differs('.amount', charge.amount, amount)
}

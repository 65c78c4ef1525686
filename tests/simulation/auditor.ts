import { verifyBill } from '../../sdk/src/verifier/verifier.ts'
import { lastSecondFindings, overdraftFindings, priceFindings } from './auditor.money.ts'
import {
  type Case,
  casesOf,
  lawFindings,
  leaseFindings,
  stopFindings,
  truthFindings,
} from './auditor.spells.ts'
import { storageFindings } from './auditor.storage.ts'
import { worldFindings } from './auditor.world.ts'
import { type Bill, paidOf, readBill } from './bill.ts'
import type { Evidence } from './evidence.ts'

/*
 * The auditor keeps its own books. It knows what truly ran, what the platform was shown and when, what
 * customers asked and were answered, the published prices and the open bills; it never reads a table of ours,
 * and shares no code with us.
 */

/** What is wrong with the bills, by the auditor's own books; empty: nothing is. */
export function booksFindings(evidence: Evidence): readonly string[] {
  const bills = evidence.bills.map(({ text }) => readBill(text))
  const findings: string[] = [...worldFindings(evidence), ...overdraftFindings(evidence)]
  for (const one of casesOf(evidence, bills)) findings.push(...caseFindings(one, evidence))
  findings.push(...storageFindings(bills, evidence))
  for (const bill of bills) findings.push(...moneyFindings(bill, evidence))
  return findings
}

/** What is wrong with the bill of one allocation, its price aside. */
export function caseFindings(one: Case, evidence: Evidence): readonly string[] {
  const paid = paidOf(one.events, evidence.endedAt)
  const isLoose = one.events.length > 0 && !one.events.some(({ type }) => type === 'released')
  return [
    ...lawFindings(one, evidence),
    ...stopFindings(one, evidence),
    ...truthFindings(one, paid, evidence),
    ...leaseFindings(one, evidence.passes, evidence),
    ...(isLoose ? [`${one.id} was never released`] : []),
  ]
}

function moneyFindings(bill: Bill, evidence: Evidence): readonly string[] {
  const last = evidence.lastBalances.find(({ organization }) => organization === bill.organization)
  return [...priceFindings(bill, last, evidence), ...lastSecondFindings(bill, evidence)]
}

/** Every bill verifies, and follows from every one that was given out before. */
export async function verifierFindings({ bills, earlierBills }: Evidence): Promise<readonly string[]> {
  const findings: string[] = []
  const judge = async (text: string, after?: string): Promise<void> => {
    const verdict = await verifyBill(text, { after })
    if ('unreadable' in verdict) findings.push(verdict.unreadable)
    else if (verdict.verified !== true) findings.push(JSON.stringify(verdict.firstDifference))
  }
  for (const { organization, text } of bills) {
    await judge(text)
    const earlier = earlierBills.filter((one) => one.organization === organization)
    for (const [index, one] of earlier.entries()) {
      await judge(text, one.text)
      const next = earlier[index + 1]
      if (next) await judge(next.text, one.text)
    }
  }
  return findings
}

import type { Bill } from './bill.ts'
import { canonical } from './canonical.ts'
import type { Difference } from './difference.ts'
import { textOfInstant } from './instant.ts'
import { isInPeriod } from './presence.ts'

/**
 * The first violation of kind `after` between two bills that verify by themselves (bill.md §4, `--after`): so
 * history was not rewritten, and no credit slipped between two periods. Events and books are compared by
 * their hashes, which have been found right; charges, which have none, by their whole text.
 */
export function differenceAfter(bill: Bill, earlier: Bill): Difference | null {
  if (earlier.organization !== bill.organization) {
    return after('organization of the earlier bill', earlier.organization, bill.organization)
  }
  if (earlier.currency !== bill.currency) {
    return after('currency of the earlier bill', earlier.currency, bill.currency)
  }
  if (earlier.to > bill.to) {
    return after('to of the earlier bill', textOfInstant(earlier.to), `not after ${textOfInstant(bill.to)}`)
  }
  return (
    differenceInBooks(bill, earlier) ??
    differenceInEvents(bill, earlier) ??
    differenceInCharges(bill, earlier)
  )
}

function after(where: string, found: string, expected: string): Difference {
  return { kind: 'after', where, found, expected }
}

function differenceInBooks(bill: Bill, earlier: Bill): Difference | null {
  const hashes = new Map(earlier.priceBooks.map(({ id, hash }) => [id, hash]))
  for (const [index, { id, hash }] of bill.priceBooks.entries()) {
    const expected = hashes.get(id) ?? hash
    if (hash !== expected)
      return after(`priceBooks[${index}].hash`, hash, `${expected}, as in the earlier bill`)
  }
  return null
}

interface Entry {
  readonly where: string
  readonly name: string
  readonly text: string
}

function differenceInEvents(bill: Bill, earlier: Bill): Difference | null {
  const shownByBoth = resourcesShownByBoth(bill, earlier)
  const entriesOf = ({ events }: Bill): Entry[] =>
    events
      .filter(({ resource, recordedAt }) => shownByBoth.has(resource) && recordedAt < earlier.to)
      .map(({ index, resource, seq, hash }) => {
        return { where: `events[${index}]`, name: `${resource} ${seq}`, text: hash }
      })
  return differenceInEntries(entriesOf(bill), entriesOf(earlier))
}

/**
 * Of a resource that both show: the charges up to the end of the earlier period. Of any other resource of
 * this bill: the charges in that period, which the earlier bill then ought to have shown. An event in it
 * without any charge is not looked for: bill.md speaks of charges only, and nothing was paid for it.
 */
function differenceInCharges(bill: Bill, earlier: Bill): Difference | null {
  const shownByBoth = resourcesShownByBoth(bill, earlier)
  const standing = earlier.charges.filter(({ resource }) => shownByBoth.has(resource))
  const due = bill.charges.filter((charge) => {
    return shownByBoth.has(charge.resource) ? charge.upTo <= earlier.to : isInPeriod(earlier, charge)
  })
  const entriesOf = ({ charges }: Pick<Bill, 'charges'>): Entry[] =>
    charges.map(({ index, id, source }) => {
      return { where: `charges[${index}]`, name: id, text: canonical(source) }
    })
  return differenceInEntries(entriesOf({ charges: due }), entriesOf({ charges: standing }))
}

/** A bill that verifies has events of every resource with a charge. */
function resourcesShownByBoth(bill: Bill, earlier: Bill): ReadonlySet<string> {
  const resources = new Set(bill.events.map(({ resource }) => resource))
  return new Set(earlier.events.map(({ resource }) => resource).filter((resource) => resources.has(resource)))
}

/** Both lists are in the one order that is right, so the first place where they part is the difference. */
function differenceInEntries(entries: readonly Entry[], earlier: readonly Entry[]): Difference | null {
  for (const [index, entry] of entries.entries()) {
    const other = earlier[index]
    if (other === undefined) return after(entry.where, entry.name, 'nothing, as in the earlier bill')
    if (entry.text === other.text) continue
    const expected = `${other.name} as in the earlier bill's ${other.where}`
    return after(entry.where, entry.name, expected)
  }
  const missing = earlier[entries.length]
  return missing === undefined
    ? null
    : after(`the earlier bill's ${missing.where}`, missing.name, 'the same in this bill')
}

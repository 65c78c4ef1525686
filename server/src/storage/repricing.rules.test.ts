import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { asId, type PriceBookId } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import { formatInstant, instant, parseInstant } from '../kernel/time.ts'
import { type Announced, decide, type Holding, type Stored, toAnnounce } from './repricing.rules.ts'

/** `B@12-01 8`: book B holds from the first of December at a rate of 8; `–` for no rate. */
function at(text: string) {
  return parseInstant(`${Number(text.slice(0, 2)) >= 6 ? 2026 : 2027}-${text}T00:00:00Z`)
}

function holdingsOf(text: string): readonly Holding[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const [, name = '', from = '', rate = ''] = /^(\w)@(\d\d-\d\d) (\d+|–)$/.exec(part) ?? []
      return { priceBook: bookOf(name), from: at(from), rate: rate === '–' ? null : nanos(BigInt(rate)) }
    })
}

function bookOf(name: string): PriceBookId {
  return asId('priceBook', `pb_${name.toLowerCase()}`)
}

/** `B@12-01 8 due 12-27`. */
function pendingOf(text: string): readonly Announced[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .flatMap((part) => {
      const [holding = '', due = ''] = part.split(' due ')
      return holdingsOf(holding).map(({ priceBook, from, rate }) => {
        assert.ok(rate !== null)
        return { priceBook, holdsFrom: from, dueAt: at(due), rate }
      })
    })
}

function shown(list: readonly Announced[]): string {
  return list
    .map(({ priceBook, dueAt }) => `${priceBook.slice(3).toUpperCase()} ${formatInstant(dueAt).slice(5, 10)}`)
    .join(', ')
}

function stored(text: string): Stored {
  const [holding] = holdingsOf(text)
  assert.ok(holding && holding.rate !== null)
  return { priceBook: holding.priceBook, rate: holding.rate, holdsFrom: holding.from }
}

function rowsOf(table: string): readonly (readonly string[])[] {
  return table
    .trim()
    .split('\n')
    .slice(1)
    .map((row) => row.split('|').map((cell) => cell.trim()))
}

describe('what is announced on 27 November', () => {
  const table = `
    paid by   | pending                 | holds, and will hold           | announced        | why
    A@06-01 9 |                         | A@06-01 9                      |                  | nothing changes
    A@06-01 9 |                         | A@06-01 9, B@12-01 8           | B 12-27          | a month ahead, cheaper or not
    A@06-01 9 |                         | A@06-01 9, B@01-15 10          | B 01-15          | not before the book holds
    A@06-01 9 |                         | A@06-01 9, B@12-01 9           |                  | the same rate is no change
    A@06-01 9 |                         | A@06-01 9, B@12-01 –           |                  | a book without the SKU changes nothing
    A@06-01 9 |                         | B@11-20 8                      | B 12-27          | announced late: a month from the announcement
    A@11-25 9 |                         | B@11-20 8                      |                  | made after B began: as the book of that day said
    A@06-01 9 | B@12-01 8 due 12-27     | A@06-01 9, B@12-01 8           |                  | once
    A@06-01 9 | B@12-01 8 due 12-27     | A@06-01 9, B@12-01 8, C@02-01 7 | C 02-01         | each change for itself
    A@06-01 9 | B@12-01 8 due 12-27     | A@06-01 9, B@12-01 8, C@02-01 8 |                 | as what it follows
    A@06-01 9 | B@02-01 8 due 02-01     | A@06-01 9, C@12-01 10, B@02-01 8 | C 12-27        | one that comes before
    A@06-01 9 |                         | A@06-01 9, B@12-01 8, A@02-01 9 | B 12-27, A 02-01 | own prices come and end`
  const now = parseInstant('2026-11-27T00:00:00Z')
  for (const [paidBy = '', pending = '', holdings = '', expected, why] of rowsOf(table))
    it(`${paidBy} with ${holdings}: ${why}`, () => {
      const found = toAnnounce(stored(paidBy), pendingOf(pending), holdingsOf(holdings), now, 'UTC')
      assert.equal(shown(found), expected)
    })

  it('nothing is announced twice, and never for sooner than a month', () => {
    const holding = fc.record({
      priceBook: fc.constantFrom<PriceBookId>(bookOf('b'), bookOf('c'), bookOf('d')),
      from: fc.integer({ min: 0, max: 90 }).map((day) => instant(now + (day - 30) * 86_400_000)),
      rate: fc.option(fc.bigInt(7n, 9n).map(nanos)),
    })
    const list = fc.uniqueArray(holding, { selector: ({ from }) => from })
    fc.assert(
      fc.property(list, (holdings) => {
        const first = toAnnounce(stored('A@06-01 8'), [], holdings, now, 'Europe/Berlin')
        assert.deepEqual(toAnnounce(stored('A@06-01 8'), first, holdings, now, 'Europe/Berlin'), [])
        for (const { dueAt, holdsFrom } of first)
          assert.ok(dueAt >= holdsFrom && dueAt - now >= 28 * 86_400_000)
      }),
    )
  })
})

describe('what becomes of it when it is due', () => {
  const table = `
    paid by   | due                                          | holds now | becomes | dropped          | why
    A@06-01 9 | B@12-01 8 due 12-27                          | B@12-01 8 | B       |                  | as announced
    A@06-01 9 | B@12-01 10 due 12-27                         | B@12-01 10 | B      |                  | dearer as well
    A@06-01 9 | B@12-01 10 due 12-27                         | C@12-20 9 | –       | B 12-27          | overtaken: nobody new would pay it
    A@06-01 9 | B@12-01 8 due 12-27                          | C@12-20 10 | B      |                  | overtaken, but it was promised
    A@06-01 9 | B@12-01 9 due 12-27                          | C@12-20 10 | –      | B 12-27          | overtaken, and no difference
    C@12-20 7 | B@12-01 8 due 12-27                          | C@12-20 7 | –       | B 12-27          | it has moved past it
    A@06-01 9 | B@12-01 8 due 12-27, C@01-10 7 due 01-10     | C@01-10 7 | C       | B 12-27          | the platform was down: the last one only
    A@06-01 9 | B@12-01 8 due 12-27, C@12-20 10 due 01-20    | C@12-20 10 | C      | B 12-27          | down as well: nothing is dated back
    A@06-01 9 | B@12-01 8 due 12-27                          |           | B       |                  | without a book in force the promise holds`
  for (const [paidBy = '', due = '', holds = '', expected, dropped, why] of rowsOf(table))
    it(`${paidBy}, due ${due}, ${holds} holds: ${why}`, () => {
      const [present = null] = holdingsOf(holds)
      const found = decide(stored(paidBy), pendingOf(due), present)
      assert.equal(found.priceBook?.slice(3).toUpperCase() ?? '–', expected)
      assert.equal(shown(found.dropped), dropped)
      assert.equal(found.applied !== null, expected !== '–')
    })
})

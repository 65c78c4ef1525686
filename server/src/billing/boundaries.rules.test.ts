import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { UsageEvent } from '../journal/rules.ts'
import { formatInstant, type Instant, instant, parseInstant } from '../kernel/time.ts'
import { nominalBoundaries, type OpenThen, verdictAt } from './boundaries.rules.ts'

describe('where boundaries are due', () => {
  const table = `
    zone                | after                    | up to                    | due
    UTC                 | 2026-03-02T09:30:00.000Z | 2026-03-02T12:00:00.000Z | 10:00 11:00 12:00
    UTC                 | 2026-03-02T10:00:00.000Z | 2026-03-02T10:59:59.999Z |
    Asia/Kolkata        | 2026-03-02T17:59:00.000Z | 2026-03-02T19:00:00.000Z | 18:00 18:30 19:00
    Asia/Kathmandu      | 2026-03-02T17:59:00.000Z | 2026-03-02T19:00:00.000Z | 18:00 18:15 19:00
    America/New_York    | 2026-03-08T04:30:00.000Z | 2026-03-08T06:00:00.000Z | 05:00 06:00
    Australia/Lord_Howe | 2026-03-02T12:30:00.000Z | 2026-03-02T13:30:00.000Z | 13:00
    Asia/Beirut         | 2026-03-28T21:30:00.000Z | 2026-03-28T23:00:00.000Z | 22:00 23:00`
  for (const row of table.trim().split('\n').slice(1)) {
    const [zone = '', after = '', upTo = '', expected = ''] = row.split('|').map((cell) => cell.trim())
    it(`${zone} ${after} to ${upTo}: ${expected || 'none'}`, () => {
      const due = nominalBoundaries(parseInstant(after), parseInstant(upTo), zone)
      assert.equal(due.map((at) => formatInstant(at).slice(11, 16)).join(' '), expected)
    })
  }
})

describe('whether a boundary can be made at second 1000, of a spell open since 0', () => {
  // Events as type@at/recordedAt; times in seconds.
  const table = `
    last seen | until | events since                              | verdict
    1000      | 1100  |                                           | clean
    940       | 1100  |                                           | clean
    939       | 1100  |                                           | wait
    1000      | 1000  |                                           | wait
    1000      | 999   |                                           | wait
    1000      | never |                                           | clean
    1100      | 1500  | contact_lost@939/1050                     | 1050.001
    1100      | 1500  | contact_lost@940/1050                     | clean
    939       | never | exited@939/1002                           | 1002.001
    990       | never | exited@990/1002                           | clean
    1000      | never | lease_ended@999/1003                      | 1003.001
    1000      | never | lease_ended@1001/1003                     | clean
    1050      | never | stop_accepted@1001/1001                   | clean
    939       | never | stop_accepted@1001/1001                   | wait
    939       | never | stop_accepted@1001/1001 contact_lost@939/1005 | 1005.001
    1050      | never | stop_accepted@1001/1001 lease_ended@900/1001 | 1001.001
    1000      | 1500  | fault@500/1200                            | clean`
  const ms = (text: string): Instant => instant(Math.round(Number(text) * 1000))
  for (const row of table.trim().split('\n').slice(1)) {
    const [seen = '', until = '', events = '', expected = ''] = row.split('|').map((cell) => cell.trim())
    it(`seen ${seen}, until ${until}, ${events || 'nothing since'}: ${expected}`, () => {
      const since = events
        .split(' ')
        .filter((event) => event !== '')
        .map((event) => {
          const [, type, at = '', recordedAt = ''] = /^(\w+)@([\d.]+)\/([\d.]+)$/.exec(event) ?? []
          // Only type and instants are looked at.
          return { type, at: ms(at), recordedAt: ms(recordedAt) } as UsageEvent
        })
      const open: OpenThen = {
        openSince: instant(0),
        since,
        lastSeenAt: ms(seen),
        until: until === 'never' ? null : ms(until),
      }
      const verdict = verdictAt(instant(1_000_000), [open])
      assert.equal(typeof verdict === 'string' ? verdict : String(verdict.notBefore / 1000), expected)
    })
  }
})

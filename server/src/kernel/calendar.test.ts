import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { monthAfter, monthLater, monthOf, monthStart, parseMonth, startOfMonth } from './calendar.ts'
import { formatInstant, instant, parseInstant } from './time.ts'

function rowsOf(table: string): readonly (readonly string[])[] {
  return table
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
}

test('a month begins when the clocks of the place say so', () => {
  const table = `
    2026-11-23T18:00:00.000Z UTC              2026-11 2026-11-01T00:00:00.000Z
    2026-11-01T00:00:00.000Z UTC              2026-11 2026-11-01T00:00:00.000Z
    2026-11-30T16:00:00.000Z Asia/Shanghai    2026-12 2026-11-30T16:00:00.000Z
    2026-11-30T15:59:59.999Z Asia/Shanghai    2026-11 2026-10-31T16:00:00.000Z
    2026-11-15T12:00:00.000Z America/New_York 2026-11 2026-11-01T04:00:00.000Z
    2026-03-20T12:00:00.000Z America/New_York 2026-03 2026-03-01T05:00:00.000Z
    2026-04-02T00:00:00.000Z Europe/Berlin    2026-04 2026-03-31T22:00:00.000Z
    2026-01-01T10:00:00.000Z Pacific/Kiritimati 2026-01 2025-12-31T10:00:00.000Z
    2026-01-01T11:59:59.999Z Pacific/Niue     2026-01 2026-01-01T11:00:00.000Z`
  for (const [at = '', zone = '', month, start] of rowsOf(table)) {
    assert.equal(monthOf(parseInstant(at), zone), month, at)
    assert.equal(formatInstant(monthStart(parseInstant(at), zone)), start, at)
  }
})

test('a month is an hour shorter or longer where summer time begins or ends in it', () => {
  const table = `
    UTC              2026-02 672
    UTC              2028-02 696
    Asia/Shanghai    2026-11 720
    Europe/Berlin    2026-03 743
    Europe/Berlin    2026-10 745
    America/New_York 2026-03 743
    America/New_York 2026-11 721`
  for (const [zone = '', name = '', hours] of rowsOf(table)) {
    const month = parseMonth(name)
    assert.ok(month)
    const ms = startOfMonth(monthAfter(month), zone) - startOfMonth(month, zone)
    assert.equal(String(ms / 3_600_000), hours, `${zone} ${name}`)
  }
})

test('a month later is the same day and time, and never sooner than a month', () => {
  const table = `
    2026-11-27T10:20:30.456Z UTC           2026-12-27T10:20:30.456Z
    2026-12-31T23:59:59.999Z UTC           2027-01-31T23:59:59.999Z
    2027-01-28T12:00:00.000Z UTC           2027-02-28T12:00:00.000Z
    2027-01-29T12:00:00.000Z UTC           2027-03-01T00:00:00.000Z
    2026-10-31T12:00:00.000Z UTC           2026-12-01T00:00:00.000Z
    2026-03-10T11:00:00.000Z Europe/Berlin 2026-04-10T10:00:00.000Z
    2026-02-28T16:30:00.000Z Asia/Shanghai 2026-03-31T16:30:00.000Z
    2027-02-28T01:30:00.000Z Europe/Berlin 2027-03-28T01:00:00.000Z`
  for (const [at = '', zone = '', expected] of rowsOf(table))
    assert.equal(formatInstant(monthLater(parseInstant(at), zone)), expected, `${at} ${zone}`)
})

test('what is no month is none', () => {
  for (const text of ['2026', '2026-13', '2026-00', '26-01', '2026-1', '2026-01-01', ' 2026-01'])
    assert.equal(parseMonth(text), null, text)
})

test('months tile time: each instant lies in its own, in every zone', () => {
  const zones = Intl.supportedValuesOf('timeZone')
  fc.assert(
    fc.property(
      fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2040, 0, 1) }),
      fc.constantFrom(...zones),
      (ms, zone) => {
        const at = instant(ms)
        const month = monthOf(at, zone)
        assert.ok(startOfMonth(month, zone) <= at)
        assert.ok(at < startOfMonth(monthAfter(month), zone))
        const later = monthLater(at, zone) - at
        assert.ok(later >= 27.9 * 86_400_000 && later < 32 * 86_400_000)
      },
    ),
    { numRuns: 300 },
  )
})

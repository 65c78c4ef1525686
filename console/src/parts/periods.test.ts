import assert from 'node:assert/strict'
import { test } from 'node:test'
import { monthPeriod, pastMonths, periodOf } from './periods.ts'

const now = Date.parse('2026-11-23T12:34:56.789Z')

test('last month begins and ends at midnight of the organization’s clocks', () => {
  const cases: readonly [string, string, string][] = [
    ['UTC', '2026-10-01T00:00:00.000Z', '2026-11-01T00:00:00.000Z'],
    ['Asia/Shanghai', '2026-09-30T16:00:00.000Z', '2026-10-31T16:00:00.000Z'],
    ['Europe/Berlin', '2026-09-30T22:00:00.000Z', '2026-10-31T23:00:00.000Z'],
  ]
  for (const [zone, from, to] of cases) assert.deepEqual(periodOf('lastMonth', now, zone), { from, to })
})

test('in January last month is December', () => {
  const { from } = periodOf('lastMonth', Date.parse('2027-01-05T00:00:00Z'), 'UTC')
  assert.equal(from, '2026-12-01T00:00:00.000Z')
})

test('the others begin at a whole hour, and this month is the platform’s own default', () => {
  assert.deepEqual(periodOf('month', now, 'UTC'), {})
  assert.deepEqual(periodOf('day', now, 'UTC'), { from: '2026-11-22T12:00:00.000Z' })
  assert.deepEqual(periodOf('week', now, 'UTC'), { from: '2026-11-16T12:00:00.000Z' })
})

test('the months before this one follow each other without a gap, over years and summer time', () => {
  const zone = 'Europe/Berlin'
  const months = pastMonths(Date.parse('2026-12-31T23:30:00Z'), zone, 14)
  assert.deepEqual(
    [months[0], months[1], months[11], months.at(-1)],
    ['2026-12', '2026-11', '2026-01', '2025-11'],
  )
  for (const [index, month] of months.slice(1).entries())
    assert.equal(monthPeriod(month, zone).to, monthPeriod(months[index] ?? '', zone).from)
  assert.deepEqual(monthPeriod('2026-10', zone), {
    from: '2026-09-30T22:00:00.000Z',
    to: '2026-10-31T23:00:00.000Z',
  })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatInstant, parseInstant } from '../kernel/time.ts'
import { monthStart, periodOf } from './periods.rules.ts'

test('a month begins when the clocks of the place say so', () => {
  const table = `
    2026-11-23T18:00:00.000Z UTC              2026-11-01T00:00:00.000Z
    2026-11-01T00:00:00.000Z UTC              2026-11-01T00:00:00.000Z
    2026-11-30T16:00:00.000Z Asia/Shanghai    2026-11-30T16:00:00.000Z
    2026-11-30T15:59:59.999Z Asia/Shanghai    2026-10-31T16:00:00.000Z
    2026-11-15T12:00:00.000Z America/New_York 2026-11-01T04:00:00.000Z
    2026-03-20T12:00:00.000Z America/New_York 2026-03-01T05:00:00.000Z
    2026-04-02T00:00:00.000Z Europe/Berlin    2026-03-31T22:00:00.000Z`
  for (const line of table.trim().split('\n')) {
    const [at = '', zone = '', expected] = line.trim().split(/\s+/)
    assert.equal(formatInstant(monthStart(parseInstant(at), zone)), expected, line)
  }
})

test('a period that ends before it begins is refused', () => {
  const now = parseInstant('2026-11-23T18:00:00Z')
  assert.throws(() => periodOf({ from: '2026-11-23T18:00:00Z' }, now, 'UTC'), { code: 'invalid_request' })
  assert.deepEqual(periodOf({ to: '2026-10-05T00:00:00Z' }, now, 'UTC'), {
    from: parseInstant('2026-10-01T00:00:00Z'),
    to: parseInstant('2026-10-05T00:00:00Z'),
  })
})

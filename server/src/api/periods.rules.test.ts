import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseInstant } from '../kernel/time.ts'
import { periodOf } from './periods.rules.ts'

test('a period that ends before it begins is refused', () => {
  const now = parseInstant('2026-11-23T18:00:00Z')
  assert.throws(() => periodOf({ from: '2026-11-23T18:00:00Z' }, now, 'UTC'), { code: 'invalid_request' })
  assert.deepEqual(periodOf({ to: '2026-10-05T00:00:00Z' }, now, 'UTC'), {
    from: parseInstant('2026-10-01T00:00:00Z'),
    to: parseInstant('2026-10-05T00:00:00Z'),
  })
})

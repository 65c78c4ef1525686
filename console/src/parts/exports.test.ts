import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportCommand, exportKinds, formsOf } from './exports.ts'

test('every file is a command too', () => {
  const period = { from: '2026-11-01T00:00:00.000Z' }
  const cases = [
    [
      { kind: 'charges', form: 'csv', isCompressed: false, period: {} },
      'charges --format csv -o charges.csv',
    ],
    [
      { kind: 'events', form: 'jsonl', isCompressed: true, period },
      'events --from 2026-11-01T00:00:00.000Z --format jsonl | gzip > events.jsonl.gz',
    ],
    [{ kind: 'focus', form: '1.4', isCompressed: false, period: {} }, 'focus --version 1.4 -o focus.csv'],
  ] as const
  for (const [asked, expected] of cases) assert.equal(exportCommand(asked), `gpuhour export ${expected}`)
})

test('every kind has a form', () => {
  for (const kind of exportKinds) assert.ok(formsOf(kind).length > 1)
})

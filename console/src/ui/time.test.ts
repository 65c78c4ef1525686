import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clockText, durationText, fieldText, momentText, relativeText, secondsText } from './time.ts'

const noon = Date.parse('2026-11-23T12:00:00.000Z')
const at = (text: string) => momentText(Date.parse(text), noon, 'en', 'UTC')

test('a length of time is cut to its two largest units', () => {
  assert.equal(durationText(12_345_678, 'en'), '3 hr 25 min')
  assert.equal(durationText(3_600_000, 'en'), '1 hr')
  assert.equal(durationText(59_999, 'en'), '59 sec')
  assert.equal(durationText(2 * 86_400_000, 'zh-CN'), '2天')
  assert.equal(durationText(-5, 'en'), '0 sec')
})

test('a running clock', () => {
  assert.equal(clockText(7_900), '0:07')
  assert.equal(clockText(3_753_000), '1:02:33')
})

test('a step of the ladder', () => {
  assert.equal(secondsText(1_400, 'en'), '1.4s')
  assert.equal(secondsText(42_700, 'en'), '42s')
  assert.equal(secondsText(95_000, 'en'), '1 min 35 sec')
})

test('relative times', () => {
  assert.equal(relativeText(noon - 180_000, noon, 'en'), '3 minutes ago')
  assert.equal(relativeText(noon + 7_200_000, noon, 'en'), 'in 2 hours')
  assert.equal(relativeText(noon - 180_000, noon, 'zh-CN'), '3分钟前')
})

test('a moment is as short as it can be understood', () => {
  assert.equal(at('2026-11-23T14:20:00Z'), '14:20')
  assert.equal(at('2026-11-27T14:20:00Z'), 'Fri 14:20')
  assert.equal(at('2026-12-13T14:20:00Z'), 'Dec 13 14:20')
  assert.equal(at('2027-09-17T09:58:00Z'), 'Sep 17, 2027, 09:58')
  assert.equal(at('2025-12-31T23:59:00Z'), 'Dec 31, 2025, 23:59')
})

test('a field holds the second that its text is read as', () => {
  for (const ms of [noon, noon + 59_999, Date.parse('2026-03-29T01:30:00Z')])
    assert.equal(Date.parse(fieldText(ms)), Math.floor(ms / 1000) * 1000)
})

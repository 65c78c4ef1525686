import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hourMs, instant, minuteMs, secondMs } from '../kernel/time.ts'
import { endingAt, lookAgainAt, type Threshold, verdictOn } from './warnings.rules.ts'

/*
 * Minutes of runway one after another, and what is told of each: a number is a warning, "ok" a recovery.
 * "∞" lasts for ever, "–" is nothing that costs.
 */
const stories: readonly (readonly [name: string, minutes: string, told: string])[] = [
  ['falling slowly  ', '90 61 60 59 30 11 10 9 3 2 1 0 0', '. . 60 . . . 10 . . 2 . 0 .'],
  ['falling at once ', '∞ 8 7 2 1                       ', '. 10 . 2 .'],
  ['launched short  ', '1.5 1 0                         ', '2 . 0'],
  ['a little more   ', '60 62 59 70 60                  ', '60 . . . .'],
  ['well above      ', '60 91 60 89 60 90.5 59          ', '60 ok 60 . . ok 60'],
  ['ten, up and down', '10 14 9 15.5 10 40 9            ', '10 . . . 10 . 10'],
  ['from 2 to 60    ', '2 55 9 200 59                   ', '2 . 10 ok 60'],
  ['used up, topped ', '0 2 0 3.5 2 6 2                 ', '0 . . . . . 2'],
  ['topped up much  ', '2 ∞ 2                           ', '2 ok 2'],
  ['stopped by hand ', '10 – 10                         ', '10 . 10'],
  ['nothing at all  ', '– – ∞                           ', '. . .'],
]

for (const [name, minutes, expected] of stories)
  test(`${name.trim()}: ${minutes.trim()}`, () => {
    let told: Threshold | null = null
    const said = minutes
      .trim()
      .split(/ +/)
      .map((one) => {
        const left = one === '∞' || one === '–' ? null : Number(one)
        const verdict = verdictOn(told, left, one !== '–')
        told = verdict.told
        return verdict.hasRecovered ? 'ok' : String(verdict.tell ?? '.')
      })
    assert.equal(said.join(' '), expected)
  })

describe('when to look again', () => {
  const now = instant(1_000_000_000)
  const cases: readonly (readonly [left: number | null, isClose: boolean, afterMs: number])[] = [
    [null, false, 10 * minuteMs],
    [48 * hourMs, false, 10 * minuteMs],
    [2 * hourMs, false, minuteMs],
    [60 * minuteMs + 20 * secondMs, false, 20 * secondMs],
    [60 * minuteMs + 100, false, secondMs],
    [60 * minuteMs, true, 10 * secondMs],
    [10 * minuteMs + 3 * secondMs, true, 3 * secondMs],
    [3 * secondMs, true, 3 * secondMs],
    [0, true, 10 * secondMs],
  ]
  for (const [left, isClose, afterMs] of cases)
    test(`${left ?? 'no'} ms left${isClose ? ', watched closely' : ''}: after ${afterMs} ms`, () => {
      const until = left === null ? null : instant(now + left)
      assert.equal(lookAgainAt(now, until, isClose) - now, afterMs)
    })
})

test('a machine is told of its end by the threshold that was reached', () => {
  const now = instant(1_000_000_000)
  const cases: readonly (readonly [minutes: number, told: number | null])[] = [
    [61, null],
    [60, 60],
    [10.1, 60],
    [10, 10],
    [2, 2],
    [0.1, 2],
    [-1, 2],
  ]
  for (const [minutes, told] of cases)
    assert.equal(endingAt(instant(now + minutes * minuteMs), now, null)?.minutes ?? null, told)
})

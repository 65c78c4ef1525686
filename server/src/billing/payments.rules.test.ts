import assert from 'node:assert/strict'
import { test } from 'node:test'
import { derivedId } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import { instant } from '../kernel/time.ts'
import { dueOf, laterState, mismatchOf, nextLookAt, returnStateOf, stepsOf } from './payments.rules.ts'

test('what the wallet has to give of a return, and how it is called', () => {
  //                         vendor  begun  undone refused  due  state
  const table = `
    asked of the vendor    | no    | no   | no   | no    | 9 | asked
    the vendor refused     | no    | no   | no   | yes   | 0 | refused
    it made it all the same| yes   | yes  | no   | yes   | 9 | gone
    made                   | yes   | yes  | no   | no    | 9 | gone
    failed                 | yes   | yes  | yes  | no    | 0 | undone
    back before it was gone| yes   | no   | yes  | no    | 0 | undone
    a dispute that asks    | yes   | no   | no   | no    | 0 | contested`
  for (const line of table.trim().split('\n')) {
    const [name, ...rest] = line.split('|').map((cell) => cell.trim())
    const [vendor, begun, undone, refused, due, state] = rest
    const one = {
      vendorId: vendor === 'yes' ? 're' : null,
      amount: nanos(9n),
      isBegun: begun === 'yes',
      isUndone: undone === 'yes',
      refused: refused === 'yes' ? 'why' : null,
    }
    assert.deepEqual([String(dueOf(one)), returnStateOf(one)], [due, state], name)
  }
})

test('the steps of a return undo the step before and take the whole anew', () => {
  const id = 'rfd_x'
  const steps = (taken: bigint, count: number, due: bigint) =>
    stepsOf({ id, taken: nanos(taken), steps: count }, nanos(due))
  const take = (count: number, amount: bigint) => ({
    kind: 'take',
    id: derivedId('transfer', id, count),
    amount,
  })
  const give = (count: number) => ({ kind: 'give', of: derivedId('transfer', id, count) })
  assert.deepEqual(steps(0n, 0, 0n), [])
  assert.deepEqual(steps(5n, 1, 5n), [])
  assert.deepEqual(steps(0n, 0, 5n), [take(0, 5n)])
  assert.deepEqual(steps(5n, 1, 0n), [give(0)])
  assert.deepEqual(steps(5n, 1, 7n), [give(0), take(1, 7n)])
  assert.deepEqual(steps(0n, 1, 7n), [take(1, 7n)], 'taken, given back, taken again')
})

test('a state is followed by later ones only, whichever is learned first', () => {
  const states = ['asked', 'open', 'processing', 'expired', 'failed', 'mismatched', 'paid'] as const
  for (const [at, one] of states.entries())
    for (const [beside, other] of states.entries())
      assert.equal(laterState(one, other), states[Math.max(at, beside)])
})

test('what is paid must be what was asked, by something that has a name', () => {
  const asked = { amount: nanos(20n), currency: 'USD' } as const
  const seen = { state: 'paid', amount: nanos(20n), currency: 'USD', intent: 'pi' } as const
  assert.equal(mismatchOf(asked, seen), null)
  assert.equal(mismatchOf(asked, { ...seen, state: 'open', amount: null }), null)
  for (const wrong of [
    { amount: nanos(21n) },
    { amount: null },
    { currency: 'EUR' },
    { currency: null },
    { intent: null },
  ])
    assert.match(mismatchOf(asked, { ...seen, ...wrong }) ?? '', /not credited/)
})

test('whoever has just paid waits seconds, what takes days is not asked about all day', () => {
  const at = (minutes: number): number =>
    nextLookAt(instant(0), instant(minutes * 60_000)) / 1000 - minutes * 60
  assert.deepEqual([0, 1, 10, 60, 60 * 24 * 5].map(at), [5, 7.5, 75, 450, 21_600])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError, httpStatusOf } from '../kernel/errors.ts'
import { isRace, problemOf, publicErrorOf } from './problems.ts'

function thrown(message: string, members: object): Error {
  return Object.assign(new Error(message), members)
}

test('what is thrown becomes a code of the closed list', () => {
  const cases: readonly (readonly [unknown, string])[] = [
    [new AppError('invalid_state', 'It is deleted.'), 'invalid_state'],
    [thrown('duplicate key', { code: '23505', constraint: 'volume_name_unique' }), 'conflict'],
    [thrown('deadlock detected', { code: '40P01' }), 'unavailable'],
    [thrown('connect EAGAIN /socket', { code: 'EAGAIN', syscall: 'connect' }), 'unavailable'],
    [thrown('invalid byte sequence', { code: '22021' }), 'invalid_request'],
    [new TypeError('undefined is not a function'), 'internal'],
    ['a string', 'internal'],
  ]
  for (const [error, code] of cases) assert.equal(publicErrorOf(error).code, code, String(error))
  assert.equal(isRace(thrown('duplicate key', { code: '23505' })), true)
  assert.equal(isRace(new Error('no')), false)
})

test('a bug says nothing of itself', () => {
  const secret = 'select hash from api_key'
  for (const error of [new Error(secret), new AppError('internal', secret)]) {
    const problem = problemOf(publicErrorOf(error), 'req_1')
    assert.equal(problem.status, httpStatusOf.internal)
    assert.ok(!JSON.stringify(problem).includes('select'))
  }
})

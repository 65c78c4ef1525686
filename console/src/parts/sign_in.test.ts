import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deviceCodeOf, nextOf, tokenOf } from './sign_in.ts'

test('the secret of a one-time link stands behind "#"', () => {
  assert.equal(tokenOf('#gpl_0123456789abcdef'), 'gpl_0123456789abcdef')
  for (const wrong of ['', '#', '#gpl_', '#gph_0123456789abcdef', '#gpl_0123456789abcdef&x=1'])
    assert.equal(tokenOf(wrong), null)
})

test('signing in leads back to a page of the console, and nowhere else', () => {
  const cases: readonly [string, string][] = [
    ['', '/'],
    ['?next=%2Finstances%2Fins_1', '/instances/ins_1'],
    ['?next=%2Fdevice%3Fuser_code%3DABCD-EFGH', '/device?user_code=ABCD-EFGH'],
    ['?next=https%3A%2F%2Fevil.example', '/'],
    ['?next=%2F%2Fevil.example', '/'],
    ['?next=%2F%5Cevil.example', '/'],
    ['?next=%2Fsign-in', '/'],
    ['?next=javascript%3Aalert(1)', '/'],
  ]
  for (const [search, next] of cases) assert.equal(nextOf(search), next, search)
})

test('a device code, however it was typed', () => {
  for (const typed of ['abcdefgh', 'ABCD-EFGH', ' abcd efgh ']) assert.equal(deviceCodeOf(typed), 'ABCD-EFGH')
})

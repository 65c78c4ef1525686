import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contract } from '@gpuhour/sdk/contract'
import { freeName, isName, nameLengthMax } from './names.ts'

const texts = ['a', 'a1', 'a-1', '1a', '-a', 'a-', 'A', '', 'é', 'a'.repeat(40), 'a'.repeat(41), 'a b', 'a\n']

test('the same names as the contract allows', () => {
  const { name } = contract.createInstance.body.shape
  for (const text of texts) assert.equal(isName(text), name.safeParse(text).success, text)
  assert.equal(isName('a'.repeat(nameLengthMax)), true)
  assert.equal(isName('a'.repeat(nameLengthMax + 1)), false)
})

test('a name that nobody has to think about', () => {
  assert.equal(freeName('pytorch-cuda:2.9', new Set()), 'pytorch-cuda-1')
  assert.equal(freeName('pytorch-cuda:2.9', new Set(['pytorch-cuda-1', 'pytorch-cuda-2'])), 'pytorch-cuda-3')
  assert.equal(freeName('sim/never-starts:1', new Set()), 'sim-never-starts-1')
  assert.equal(freeName('9x:1', new Set()), 'x-1')
  for (const image of ['9:1', `${'a-'.repeat(40)}:1`]) assert.equal(isName(freeName(image, new Set())), true)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonFaults, pointerOf } from './json.rules.ts'

test('what JSON.parse would let pass', () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['{"gpu":1,"image":"x"}', []],
    ['{"a":{"b":1},"c":{"b":1}}', []],
    ['[{"a":1},{"a":1}]', []],
    ['{"a":"\\"}{[,","b":["x,y",{"c":"}"}]}', []],
    ['{"gpu":1,"gpu":8}', ['/gpu stands twice']],
    ['{"a":[{"b":1},{"b":1,"\\u0062":2}]}', ['/a/1/b stands twice']],
    ['{"__proto__":{"admin":true}}', ['/__proto__ is not a known field']],
    ['{"a/b":1,"a/b":2}', ['/a~1b stands twice']],
    ['['.repeat(33), [' is nested deeper than 32 levels']],
    ['['.repeat(10_000) + ']'.repeat(10_000), [' is nested deeper than 32 levels']],
  ]
  for (const [text, expected] of cases)
    assert.deepEqual(
      jsonFaults(text).map(({ pointer, message }) => `${pointer} ${message}`),
      expected,
      text.slice(0, 80),
    )
})

test('pointers are escaped', () => {
  assert.equal(pointerOf(['a/b', 0, 'c~d']), '/a~1b/0/c~0d')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { canonical, canonicalWithout } from './canonical.ts'
import { instantOf, textOfInstant } from './instant.ts'
import { parse } from './parse.ts'

function canonicalOf(text: string): string {
  const parsed = parse(text)
  assert.ok('value' in parsed)
  return canonical(parsed.value)
}

const vectors: readonly (readonly [text: string, expected: string])[] = [
  ['{"literals":[null, true, false]}', '{"literals":[null,true,false]}'],
  // RFC 8785 §3.2.2.2 and §3.2.3.
  ['"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/"', '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'],
  [
    '{"\\u20ac":1,"\\r":2,"\\ufb33":3,"1":4,"\\ud83d\\ude00":5,"\\u0080":6,"\\u00f6":7}',
    '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}',
  ],
  // The French example of RFC 8785: no locale has a say.
  ['{"peach":1,"péché":2,"pêche":3,"sin":4}', '{"peach":1,"péché":2,"pêche":3,"sin":4}'],
  ['{"10":1,"9":2,"1":3}', '{"1":3,"10":1,"9":2}'],
  ['{"b":{"d":1,"c":2},"a":[3,{"f":4,"e":5}]}', '{"a":[3,{"e":5,"f":4}],"b":{"c":2,"d":1}}'],
  ['{"a":1,"A":2,"_":3,"aa":4,"":5}', '{"":5,"A":2,"_":3,"a":1,"aa":4}'],
  ['{"__proto__":{"x":1},"a":2}', '{"__proto__":{"x":1},"a":2}'],
  ['"\\u0000\\u0008\\u0009\\u000b\\u000c\\u001f\\u007f"', '"\\u0000\\b\\t\\u000b\\f\\u001f\u007f"'],
  ['"\\u2028\\u2029<>&\'/"', '"\u2028\u2029<>&\'/"'],
  ['[-9007199254740991,0,-1,9007199254740991]', '[-9007199254740991,0,-1,9007199254740991]'],
  ['[ [ ] , { } , "" ]', '[[],{},""]'],
]

for (const [text, expected] of vectors) {
  test(`canonical form of ${text}`, () => assert.equal(canonicalOf(text), expected))
}

test('only the outermost member of the name is left out', () => {
  const parsed = parse('{"hash":1,"a":{"hash":2},"b":3}')
  assert.ok('value' in parsed && parsed.value instanceof Map)
  assert.equal(canonicalWithout(parsed.value, 'hash'), '{"a":{"hash":2},"b":3}')
})

const instants: readonly (readonly [text: string, instant: number | null])[] = [
  ['1970-01-01T00:00:00.000Z', 0],
  ['1969-12-31T23:59:59.999Z', -1],
  ['0001-01-01T00:00:00.000Z', -62_135_596_800_000],
  ['9999-12-31T23:59:59.999Z', 253_402_300_799_999],
  ['2024-02-29T12:00:00.000Z', 1_709_208_000_000],
  ['2000-02-29T00:00:00.000Z', 951_782_400_000],
  ['2026-04-30T00:00:00.001Z', 1_777_507_200_001],
  ...[
    ...['2026-02-29', '1900-02-29', '2026-02-30', '2026-04-31', '2026-13-01', '2026-00-01', '2026-01-00'],
    ...['2026-01-32', '0000-01-01', '+02026-01-01', '-0001-01-01', '26-01-01', '2026-1-01', '2026/01/01'],
  ].map((date) => [`${date}T00:00:00.000Z`, null] as const),
  ...[
    ...['24:00:00.000Z', '23:60:00.000Z', '23:59:60.000Z', '00:00:00Z', '00:00:00.00Z', '00:00:00.0000Z'],
    ...[
      '00:00:00.000',
      '00:00:00.000z',
      '00:00:00.000+00:00',
      '00:00:00,000Z',
      '0:00:00.000Z',
      '00:00:00.000Z\n',
    ],
  ].map((time) => [`2026-01-01T${time}`, null] as const),
  ['2026-01-01t00:00:00.000Z', null],
  ['2026-01-01 00:00:00.000Z', null],
  [' 2026-01-01T00:00:00.000Z', null],
  ['٢٠٢٦-01-01T00:00:00.000Z', null],
  ['', null],
]

for (const [text, instant] of instants) {
  test(`the instant ${JSON.stringify(text)}`, () => {
    assert.equal(instantOf(text), instant)
    if (instant !== null) assert.equal(textOfInstant(instant), text)
  })
}

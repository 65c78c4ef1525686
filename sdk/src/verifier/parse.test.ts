import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { JsonValue } from './parse.ts'
import { parse } from './parse.ts'

/** Maps as plain arrays of entries, so that a table can write them down. */
function plain(value: JsonValue): unknown {
  if (value instanceof Map) return { entries: [...value].map(([name, member]) => [name, plain(member)]) }
  return Array.isArray(value) ? value.map(plain) : value
}

const readable: readonly (readonly [text: string, value: unknown])[] = [
  ['null', null],
  [' \t\n\r true \n', true],
  ['[]', []],
  ['[ 1 , [ ] , { } ]', [1, [], { entries: [] }]],
  [
    '{"b":1,"a":{"":2}}',
    {
      entries: [
        ['b', 1],
        ['a', { entries: [['', 2]] }],
      ],
    },
  ],
  [
    '{"__proto__":1,"constructor":2}',
    {
      entries: [
        ['__proto__', 1],
        ['constructor', 2],
      ],
    },
  ],
  ['"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9"', '"\\/\b\f\n\r\tAé'],
  ['"\\u0000\\u001f"', '\u0000\u001f'],
  ['"a\\u0062c\\nd"', 'abc\nd'],
  ['"\u007f\u0080\u2028"', '\u007f\u0080\u2028'],
  ['"😀\\uD83D\\uDE00"', '😀😀'],
  ['"\\ufeff\ufeff"', '\ufeff\ufeff'],
  ['"\\uFDCF\\uFDF0\\uFFFD"', '\uFDCF\uFDF0\uFFFD'],
  ['0', 0],
  ['-1', -1],
  ['9007199254740991', 9007199254740991],
  ['-9007199254740991', -9007199254740991],
  ...['-0', '1.0', '1.5', '0.0', '1e3', '1E0', '1e+2', '1e-2', '-0.0', '1e400', '9007199254740992'].map(
    (text) => [text, { illegalNumber: text }] as const,
  ),
  ['-9007199254740992', { illegalNumber: '-9007199254740992' }],
  ['9007199254740993', { illegalNumber: '9007199254740993' }],
  ['100000000000000000000000', { illegalNumber: '100000000000000000000000' }],
]

for (const [text, value] of readable) {
  test(`I-JSON: ${JSON.stringify(text)}`, () => {
    for (const input of [text, new TextEncoder().encode(text)]) {
      const parsed = parse(input)
      assert.ok('value' in parsed)
      assert.deepEqual(plain(parsed.value), value)
    }
  })
}

const unreadable = [
  ...['', ' ', '{', '[', '"', '"a', '{"a"', '{"a":', '{"a":1', '[1', '[1,', 'nul', 'True', 'NaN', 'Infinity'],
  ...[
    '[1,]',
    '{"a":1,}',
    '{,}',
    '[,]',
    '{a:1}',
    "{'a':1}",
    '{"a" 1}',
    '{"a":1 "b":2}',
    '[1 2]',
    '{1:2}',
    '{"a":}',
  ],
  ...[
    '1 2',
    'null null',
    '[]]',
    '{}{}',
    '// x\n1',
    '1 /* x */',
    '[1]\u00a0',
    '\u2028[1]',
    '\u000b1',
    '[1]\u0000',
  ],
  ...['01', '-01', '+1', '1.', '.5', '-', '1e', '1e+', '0x1', '1_0', '--1', '- 1', '00'],
  ...[
    '"\u0000"',
    '"a\nb"',
    '"\t"',
    '"\u001f"',
    '"\\x41"',
    '"\\u12"',
    '"\\u12G4"',
    '"\\u+123"',
    '"\\U0041"',
    '"\\"',
  ],
  // Duplicate names, also where they are the same only after unescaping.
  ...[
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"b":{"a":1,"b":2,"a":3}}',
    '{"":1,"":2}',
    '{"é":1,"\\u00e9":1}',
  ],
  ...['{"__proto__":1,"__proto__":2}', '{"😀":1,"\\ud83d\\ude00":2}', '[{"a":[],"a":[]}]'],
  // Surrogates and noncharacters, in values and in names.
  ...['"\\ud800"', '"\\udc00"', '"\\udc00\\ud800"', '"\\ud83dx\\ude00"', '{"\\ud800":1}', '"\\uD83D\\u0041"'],
  ...[
    '"\\ufffe"',
    '"\\uffff"',
    '"\\ufdd0"',
    '"\\uFDEF"',
    '"\uffff"',
    '"\ufdd5"',
    '{"\\uffff":1}',
    '{"\ufdd0":1}',
  ],
  ...[
    '"\\ud83f\\udffe"',
    '"\\udbff\\udfff"',
    `"${String.fromCodePoint(0x1fffe)}"`,
    `"${String.fromCodePoint(0x10ffff)}"`,
  ],
  '\ufeff{}',
  '"\ud800"',
  '"\\ud83d\ude00'.slice(0, -1),
]

for (const text of unreadable) {
  test(`not I-JSON: ${JSON.stringify(text)}`, () => {
    assert.ok('fault' in parse(text))
  })
}

test('bytes that are not UTF-8 are refused', () => {
  const between = (...bytes: number[]) => new Uint8Array([0x22, ...bytes, 0x22])
  const wrong = [
    [0xff],
    [0xc0, 0x80],
    [0xc3],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xe2, 0x82],
    [0x80],
  ]
  for (const bytes of wrong) assert.ok('fault' in parse(between(...bytes)), String(bytes))
  assert.ok('fault' in parse(new Uint8Array([0xef, 0xbb, 0xbf, 0x7b, 0x7d])))
  assert.ok('fault' in parse(new Uint8Array([0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00])))
  assert.deepEqual(parse(between(0xf0, 0x9f, 0x98, 0x80)), { value: '😀' })
})

test('nesting up to 64 is read, deeper is not, however deep', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  assert.ok('value' in parse(nested(64)))
  assert.ok('fault' in parse(nested(65)))
  assert.ok('fault' in parse('['.repeat(1_000_000)))
  assert.ok('fault' in parse('{"a":'.repeat(65) + '1' + '}'.repeat(65)))
  assert.ok('value' in parse('{"a":'.repeat(64) + '1' + '}'.repeat(64)))
})

test('what is readable, the platform reads alike', () => {
  for (const [text] of readable) {
    const parsed = parse(text)
    assert.ok('value' in parsed)
    if (!JSON.stringify(plain(parsed.value)).includes('illegalNumber') && !text.startsWith('{')) {
      assert.deepEqual(
        plain(parsed.value),
        JSON.parse(text, (_, value) => {
          return value !== null && typeof value === 'object' && !Array.isArray(value)
            ? { entries: Object.entries(value) }
            : value
        }),
      )
    }
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Cell } from '../billing/exports.rules.ts'
import { csvHeader, csvLines, jsonLines } from './lists.rules.ts'

const columns = ['cell']
const csv = (cell: Cell): string => csvLines(columns, [{ cell }])

test('a cell of CSV: quoted where it must be, never a formula, numbers as they are', () => {
  const cases: readonly (readonly [Cell, string])[] = [
    [null, ''],
    ['', ''],
    ['plain', 'plain'],
    ['a, b', '"a, b"'],
    ['say "hi"', '"say ""hi"""'],
    ['two\nlines', '"two\nlines"'],
    ['=HYPERLINK("x")', `"'=HYPERLINK(""x"")"`],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['+1+1', "'+1+1"],
    ['-1+1', "'-1+1"],
    ['-cmd', "'-cmd"],
    ['\t=1', "'\t=1"],
    ['\r=1', `"'\r=1"`],
    ['＝1+1', "'＝1+1"],
    ['-12.5', '-12.5'],
    ['-12', '-12'],
    ['0.000000001', '0.000000001'],
    [-5n, '-5'],
    [123456789012345678901234567890n, '123456789012345678901234567890'],
    [7, '7'],
    [true, 'true'],
    [{ reason: 'customer' }, '"{""reason"":""customer""}"'],
    ['深度学习 😀', '深度学习 😀'],
  ]
  for (const [cell, expected] of cases) assert.equal(csv(cell), `${expected}\r\n`, JSON.stringify(expected))
})

test('a header, and fields in the order of the columns; a field that is missing is empty', () => {
  assert.equal(csvHeader(['b', 'a']), 'b,a\r\n')
  assert.equal(csvLines(['b', 'a', 'c'], [{ a: 1, b: 2 }]), '2,1,\r\n')
})

test('JSON Lines: an object a line, large numbers as strings, what is an object stays one', () => {
  const rows = [{ cell: 12345678901234567890n }, { cell: null }, { cell: { a: '=1' } }, { cell: '=1' }]
  assert.equal(
    jsonLines(columns, rows),
    '{"cell":"12345678901234567890"}\n{"cell":null}\n{"cell":{"a":"=1"}}\n{"cell":"=1"}\n',
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiError } from '@gpuhour/sdk/client'
import { type ErrorCode, errorCodes } from '@gpuhour/sdk/contract'
import { remotePlace } from './commands/cp.ts'
import { closingLine, exitCodeOfRun } from './commands/run.ts'
import { exitCodeOf } from './failures.ts'
import { printTable } from './output.ts'
import { amount, counted, decimal, duration, money, size, table } from './shown.ts'

test('money is cut, never rounded', () => {
  const cases: readonly (readonly [string, number, string])[] = [
    ['35666666', 4, '$0.0356'],
    ['24960000000', 2, '$24.96'],
    ['-5000000', 2, '$0.00'],
    ['-5000000', 3, '-$0.005'],
    ['999999999999', 2, '$999.99'],
    ['3666666', 6, '$0.003666'],
    ['1', 9, '$0.000000001'],
  ]
  for (const [nanos, decimals, expected] of cases) assert.equal(money(nanos, 'USD', decimals), expected)
  assert.equal(money('1500000000', 'EUR'), '€1.50')
})

test('small amounts show two digits, and never more than is charged', () => {
  const cases: readonly (readonly [nanos: string, decimals: number, expected: string])[] = [
    ['0', 4, '$0.00'],
    ['0', 6, '$0.00'],
    ['35666666', 4, '$0.0356'],
    ['1000000', 4, '$0.0010'],
    ['999999', 4, '$0.00099'],
    ['999999', 6, '$0.000999'],
    ['22999', 4, '$0.000022'],
    ['22999', 6, '$0.000022'],
    ['20000', 4, '$0.000020'],
    ['220', 4, '$0.00000022'],
    ['7', 4, '$0.000000007'],
    ['-22001', 4, '-$0.000022'],
    ['1234567890000', 4, '$1234.5678'],
  ]
  for (const [nanos, decimals, expected] of cases) assert.equal(amount(nanos, 'USD', decimals), expected)
})

test('hours are cut as amounts are, and one is no plural', () => {
  const texts = ['0', '0.040999999', '1.5', '12']
  const shown = ['0.000', '0.040', '1.500', '12.000']
  assert.deepEqual(
    texts.map((text) => decimal(text, 3)),
    shown,
  )
  assert.deepEqual([counted(1, 'charge'), counted(2, 'charge')], ['1 charge', '2 charges'])
})

test('durations and sizes', () => {
  assert.deepEqual([0, 214_999, 600_000, 7_199_000, 100_000_000, 400_000_000].map(duration), [
    '0 s',
    '214 s',
    '10 min',
    '119 min',
    '27 h 46 min',
    '4 d 15 h',
  ])
  assert.deepEqual([0, 999, 1000, 8_700_000_000].map(size), ['0 B', '999 B', '1.0 kB', '8.7 GB'])
})

test('a table is aligned for people, tabbed for programs, and keeps the cursor where it is', () => {
  const rows = [
    ['a', '图像'],
    ['long\u001b[2J', 'b'],
  ]
  assert.equal(table(['X', 'Y'], rows, false), 'a\t图像\nlong [2J\tb\n')
  assert.equal(table(['X', 'Y'], rows, true), 'X          Y\na          图像\nlong [2J   b\n')
})

test('an empty list: nothing for a program, what to do for a person', () => {
  for (const isTerminal of [false, true]) {
    const printed: string[] = []
    const context = { isTerminal, print: (text: string) => void printed.push(text) }
    printTable(context, ['NAME'], [], 'No instances yet: gpuhour launch')
    assert.deepEqual(printed, isTerminal ? ['No instances yet: gpuhour launch'] : [])
  }
})

test('the closing line of a run', () => {
  const cost = {
    currency: 'USD' as const,
    asOf: '2026-11-23T00:00:00.000Z',
    isPaying: false,
    nanosPerHour: '600000000',
    storageNanosPerHour: '0',
    amountNanos: '35666666',
    allocationNanos: '35666666',
    paidMillis: '214532',
    gpuHours: '0.059592222',
    cpuHours: '0.119184444',
    leaseUntil: null,
  }
  assert.equal(
    closingLine({ cpus: 2, gpu: null, cost, volume: null }),
    'ran 214 s on 2 vCPU · $0.0356 · 0.119 CPU-hours (home was scratch)',
  )
  assert.equal(
    closingLine({ cpus: 8, gpu: { model: 'v100', count: 1 }, cost, volume: { id: 'vol_x', name: 'data' } }),
    'ran 214 s on 1×V100 · $0.0356 · 0.059 GPU-hours (home was the volume data)',
  )
  assert.equal(
    closingLine({ cpus: 1, gpu: null, cost: { ...cost, amountNanos: '22384' }, volume: null }),
    'ran 214 s on 1 vCPU · $0.000022 · 0.119 CPU-hours (home was scratch)',
  )
})

test('the exit code of a run is its command’s', () => {
  const ending = (exitCode: number | null, signal: string | null = null) => ({
    reason: null,
    exitCode,
    signal,
    outOfMemory: false,
  })
  assert.equal(exitCodeOfRun({ state: 'succeeded', ending: ending(0) }), 0)
  assert.equal(exitCodeOfRun({ state: 'failed', ending: ending(7) }), 7)
  assert.equal(exitCodeOfRun({ state: 'failed', ending: ending(null, 'KILL') }), 137)
  assert.equal(exitCodeOfRun({ state: 'failed', ending: ending(null, 'SIGTERM') }), 143)
  assert.equal(exitCodeOfRun({ state: 'canceled', ending: ending(null) }), 130)
  assert.equal(exitCodeOfRun({ state: 'timed_out', ending: ending(143) }), 124)
  assert.equal(exitCodeOfRun({ state: 'failed', ending: ending(null) }), 1)
})

test('every error code of the contract has an exit code', () => {
  const expected: Record<ErrorCode, number> = {
    invalid_request: 2,
    unauthenticated: 3,
    insufficient_funds: 5,
    forbidden: 3,
    quota_exceeded: 6,
    not_found: 4,
    conflict: 7,
    invalid_state: 7,
    payload_too_large: 2,
    unsupported_media_type: 2,
    rate_limited: 8,
    internal: 8,
    unavailable: 8,
  }
  for (const code of errorCodes) assert.equal(exitCodeOf(new ApiError(code, 400, 'x')), expected[code], code)
  assert.equal(exitCodeOf(new ApiError('unreachable', 0, 'x')), 8)
})

test('what is a place in an instance', () => {
  assert.deepEqual(remotePlace('lab:results'), { instance: 'lab', path: 'results' })
  assert.deepEqual(remotePlace('lab:'), { instance: 'lab', path: '' })
  assert.equal(remotePlace('./a:b'), null)
  assert.equal(remotePlace('plain'), null)
})

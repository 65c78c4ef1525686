import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { test } from 'node:test'
import { root } from './sources.ts'
import { closingLine, emptyTally, summaryOf } from './suite.ts'

test('the last line holds the counts alone', () => {
  const tally = { ...emptyTally(), passed: 3, failed: 1, skipped: 2 }
  assert.equal(closingLine(tally), '3 passed, 1 failed, 2 skipped')
  assert.equal(summaryOf(tally, 1234.5).split('\n').at(-1), '3 passed, 1 failed, 2 skipped')
})

const files: Readonly<Record<string, string>> = {
  'good.test.ts': `test('a', () => {}); describe('s', () => { test('b', () => {}) })`,
  'bad.test.ts': `console.log('seen'); describe('s', () => {
    test('c', () => { throw new Error('wrong sum') })
  })`,
  'skipping.test.ts': `test('d', { skip: 'no GPU here' }, () => {})
    test('e', { todo: 'later' }, () => { throw 1 })
    describe('many', { skip: 'no engine here' }, () => { test('never told', () => {}) })`,
  'crashing.test.ts': `console.error('last words'); process.exit(3)`,
  'empty.test.ts': ``,
  'hanging.test.ts': `test('f', () => new Promise((resolve) => setTimeout(resolve, 60_000)))`,
  'shared.ts': `export const all = () => { test('i', () => {}); test('j', () => {}) }`,
  'importing.test.ts': `import { all } from './shared.ts'; all()`,
  'unprepared.test.ts': `import { before } from 'node:test'; describe('s', () => {
    before(() => { throw new Error('no engine') })
    test('h', () => {})
  })`,
  'lingering.test.ts': `test('g', () => {}); setInterval(() => {}, 1000)`,
}

test('every outcome is counted and named: a crash, a hang and a skip too', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'gpuhour-fixture-'))
  try {
    for (const [name, text] of Object.entries(files))
      writeFileSync(
        join(folder, name),
        `import { describe, test } from 'node:test'\nvoid describe\n${text}\n`,
      )
    const paths = Object.keys(files)
      .filter((name) => name.includes('.test.'))
      .map((name) => relative(root, join(folder, name)))
    const program = `
      import { emptyTally, runGroup, summaryOf } from ${JSON.stringify(`${root}tools/suite.ts`)}
      const tally = emptyTally()
      const group = { files: ${JSON.stringify(paths)}, concurrency: 2, minutesMax: 3 / 60 }
      await runGroup(group, tally, new AbortController().signal)
      console.log(summaryOf(tally, 0))`
    // node's runner does not run inside one of its own children, by this variable.
    const { NODE_TEST_CONTEXT: _, ...environment } = process.env
    writeFileSync(join(folder, 'program.ts'), program)
    const { stdout } = spawnSync(process.execPath, [join(folder, 'program.ts')], {
      encoding: 'utf8',
      env: environment,
    })
    assert.equal(stdout.trimEnd().split('\n').at(-1), '5 passed, 7 failed, 3 skipped', stdout)
    assert.match(stdout, /skipped: d \(.*skipping\.test\.ts:\d+\): no GPU here/)
    assert.match(stdout, /skipped: many \(.*skipping\.test\.ts:\d+\): no engine here/)
    assert.match(stdout, /failed: c \(.*bad\.test\.ts:\d+\)\nError: wrong sum/)
    assert.match(stdout, /failed: .*crashing\.test\.ts/)
    assert.match(stdout, /importing\.test\.ts +2 passed/)
    assert.match(stdout, /failed: s \(.*unprepared\.test\.ts:\d+\)\nError: no engine/)
    assert.match(stdout, /failed: .*empty\.test\.ts.*\nholds no test/)
    assert.match(stdout, /failed: .*hanging\.test\.ts/)
    assert.match(stdout, /│ seen/)
    assert.match(stdout, /crashing\.test\.ts .*did not end by itself\n +│ last words/)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

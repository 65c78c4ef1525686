import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { planOf, testFiles } from './plan.ts'
import { root } from './sources.ts'

test('a file says by its place and name what it needs', () => {
  const files = [
    'server/src/ledger/ledger.test.ts',
    'console/src/routes.test.ts',
    'tests/simulation/stories.test.ts',
    'server/src/main/main.alone.test.ts',
    'server/src/gateway/ssh.docker.test.ts',
    'tests/isolation/container.test.ts',
    'tests/isolation/doors.browser.test.ts',
    'tests/journeys/console.browser.test.ts',
    'tests/journeys/ssh.test.ts',
  ]
  assert.deepEqual(planOf(files), {
    plain: files.slice(0, 3),
    alone: [files[3]],
    docker: [files[4]],
    errands: [files[5], files[8]],
    browser: [files[6], files[7]],
  })
})

/** The test files that import a name. */
function importing(name: string): readonly string[] {
  const pattern = new RegExp(`^import \\{[^}]*\\b${name}\\b`, 'm')
  return testFiles([]).filter((file) => pattern.test(readFileSync(join(root, file), 'utf8')))
}

test('every file that opens a browser says so', () => {
  assert.deepEqual(
    importing('openBrowser'),
    planOf(testFiles([])).browser,
    'the network must be still for a browser: name the file *.browser.test.ts, and no other',
  )
})

test('only errands open a platform', () => {
  const { errands, browser } = planOf(testFiles([]))
  const strangers = importing('JourneyPlatform').filter((file) => ![...errands, ...browser].includes(file))
  assert.deepEqual(strangers, [], 'one platform at a time is there for it in tests/journeys')
})

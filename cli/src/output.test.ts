import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

const address = JSON.stringify(new URL('output.ts', import.meta.url).href)
const story = `
const { asking, write, writeLine } = await import(${address})
write('stderr', 'before\\n')
let late
await asking(async () => {
  await writeLine({ stream: 'stderr', text: 'one\\n' })
  write('stderr', 'two\\n')
  const large = writeLine({ stream: 'stderr', text: '.'.repeat(9_000_000) + '\\n' })
  // This one waits: nobody reads so much while a question is open.
  late = writeLine({ stream: 'stderr', text: 'three\\n' })
  await large
  process.stderr.write('which?\\n')
})
await late
write('stderr', 'after\\n')
`

test('what comes while a question is open comes after it, whole and in order', { timeout: 30_000 }, () => {
  const words = ['--input-type=module', '-e', story]
  const { stderr, status } = spawnSync(process.execPath, words, { encoding: 'utf8', maxBuffer: 20_000_000 })
  assert.equal(status, 0, stderr.slice(-1000))
  const lines = stderr.split('\n').map((line) => line.slice(0, 10))
  assert.deepEqual(lines, ['before', 'which?', 'one', 'two', '..........', 'three', 'after', ''])
})

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from './sources.ts'

// Types, lint, format and unused code, as tests: `npm run check` and `npm test` run the same.

function runProgram(
  program: string,
  args: readonly string[],
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(join(root, 'node_modules/.bin', program), args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (bytes: Buffer) => (output += bytes.toString()))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output }))
  })
}

const checks: readonly [name: string, program: string, args: readonly string[]][] = [
  ['the types fit (server, sdk, cli, tests, tools)', 'tsc', ['--noEmit']],
  ['the types fit (console)', 'tsc', ['--noEmit', '-p', 'console']],
  ['the linter finds nothing', 'oxlint', []],
  ['every file is formatted', 'oxfmt', ['--check']],
  ['no code is unused', 'knip', ['--no-progress']],
]

for (const [name, program, args] of checks) {
  const missing = args.includes('console') && !existsSync(join(root, 'console/tsconfig.json'))
  test(name, { skip: missing && 'there is no console' }, async () => {
    const { code, output } = await runProgram(program, args)
    assert.equal(code, 0, `${program} ${args.join(' ')}\n${output.slice(-8_000)}`)
  })
}

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { z } from 'zod'
import { root } from './sources.ts'

// start.mjs is plain JavaScript for an older Node: its functions have the types that are given here.
const start = z
  .object({
    sameTree: z.custom<(wanted: Tree, installed: Tree) => boolean>((value) => typeof value === 'function'),
    sentenceOf: z.custom<(output: string) => string>((value) => typeof value === 'function'),
    isInstalled: z.custom<() => boolean>((value) => typeof value === 'function'),
  })
  .parse(await import(`${root}tools/start.mjs`))
type Tree = Readonly<Record<string, { version?: string; integrity?: string; optional?: boolean }>>

const wanted: Tree = {
  '': {},
  server: { version: '0.1.0' },
  'node_modules/a': { version: '1.0.0', integrity: 'x' },
  'node_modules/for-windows': { version: '1.0.0', integrity: 'y', optional: true },
}

test('what npm notes as installed is compared with the lockfile', () => {
  const a = { 'node_modules/a': { version: '1.0.0', integrity: 'x' } }
  assert.equal(start.sameTree(wanted, a), true)
  assert.equal(start.sameTree(wanted, {}), false)
  assert.equal(start.sameTree(wanted, { 'node_modules/a': { version: '1.0.1', integrity: 'x' } }), false)
  assert.equal(start.sameTree(wanted, { 'node_modules/a': { version: '1.0.0', integrity: 'z' } }), false)
})

test('this checkout is installed, or its tests would not run', () => assert.equal(start.isInstalled(), true))

const sentences: readonly [output: string, sentence: RegExp][] = [
  [
    'npm error code ECONNREFUSED\nnpm error connect https://r.example/a',
    /https:\/\/r\.example does not answer.*network/,
  ],
  ['npm error code EAI_AGAIN\nnpm error request failed', /the npm registry does not answer/],
  ['npm error code SELF_SIGNED_CERT_IN_CHAIN', /certificate.*cafile/],
  ['npm error code ENOSPC', /disk is full/],
  ['npm error code EACCES', /cannot be written to/],
  ['npm error something new', /npm says:\nnpm error something new/],
]
for (const [output, sentence] of sentences)
  test(`npm fails with ${output.slice(10, 40).split('\n')[0]}`, () =>
    assert.match(start.sentenceOf(output), sentence))

const folder = mkdtempSync(join(tmpdir(), 'gpuhour-cli-'))
symlinkSync(join(root, 'gpuhour'), join(folder, 'gpuhour'))
const ways: readonly [name: string, program: string, cwd: string][] = [
  ['from the checkout', './gpuhour', root],
  ['from elsewhere', join(root, 'gpuhour'), folder],
  ['through a symbolic link', './gpuhour', folder],
]
for (const [name, program, cwd] of ways)
  test(`gpuhour is found ${name}, and says nothing of itself`, () => {
    const { status, stdout, stderr } = spawnSync(program, ['--help'], { cwd, encoding: 'utf8' })
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
    assert.match(stdout, /\bgpuhour\b/)
  })

test('an unknown word is refused', () => {
  const { status, stderr } = spawnSync(process.execPath, ['tools/start.mjs', 'fly'], {
    cwd: root,
    encoding: 'utf8',
  })
  assert.equal(status, 1)
  assert.match(stderr, /^error: "fly" is not one of: start, dev, test, check, schema, cli\.\n$/)
})

process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

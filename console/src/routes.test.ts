import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { paths } from './paths.ts'
import { pages } from './routes.ts'

// An address that somebody kept must go on working: whoever changes this list changes the file beside it.

const root = import.meta.dirname

test('all pages of the console', () => {
  const listed = pages.map(({ path, frame }) => `${frame.padEnd(6)}${path}\n`).join('')
  assert.equal(listed, readFileSync(join(root, 'routes.golden.txt'), 'utf8'))
})

test('every page is a file that is laid out like its address', () => {
  for (const { path, load } of pages) {
    const [, file = ''] = /import\('\.\/(pages\/[\w/]+\.tsx)'\)/.exec(String(load)) ?? []
    assert.ok(existsSync(join(root, file)), path)
    const folder = path.split('/')[1] ?? ''
    if (/^[a-z]+$/.test(folder) && path.split('/').length > 2)
      assert.ok(file.startsWith(`pages/${folder}/`), file)
  }
})

test('every address that is spelt out leads to a page', () => {
  const known = pages
    .filter(({ path }) => path !== '*')
    .map(({ path }) => new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}$`))
  const addresses = Object.values(paths).map((path) => (typeof path === 'string' ? path : path('x_1')))
  for (const address of addresses) {
    const bare = address.split('?')[0] ?? ''
    assert.ok(
      known.some((pattern) => pattern.test(bare)),
      address,
    )
  }
})

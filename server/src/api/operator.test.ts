import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, test } from 'node:test'
import { testApi } from './testing.ts'

const api = await testApi()
after(() => api.close())

test('what a machine cannot promise is told, with the guide that tells of it', async () => {
  const { checks, verdict } = await api.operator.getDoctor()
  const promises = checks.find(({ name }) => name === 'promises')
  assert.deepEqual([verdict, promises?.ok], ['attention', false])
  assert.equal(promises?.found, 'node-1: a promise that it cannot keep')
  const [guide = ''] = /docs\/guides\/[\w-]+\.md/.exec(promises?.todo ?? '') ?? []
  const text = await readFile(new URL(`../../../${guide}`, import.meta.url), 'utf8')
  assert.match(text, /^# What a machine can promise/)
})

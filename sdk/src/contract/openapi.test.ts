import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { openapiText } from './openapi.ts'

test('sdk/openapi.json is what the contract generates', async () => {
  const golden = await readFile(new URL('../../openapi.json', import.meta.url), 'utf8')
  assert.equal(
    golden,
    openapiText(),
    'the contract changed: look at it, then `node sdk/src/contract/openapi.ts > sdk/openapi.json`',
  )
})

test('every reference of the document leads somewhere', () => {
  const text = openapiText()
  // Our own text.
  const document: { components: { schemas: Record<string, unknown> } } = JSON.parse(text)
  for (const [, name = ''] of text.matchAll(/"\$ref": "#\/components\/schemas\/(\w+)"/g))
    assert.ok(name in document.components.schemas, name)
  assert.ok(!text.includes('$defs'))
})

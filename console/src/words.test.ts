import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { test } from 'node:test'
import { parseSync, Visitor } from 'vite'

// Every word that a person reads stands in a catalogue, in both languages.

const root = import.meta.dirname

type Catalogue = { readonly [key: string]: string | Catalogue }

function flat(catalogue: Catalogue, prefix = ''): ReadonlyMap<string, string> {
  const entries = Object.entries(catalogue).flatMap(([key, value]): [string, string][] =>
    typeof value === 'string' ? [[prefix + key, value]] : [...flat(value, `${prefix}${key}.`)],
  )
  return new Map(entries)
}

// The files are ours, and a wrong shape fails the comparison.
const read = (language: string) =>
  flat(JSON.parse(readFileSync(join(root, `locales/${language}.json`), 'utf8')) as Catalogue)
const en = read('en')
const zh = read('zh')

/** A key without its plural form: Chinese has one, English two. */
const bare = (key: string) => key.replace(/_(?:one|other)$/, '')
const holes = (text: string) =>
  [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, name = '']) => name).toSorted((a, b) => a.localeCompare(b))

test('both catalogues have the same keys', () => {
  const english = new Set([...en.keys()].map(bare))
  const chinese = new Set([...zh.keys()].map(bare))
  assert.deepEqual(
    [...english].filter((key) => !chinese.has(key)),
    [],
    'missing in zh.json',
  )
  assert.deepEqual(
    [...chinese].filter((key) => !english.has(key)),
    [],
    'missing in en.json',
  )
})

test('plural forms are whole: English has one and other, Chinese other', () => {
  for (const key of en.keys()) if (key.endsWith('_one')) assert.ok(en.has(`${bare(key)}_other`), key)
  for (const key of en.keys()) if (key.endsWith('_other')) assert.ok(zh.has(key), key)
  for (const key of zh.keys()) assert.ok(!key.endsWith('_one'), key)
})

test('both say the same things: the same holes to fill, and nothing empty', () => {
  for (const [key, text] of zh) {
    const english = en.get(key)
    assert.ok(english && text !== '', key)
    assert.deepEqual(holes(text), holes(english), key)
  }
})

const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.tsx?$/.test(name) && !name.endsWith('.test.ts'))
  .map((name) => ({ name, text: readFileSync(join(root, name), 'utf8') }))

test('no key is left over', () => {
  const all = sources.map(({ text }) => text).join('\n')
  const templates = [...all.matchAll(/\bt\(\s*`([^`]+)`/g)].map(([, template = '']) => {
    const pattern = template.split(/\$\{[^}]+\}/).map((part) => part.replace(/[.]/g, '\\.'))
    return new RegExp(`^${pattern.join('[A-Za-z_]+')}$`)
  })
  const unused = [...new Set([...en.keys()].map(bare))].filter(
    (key) => !all.includes(`'${key}'`) && !templates.some((pattern) => pattern.test(key)),
  )
  assert.deepEqual(unused, [])
})

/** Attributes that a person reads or hears. */
const spoken = new Set([
  'label',
  'title',
  'placeholder',
  'description',
  'aria-label',
  'alt',
  'text',
  'copy',
  'copied',
])
/** Commands to be typed are the same in every language. */
const typed = /^gpuhour [a-z-]+( |$)/

function literalsIn(name: string, text: string): string[] {
  const found: string[] = []
  const say = (start: number, words: string) =>
    found.push(
      `${relative(root, join(root, name))}:${text.slice(0, start).split('\n').length} ${words.trim()}`,
    )
  new Visitor({
    JSXText: (node) => {
      if (/\p{L}/u.test(node.value)) say(node.start, node.value)
    },
    JSXAttribute: (node) => {
      const attribute = node.name.type === 'JSXIdentifier' ? node.name.name : ''
      const value = node.value?.type === 'Literal' ? node.value.value : ''
      if (spoken.has(attribute) && typeof value === 'string' && /\p{L}/u.test(value) && !typed.test(value))
        say(node.start, value)
    },
  }).visit(parseSync(name, text).program)
  return found
}

test('no words stand in the components', () => {
  const tsx = sources.filter(({ name }) => name.endsWith('.tsx'))
  assert.ok(tsx.length > 40)
  assert.deepEqual(
    tsx.flatMap(({ name, text }) => literalsIn(name, text)),
    [],
  )
})

test('the search for words sees what it forbids', () => {
  const text = 'const a = <p title="Hello">{b} world {c}</p>\nconst d = <i label={t("x")}> · </i>\n'
  assert.equal(literalsIn('x.tsx', text).length, 2)
})

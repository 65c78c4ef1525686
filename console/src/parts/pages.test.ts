import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Loaded, withItem } from './pages.ts'

interface Thing {
  readonly id: string
  readonly state: string
}
const loaded: Loaded<Thing> = {
  pages: [
    { items: [{ id: 'b', state: 'old' }], next: 'x' },
    { items: [{ id: 'a', state: 'old' }], next: null },
  ],
  pageParams: [null, 'x'],
}
const ids = ({ pages }: Loaded<Thing>) =>
  pages.map(({ items }) => items.map(({ id, state }) => `${id}:${state}`))

test('what is known changes in its place', () => {
  assert.deepEqual(ids(withItem(loaded, { id: 'a', state: 'new' })), [['b:old'], ['a:new']])
})

test('what is new comes first', () => {
  assert.deepEqual(ids(withItem(loaded, { id: 'c', state: 'new' })), [['c:new', 'b:old'], ['a:old']])
})

import type { FieldError } from '../kernel/errors.ts'

/** Deeper than any request of ours by far; beyond it a parser's stack is the next to give way. */
export const depthMax = 32

/** The largest body that is read, in bytes: a thousand arguments of a command, and no upload. */
export const bodyBytesMax = 1024 * 1024

/** What JSON.parse alone would let pass: the same name twice, names that are none, bottomless nesting. */
export function jsonFaults(text: string): readonly FieldError[] {
  const faults: FieldError[] = []
  // One entry a level: the names seen so far, or the index of an array.
  const stack: ({ readonly names: Set<string> } | { index: number })[] = []
  const path: string[] = []
  let position = 0
  let expectsName = false
  while (position < text.length) {
    const character = text[position]
    if (character === '"') {
      const end = endOfString(text, position)
      const level = stack.at(-1)
      if (expectsName && level && 'names' in level) {
        const name: unknown = JSON.parse(text.slice(position, end))
        path[stack.length - 1] = escaped(String(name))
        const pointer = `/${path.slice(0, stack.length).join('/')}`
        if (level.names.has(String(name))) faults.push({ pointer, message: 'stands twice' })
        if (name === '__proto__') faults.push({ pointer, message: 'is not a known field' })
        level.names.add(String(name))
        expectsName = false
      }
      position = end
      continue
    }
    if (character === '{' || character === '[') {
      stack.push(character === '{' ? { names: new Set() } : { index: 0 })
      path[stack.length - 1] = '0'
      expectsName = character === '{'
      if (stack.length > depthMax)
        return [{ pointer: '', message: `is nested deeper than ${depthMax} levels` }]
    } else if (character === '}' || character === ']') {
      stack.pop()
      expectsName = false
    } else if (character === ',') {
      const level = stack.at(-1)
      if (level && 'index' in level) path[stack.length - 1] = String((level.index += 1))
      else expectsName = true
    }
    position += 1
  }
  return faults
}

function endOfString(text: string, start: number): number {
  let position = start + 1
  while (position < text.length && text[position] !== '"') position += text[position] === '\\' ? 2 : 1
  return position + 1
}

function escaped(name: string): string {
  return name.slice(0, 80).replaceAll('~', '~0').replaceAll('/', '~1')
}

/** A path of names and indexes as a JSON pointer (RFC 6901). */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${escaped(String(part))}`).join('')
}

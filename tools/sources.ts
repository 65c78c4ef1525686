import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout's root. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/** An import, or a re-export, of another module. */
export interface Import {
  /** As it is written: `./rules.ts`, `node:fs`, `kysely`. */
  readonly specifier: string
  /** Of a file of ours: its path from the root; null for packages and built-ins. */
  readonly path: string | null
  readonly line: number
}

/** A source file in the forms in which the tidy rules look at it. */
export interface Source {
  /** From the root, with forward slashes. */
  readonly path: string
  readonly text: string
  /** The text with the contents of comments and strings blanked, every other character in its place. */
  readonly code: string
  /** The text with comments blanked, strings kept: SQL stands in strings. */
  readonly withStrings: string
  readonly lines: readonly string[]
  readonly imports: readonly Import[]
  readonly isTest: boolean
}

const skippedFolders = new Set(['node_modules', 'dist', '.git', 'tmp'])

/** The paths below a folder, from the root. */
export function filesBelow(folder: string, wanted: RegExp): readonly string[] {
  const found: string[] = []
  const walk = (at: string): void => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const path = join(at, entry.name)
      if (entry.isDirectory() && !skippedFolders.has(entry.name)) walk(path)
      else if (entry.isFile() && wanted.test(entry.name)) found.push(relative(root, path))
    }
  }
  try {
    walk(join(root, folder))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  return found.sort()
}

// A "/" begins a regular expression where a value may begin.
const beforeRegex = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|void))\s*$/

/** Where a literal or comment that begins at `from` ends; and what it is. */
function skip(text: string, from: number): { end: number; what: 'comment' | 'string' | 'template' } | null {
  const two = text.slice(from, from + 2)
  const until = (end: string, start: number): number => {
    const found = text.indexOf(end, start)
    return found < 0 ? text.length : found + end.length
  }
  if (two === '//') return { end: until('\n', from) - 1, what: 'comment' }
  if (two === '/*') return { end: until('*/', from + 2), what: 'comment' }
  const quote = text.charAt(from)
  if (quote === '`') return { end: from, what: 'template' }
  const isRegex = quote === '/' && beforeRegex.test(text.slice(Math.max(0, from - 40), from))
  if (quote !== "'" && quote !== '"' && !isRegex) return null
  let at = from + 1
  for (let inClass = false; at < text.length && text[at] !== '\n'; at += 1) {
    if (text[at] === '\\') at += 1
    else if (isRegex && text[at] === '[') inClass = true
    else if (isRegex && text[at] === ']') inClass = false
    else if (text[at] === quote && !inClass) break
  }
  return { end: at + 1, what: 'string' }
}

interface Blanked {
  readonly code: string
  readonly withStrings: string
}

/**
 * Blanks comments, and in one form strings: a small lexer, enough for code that the formatter has laid out.
 */
export function blank(text: string): Blanked {
  const code = [...text.split('')]
  const withStrings = [...code]
  const wipe = (target: string[], from: number, to: number): void => {
    for (let at = from; at < to; at += 1) if (target[at] !== '\n') target[at] = ' '
  }
  // Depth of braces at which each open `${` of a template closes again.
  const templates: number[] = []
  let depth = 0
  const template = (from: number): number => {
    let at = from
    for (; at < text.length; at += 1) {
      if (text[at] === '\\') at += 1
      else if (text[at] === '`') break
      else if (text.startsWith('${', at)) {
        templates.push(depth)
        depth += 1
        wipe(code, from, at)
        return at + 2
      }
    }
    wipe(code, from, at)
    return at + 1
  }
  for (let at = 0; at < text.length;) {
    const skipped = skip(text, at)
    if (skipped?.what === 'template') at = template(at + 1)
    else if (skipped) {
      wipe(code, at, skipped.end)
      if (skipped.what === 'comment') wipe(withStrings, at, skipped.end)
      at = Math.max(skipped.end, at + 1)
    } else {
      if (text[at] === '{') depth += 1
      if (text[at] === '}') depth -= 1
      at += 1
      if (text[at - 1] === '}' && templates.at(-1) === depth) {
        templates.pop()
        at = template(at)
      }
    }
  }
  return { code: code.join(''), withStrings: withStrings.join('') }
}

/** The line, counted from one, of a place in the text. */
export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

function importsOf(path: string, withStrings: string): readonly Import[] {
  const pattern =
    /(?:^|\n)\s*(?:import|export)\b[^'"`;=]*?\bfrom\s*['"]([^'"]+)['"]|\bimport\s*\(?\s*['"]([^'"]+)['"]/g
  return [...withStrings.matchAll(pattern)].map((match) => {
    const specifier = match[1] ?? match[2] ?? ''
    const isOurs = specifier.startsWith('.')
    const line = lineAt(withStrings, match.index + match[0].length)
    return { specifier, path: isOurs ? normalize(join(dirname(path), specifier)) : null, line }
  })
}

/** Reads one file of the checkout. */
export function readSource(path: string, text: string = readFileSync(join(root, path), 'utf8')): Source {
  const { code, withStrings } = blank(text)
  return {
    path,
    text,
    code,
    withStrings,
    lines: text.split('\n'),
    imports: importsOf(path, withStrings),
    // `made_*.ts`, `*.fixture.ts` and `testing*.ts` make things for tests and run in no process of the
    // platform.
    isTest: /\.test\.tsx?$|(^|\/)(testing|made_\w+)(\.\w+)?\.ts$|\.fixture\.ts$|^tests\//.test(path),
  }
}

import type { Context } from './context.ts'

/** What was typed after the command's name. */
export interface Given {
  readonly args: readonly string[]
  readonly options: Readonly<Record<string, unknown>>
}

/** One word of the command line, as help shows it and as it runs. */
export interface CommandSpec {
  readonly name: string
  readonly summary: string
  /** `<name>` is needed, `[name]` may be left out, `...` may repeat. */
  readonly args?: readonly (readonly [syntax: string, meaning: string])[]
  readonly options?: readonly (readonly [flags: string, meaning: string])[]
  readonly examples?: readonly string[]
  readonly commands?: readonly CommandSpec[]
  /** What follows the first argument is not ours to read: a command with options of its own. */
  readonly passesThrough?: true
  /** The exit code; nothing is 0. */
  readonly run?: (context: Context, given: Given) => Promise<number | void>
}

/** A wrong command line: exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}

/** An option with a value; undefined where it was not given. */
export function textOption({ options }: Given, name: string): string | undefined {
  const value = options[name]
  return typeof value === 'string' ? value : undefined
}

/** A switch. */
export function isOn({ options }: Given, name: string): boolean {
  return options[name] === true
}

/** An option with a whole number from `min` on. */
export function wholeOption(given: Given, name: string, min = 1): number | undefined {
  const text = textOption(given, name)
  if (text === undefined) return undefined
  const value = Number(text)
  if (/^\d{1,9}$/.test(text) && value >= min) return value
  throw new UsageError(
    `--${name.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)} must be a whole number from ${min} on.`,
  )
}

/** The argument at that place; commander has made sure of those that are needed. */
export function argument({ args }: Given, index: number): string {
  return args[index] ?? ''
}

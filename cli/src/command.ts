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
  /** Other words for it. */
  readonly aliases?: readonly string[]
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

/** The least and the most that a number may be. */
export type Range = readonly [min: number, max: number]

/** Sizes of volumes in GiB, as the contract has them; its own constant would bring all of it along. */
export const gibRange: Range = [1, 65_536]

/** A range in words, for help and errors alike. */
export function rangeText([min, max]: Range): string {
  return `from ${min} to ${max}`
}

/** Text as a whole number of the range; null where it is none. */
export function wholeIn(text: string, [min, max]: Range): number | null {
  const value = Number(text)
  return /^\d{1,9}$/.test(text) && value >= min && value <= max ? value : null
}

/** Text such as `25` or `0.50` as nano-units, exactly; null where it is no amount. */
export function nanosIn(text: string): bigint | null {
  const parts = /^(\d{1,12})(?:\.(\d{1,9}))?$/.exec(text)
  if (!parts) return null
  const [, whole = '0', fraction = ''] = parts
  return BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'))
}

/** An option with a whole number of the range. */
export function wholeOption(given: Given, name: string, range: Range): number | undefined {
  const text = textOption(given, name)
  if (text === undefined) return undefined
  const value = wholeIn(text, range)
  if (value !== null) return value
  const flag = name.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)
  throw new UsageError(`--${flag} must be a whole number ${rangeText(range)}.`)
}

/** The argument at that place; commander has made sure of those that are needed. */
export function argument({ args }: Given, index: number): string {
  return args[index] ?? ''
}

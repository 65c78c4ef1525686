import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { root } from '../../tools/sources.ts'
import type { JourneyPlatform } from './platform.ts'

// A person at a terminal: a home of their own, and `./gpuhour` as it stands in the checkout.

/** A command that is over. */
export interface Ran {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A command that is under way. */
export interface Running {
  readonly child: ChildProcess
  stdout(): string
  stderr(): string
  /** Both, for a person who has to understand what went wrong. */
  seen(): string
  readonly ended: Promise<Ran>
}

/** Starts a program in an environment; its output is kept. */
export function begin(
  program: string,
  args: readonly string[],
  { env, cwd = root, input }: { env: NodeJS.ProcessEnv; cwd?: string; input?: string },
): Running {
  const child = spawn(program, args, {
    env,
    cwd,
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  })
  const [out, err]: [Buffer[], Buffer[]] = [[], []]
  child.stdout?.on('data', (part: Buffer) => out.push(part))
  child.stderr?.on('data', (part: Buffer) => err.push(part))
  child.stdin?.on('error', () => {})
  child.stdin?.end(input)
  const stdout = (): string => Buffer.concat(out).toString()
  const stderr = (): string => Buffer.concat(err).toString()
  const ended = new Promise<Ran>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal, stdout: stdout(), stderr: stderr() }))
  })
  const words = [program, ...args].map((word) => (word.length > 200 ? `${word.slice(0, 200)}…` : word))
  const seen = (): string =>
    `$ ${words.join(' ')}\n--- stdout\n${stdout().slice(-6_000)}\n--- stderr\n${stderr().slice(-6_000)}`
  return { child, stdout, stderr, seen, ended }
}

/** The last line of `run --json`. */
export const closingSchema = z.strictObject({
  run: z.string().startsWith('run_'),
  allocation: z.string().startsWith('alo_'),
  exitCode: z.int(),
  paidMillis: z.string().regex(/^\d+$/),
  amount: z.string().regex(/^\d+$/),
  currency: z.literal('USD'),
  gpuHours: z.string().regex(/^\d+(\.\d+)?$/),
  cpuHours: z.string().regex(/^\d+(\.\d+)?$/),
})

/** What `show --json` says of the money of an instance or a run. */
export const costedSchema = z.object({ cost: z.object({ paidMillis: z.string() }) })

/** An instance as `show --json` gives it, as far as these tests look into it. */
export const instanceSchema = costedSchema.extend({
  id: z.string(),
  state: z.string(),
  allocation: z.object({ id: z.string() }).nullable(),
})

/** What a run cost and came to. */
export type Closing = z.output<typeof closingSchema>

/** A person with a home, signed in as the operator once `login` was called. */
export class Person {
  readonly home: string
  readonly env: NodeJS.ProcessEnv

  constructor(platform: JourneyPlatform) {
    this.home = mkdtempSync(join(platform.folder, 'home-'))
    mkdirSync(join(this.home, '.config'))
    this.env = {
      ...platform.environment,
      HOME: this.home,
      XDG_CONFIG_HOME: join(this.home, '.config'),
    }
  }

  /** `./gpuhour …`, under way. */
  begin(...args: readonly string[]): Running {
    return begin(join(root, 'gpuhour'), args, { env: this.env })
  }

  /** `./gpuhour …` to its end, whatever that is. */
  gpuhour(...args: readonly string[]): Promise<Ran> {
    return this.begin(...args).ended
  }

  /** `./gpuhour …`, which must succeed; what it wrote to stdout. */
  async ask(...args: readonly string[]): Promise<string> {
    const running = this.begin(...args)
    const { code, stdout } = await running.ended
    assert.equal(code, 0, running.seen())
    return stdout
  }

  /** `./gpuhour … --json`, read. */
  async json<T>(schema: z.ZodType<T>, ...args: readonly string[]): Promise<T> {
    return schema.parse(JSON.parse(await this.ask(...args, '--json')))
  }

  /** Signs in as the operator of this machine. */
  async login(): Promise<void> {
    assert.match(await this.ask('login', '--local'), /^Signed in as Operator/)
  }
}

/** Reads the closing line of `run --json`, and gives what stood before it. */
export function readClosing(stdout: string): {
  readonly lines: readonly string[]
  readonly closing: Closing
} {
  const lines = stdout.split('\n')
  assert.equal(lines.pop(), '', 'the output ends with a line')
  const last = lines.pop() ?? ''
  return { lines, closing: closingSchema.parse(JSON.parse(last)) }
}

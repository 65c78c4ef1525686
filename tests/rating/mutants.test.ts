import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { Logger } from '@stryker-mutator/api/logging'
import { Instrumenter } from '@stryker-mutator/instrumenter'
import { equal } from './mutants.equal.ts'

const source = new URL('../../server/src/', import.meta.url)

/** The functions that decide an amount, by file: the rating core. */
const core: Readonly<Record<string, readonly string[]>> = {
  'metering/rules.ts': [
    ...['fold', 'paidMillis', 'sumsOfLines', 'sumsOf', 'storageNow'],
    ...['stretchesOf', 'storageStretches', 'storageSums'],
  ],
  'pricing/rules.ts': ['amountOf', 'rateOf', 'isPriced', 'costOfLines', 'ratePerHour'],
  'billing/rules.ts': ['chargeOf'],
  'compute/purses.rules.ts': ['reachOf', 'firstHoldFrom'],
  'compute/leases.rules.ts': [
    ...['costAt', 'weightOf', 'secondsCovered', 'usedUpAt', 'plus', 'lastCovered', 'lastInstant'],
    ...['isRunning', 'isOvershot', 'needUntil', 'firstHold', 'amountOfSpell'],
  ],
}

/** A mutant that answers nothing for so long loops for ever. */
const answerMsMax = 20_000

interface Mutant {
  readonly id: string
  readonly file: string
  readonly line: number
  /** The code that was changed, and into what; each on one line. */
  readonly code: string
  readonly change: string
}

/** The lines of a top-level function, counted from 0. */
function linesOf(text: string, name: string): readonly [from: number, to: number] {
  const lines = text.split('\n')
  const from = lines.findIndex((line) => new RegExp(`^(?:export )?function ${name}\\b`).test(line))
  assert.ok(from >= 0, `the rating core has a function ${name}`)
  return [from, lines.findIndex((line, index) => index > from && line === '}')]
}

interface Position {
  readonly line: number
  readonly column: number
}

function textBetween(text: string, start: Position, end: Position): string {
  const lines = text.split('\n').slice(start.line, end.line + 1)
  const last = lines.length - 1
  const cut = lines.map((line, index) =>
    line.slice(index === 0 ? start.column : 0, index === last ? end.column : undefined),
  )
  return cut.join(' ').replaceAll(/\s+/g, ' ').trim()
}

const silence: ProxyHandler<object> = {
  get: (_, name) => (String(name).startsWith('is') ? () => false : () => {}),
}
/** Says nothing. A logger's methods ask whether to log, or log. */
const silent = new Proxy({}, silence) as Logger

/** Writes a copy of the sources in which every mutant waits to be switched on; answers those of the core. */
async function instrument(folder: URL): Promise<readonly Mutant[]> {
  const texts = new Map(Object.keys(core).map((file) => [file, readFileSync(new URL(file, source), 'utf8')]))
  const files = [...texts].map(([name, content]) => ({ name, content, mutate: true }))
  const options = { plugins: null, excludedMutations: [], ignorers: [] }
  const made = await new Instrumenter(silent).instrument(files, options)
  for (const { name, content } of made.files) writeFileSync(new URL(name, folder), content)
  return made.mutants.flatMap(({ id, fileName: file, location: { start, end }, replacement }) => {
    const text = texts.get(file) ?? ''
    const isCore = core[file]?.some((name) => {
      const [from, to] = linesOf(text, name)
      return start.line >= from && end.line <= to
    })
    const change = replacement.replaceAll(/\s+/g, ' ').trim()
    return isCore ? [{ id, file, line: start.line + 1, code: textBetween(text, start, end), change }] : []
  })
}

/** Asks a worker, anew where a mutant has caught it in a loop. */
class Court {
  readonly #folder: URL
  #worker: Worker | null = null

  constructor(folder: URL) {
    this.#folder = folder
  }

  /** What told the mutant from the rating; null: nothing did. */
  async killedBy(mutant: string): Promise<string | null> {
    this.#worker ??= await this.#open()
    const worker = this.#worker
    worker.postMessage(mutant, [])
    try {
      // What the worker says is its own: `{ mutant, killedBy }`.
      const [said]: { killedBy: string | null }[] = await once(worker, 'message', {
        signal: AbortSignal.timeout(answerMsMax),
      })
      return said?.killedBy ?? null
    } catch (error) {
      if (!(error instanceof Error && error.name === 'AbortError')) throw error
      await this.close()
      return 'it never answers'
    }
  }

  async #open(): Promise<Worker> {
    const worker = new Worker(new URL('mutants.worker.ts', import.meta.url), {
      workerData: { source: this.#folder.href },
    })
    await once(worker, 'message')
    return worker
  }

  async close(): Promise<void> {
    await this.#worker?.terminate()
    this.#worker = null
  }
}

test('no change of the rating core goes unnoticed, but those that make no difference', async () => {
  const copy = mkdtempSync(join(tmpdir(), 'gpuhour-mutants-'))
  cpSync(source, copy, { recursive: true })
  const folder = pathToFileURL(`${copy}/`)
  const court = new Court(folder)
  try {
    const mutants = await instrument(folder)
    assert.ok(mutants.length > 250, `${mutants.length} mutants`)
    assert.equal(await court.killedBy('none'), null, 'without a change there is no difference')
    const survivors: string[] = []
    const used = new Set<string>()
    for (const { id, file, line, code, change } of mutants) {
      const reason = equal.find((one) => one.file === file && one.code === code && one.change === change)
      if (reason) {
        used.add(`${reason.file} ${reason.code} ${reason.change}`)
        continue
      }
      if ((await court.killedBy(id)) === null) survivors.push(`${file}:${line}  ${code}  →  ${change}`)
    }
    assert.deepEqual(survivors, [], 'mutants that survive')
    const idle = equal.filter((one) => !used.has(`${one.file} ${one.code} ${one.change}`))
    assert.deepEqual(idle, [], 'named as equal, and there is no such change')
  } finally {
    await court.close()
    rmSync(copy, { recursive: true, force: true })
  }
})

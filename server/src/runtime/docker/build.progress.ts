import type { BuildProgress } from '../builder.ts'

/** One instruction of a Dockerfile that BuildKit counts as a step. */
export interface Step {
  /** Name of the stage, as BuildKit prints it. */
  readonly stage: string
  /** Place within the stage, from 1. */
  readonly place: number
  /** For people: the comment `#: …` above the instruction, or else its first words. */
  readonly title: string
}

const counted = /^(FROM|RUN|COPY|ADD|WORKDIR)\b/
const titleMax = 60

/**
 * The steps of a Dockerfile to the end of stage `target` (default: its last), as BuildKit will count them.
 */
export function stepsOf(dockerfile: string, target: string | null): readonly Step[] {
  const steps: Step[] = []
  let stage = ''
  let place = 0
  let title: string | null = null
  let continues = false
  for (const line of dockerfile.split('\n')) {
    const isInside: boolean = continues
    continues = line.endsWith('\\') || (isInside && line.startsWith('#'))
    if (isInside) continue
    if (line.startsWith('#:')) title = line.slice(2).trim()
    if (!counted.test(line)) continue
    if (line.startsWith('FROM')) {
      if (target !== null && stage === target) break
      stage = / AS (\S+)$/i.exec(line)?.[1] ?? 'stage-0'
      place = 0
      title ??= 'the image that it stands on'
    }
    // A later stage goes on where the one it is made from ended: BuildKit does not count its FROM.
    const isContinuation = line.startsWith('FROM') && steps.length > 0
    if (!isContinuation) steps.push({ stage, place: ++place, title: title ?? line.slice(0, titleMax) })
    title = null
  }
  return steps
}

/** What a line of a tool's output says of a download. */
export type Download =
  | { readonly said: 'file'; readonly name: string }
  | { readonly said: 'bytes'; readonly done: number; readonly total: number }
  | { readonly said: 'total'; readonly total: number }
  | { readonly said: 'more'; readonly bytes: number }
  | { readonly said: 'over' }

const units: Readonly<Record<string, number>> = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 }

function bytesOf(number: string, unit: string): number {
  return Math.round(Number(number.replaceAll(',', '')) * (units[unit] ?? 1))
}

/** Reads one line of pip (`--progress-bar raw`) or apt-get; null where it speaks of something else. */
export function downloadOf(line: string): Download | null {
  const file = /^\s+Downloading (\S+)\.whl(?: \(|$)/.exec(line)
  if (file) return { said: 'file', name: file[1]?.split('-').slice(0, 2).join('-') ?? '' }
  const raw = /^Progress (\d+) of (\d+)$/.exec(line)
  if (raw) return { said: 'bytes', done: Number(raw[1]), total: Number(raw[2]) }
  const need = /^Need to get ([\d.,]+) ([kMG]?B)(?:\/\S+ [kMG]?B)? of archives\.$/.exec(line)
  if (need) return { said: 'total', total: bytesOf(need[1] ?? '0', need[2] ?? 'B') }
  const got = /^Get:\d+ .* \[([\d.,]+) ([kMG]?B)\]$/.exec(line)
  if (got) return { said: 'more', bytes: bytesOf(got[1] ?? '0', got[2] ?? 'B') }
  const isOver = /^(Fetched [\d.,]+ [kMG]?B in |Installing collected packages: )/.test(line)
  return isOver ? { said: 'over' } : null
}

/** One line of `docker build --progress=plain`. */
export type BuildLine =
  | { readonly of: number; readonly is: 'step'; readonly stage: string | null; readonly place: number }
  | { readonly of: number; readonly is: 'export' }
  | {
      readonly of: number
      readonly is: 'layer'
      readonly layer: string
      readonly done: number
      readonly total: number
    }
  | { readonly of: number; readonly is: 'failed'; readonly text: string }
  | { readonly of: number; readonly is: 'output'; readonly text: string }

/** Reads BuildKit's plain output; null for what tells nothing of progress. */
export function buildLineOf(line: string): BuildLine | null {
  const vertex = /^#(\d+) (.*)$/.exec(line)
  if (!vertex) return null
  const of = Number(vertex[1])
  const rest = vertex[2] ?? ''
  // Where a Dockerfile has one stage only, BuildKit does not name it.
  const step = /^\[(?:(\S+) )?\s*(\d+)\/\d+\] /.exec(rest)
  if (step) return { of, is: 'step', stage: step[1] ?? null, place: Number(step[2]) }
  if (rest === 'exporting to image') return { of, is: 'export' }
  const layer = /^(sha256:[0-9a-f]{64}) ([\d.]+)([kMG]?B) \/ ([\d.]+)([kMG]?B)/.exec(rest)
  if (layer) {
    const [, name = '', done = '0', doneUnit = 'B', total = '0', totalUnit = 'B'] = layer
    return { of, is: 'layer', layer: name, done: bytesOf(done, doneUnit), total: bytesOf(total, totalUnit) }
  }
  const failed = /^ERROR: (.*)$/.exec(rest)
  if (failed) return { of, is: 'failed', text: failed[1] ?? '' }
  const output = /^\d+\.\d+ (.*)$/.exec(rest)
  return output ? { of, is: 'output', text: output[1] ?? '' } : null
}

/** Lines of a failing step that are kept for the log. */
const linesKept = 40

/** Follows one `docker build`: give it lines, it tells how far the build is. */
export class BuildReader {
  readonly #name: string
  readonly #steps: readonly Step[]
  readonly #before: number
  readonly #total: number
  readonly #stepOf = new Map<number, number>()
  readonly #layers = new Map<string, { readonly done: number; readonly total: number }>()
  readonly #lines = new Map<number, string[]>()
  #reached = 0
  #title = ''
  #file: string | null = null
  #bytes: { readonly done: number; readonly total: number } | null = null
  #failure: string | null = null

  /** `before` steps were done by other builds; `total` is all of theirs, these, and one for the export. */
  constructor(name: string, steps: readonly Step[], before: number, total: number) {
    this.#name = name
    this.#steps = steps
    this.#before = before
    this.#total = total
  }

  /**
   * Takes one line of standard error; answers where the build then stands, or null when that did not change.
   */
  read(line: string): BuildProgress | null {
    const seen = buildLineOf(line)
    if (seen === null) return null
    if (seen.is === 'failed') {
      this.#failure ??= [...(this.#lines.get(seen.of) ?? []), seen.text].join('\n')
      return null
    }
    if (seen.is === 'output') this.#keep(seen.of, seen.text)
    return this.#takes(seen) ? this.#progress() : null
  }

  /** What the step that failed said last; null while none has. */
  failure(): string | null {
    return this.#failure
  }

  #takes(seen: BuildLine): boolean {
    if (seen.is === 'step') return this.#enter(seen)
    if (seen.is === 'export') return this.#move(this.#steps.length, 'writing the image')
    const at = this.#stepOf.get(seen.of)
    // Stages that run at the same time report through the later one only.
    if (at === undefined || at !== this.#reached) return false
    if (seen.is === 'layer') {
      this.#layers.set(seen.layer, { done: seen.done, total: seen.total })
      const layers = [...this.#layers.values()]
      const sum = (of: 'done' | 'total') => layers.reduce((whole, layer) => whole + layer[of], 0)
      this.#bytes = { done: sum('done'), total: sum('total') }
      return true
    }
    const said = seen.is === 'output' ? downloadOf(seen.text) : null
    return said !== null && this.#download(said)
  }

  #enter(seen: { readonly of: number; readonly stage: string | null; readonly place: number }): boolean {
    const stageSeen = seen.stage ?? this.#steps[0]?.stage
    const at = this.#steps.findIndex(({ stage, place }) => stage === stageSeen && place === seen.place)
    if (at < 0) return false
    this.#stepOf.set(seen.of, at)
    return at >= this.#reached && this.#move(at, this.#steps[at]?.title ?? '')
  }

  #move(to: number, title: string): boolean {
    if (to === this.#reached && title === this.#title) return false
    this.#reached = to
    this.#title = title
    this.#file = null
    this.#bytes = null
    return true
  }

  #download(said: Download): boolean {
    switch (said.said) {
      case 'file':
        this.#file = said.name
        this.#bytes = null
        return true
      case 'bytes':
        this.#bytes = { done: said.done, total: said.total }
        return true
      case 'total':
        // Everything may be in the cache already.
        this.#bytes = said.total === 0 ? null : { done: 0, total: said.total }
        return true
      case 'more':
        // apt-get names a package when it begins to fetch it; before it has said what it needs, nothing is
        // known.
        if (this.#bytes === null) return false
        this.#bytes = { ...this.#bytes, done: Math.min(this.#bytes.done + said.bytes, this.#bytes.total) }
        return true
      case 'over':
        this.#file = null
        this.#bytes = null
        return true
    }
  }

  #keep(of: number, text: string): void {
    const lines = this.#lines.get(of) ?? []
    lines.push(text)
    this.#lines.set(of, lines.slice(-linesKept))
  }

  #progress(): BuildProgress {
    const file = this.#file === null ? '' : ` (${this.#file})`
    return {
      step: this.#before + this.#reached + 1,
      steps: this.#total,
      title: `${this.#name}: ${this.#title}${file}`,
      bytesDone: this.#bytes?.done ?? null,
      bytesTotal: this.#bytes?.total ?? null,
    }
  }
}

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'

const path = new URL('./RESULTS.md', import.meta.url)

/** The value below which a share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/**
 * Writes what a benchmark saw under its name into RESULTS.md, in place of what it saw before, and prints it.
 */
export function note(name: string, lines: readonly string[]): void {
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB`
  const section = [
    `## ${name}`,
    '',
    `${new Date().toISOString().slice(0, 10)}, ${machine}.`,
    '',
    ...lines,
    '',
  ]
  const before = existsSync(path) ? readFileSync(path, 'utf8') : '# What the benchmarks saw\n\n'
  const others = before.split(/^(?=## )/m).filter((part) => !part.startsWith(`## ${name}\n`))
  writeFileSync(path, `${others.join('').trimEnd()}\n\n${section.join('\n')}`)
  process.stdout.write(`${lines.join('\n')}\n`)
}

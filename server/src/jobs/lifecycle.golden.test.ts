import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { type Cell, instanceStates, instanceTable, lifecycleEvents, type Table } from '../compute/rules.ts'
import { runEvents, runStates, runTable } from './rules.ts'

const page = new URL('../../../docs/lifecycle.md', import.meta.url)

const byWord: Readonly<Record<string, string>> = {
  same: '·',
  refused: '✗',
  by_failure: '**stopping** o=failed or o=elsewhere',
  by_return: '**running** or **stopping** ¹',
  by_release: '*release* ²',
}

function say(cell: Cell<string> | undefined): string {
  if (cell === undefined || cell === 'anomaly') return '!'
  if (typeof cell === 'string') return byWord[cell] ?? `**${cell}**`
  return 'to' in cell ? `**${cell.to}** o=${cell.outcome}` : `· o=${cell.outcome}`
}

function render<S extends string, E extends string>(
  table: Table<S, E>,
  states: readonly S[],
  events: readonly E[],
): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    line(['event ↓ / state →', ...states]),
    line(['---', ...states.map(() => '---')]),
    ...events.map((event) => line([`\`${event}\``, ...states.map((state) => say(table[event][state]))])),
  ].join('\n')
}

/** The page as the code has it. */
function rendered(): string {
  return `# The lifecycle, as the code has it

Written from \`server/src/compute/rules.ts\` and \`server/src/jobs/rules.ts\`; a test compares. \`·\` the state stays, \`✗\`
refused with \`invalid_state\`, \`!\` cannot happen by the invariants, \`o=\` sets the outcome (unless an earlier event had
closed the allocation for good).

## Instances

${render(instanceTable, instanceStates, lifecycleEvents)}

## Runs

${render(runTable, runStates, runEvents)}

¹ \`running\` if that is still the intent and no event closed the allocation for good, else \`stopping\`.
² Without an outcome, an allocation released before it was stopping is lost. An instance: \`deleting\` or \`stopped\` by its
intent; \`queued\` if it was asked to stop and then to start, or is sent elsewhere (at most three times); \`stopped\` if it was
shut down from inside; else \`failed\`. A run: \`succeeded\` if it exited with 0, \`timed_out\` or \`canceled\` if it was ended for
that, \`queued\` if it is sent elsewhere (at most three times); else \`failed\`.
`
}

test('docs/lifecycle.md is what the code says (GPUHOUR_UPDATE_GOLDEN=1 writes it)', () => {
  if (process.env['GPUHOUR_UPDATE_GOLDEN']) writeFileSync(page, rendered())
  assert.equal(readFileSync(page, 'utf8'), rendered())
})

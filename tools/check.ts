import { emptyTally, runGroup, summaryOf } from './suite.ts'

// `npm run check`: types, lint, format, tidy rules, unused code; no services, a few seconds.

const startedAt = performance.now()
const tally = emptyTally()
const files = ['tools/check.test.ts', 'tools/tidy.test.ts']
await runGroup({ files, concurrency: 2, minutesMax: 5 }, tally, new AbortController().signal)
process.stdout.write(`${summaryOf(tally, performance.now() - startedAt)}\n`)
process.exitCode = tally.failed > 0 ? 1 : 0

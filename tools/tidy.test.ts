import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { z } from 'zod'
import { blank, filesBelow, readSource, root } from './sources.ts'
import * as tidy from './tidy.ts'

// The rules of ARCHITECTURE.md, enforced. A finding names the place and the reason.

const folders = ['sdk', 'server', 'cli', 'console', 'tests', 'bench', 'tools']
const sources = folders.flatMap((folder) => filesBelow(folder, /\.tsx?$/)).map((path) => readSource(path))

const rules: Readonly<Record<string, tidy.Rule>> = {
  '1 the kernel imports nothing of ours': tidy.kernelStandsAlone,
  '2 rooms import leftward, only rules or a front door': tidy.roomsLookLeft,
  '2 rules are pure': tidy.rulesArePure,
  '3 SQL appears only in rows, store and migrations': tidy.sqlStaysInRows,
  '4 time, waiting, randomness and environment have one place': tidy.worldIsAskedInOnePlace,
  '5 drivers know their port; verifier and rating share nothing': tidy.driversKnowTheirPort,
  '6 api, gateway and loops never import each other': tidy.edgesMeetInRooms,
  '7 console and cli import only sdk': tidy.consoleAndCliAreClients,
  '8 no barrels, no default exports': tidy.everyNameHasOneHome,
  '9 a state is assigned in one place': tidy.statesChangeInOnePlace,
  '10 files of at most 500 lines of at most 110 columns': tidy.pagesAreReadable,
  '11 front doors, ports and rules are described': tidy.doorsAreDescribed,
  'style: casts say why they hold': tidy.castsSayWhy,
  'style: no enums': tidy.syntaxCanBeErased,
}

describe('the house', () => {
  test('has sources to look at', () => assert.ok(sources.length > 100, `${sources.length} files`))

  for (const [name, rule] of Object.entries(rules))
    test(name, () => {
      const findings = rule(sources)
      assert.equal(findings.length, 0, `${findings.length} findings\n${findings.join('\n')}`)
    })

  test('10 functions of at most 70 lines', () => {
    const findings = longFunctions()
    assert.equal(findings.length, 0, `${findings.length} findings\n${findings.join('\n')}`)
  })
})

const reportSchema = z.object({
  diagnostics: z.array(
    z.object({
      message: z.string(),
      filename: z.string(),
      labels: z.array(z.object({ span: z.object({ line: z.number().optional() }) })),
    }),
  ),
})

/** oxlint knows where a function ends. A story told in a test may be longer than a function. */
function longFunctions(): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'gpuhour-tidy-'))
  try {
    const config = join(folder, 'oxlintrc.json')
    const rule = ['error', { max: 70, skipComments: false, skipBlankLines: false, IIFEs: true }]
    const overrides = [
      { files: ['**/*.test.ts', '**/*.test.tsx'], rules: { 'max-lines-per-function': 'off' } },
    ]
    const categories = { correctness: 'off' }
    writeFileSync(
      config,
      JSON.stringify({ categories, rules: { 'max-lines-per-function': rule }, overrides }),
    )
    const program = join(root, 'node_modules/.bin/oxlint')
    const run = spawnSync(program, ['-c', config, '--disable-nested-config', '--format=json', ...folders], {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 100_000_000,
    })
    const report = reportSchema.parse(JSON.parse(run.stdout))
    return report.diagnostics.map(
      ({ filename, labels, message }) =>
        `${filename}:${labels[0]?.span.line ?? '?'} ${message} Split it by what it decides.`,
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

// A rule that finds nothing anywhere might be blind: each is shown a file that breaks it.
const breaches: readonly [rule: tidy.Rule, path: string, text: string][] = [
  [tidy.kernelStandsAlone, 'server/src/kernel/x.ts', `import { a } from '../store/store.ts'\n`],
  [tidy.roomsLookLeft, 'server/src/ledger/ledger.ts', `import { a } from '../billing/billing.ts'\n`],
  [tidy.roomsLookLeft, 'server/src/billing/billing.ts', `import { a } from '../ledger/rows.ts'\n`],
  [tidy.roomsLookLeft, 'server/src/ledger/rules.ts', `import { a } from '../store/store.ts'\n`],
  [tidy.roomsLookLeft, 'server/src/storage/storage.ts', `import { a } from '../runtime/docker/docker.ts'\n`],
  [tidy.roomsLookLeft, 'server/src/storage/storage.ts', `import type {\n  a,\n} from '../loops/loop.ts'\n`],
  [tidy.rulesArePure, 'server/src/ledger/rules.ts', `export async function f() {}\n`],
  [tidy.sqlStaysInRows, 'server/src/ledger/ledger.ts', 'await sql`select 1`.execute(tx.db)\n'],
  [tidy.sqlStaysInRows, 'server/src/api/x.ts', "pool.query('select id from instance')\n"],
  [tidy.worldIsAskedInOnePlace, 'server/src/api/x.ts', 'const a = Date.now()\n'],
  [tidy.worldIsAskedInOnePlace, 'server/src/ledger/rows.ts', 'sql`select now()`\n'],
  [
    tidy.worldIsAskedInOnePlace,
    'server/src/gateway/x.ts',
    "import { setTimeout as wait } from 'node:timers/promises'\n",
  ],
  [
    tidy.driversKnowTheirPort,
    'server/src/runtime/docker/docker.ts',
    `import { a } from '../../store/store.ts'\n`,
  ],
  [tidy.driversKnowTheirPort, 'sdk/src/verifier/x.ts', `import { z } from 'zod'\n`],
  [tidy.driversKnowTheirPort, 'server/src/pricing/pricing.ts', `import { a } from '@gpuhour/sdk/verifier'\n`],
  [tidy.edgesMeetInRooms, 'server/src/api/x.ts', `import { a } from '../loops/loop.ts'\n`],
  [tidy.consoleAndCliAreClients, 'cli/src/x.ts', `import { a } from '../../server/src/kernel/ids.ts'\n`],
  [tidy.everyNameHasOneHome, 'cli/src/x.ts', `export { a } from './y.ts'\n`],
  [tidy.everyNameHasOneHome, 'cli/src/x.ts', `export default 1\n`],
  [
    tidy.statesChangeInOnePlace,
    'server/src/jobs/rows.ts',
    'sql`update job_run set state = 1`; sql`update job_run set a = 1, state = 2`\n',
  ],
  [tidy.pagesAreReadable, 'cli/src/x.ts', `${'x'.repeat(111)}\n`],
  [tidy.pagesAreReadable, 'cli/src/x.ts', 'x\n'.repeat(501)],
  [tidy.doorsAreDescribed, 'server/src/ledger/ledger.ts', 'export function f() {}\n'],
  [tidy.castsSayWhy, 'cli/src/x.ts', 'const a = b as string\n'],
  [tidy.castsSayWhy, 'cli/src/x.ts', 'const a = b[0]!.name\n'],
  [tidy.syntaxCanBeErased, 'cli/src/x.ts', 'export enum E { A }\n'],
]

describe('each rule sees what it forbids', () => {
  for (const [rule, path, text] of breaches)
    test(`${path}: ${text.trim().slice(0, 60)}`, () => {
      const findings = rule([readSource(path, text)]).filter((finding) => finding.includes(path))
      assert.ok(findings.length > 0)
    })

  test('and not in comments or strings', () => {
    const text =
      "// Date.now()\nconst a = 'Date.now()' // as any\nconst b = /'/.test(`x ${a} '`)\nconst c = a\n"
    const source = readSource('server/src/api/x.ts', text)
    assert.deepEqual(
      tidy.worldIsAskedInOnePlace([source]).filter((one) => one.includes('api/x.ts')),
      [],
    )
    assert.equal(blank(text).code.length, text.length)
    assert.match(blank(text).code, /const c = a/)
  })
})

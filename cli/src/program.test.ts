import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { allHelp } from './program.ts'

const home = mkdtempSync(join(tmpdir(), 'gpuhour-cli-'))
after(() => rmSync(home, { recursive: true }))

const entry = fileURLToPath(new URL('gpuhour.ts', import.meta.url))

interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs the CLI the way a person does, in an empty home, with a platform that nobody answers for. */
function gpuhour(args: readonly string[], environment: Record<string, string> = {}): Ran {
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    GPUHOUR_URL: 'http://127.0.0.1:9',
    ...environment,
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...args], {
    env,
    encoding: 'utf8',
    input: '',
  })
  return { code: status, out: stdout, err: stderr }
}

test('the help is the golden one', async () => {
  const golden = readFileSync(new URL('help.golden.txt', import.meta.url), 'utf8')
  const hint = 'the help changed: look at it, then `node cli/src/program.ts > cli/src/help.golden.txt`'
  assert.equal(await allHelp(), golden, hint)
})

test('wrong command lines: exit code 2, one line, the nearest word, no request', () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['lanch'], /unknown command 'lanch' \(Did you mean launch\?\)/],
    [['run', '--gpuz', '2', '--', 'x'], /unknown option '--gpuz' \(Did you mean --gpu\?\)/],
    [['show'], /missing required argument 'name'/],
    [['show', 'a', 'b'], /too many arguments/],
    [['run', '--flavor', 'cpu.1x2', '--', 'x'], /Name an image/],
    [['usage', '--limit', '-5'], /whole number from 1 to 200\./],
    [['usage', '--limit', '201'], /whole number from 1 to 200\./],
    [['launch', '--volume-gib', '0'], /--volume-gib must be a whole number from 1 to 65536\./],
    [['launch', '--volume-gib', '65537'], /whole number from 1 to 65536/],
    [['keys', 'api', 'create', 'ci', '--days', '3651'], /--days .* from 1 to 3650\./],
    [['volumes', 'create', 'data', '65537'], /whole GiB from 1 to 65536/],
    [['statement', '--from', 'yesterday'], /no date/],
    [['budgets', 'create', 'lab', '-5'], /unknown option|not an amount/],
    [['budgets', 'create', 'lab', '0'], /not an amount above zero/],
    [['budgets', 'set', 'lab'], /Say what to change/],
    [
      ['run', '--image', 'a:1', '--flavor', 'b', '--max-cost', 'much', '--', 'x'],
      /--max-cost must be an amount/,
    ],
    [['credits', 'give', 'Demo', 'lots'], /not an amount above zero/],
    [['credits', 'give', 'Demo', '5', '--kind', 'gold'], /paid or promo/],
    [['credits', 'give', 'Demo', '5', '--expires', 'soon'], /no date/],
    [['cp', 'a', 'b'], /NAME:path/],
    [['topup', 'much'], /"much" is not an amount above zero/],
    [['promo-codes', 'create', '10', '--max', '0'], /--max must be a whole number from 1 to 1000000\./],
    [['promo-codes', 'create', '10', '--expires', 'soon'], /--expires soon is no date/],
    [['volumes', 'create', 'data', 'big'], /whole GiB/],
  ]
  for (const [args, line] of cases) {
    const { code, out, err } = gpuhour(args, { GPUHOUR_API_KEY: 'gph_x' })
    const isAsked = /Cannot reach/.test(err)
    assert.deepEqual([code, out, isAsked], [2, '', false], `${args.join(' ')}: ${err}`)
    assert.match(err, line)
    assert.equal(err.trim().split('\n').length, 1, err)
  }
})

test('nobody signed in: exit code 3, and what to do', () => {
  const { code, err } = gpuhour(['ls'])
  assert.equal(code, 3)
  assert.match(err, /gpuhour login --local/)
  assert.equal(gpuhour(['login', '--local']).code, 3)
})

test('what is typed wrong is said in words, and not at any length', () => {
  const book = 'x'.repeat(10_000)
  const cases: readonly (readonly [readonly string[], RegExp, Record<string, string>?])[] = [
    [['keys', 'ssh', 'add', '/dev/null'], /^error: The file holds no key\.\n$/],
    [['keys', 'ssh', 'add', '-'], /^error: Standard input holds no key\.\n$/],
    [['keys', 'ssh', 'add', '/nope'], /^error: There is no file \/nope\.\n$/],
    [['ls'], /^error: GPUHOUR_URL is "nonsense", which is no address/, { GPUHOUR_URL: 'nonsense' }],
    [[book], /unknown command 'x{80}…/],
    [['volumes', 'create', 'data', book], /^error: "x{79}…" is not a size/],
    [['volumes', 'create', 'data', 'x y'.repeat(5_000)], /^error: "[x y]{79}…" is not a size/],
  ]
  for (const [args, line, environment] of cases) {
    const { code, out, err } = gpuhour(args, { GPUHOUR_API_KEY: 'gph_x', ...environment })
    assert.deepEqual([code, out], [2, ''], err)
    assert.match(err, line)
    assert.ok(err.length < 300, err)
  }
})

test('login --local where the platform is stopped says how to start it', () => {
  const record = { api: 'http://127.0.0.1:9', operatorSecret: 'gph_x' }
  writeFileSync(join(home, 'platform.json'), JSON.stringify(record))
  const { code, err } = gpuhour(['login', '--local', '--data', home])
  assert.equal(code, 8)
  assert.match(err, /^error: The platform of this machine does not answer at \S+\. Start it: npm start\.\n$/)
})

test('a platform that does not answer: exit code 8, as JSON where that is asked for', () => {
  const { code, out, err } = gpuhour(['ls', '--json'], { GPUHOUR_API_KEY: 'gph_x' })
  assert.equal(code, 8)
  assert.match(err, /^error: Cannot reach http:\/\/127\.0\.0\.1:9 /)
  assert.deepEqual(Object.keys(JSON.parse(out)), ['error'])
})

test('a configuration that is none, or that others can read', () => {
  const folder = join(home, '.config', 'gpuhour')
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'config.json')
  writeFileSync(path, '{ "profile": ')
  const broken = gpuhour(['ls'])
  assert.equal(broken.code, 2)
  assert.ok(broken.err.includes(path), broken.err)
  const profile = { kind: 'remote', url: 'http://127.0.0.1:9', apiKey: 'gph_x' }
  writeFileSync(path, JSON.stringify({ profile }), { mode: 0o644 })
  const open = gpuhour(['ls'])
  assert.equal(open.code, 8)
  assert.match(open.err, /warning: others can read the key/)
  rmSync(path)
})

test('verify-bill needs nobody, and has exit codes of its own', () => {
  const bad = gpuhour(['verify-bill', join(home, 'nothing.json'), '--json'])
  assert.equal(bad.code, 2)
  assert.match(
    bad.err,
    /^error: \S+nothing\.json cannot be read: there is no such file\. .*--bundle bill\.json\.\n$/,
  )
  const folder = gpuhour(['verify-bill', home])
  assert.deepEqual([folder.code, folder.out], [2, ''])
  assert.match(
    folder.err,
    /^error: \S+ cannot be read: it is a folder\. Name the file of the bill in it\.\n$/,
  )
  const path = join(home, 'bill.json')
  writeFileSync(path, '{"format":"gpuhour-bill/1"}')
  const wrong = gpuhour(['verify-bill', path, '--json'])
  assert.equal(wrong.code, 1)
  const verdict: { verified: boolean; firstDifference: { kind: string } } = JSON.parse(wrong.out)
  assert.deepEqual([verdict.verified, verdict.firstDifference.kind], [false, 'schema'])
})

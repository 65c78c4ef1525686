import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { chargedFor, underDockersRecord, verifiedBill } from './bill.ts'
import { EngineWatch } from './engine.ts'
import { JourneyPlatform } from './platform.ts'
import { type Closing, Person, readClosing } from './shell.ts'

// A person at a terminal: sign in, run, read the log, get the bill, check it.

describe('a person at a terminal', () => {
  let platform: JourneyPlatform
  let person: Person
  let engine: EngineWatch
  const closings: Closing[] = []

  before(async () => {
    platform = await JourneyPlatform.open()
    engine = await EngineWatch.of((await platform.record()).installation)
    person = new Person(platform)
    await person.login()
    await platform.untilOffered(person, 'base:1')
  })
  after(async () => {
    engine?.close()
    await platform?.close()
  })

  const small = ['run', '--image', 'base:1', '--flavor', 'cpu.1x2'] as const

  /** Compares what was paid with what Docker wrote down; answers the difference. */
  const compare = async (closing: Closing): Promise<number> => {
    const { allocation } = closing
    closings.push(closing)
    const differenceMs = underDockersRecord(closing, await engine.ended(allocation))
    assert.equal(engine.startsOf(allocation), 1)
    return differenceMs
  }

  test('who is not signed in is told how to', async () => {
    const stranger = new Person(platform)
    const { code, stderr } = await stranger.gpuhour('ls')
    assert.equal(code, 3)
    assert.match(stderr, /^error: Nobody is signed in\..*gpuhour login --local/)
  })

  test('exit codes are passed through, and a closing line says what it cost', async (context) => {
    const table: readonly (readonly [command: readonly string[], code: number])[] = [
      [['true'], 0],
      [['sh', '-c', 'exit 7'], 7],
      [['no-such-command'], 127],
      [['/etc/hostname'], 126],
      [['sh', '-c', 'kill -KILL $$'], 137],
      [['sh', '-c', 'kill -TERM $$'], 143],
    ]
    for (const [command, expected] of table) {
      const running = person.begin(...small, '--json', '--', ...command)
      const { code, stdout, stderr } = await running.ended
      assert.equal(code, expected, running.seen())
      const { closing } = readClosing(stdout)
      assert.equal(closing.exitCode, expected)
      assert.doesNotMatch(stderr, /^ran /m, 'with --json stderr is the command’s own')
      const differenceMs = await compare(closing)
      context.diagnostic(
        `${command.join(' ')}: paid ${closing.paidMillis} ms, ${differenceMs} ms under Docker's`,
      )
    }
  })

  test('the closing line says time, cost, CPU-hours and where the home was', async () => {
    const running = person.begin(...small, '--', 'sleep', '2')
    const { code, stderr } = await running.ended
    assert.equal(code, 0, running.seen())
    assert.match(
      stderr.trimEnd().split('\n').at(-1) ?? '',
      /^ran \d+ s on 1 vCPU · \$\d+\.\d{2,9} · \d+\.\d{3} CPU-hours \(home was scratch\)$/,
      running.seen(),
    )
  })

  test('what goes in comes out: streams, words, variables, bytes', async () => {
    const script =
      'printf "%s|" "$@"; echo; echo "$GREETING"; printf %s\\\\n "$POEM"; echo oops >&2; printf "ä 你好 no end"'
    const words = ['a b', '', '$HOME', '*', "it's", '-x', '--json', '你好']
    const running = person.begin(
      ...small,
      '-e',
      'GREETING=hello  there',
      '-e',
      'POEM=a\\n\nLD_PRELOAD=b\u2028c',
      '--',
      'sh',
      '-c',
      script,
      'sh',
      ...words,
    )
    const { code, stdout, stderr } = await running.ended
    assert.equal(code, 0, running.seen())
    assert.ok(
      stdout.startsWith(`${words.join('|')}|\nhello  there\na\\n\nLD_PRELOAD=b\u2028c\n`),
      running.seen(),
    )
    assert.match(stdout, /ä 你好 no end/)
    assert.match(stderr, /^oops$/m)
  })

  test('the home is scratch, unless it is a volume', async () => {
    const look = ['sh', '-c', 'ls kept 2>/dev/null || echo nothing; echo here > kept'] as const
    const run = async (...options: string[]): Promise<string> =>
      person.ask(...small, ...options, '--', ...look)
    assert.equal(await run(), 'nothing\n')
    assert.equal(await run(), 'nothing\n')
    await person.ask('volumes', 'create', 'keep', '1')
    assert.equal(await run('--volume', 'keep'), 'nothing\n')
    const running = person.begin(...small, '--volume', 'keep', '--', ...look)
    const { stdout, stderr } = await running.ended
    assert.equal(stdout, 'kept\n', running.seen())
    assert.match(stderr, /\(home was the volume keep\)$/m)
  })

  test('wrong words are answered with one clear line and their code', async () => {
    const long = 'x'.repeat(10_000)
    const table: readonly (readonly [args: readonly string[], code: number, says: RegExp])[] = [
      [['run', '--image', 'base:9', '--flavor', 'cpu.1x2', '--', 'true'], 4, /no image "base:9".*base:1/],
      [['run', '--image', 'base:1', '--flavor', 'cpu.9x9', '--', 'true'], 4, /no flavor "cpu\.9x9"/],
      [[...small, '--name', long, '--', 'true'], 2, /name/],
      [[...small, '--volume', 'nowhere', '--', 'true'], 4, /nowhere/],
      [[...small, '--', ''], 2, /command/],
      [[...small], 2, /command/],
      [[...small, '--time-limit', '0', '--', 'true'], 2, /./],
      [[...small, '--time-limit', '-5', '--', 'true'], 2, /./],
      [[...small, '-e', 'LD_PRELOAD=x', '--', 'true'], 2, /LD_/],
      [['volumes', 'create', 'none', '0'], 2, /./],
      [['volumes', 'create', 'huge', '999999'], 2, /./],
      [['launch', long, '--image', 'base:1', '--flavor', 'cpu.1x2'], 2, /name/],
      [['keys', 'add', 'no-such-file.pub'], 2, /no-such-file/],
      [['show', 'nobody'], 4, /nobody/],
      [['verify-bill', '/no/such/bill.json'], 2, /no\/such\/bill/],
      [['rum'], 2, /run/],
    ]
    for (const [args, expected, says] of table) {
      const running = person.begin(...args)
      const { code, stderr } = await running.ended
      assert.equal(code, expected, running.seen())
      assert.match(stderr, says, running.seen())
      assert.ok(stderr.length < 1_000, `${stderr.length} characters of error`)
      assert.doesNotMatch(stderr, /^\s+at /m, running.seen())
    }
  })

  test('the CNN trains for a minute; the bill holds it to the millisecond', async (context) => {
    await platform.untilOffered(person, 'pytorch-cuda:2.9')
    const running = person.begin(
      ...['run', '--image', 'pytorch-cuda:2.9', '--flavor', 'cpu.2x8', '--json'],
      ...['--', 'python', 'templates/cnn/train.py'],
    )
    const seenAtMs: number[] = []
    running.child.stdout?.on('data', () => seenAtMs.push(performance.now()))
    const { code, stdout } = await running.ended
    assert.equal(code, 0, running.seen())
    const { lines, closing } = readClosing(stdout)
    assert.match(lines[0] ?? '', /^training on \d+ CPU threads/)
    const epochs = lines.flatMap((line) => /^epoch +(\d+) /.exec(line)?.[1] ?? [])
    assert.deepEqual(
      epochs,
      Array.from({ length: epochs.length }, (_, index) => String(index + 1)),
    )
    const accuracy = /^test accuracy (\d+\.\d+)% after (\d+) epochs/.exec(lines.at(-1) ?? '')
    assert.ok(accuracy && Number(accuracy[1]) > 95 && Number(accuracy[2]) === epochs.length, lines.at(-1))
    // It was streamed, not handed over at the end.
    assert.ok((seenAtMs.at(-1) ?? 0) - (seenAtMs[0] ?? 0) > 55_000, 'the log came all at once')
    assert.ok(Number(closing.paidMillis) > 60_000, closing.paidMillis)
    assert.equal(closing.gpuHours, '0')
    assert.equal(closing.cpuHours, hoursOf(2n * BigInt(closing.paidMillis)))
    const differenceMs = await compare(closing)
    context.diagnostic(
      `paid ${closing.paidMillis} ms = ${closing.amount} nano ${closing.currency}, ` +
        `${differenceMs.toFixed(1)} ms under Docker's own record`,
    )
  })

  test('the statement holds the runs, and verify-bill agrees with every nano of it', async () => {
    const bill = await verifiedBill(person)
    assert.ok(closings.length > 0)
    for (const { allocation, amount } of closings)
      assert.equal(String(chargedFor(bill, allocation).amount), amount, `charges of ${allocation}`)
    assert.match(await person.ask('statement'), /\btotal \$/)
    const lied = join(person.home, 'lied.json')
    const truth = readFileSync(bill.path, 'utf8')
    writeFileSync(lied, truth.replace(`"total": "${bill.total}"`, `"total": "${BigInt(bill.total) + 1n}"`))
    assert.equal((await person.gpuhour('verify-bill', lied)).code, 1)
  })
})

/** vCPU-milliseconds as hours, with nine decimals cut off and no zero at the end. */
function hoursOf(unitMillis: bigint): string {
  const digits = ((unitMillis * 1_000_000_000n) / 3_600_000n).toString().padStart(10, '0')
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`.replace(/\.?0+$/, '')
}

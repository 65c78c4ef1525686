import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { chargedFor, readyAtMs, underDockersRecord, verifiedBill } from './bill.ts'
import { type Chance, chance } from './chance.ts'
import { containersOf, EngineWatch } from './engine.ts'
import { JourneyPlatform, type Victim } from './platform.ts'
import { Person, readClosing, type Running } from './shell.ts'
import { until } from './until.ts'

// SIGKILL to a real process of the platform, five times at random moments of one training run, with a person
// attached. Two files share the victims, so that two platforms can.

const killsPerRun = 5
const ticksPerSecond = 40
/** `exit` of the command: unlike everything that could go wrong. */
const exitCode = 23

/** A start takes its seconds, and there are five of them. */
const trainingSeconds: Readonly<Record<Victim, number>> = {
  api: 12,
  controller: 12,
  gateway: 12,
  postgres: 12,
  main: 40,
}

/** The CNN, and beside it numbered lines on both streams. */
function commandOf(seconds: number): readonly string[] {
  // One write a line: the two programs share their pipes, and a half line would be theirs, not the
  // platform's.
  const ticker = [
    'import os, time',
    `for n in range(1, ${seconds * ticksPerSecond} + 1):`,
    '    os.write(1, b"tick %d\\n" % n)',
    '    os.write(2, b"tock %d\\n" % n)',
    `    time.sleep(1 / ${ticksPerSecond})`,
  ].join('\n')
  const script = [
    'python -c "$0" &',
    `env -u PYTHONUNBUFFERED python templates/cnn/train.py --seconds ${seconds} || exit 1`,
    `wait; exit ${exitCode}`,
  ].join('\n')
  return ['sh', '-c', script, ticker]
}

const numbersOf = (lines: readonly string[], pattern: RegExp): readonly number[] =>
  lines.flatMap((line) => Number(pattern.exec(line)?.[1] ?? Number.NaN) || [])

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index + 1)

/** A platform, whoever watches the run on it, and the engine's own account. */
interface Scene {
  readonly platform: JourneyPlatform
  readonly person: Person
  readonly engine: EngineWatch
  readonly installation: string
}

async function openScene(platform: JourneyPlatform): Promise<Scene> {
  const { installation } = await platform.record()
  const person = new Person(platform)
  await person.login()
  await platform.untilOffered(person, 'pytorch-cuda:2.9')
  return { platform, person, engine: await EngineWatch.of(installation), installation }
}

/** The tests of these victims, a training run for each. */
export function kills(victims: readonly Victim[]): void {
  describe('kill -9 while a training run is attended', () => {
    let platform: JourneyPlatform
    let scene: Scene
    const moments = chance()

    before(async () => {
      platform = await JourneyPlatform.open()
      scene = await openScene(platform)
    })
    after(async () => {
      scene?.engine.close()
      await platform?.close()
    })

    for (const victim of victims)
      test(`${victim}, ${killsPerRun} times`, async (context) => {
        const say = (line: string): void => context.diagnostic(line)
        say(`GPUHOUR_TEST_SEED=${moments.seed}`)
        await trainThroughKills(scene, victim, moments, say)
      })
  })
}

async function trainThroughKills(
  scene: Scene,
  victim: Victim,
  { seed, between }: Chance,
  say: (line: string) => void,
): Promise<void> {
  const { platform, person, engine } = scene
  const name = `under-${victim}-${seed}`
  const running = person.begin(
    ...['run', '--image', 'pytorch-cuda:2.9', '--flavor', 'cpu.2x8', '--json', '--name', name],
    ...['--', ...commandOf(trainingSeconds[victim])],
  )
  const { firstAtMs, containers } = await killAtRandom(scene, victim, running, { name, between, say })
  const { code } = await running.ended
  assert.equal(code, exitCode, `${platform.output()}\n${running.seen()}`)
  const { lines, closing } = readClosing(running.stdout())
  assert.equal(closing.exitCode, exitCode)
  requireEveryLineOnce(lines, running.stderr().split('\n'), trainingSeconds[victim] * ticksPerSecond)

  const record = await engine.ended(closing.allocation)
  assert.deepEqual([...containers], [`${record.id} started at ${record.startedAt}`])
  assert.equal(record.exitCode, exitCode)
  assert.equal(engine.startsOf(closing.allocation), 1)

  const bill = await verifiedBill(person)
  const given = bill.events.filter(({ type, data }) => type === 'allocated' && data['for'] === closing.run)
  assert.equal(given.map(({ resource }) => resource).join(), closing.allocation)
  const { amount, unitMillis } = chargedFor(bill, closing.allocation)
  assert.deepEqual([String(amount), unitMillis], [closing.amount, 2n * BigInt(closing.paidMillis)])
  const ready = readyAtMs(bill, closing.allocation)
  // A command is free until it was first seen: whoever kills the observers before that makes it later.
  const lateMs = firstAtMs < ready ? ready - Date.parse(record.startedAt) : 0
  const differenceMs = underDockersRecord(closing, record, lateMs)
  say(
    `paid ${closing.paidMillis} ms, ${differenceMs.toFixed(1)} ms under Docker's own record` +
      (lateMs > 0 ? `, ${lateMs} ms of it before it was first seen` : ''),
  )
}

/** Kills spread over the time that it trains; answers when the first was, and the containers seen. */
async function killAtRandom(
  scene: Scene,
  victim: Victim,
  running: Running,
  { name, between, say }: { name: string; between: Chance['between']; say: (line: string) => void },
): Promise<{ readonly firstAtMs: number; readonly containers: ReadonlySet<string> }> {
  const { platform, person } = scene
  const begun = performance.now()
  const seen = (): string => `${platform.output()}\n${running.seen()}`
  const containers = new Set<string>()
  let firstAtMs = 0
  // The CLI is attached once there is a run; before that it says that nobody answers, and ends.
  await until('the run', () => runOf(person, name), { seen })
  for (let kill = 1; kill <= killsPerRun; kill += 1) {
    // The first one may come before its container is there; the last one while it still trains.
    const leftMs = begun + trainingSeconds[victim] * 1_000 - performance.now()
    await pause(between(0, Math.max(0, leftMs / (killsPerRun - kill + 2))))
    firstAtMs ||= Date.now()
    const atMs = Math.round(performance.now() - begun)
    await killOnce(scene, victim, running)
    say(`killed after ${atMs} ms, back after ${Math.round(performance.now() - begun - atMs)} ms`)
    const run = await until('the run', () => runOf(person, name), { seen })
    const container = await containerOf(scene, run)
    if (container) containers.add(container)
    if (kill === killsPerRun) assert.ok(container, `it had ended before the last kill\n${seen()}`)
  }
  return { firstAtMs, containers }
}

/** Kills, and waits until there is a process of that name again, another one. */
async function killOnce({ platform }: Scene, victim: Victim, running: Running): Promise<void> {
  const pid = await platform.kill(victim)
  if (victim === 'main') {
    await platform.exited()
    const elapsedMs = await platform.start()
    assert.ok(elapsedMs < 60_000, `ready again after ${elapsedMs} ms`)
  }
  const isBack = async (): Promise<boolean> => {
    const now = await platform.processOf(victim)
    return now !== null && now.pid !== pid
  }
  await until(`${victim} after the end of ${pid}`, isBack, {
    seen: () => `${platform.output()}\n${running.seen()}`,
  })
}

/** The run's only container; null before it was made. */
async function containerOf({ installation }: Scene, run: string): Promise<string | null> {
  const found = await containersOf(installation, run)
  assert.ok(found.length <= 1, `${found.length} containers of ${run}`)
  const [one] = found
  return one?.status === 'running' ? `${one.id} started at ${one.startedAt}` : null
}

function requireEveryLineOnce(stdout: readonly string[], stderr: readonly string[], ticks: number): void {
  assert.deepEqual(numbersOf(stdout, /^tick (\d+)$/), upTo(ticks))
  assert.deepEqual(numbersOf(stderr, /^tock (\d+)$/), upTo(ticks))
  const epochs = numbersOf(stdout, /^epoch +(\d+) /)
  assert.deepEqual(epochs, upTo(epochs.length))
  const rest = stdout.filter((line) => !/^(tick|epoch) /.test(line))
  assert.equal(rest.length, 2, rest.join('\n'))
  assert.match(rest[0] ?? '', /^training on /)
  assert.match(rest[1] ?? '', new RegExp(`^test accuracy .* after ${epochs.length} epochs`))
}

/** The id of the run with that name; null before it was accepted, or while nobody answers. */
async function runOf(person: Person, name: string): Promise<string | null> {
  const { code, stdout } = await person.gpuhour('ls', '--runs', '--json')
  if (code !== 0) return null
  // As `ls --runs --json` lists them.
  const runs = JSON.parse(stdout) as { id: string; name: string }[]
  return runs.find((one) => one.name === name)?.id ?? null
}

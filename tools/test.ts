import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { setPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { systemClock } from '../server/src/kernel/clock.ts'
import { messageOf } from '../server/src/kernel/errors.ts'
import { type Config, dockerSocketOf, loadConfig } from '../server/src/main/config.ts'
import { imageBuilderOf } from '../server/src/main/images.ts'
import { installPackages } from '../server/src/main/packages.ts'
import { platformOf, readPlatform } from '../server/src/main/platform.ts'
import { createPrinter } from '../server/src/main/progress.ts'
import { type ProvisionOptions, provisionEngine, stopEngine } from '../server/src/main/provision.ts'
import { signalProcess } from '../server/src/store/processes.ts'
import { withClient } from '../server/src/store/server.ts'
import {
  startTestServer,
  templateName,
  testServerVariable,
  type TestServer,
} from '../server/src/store/testing.ts'
import { JourneyPlatform, sharedVariable } from '../tests/journeys/platform.ts'
import { Person } from '../tests/journeys/shell.ts'
import * as census from './census.ts'
import { modestPriority, type Plan, planOf, testFiles } from './plan.ts'
import { emptyTally, runGroup, summaryOf, type Tally } from './suite.ts'

// `npm test`: the whole suite from whatever state the machine is in, and the machine as it was before
// afterwards. `npm test -- <part of a path> …` runs the files that match.

const printer = createPrinter(process.stdout)
const say = (line: string): void => printer.line(line)

/** Programs that some tests call, and Debian's packages for them. */
const programs = [
  { path: '/usr/bin/chromium', package: 'chromium' },
  { path: '/usr/bin/ssh', package: 'openssh-client' },
  { path: '/usr/bin/rsync', package: 'rsync' },
  { path: '/usr/bin/gcc', package: 'gcc' },
  { path: '/usr/include/stdio.h', package: 'libc6-dev' },
  { path: '/bin/busybox', package: 'busybox-static' },
] as const

/** A process that was told to end needs a moment; after this it has been forgotten. */
const leaveMsMax = 5_000

/** The suite's own place in the world, by which what it leaves behind is found. */
interface Ground {
  /** Everything temporary lies below it: it is every test's TMPDIR. */
  readonly folder: string
  /** In the environment of every process of the suite. */
  readonly mark: string
}

function prepareGround(): Ground {
  const folder = mkdtempSync(join(tmpdir(), 'gpuhour-suite-'))
  // PostgreSQL's own user must be able to pass.
  chmodSync(folder, 0o711)
  const run = randomUUID()
  process.env['GPUHOUR_TEST_RUN'] = run
  process.env['TMPDIR'] = folder
  // A test that forgets to name its data directory must not find the operator's.
  process.env['GPUHOUR_DATA'] = join(folder, 'data')
  return { folder, mark: `GPUHOUR_TEST_RUN=${run}` }
}

/** A platform that errands share, one after another: each would wait for its images to be proved again. */
interface SharedPlatform {
  readonly folder: string
  /** Of node, for a test file that is to find it. */
  readonly switches: readonly string[]
}

function sharedPlatform(ground: Ground, name: string): SharedPlatform {
  const folder = join(ground.folder, name)
  const file = `${folder}.env`
  writeFileSync(file, `${sharedVariable}=${folder}\n`)
  return { folder, switches: [`--env-file=${file}`] }
}

async function installPrograms(signal: AbortSignal): Promise<void> {
  const missing = programs.filter(({ path }) => !existsSync(path)).map((program) => program.package)
  if (missing.length === 0) return
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get'))
    return say(`Note: some tests will be skipped without: sudo apt-get install ${missing.join(' ')}`)
  await installPackages({ packages: missing, what: 'what the tests use', printer, signal })
}

/** Installations whose things come and go without us: platforms beside us, and whoever was there before. */
async function otherPlatforms(ground: Ground, before: census.EngineCensus): Promise<ReadonlySet<string>> {
  const beside = await Promise.all(
    [...new Set(census.foldersBeside(ground.mark))].map((folder) => readPlatform(folder).catch(() => null)),
  )
  const seen = before.things.flatMap(({ installation }) => installation ?? [])
  return new Set([...seen, ...beside.flatMap((platform) => platform?.installation ?? [])])
}

async function leftDatabases(server: TestServer): Promise<readonly string[]> {
  return withClient(server.url, async (client) => {
    const { rows } = await client.query<{ datname: string }>('select datname from pg_database')
    const ours = new Set(['postgres', 'template0', 'template1', 'gpuhour', templateName])
    return rows.filter(({ datname }) => !ours.has(datname)).map(({ datname }) => `database ${datname}`)
  })
}

/** Ends the platforms that errands shared, if any was started; throws what is wrong with that. */
async function endShared(platforms: readonly SharedPlatform[]): Promise<readonly string[]> {
  await Promise.all(platforms.map(({ folder }) => JourneyPlatform.removeShared(folder)))
  return []
}

async function leftProcesses(ground: Ground): Promise<readonly string[]> {
  let left = census.leftoverProcesses(ground.mark, ground.folder)
  for (let waited = 0; left.length > 0 && waited < leaveMsMax; waited += 100) {
    await systemClock.sleep(100, new AbortController().signal)
    left = census.stillAlive(left)
  }
  // They are ours by their mark, and named in the report: the machine need not keep them.
  for (const { ref } of left) signalProcess(ref, 'SIGKILL')
  return left.map(({ name }) => name)
}

/** One more test: nothing is left of a kind. What cannot be looked at counts as left. */
async function judge(tally: Tally, name: string, look: () => Promise<readonly string[]>): Promise<void> {
  const left = await look().catch((error: unknown) => [messageOf(error)])
  if (left.length === 0) tally.passed += 1
  else {
    tally.failed += 1
    tally.failures.push(`${name}\n${left.join('\n')}`)
  }
}

interface Engine {
  readonly before: census.EngineCensus
  readonly socket: string
  /** Ends our use of it, and the engine itself if it was us who started it. */
  leave(): Promise<boolean>
}

async function reachEngine(options: ProvisionOptions): Promise<Engine | null> {
  try {
    const engine = await provisionEngine(options)
    say(`Engine: ${engine.description}`)
    const socket = dockerSocketOf(options.config)
    const quiet: ProvisionOptions = { ...options, signal: new AbortController().signal }
    return {
      socket,
      before: await census.engineCensus(socket),
      async leave() {
        engine.release()
        return engine.startedHere && (await stopEngine(quiet))
      },
    }
  } catch (error) {
    // Its tests say themselves what they could not run; the others need no engine.
    say(`Note: no Docker Engine for the tests: ${messageOf(error)}`)
    return null
  }
}

/** Some tests start a container with real doors; a platform of the suite finds its layers again. */
async function buildBase(config: Config, signal: AbortSignal): Promise<void> {
  try {
    const builder = imageBuilderOf({ config, platform: platformOf(config, null), clock: systemClock })
    const recipe = (await builder.listRecipes(signal)).find(({ name }) => name === 'base')
    if (!recipe || (await builder.present(recipe, signal))) return
    say('Building the image base:1 for the tests …')
    await builder.build(recipe, () => {}, signal)
  } catch (error) {
    // As without an engine: its tests say themselves what they could not run.
    say(`Note: no image base:1 for the tests: ${messageOf(error)}`)
  }
}

/**
 * Starts a platform for errands and waits until its images were built and proved. What goes wrong is told by
 * the first test that opens it.
 */
async function startShared({ folder }: SharedPlatform): Promise<void> {
  try {
    const platform = await JourneyPlatform.open(folder)
    const person = new Person(platform)
    await person.login()
    await platform.untilOffered(person, 'pytorch-cuda:2.9')
  } catch {}
}

/** What needs the engine. What brings containers makes way for the browsers as soon as they can begin. */
async function runOnEngine(
  plan: Plan,
  platforms: readonly SharedPlatform[],
  tally: Tally,
  signal: AbortSignal,
): Promise<void> {
  const runOne = (file: string, switches: readonly string[] = []): Promise<void> =>
    runGroup({ files: [file], switches, concurrency: 1, minutesMax: 25 }, tally, signal)
  const [docker, errands] = [[...plan.docker], [...plan.errands]]
  const [first] = platforms
  if (first && plan.browser.some((file) => file.startsWith('tests/journeys/'))) {
    const stopped = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    let isReady = signal.aborted
    const ready = Promise.race([startShared(first), stopped]).then(() => (isReady = true))
    for (let file; !isReady && (file = docker.shift());) await runOne(file)
    await ready
  }
  for (const file of plan.browser) await runOne(file, first?.switches)
  const drain = async (files: string[], switches?: readonly string[]): Promise<void> => {
    for (let file; (file = files.shift());) await runOne(file, switches)
  }
  await Promise.all([drain(docker), ...platforms.map(({ switches }) => drain(errands, switches))])
}

/** What runs beside what, for a person who reads along. */
function sayPlan({ alone, plain, browser, docker, errands }: Plan): void {
  const counts = [
    [alone, 'alone'],
    [plain, 'that need processors only'],
    [browser, 'with a browser'],
    [docker, 'on a Docker Engine'],
    [errands, 'errands on a platform'],
  ] as const
  const words = counts.flatMap(([files, what]) => (files.length > 0 ? [`${files.length} ${what}`] : []))
  say(`\nTest files, some beside others: ${words.join(', ')}.`)
}

async function runSuite(plan: Plan, config: Config, signal: AbortSignal): Promise<Tally> {
  const tally = emptyTally()
  const ground = prepareGround()
  const platforms = ['first', 'second'].map((name) => sharedPlatform(ground, name))
  const hostBefore = census.hostCensus()
  const needsEngine = plan.browser.length + plan.errands.length + plan.docker.length > 0
  await installPrograms(signal)
  const engine = needsEngine ? await reachEngine({ config, printer, signal, clock: systemClock }) : null
  if (engine) await buildBase({ ...config, dataDir: join(ground.folder, 'data') }, signal)
  const server = await startTestServer()
  process.env[testServerVariable] = server.url
  sayPlan(plan)
  try {
    await runGroup({ files: plan.alone, concurrency: 1, minutesMax: 10 }, tally, signal)
    setPriority(server.pid, modestPriority)
    const modest = [`--import=${new URL('modest.ts', import.meta.url).href}`]
    await Promise.all([
      runGroup({ files: plan.plain, concurrency: 2, minutesMax: 10, switches: modest }, tally, signal),
      runOnEngine(plan, platforms, tally, signal),
    ])
  } finally {
    await judge(tally, "the errands' platforms go without a trace", () => endShared(platforms))
    await judge(tally, 'no database is left behind', () => leftDatabases(server))
    await server.stop()
    await judge(tally, 'no process is left behind', () => leftProcesses(ground))
    await takeStock(tally, ground, hostBefore, engine, dockerSocketOf(config))
    rmSync(ground.folder, { recursive: true, force: true, maxRetries: 5 })
  }
  return tally
}

/** Compares engine and machine with what they were; stops the engine where it had to be started. */
async function takeStock(
  tally: Tally,
  ground: Ground,
  hostBefore: census.HostCensus,
  engine: Engine | null,
  socket: string,
): Promise<void> {
  // Without an engine group whatever is in the engine is not ours.
  const inEngine = engine?.before ?? (await census.engineCensus(socket).catch(() => ({ things: [] })))
  const others = await otherPlatforms(ground, inEngine)
  if (engine) {
    await judge(tally, 'no container, network or volume is left behind', async () =>
      census.newInEngine(engine.before, await census.engineCensus(engine.socket), others),
    )
    if (await engine.leave()) census.removeEngineTraces(hostBefore)
  }
  await judge(tally, 'no interface, loop device or firewall rule is left behind', async () =>
    census.newOnHost(hostBefore, census.hostCensus(), census.foreignNames(others)),
  )
}

// A Ctrl-C reaches us from the terminal and again through npm: the first one ends the suite, in order.
const stopping = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => stopping.abort(new Error(`stopped by ${name}`)))

const startedAt = performance.now()
try {
  const words = process.argv.slice(2)
  const files = testFiles(words)
  if (files.length === 0) throw new Error(`No test file's path contains ${words.join(' or ')}.`)
  const tally = await runSuite(planOf(files), loadConfig(), stopping.signal)
  if (stopping.signal.aborted)
    await judge(tally, 'the suite ran to its end', async () => [messageOf(stopping.signal.reason)])
  process.stdout.write(`${summaryOf(tally, performance.now() - startedAt)}\n`)
  process.exitCode = tally.failed > 0 ? 1 : 0
} catch (error) {
  process.stderr.write(`error: ${messageOf(error)}\n`)
  process.exitCode = 1
}

import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
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
import * as census from './census.ts'
import { filesBelow } from './sources.ts'
import { emptyTally, type Group, runGroup, summaryOf, type Tally } from './suite.ts'

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
  // One platform for all journeys: each would wait for its images to be proved again.
  process.env[sharedVariable] = join(folder, 'journeys')
  return { folder, mark: `GPUHOUR_TEST_RUN=${run}` }
}

function groupsOf(words: readonly string[]): readonly Group[] {
  const all = ['tools', 'sdk', 'server', 'cli', 'console', 'tests', 'images', 'bench'].flatMap((folder) =>
    filesBelow(folder, /\.test\.tsx?$/),
  )
  const wanted = all.filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
  const below = (folder: string) => (file: string) => file.startsWith(folder)
  const isolation = wanted.filter(below('tests/isolation/'))
  const journeys = wanted.filter(below('tests/journeys/'))
  const rest = wanted.filter((file) => !isolation.includes(file) && !journeys.includes(file))
  const docker = rest.filter((file) => file.endsWith('.docker.test.ts'))
  const alone = rest.filter((file) => file.endsWith('.alone.test.ts'))
  const plain = rest.filter((file) => !docker.includes(file) && !alone.includes(file))
  return [
    { name: 'rules, rows, contract, simulation, tidy', files: plain, concurrency: 2, minutesMax: 10 },
    { name: 'rules of time: nothing else runs beside these', files: alone, concurrency: 1, minutesMax: 10 },
    { name: 'on a Docker Engine', files: docker, concurrency: 1, minutesMax: 15 },
    { name: 'isolation', files: isolation, concurrency: 1, minutesMax: 15 },
    { name: 'journeys', files: journeys, concurrency: 1, minutesMax: 25 },
  ].filter(({ files }) => files.length > 0)
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

const isOnEngine = ({ name }: Group): boolean => !name.startsWith('rules')
/** These groups are errands on one platform. */
const isErrand = ({ name }: Group): boolean => name === 'isolation' || name === 'journeys'

/**
 * Starts the platform of the errands while the tests before them mostly wait: its images are built and proved
 * meanwhile. What goes wrong is told by the first test that opens it.
 */
async function startJourneys(): Promise<void> {
  await JourneyPlatform.open().catch(() => {})
}

/** Ends the platform that the journeys shared, if one of them started it; throws what is wrong with that. */
async function endJourneys(): Promise<readonly string[]> {
  await JourneyPlatform.removeShared(process.env[sharedVariable] ?? '')
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

async function runSuite(groups: readonly Group[], config: Config, signal: AbortSignal): Promise<Tally> {
  const tally = emptyTally()
  const ground = prepareGround()
  const hostBefore = census.hostCensus()
  const needsEngine = groups.some((group) => isOnEngine(group))
  await installPrograms(signal)
  const engine = needsEngine ? await reachEngine({ config, printer, signal, clock: systemClock }) : null
  if (engine) await buildBase({ ...config, dataDir: join(ground.folder, 'data') }, signal)
  const server = await startTestServer()
  process.env[testServerVariable] = server.url
  let platform: Promise<void> | null = null
  try {
    for (const group of groups) {
      if (engine && isOnEngine(group) && groups.some(isErrand)) platform ??= startJourneys()
      if (isErrand(group)) await platform
      await runGroup(group, tally, signal)
    }
  } finally {
    await platform
    await judge(tally, "the journeys' platform goes without a trace", endJourneys)
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
  const groups = groupsOf(words)
  if (groups.length === 0) throw new Error(`No test file's path contains ${words.join(' or ')}.`)
  const tally = await runSuite(groups, loadConfig(), stopping.signal)
  if (stopping.signal.aborted)
    await judge(tally, 'the suite ran to its end', async () => [messageOf(stopping.signal.reason)])
  process.stdout.write(`${summaryOf(tally, performance.now() - startedAt)}\n`)
  process.exitCode = tally.failed > 0 ? 1 : 0
} catch (error) {
  process.stderr.write(`error: ${messageOf(error)}\n`)
  process.exitCode = 1
}
